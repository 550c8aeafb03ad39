//! Whether a node forms a cluster by itself. Several nodes are not simulated: a node
//! that needs others waits forever, like a real one that finds none.

use crate::elastic::checks;
use crate::elastic::settings::Settings;

/// Returns why a node has no master, as its log reports it; `None` if it is its own
/// master. `formed` tells whether its data are from a cluster that it formed earlier.
pub fn missing_master(settings: &Settings, name: &str, formed: bool) -> Option<String> {
    if settings.single_node() || formed {
        return None;
    }
    let list = |name: &str| settings.list(name);
    let initial = list("cluster.initial_master_nodes");
    let seeds = list("discovery.seed_hosts");
    let by_itself = checks::is_local(settings) && initial.is_empty() && seeds.is_empty();
    if by_itself || initial == [name] {
        return None;
    }
    Some(format!(
        "master not discovered yet, this node has not previously joined a bootstrapped cluster, and {}; discovery will continue using {seeds:?} (stand-in: a cluster of several nodes is not simulated)",
        if initial.is_empty() {
            "[cluster.initial_master_nodes] is empty on this node".to_owned()
        } else {
            format!(
                "this node must discover master-eligible nodes {initial:?} to bootstrap a cluster"
            )
        }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::version::Version;

    fn missing(file: &str, formed: bool) -> bool {
        let version = Version::parse("7.17.29").unwrap();
        let settings = Settings::read(file, std::iter::empty(), version).unwrap();
        missing_master(&settings, "es-0", formed).is_some()
    }

    #[test]
    fn a_node_that_needs_others_has_no_master() {
        let public = "network.host: 0.0.0.0\ndiscovery.seed_hosts: es-headless\n";
        let initial = |names: &str| format!("{public}cluster.initial_master_nodes: {names}\n");
        assert!(!missing("", false));
        assert!(!missing(
            "network.host: 0.0.0.0\ndiscovery.type: single-node",
            false
        ));
        assert!(!missing(&initial("es-0,"), false));
        assert!(missing(&initial("es-0,es-1,es-2,"), false));
        assert!(missing(&initial("es-1"), false));
        assert!(missing(public, false));
        assert!(
            !missing(&initial("es-0,es-1"), true),
            "the cluster was formed earlier"
        );
    }
}
