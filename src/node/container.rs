//! The node's container: created or started, in its network, until its containerd
//! answers.

use std::time::Duration;

use ipnet::IpNet;

use super::{Error, await_containerd, prepare, proxy, spec};
use crate::docker::{self, Container, ContainerSpec, Engine, ensure_network};
use crate::settings::InstanceName;
use crate::wait::{Attempt, Wait};

/// How long the engine may take to finish a container that somebody else asked for.
const CREATION_PATIENCE: Duration = Duration::from_secs(60);

/// Makes and starts the node container, with its network and image volume, waits until
/// its containerd answers, and prepares it. A refusal leaves nothing of it.
///
/// # Errors
/// When the engine refuses, such as for a port in use.
pub async fn make(engine: &dyn Engine, node: &spec::NodeSpec<'_>) -> Result<String, Error> {
    let volume = spec::image_volume(node.name, node.image_id);
    let had_volume = engine.volume_labels(&volume).await?.is_some();
    ensure_network(engine, spec::NETWORK).await?;
    let networks = engine.networks(spec::NETWORK).await?;
    let ranges: Vec<IpNet> = networks.into_iter().flat_map(|n| n.subnets).collect();
    let container = node.container(&ranges);
    let made = async {
        let labels = spec::labels(node.name);
        engine.ensure_volume(&volume, &labels).await?;
        create(engine, &container, node.name).await?;
        let started = start_in_network(engine, &container.name).await;
        if started.is_err() {
            // It never ran: nothing in it is worth keeping. The refusal says more than
            // what may go wrong here.
            let _ = engine.remove(&container.name).await;
        }
        started.map_err(Error::from)
    };
    if let Err(error) = made.await {
        if !had_volume {
            let _ = engine.remove_volume(&volume).await;
        }
        return Err(error);
    }
    drop_former_image_volumes(engine, node.name, &volume).await?;
    await_containerd(engine, &container.name).await?;
    let variables = proxy::variables(node.proxies, &container.name, &ranges);
    if proxy::tell_systemd(engine, &container.name, &variables).await? {
        await_containerd(engine, &container.name).await?;
    }
    prepare::new_node(engine, &container.name).await?;
    Ok(container.name)
}

/// Creates the node's container. A command that was interrupted while it created one
/// left the engine to finish that: ours that never ran is removed first.
async fn create(
    engine: &dyn Engine,
    container: &ContainerSpec,
    instance: &InstanceName,
) -> Result<(), Error> {
    let mut refusal = None;
    let created = Wait::new("the container's name")
        .within(CREATION_PATIENCE)
        .run(async || {
            match engine.create(container).await {
                Ok(_) => return Ok(Attempt::Done(())),
                Err(error) if error.is_conflict() => refusal = Some(error),
                Err(error) => return Err(error.into()),
            }
            match engine.container(&container.name).await? {
                Some(found) if !spec::is_ours(&found, instance) => {
                    return Err(Error::NameTaken {
                        container: found.name,
                    });
                }
                Some(found) if !found.running => engine.remove(&found.name).await?,
                // A name is taken as soon as a creation begins, and seen at its end.
                Some(_) | None => {}
            }
            Ok(Attempt::Pending("it is in use".into()))
        })
        .await?;
    match (created, refusal) {
        (Err(_), Some(refusal)) => Err(refusal.into()),
        _ => Ok(()),
    }
}

/// Drops the image volumes of former node images: no other containerd may read them,
/// and they are large.
async fn drop_former_image_volumes(
    engine: &dyn Engine,
    instance: &InstanceName,
    current: &str,
) -> Result<(), Error> {
    let label = format!("{}={instance}", spec::INSTANCE_LABEL);
    let prefix = spec::image_volume_prefix(instance);
    for other in engine.volumes(&label).await? {
        if other != current && other.starts_with(&prefix) {
            engine.remove_volume(&other).await?;
        }
    }
    Ok(())
}

/// Starts a node that was stopped, also one whose network was removed meanwhile, and
/// lets one go on that was paused.
pub async fn start(engine: &dyn Engine, node: &Container) -> Result<(), Error> {
    if node.paused {
        return Ok(engine.unpause(&node.name).await?);
    }
    // Also removes duplicates, with which no container would start.
    ensure_network(engine, spec::NETWORK).await?;
    Ok(start_in_network(engine, &node.name).await?)
}

/// Starts a container in the network as it is now: engines do not find one that was
/// removed and created again by themselves.
async fn start_in_network(engine: &dyn Engine, name: &str) -> Result<(), docker::Error> {
    match engine.start(name).await {
        Err(error) if error.is_network_missing() => {
            ensure_network(engine, spec::NETWORK).await?;
            engine.reconnect(spec::NETWORK, name).await?;
            engine.start(name).await
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::FakeEngine;
    use crate::error::{Code, Explain};
    use crate::proxy::Proxies;
    use crate::settings::Instance;

    /// Makes a node of an instance that keeps its data in a folder.
    async fn made(engine: &FakeEngine, image_id: &str) -> Result<String, Error> {
        let name = "demo".parse().unwrap();
        let instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
        let node = spec::NodeSpec {
            name: &name,
            instance: &instance,
            node_ports: instance.ports,
            image_id,
            proxies: &Proxies::default(),
            api_server_port: 40000,
            device_mapper: false,
        };
        make(engine, &node).await
    }

    const IMAGE: &str = "sha256:0000000000001";

    #[tokio::test]
    async fn another_node_image_gets_a_volume_of_its_own() {
        let name = "demo".parse().unwrap();
        let engine = FakeEngine::default();
        let data = spec::data_volume(&name);
        engine
            .ensure_volume(&data, &spec::labels(&name))
            .await
            .unwrap();
        for image in [IMAGE, IMAGE, "sha256:1111111111111"] {
            made(&engine, image).await.unwrap();
            engine.remove("demo-control-plane").await.unwrap();
        }
        let volumes: Vec<String> = engine.state().volumes.keys().cloned().collect();
        let images = "clearml-local-demo-images-111111111111";
        assert_eq!(volumes, [data.as_str(), images], "data are never dropped");
    }

    #[tokio::test]
    async fn a_refusal_leaves_nothing() {
        for call in ["create demo-control-plane", "start demo-control-plane"] {
            let engine = FakeEngine::default();
            engine
                .state()
                .refuse(call, "privileged mode is incompatible with user namespaces");
            made(&engine, IMAGE).await.unwrap_err();
            let state = engine.state();
            assert!(state.volumes.is_empty(), "{call}");
            assert!(state.containers.is_empty(), "{call}");
        }
    }

    #[tokio::test]
    async fn a_node_whose_network_was_removed_starts_in_a_new_one() {
        let engine = FakeEngine::default();
        made(&engine, IMAGE).await.unwrap();
        engine.state().networks.clear();
        engine
            .state()
            .refuse_once("start demo-control-plane", "network 0123 not found");
        let node = engine
            .container("demo-control-plane")
            .await
            .unwrap()
            .unwrap();
        start(&engine, &node).await.unwrap();
        let state = engine.state();
        assert_eq!(state.networks.len(), 1);
        let calls = &state.calls[state.calls.len() - 3..];
        assert_eq!(
            calls,
            [
                "start demo-control-plane",
                "reconnect demo-control-plane to kind",
                "start demo-control-plane"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_an_interrupted_command_left_is_replaced() {
        let (name, other) = ("demo".parse().unwrap(), "other".parse().unwrap());
        let left = |labels, running| Container {
            name: "demo-control-plane".into(),
            labels,
            running,
            ..Container::default()
        };
        let wanted = ContainerSpec::new("demo-control-plane", "node:1".parse().unwrap());
        let made = async |left: Container| {
            let engine = FakeEngine::default();
            engine.state().containers.insert(left.name.clone(), left);
            let created = create(&engine, &wanted, &name).await;
            let calls = engine.state().calls.clone();
            (created, calls)
        };
        let (created, calls) = made(left(spec::labels(&name), false)).await;
        created.unwrap();
        let create = "create demo-control-plane";
        assert_eq!(calls, [create, "remove demo-control-plane", create]);
        let (created, calls) = made(left(spec::labels(&other), false)).await;
        assert_eq!(created.unwrap_err().code(), Code::NameTaken);
        assert_eq!(calls, [create]);
        let (created, calls) = made(left(spec::labels(&name), true)).await;
        assert!(created.is_err());
        assert!(
            !calls.iter().any(|call| call.starts_with("remove")),
            "somebody uses it"
        );
    }
}
