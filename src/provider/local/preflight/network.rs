//! The checks of the Docker network that nodes share: its range must not overlap with those of
//! pods and services, and its name must be unambiguous.

use crate::docker::{Engine, Network, ensure_network, unused_duplicates};
use crate::error::Result;
use crate::failures::Failure;
use crate::hint::Hint;
use crate::preflight::{Failed, Finding};
use crate::provider::local::node::spec::{NETWORK, POD_SUBNET, SERVICE_SUBNET};

/// Returns the findings about the networks with that name, for a node that will be created or
/// started.
pub(super) fn networks(networks: &[Network]) -> Vec<Finding> {
    let unused = unused_duplicates(networks);
    let kept: Vec<&Network> = networks.iter().filter(|n| !unused.contains(n)).collect();
    match &kept[..] {
        [] => Vec::new(),
        [one] => overlap(one).into_iter().collect(),
        several => vec![duplicates(several)],
    }
}

/// Creates the network unless it exists. If its range, which Docker chose from its
/// configuration, overlaps with pods or services, the network is removed again.
pub(in crate::provider::local) async fn create(engine: &dyn Engine) -> Result<()> {
    if !engine.networks(NETWORK).await?.is_empty() {
        return Ok(());
    }
    ensure_network(engine, NETWORK).await?;
    for network in engine.networks(NETWORK).await? {
        let Some(conflict) = conflict(&network) else {
            continue;
        };
        if network.containers.is_empty() {
            // Another process may have removed it, or may be using it.
            let _ = engine.remove_network(&network.id).await;
        }
        let finding = Finding {
            what: format!(
                "Docker gave the new network `{NETWORK}` {conflict}; the network was \
                removed again"
            ),
            remedies: vec![
                Hint::run("create it with another range", CREATE),
                Hint::text("or change `default-address-pools` in Docker's daemon.json"),
            ],
            failure: Failure::NetworkOverlap,
        };
        return Err(Failed {
            findings: vec![finding],
        }
        .into());
    }
    Ok(())
}

/// Creates the network with a range that does not overlap with pods and services.
const CREATE: &str = "docker network create --subnet 172.30.0.0/16 kind";

/// Describes the overlap with pods or services, whose ranges are fixed as in kind. Packets to
/// an address in both ranges would not leave the node.
fn conflict(network: &Network) -> Option<String> {
    let ranges = [("pods", POD_SUBNET), ("services", SERVICE_SUBNET)];
    ranges.into_iter().find_map(|(who, range)| {
        let used: ipnet::IpNet = range.parse().ok()?;
        let mut subnets = network.subnets.iter();
        let subnet = subnets.find(|s| s.contains(&used) || used.contains(*s))?;
        Some(format!(
            "the range {subnet}, but Kubernetes uses {range} for {who}"
        ))
    })
}

fn overlap(network: &Network) -> Option<Finding> {
    let conflict = conflict(network)?;
    let others: Vec<&str> = network.containers.keys().map(String::as_str).collect();
    let free = match others.is_empty() {
        true => None,
        false => Some(Hint::run(
            "stop its containers",
            format!("docker stop {}", others.join(" ")),
        )),
    };
    let create = Hint::run(
        "give it another range",
        format!("docker network rm {NETWORK} && {CREATE}"),
    );
    Some(Finding {
        what: format!("the Docker network `{NETWORK}` has {conflict}"),
        remedies: free.into_iter().chain([create]).collect(),
        failure: Failure::NetworkOverlap,
    })
}

/// The engine cannot start containers in a network with an ambiguous name, and cannot remove a
/// network that is in use.
fn duplicates(networks: &[&Network]) -> Finding {
    let described = networks.iter().map(|network| {
        let users: Vec<&str> = network.containers.keys().map(String::as_str).collect();
        format!("{} with {}", short(&network.id), users.join(", "))
    });
    let last = networks.last().map_or("", |network| short(&network.id));
    let users = networks.last().map(|network| {
        let users: Vec<&str> = network.containers.keys().map(String::as_str).collect();
        users.join(" ")
    });
    Finding {
        what: format!(
            "several Docker networks are named `{NETWORK}`, so Docker cannot start containers in \
             any of them: {}",
            described.collect::<Vec<_>>().join("; ")
        ),
        remedies: vec![
            Hint::run(
                "stop the containers in one of them",
                format!("docker stop {}", users.unwrap_or_default()),
            ),
            Hint::run("then remove it", format!("docker network rm {last}")),
        ],
        failure: Failure::NetworkAmbiguous,
    }
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};

    fn network(id: &str, subnet: &str, container: Option<&str>) -> Network {
        Network {
            id: id.into(),
            name: NETWORK.into(),
            subnets: vec![subnet.parse().unwrap()],
            containers: container
                .map(|name| (name.into(), None))
                .into_iter()
                .collect(),
            ..Network::default()
        }
    }

    #[test]
    fn refuses_a_network_that_overlaps_with_pods_or_services() {
        let found = |subnet| networks(&[network("a", subnet, None)]);
        assert_eq!(found("172.18.0.0/16"), []);
        for (subnet, who) in [
            ("10.244.0.0/16", "pods"),
            ("10.244.7.0/24", "pods"),
            ("10.96.128.0/20", "services"),
            ("10.0.0.0/8", "pods"),
        ] {
            let found = found(subnet);
            let [finding] = &found[..] else {
                panic!("{subnet}: {found:?}");
            };
            assert!(
                finding.what.ends_with(&format!("for {who}")),
                "{}",
                finding.what
            );
            assert!(
                finding.remedies[0]
                    .to_string()
                    .contains("docker network create --subnet")
            );
        }
        let used = networks(&[network("a", "10.244.0.0/16", Some("other"))]);
        assert_eq!(
            used[0].remedies[0],
            "stop its containers: docker stop other"
        );
    }

    #[tokio::test]
    async fn a_new_network_that_overlaps_with_pods_is_removed_again() {
        for (range, left) in [("10.244.0.0/24", 0), ("172.18.0.0/16", 1)] {
            let engine = FakeEngine::new(State {
                range: range.parse().ok(),
                ..State::default()
            });
            let created = create(&engine).await;
            assert_eq!(created.is_ok(), left == 1, "{range}");
            if let Err(error) = created {
                assert!(error.to_string().contains("for pods"), "{error}");
                assert!(
                    error.hints()[0].to_string().ends_with(CREATE),
                    "{:?}",
                    error.hints()
                );
            }
            assert_eq!(engine.state().networks.len(), left, "{range}");
        }
    }

    #[test]
    fn duplicate_networks_are_reported_only_if_both_are_in_use() {
        let a = network("a", "172.18.0.0/16", Some("one"));
        let b = network("b", "172.19.0.0/16", Some("two"));
        let unused = network("c", "172.20.0.0/16", None);
        assert_eq!(networks(&[unused, a.clone()]), []);
        let found = networks(&[a, b]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].what.ends_with("a with one; b with two"),
            "{}",
            found[0].what
        );
        assert_eq!(found[0].remedies[1], "then remove it: docker network rm b");
    }
}
