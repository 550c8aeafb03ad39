//! How much memory and processor each component may use, by the size of the
//! machine that Docker has.

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

/// From the least memory on that the machine has, largest first.
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

/// What the whole needs at the least: a node with a server of the small profile
/// took 1.3 GiB under light load; the rest is room to work.
const LEAST_MEMORY: u64 = 2 * GIB + GIB / 2;

impl Profile {
    /// The profile that fits a machine.
    ///
    /// # Panics
    /// Never: the last profile fits all.
    pub fn for_machine(memory: u64) -> Profile {
        let fitting = PROFILES.iter().find(|(least, _)| memory >= *least);
        fitting.expect("the last profile fits all").1
    }

    /// Bytes that the machine must have.
    pub fn memory_needed(&self) -> u64 {
        LEAST_MEMORY
    }

    pub fn java_options(&self) -> String {
        self.java_options_with(self.heap)
    }

    /// The same with another heap.
    pub fn java_options_with(&self, heap: &str) -> String {
        format!("-Xmx{heap} -Xms{heap}")
    }

    /// Requests and limits of a component. All requests together leave room for
    /// Kubernetes' own pods on two processors.
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
    fn sizes() {
        let name = |gigabytes: u64| Profile::for_machine(gigabytes * 1_000_000_000).name;
        assert_eq!(
            (name(4), name(8), name(16), name(32)),
            ("small", "standard", "standard", "large")
        );
    }
}
