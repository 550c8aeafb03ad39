//! Requests and limits of each component, depending on the memory of the Docker host.

use serde_json::{Value, json};

use crate::component::Component;

const GIB: u64 = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    pub name: &'static str,
    /// `-Xmx` and `-Xms` of Elasticsearch.
    heap: &'static str,
    /// Memory limits in the order of [`Component::ALL`].
    limits: [&'static str; 6],
}

/// The profiles with the minimum memory of the host, largest first.
const PROFILES: [(u64, Profile); 3] = [
    (
        22 * GIB,
        Profile {
            name: "large",
            heap: "2g",
            limits: ["1Gi", "2Gi", "4Gi", "2Gi", "1Gi", "256Mi"],
        },
    ),
    (
        6 * GIB,
        Profile {
            name: "standard",
            heap: "1g",
            limits: ["512Mi", "1Gi", "2Gi", "1Gi", "512Mi", "256Mi"],
        },
    ),
    (
        0,
        Profile {
            name: "small",
            heap: "512m",
            limits: ["256Mi", "512Mi", "1Gi", "512Mi", "256Mi", "256Mi"],
        },
    ),
];

/// The minimum memory of the host. A node with a server of the small profile used 1.3 GiB
/// under light load; the rest is reserve.
const MINIMUM_MEMORY: u64 = 2 * GIB + GIB / 2;

impl Profile {
    /// Returns the profile for a host with this memory.
    ///
    /// # Panics
    /// Never: the last profile fits all.
    pub fn for_memory(memory: u64) -> Profile {
        let fitting = PROFILES.iter().find(|(minimum, _)| memory >= *minimum);
        fitting.expect("the last profile fits all").1
    }

    /// Returns the memory in bytes that the host must have.
    pub fn required_memory(&self) -> u64 {
        MINIMUM_MEMORY
    }

    pub fn java_options(&self) -> String {
        self.java_options_with(self.heap)
    }

    /// Returns the Java options for another heap size.
    pub fn java_options_with(&self, heap: &str) -> String {
        format!("-Xmx{heap} -Xms{heap}")
    }

    /// Returns the requests and limits of a component. The requests of all components
    /// together leave room for Kubernetes' own pods on two processors.
    pub fn resources(&self, component: Component) -> Value {
        let index = Component::ALL.iter().position(|c| *c == component);
        let limit = self.limits[index.unwrap_or_default()];
        let (cpu, memory) = match component {
            Component::Elasticsearch => ("200m", "512Mi"),
            Component::Mongodb | Component::Apiserver => ("100m", "128Mi"),
            Component::Redis | Component::Fileserver | Component::Webserver => ("50m", "64Mi"),
        };
        json!({
            "requests": {"cpu": cpu, "memory": memory},
            "limits": {"memory": limit},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_depends_on_the_memory() {
        let name = |gigabytes: u64| Profile::for_memory(gigabytes * 1_000_000_000).name;
        assert_eq!(
            (name(4), name(8), name(16), name(32)),
            ("small", "standard", "standard", "large")
        );
    }
}
