//! The bootstrap checks, which apply to nodes that other nodes can reach.

use crate::elastic::heap::Heap;
use crate::elastic::settings::Settings;

/// Returns the failures in Elasticsearch's words; none for a single node or one that
/// only listens on a local address.
pub fn failures(settings: &Settings, heap: &Heap, max_map_count: u64) -> Vec<String> {
    if settings.single_node() || is_local(settings) {
        return Vec::new();
    }
    let mut failures = Vec::new();
    if let (Some(initial), Some(maximum)) = (heap.initial, heap.maximum)
        && initial != maximum
    {
        failures.push(format!(
            "initial heap size [{initial}] not equal to maximum heap size [{maximum}]; this can cause resize pauses"
        ));
    }
    if settings.flag("node.store.allow_mmap", true) && max_map_count < 262_144 {
        failures.push(format!(
            "max virtual memory areas vm.max_map_count [{max_map_count}] is too low, increase to at least [262144]"
        ));
    }
    let discovery = [
        "discovery.seed_hosts",
        "discovery.seed_providers",
        "cluster.initial_master_nodes",
    ];
    if discovery.iter().all(|name| settings.get(name).is_none()) {
        failures.push(format!(
            "the default discovery settings are unsuitable for production use; at least one of [{}] must be configured",
            discovery.join(", ")
        ));
    }
    let (secured, encrypted) = (
        "xpack.security.enabled",
        "xpack.security.transport.ssl.enabled",
    );
    if settings.flag(secured, false) && !settings.flag(encrypted, false) {
        failures.push(format!(
            "Transport SSL must be enabled if security is enabled. Please set [{encrypted}] to [true] or disable security by setting [{secured}] to [false]"
        ));
    }
    failures
}

/// Returns whether other nodes cannot reach this one.
pub fn is_local(settings: &Settings) -> bool {
    matches!(
        listen_address(settings),
        "127.0.0.1" | "localhost" | "_local_"
    )
}

/// Returns the address on which the node listens.
pub fn listen_address(settings: &Settings) -> &str {
    [
        "http.host",
        "http.bind_host",
        "network.bind_host",
        "network.host",
    ]
    .iter()
    .find_map(|name| settings.get(name))
    .unwrap_or("127.0.0.1")
}

/// Returns the kernel's limit for memory areas.
pub fn max_map_count() -> u64 {
    std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elastic::heap;
    use crate::support::version::Version;

    fn failures_of(file: &str, count: u64) -> Vec<String> {
        let version = Version::parse("7.17.29").unwrap();
        let settings = Settings::read(file, std::iter::empty(), version).unwrap();
        failures(&settings, &heap::parse("-Xms1g -Xmx1g").unwrap(), count)
    }

    #[test]
    fn memory_areas_are_checked_if_files_are_mapped() {
        let reachable = "network.host: 0.0.0.0\ndiscovery.seed_hosts: a\n";
        assert_eq!(failures_of(reachable, 65_530).len(), 1);
        assert!(failures_of(reachable, 262_144).is_empty());
        assert!(
            failures_of(&format!("{reachable}node.store.allow_mmap: false"), 65_530).is_empty()
        );
        assert!(
            failures_of("network.host: 0.0.0.0\ndiscovery.type: single-node", 65_530).is_empty()
        );
    }

    #[test]
    fn several_nodes_with_passwords_need_encryption() {
        let secured =
            "network.host: 0.0.0.0\ndiscovery.seed_hosts: a\nxpack.security.enabled: true";
        let failures = failures_of(secured, 262_144);
        assert!(failures[0].starts_with("Transport SSL must be enabled"));
        assert!(failures_of(&format!("{secured}\ndiscovery.type: single-node"), 0).is_empty());
    }
}
