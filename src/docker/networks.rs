//! Ensures that only one network has a name. Engines before 25 create several if several
//! processes ask at the same time, and then cannot start a container in any of them.

use super::{Engine, Error, Network};

/// Creates a network unless it exists, and removes unused ones with the same name, as
/// kind does. Processes that do this at the same time all keep the oldest.
pub async fn ensure_network(engine: &dyn Engine, name: &str) -> Result<(), Error> {
    if engine.networks(name).await?.is_empty() {
        engine.create_network(name).await?;
    }
    for network in unused_duplicates(&engine.networks(name).await?) {
        // Another process may use it by now, or may have removed it.
        let _ = engine.remove_network(&network.id).await;
    }
    Ok(())
}

/// Returns which networks of one name can be removed: all without running containers,
/// except one. `networks` must be sorted, oldest first.
pub fn unused_duplicates(networks: &[Network]) -> Vec<&Network> {
    let used = |network: &&Network| !network.containers.is_empty();
    let kept = networks.iter().find(used).or(networks.first());
    let others = networks.iter().filter(|network| Some(*network) != kept);
    others.filter(|network| !used(network)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};

    fn network(id: &str, container: Option<&str>) -> Network {
        Network {
            id: id.into(),
            name: "kind".into(),
            containers: container
                .map(|name| (name.into(), None))
                .into_iter()
                .collect(),
            ..Network::default()
        }
    }

    fn removed(networks: &[Network]) -> Vec<&str> {
        let unused = unused_duplicates(networks).into_iter();
        unused.map(|network| network.id.as_str()).collect()
    }

    #[test]
    fn the_oldest_network_is_kept_unless_a_newer_one_is_in_use() {
        let (a, b) = (network("a", None), network("b", None));
        let used = network("u", Some("node"));
        assert_eq!(removed(&[]), [""; 0]);
        assert_eq!(removed(std::slice::from_ref(&a)), [""; 0]);
        assert_eq!(removed(&[a.clone(), b]), ["b"]);
        assert_eq!(removed(&[a, used.clone()]), ["a"]);
        assert_eq!(
            removed(&[used.clone(), used]),
            [""; 0],
            "networks in use are kept"
        );
    }

    #[tokio::test]
    async fn a_network_is_created_once() {
        let engine = FakeEngine::new(State::default());
        ensure_network(&engine, "kind").await.unwrap();
        ensure_network(&engine, "kind").await.unwrap();
        assert_eq!(engine.state().networks.len(), 1);
    }

    #[tokio::test]
    async fn one_of_two_networks_with_the_same_name_is_removed() {
        let engine = FakeEngine::new(State::default());
        engine.create_network("kind").await.unwrap();
        engine.create_network("kind").await.unwrap();
        ensure_network(&engine, "kind").await.unwrap();
        let state = engine.state();
        let ids: Vec<&str> = state.networks.iter().map(|n| n.id.as_str()).collect();
        assert_eq!(ids, ["id-kind-0"]);
    }
}
