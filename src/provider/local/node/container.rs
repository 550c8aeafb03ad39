//! Creates and starts the node's container in its network.

use std::time::Duration;

use ipnet::IpNet;

use super::{Error, end, gpus, prepare, proxy, spec, wait_for_containerd};
use crate::docker::{self, Container, ContainerSpec, Engine, ensure_network};
use crate::event::Step;
use crate::provider::local::Local;
use crate::wait::{Attempt, Wait};

/// How long the engine may take to finish creating a container for another process.
const CREATION_TIMEOUT: Duration = Duration::from_secs(60);

/// Creates and starts the node container, with its network and image volume, waits until
/// its containerd answers, and prepares it. If the engine refuses, nothing is left
/// behind.
pub async fn create(
    local: &Local<'_>,
    node: &spec::NodeSpec<'_>,
    step: &Step,
) -> Result<String, Error> {
    let engine = local.engine();
    let volume = spec::image_volume(node.name, node.image_id);
    let had_volume = engine.volume_labels(&volume).await?.is_some();
    ensure_network(engine, spec::NETWORK).await?;
    let networks = engine.networks(spec::NETWORK).await?;
    let ranges: Vec<IpNet> = networks.into_iter().flat_map(|n| n.subnets).collect();
    let container = node.container(&ranges);
    let created = async {
        let labels = spec::labels(node.name);
        engine.ensure_volume(&volume, &labels).await?;
        create_container(local, &container, step).await?;
        let started = start_in_network(engine, &container.name).await;
        if started.is_err() {
            // It never ran, so it contains nothing to keep. A failure to remove it is
            // less important than the refusal.
            let _ = engine.remove(&container.name).await;
        }
        started.map_err(Error::from)
    };
    if let Err(error) = created.await {
        if !had_volume {
            let _ = engine.remove_volume(&volume).await;
        }
        return Err(error);
    }
    remove_old_image_volumes(local, &volume).await?;
    wait_for_containerd(engine, &container.name).await?;
    let variables = proxy::variables(node.proxies, &container.name, &ranges);
    if proxy::configure_systemd(engine, &container.name, &variables).await? {
        wait_for_containerd(engine, &container.name).await?;
    }
    if node.has_gpus() {
        gpus::install(engine, &container.name).await?;
        wait_for_containerd(engine, &container.name).await?;
    }
    prepare::new_node(engine, &container.name).await?;
    Ok(container.name)
}

/// Creates the node's container. An interrupted command may have left a container that
/// never ran, which the engine may still be creating. It is removed first.
async fn create_container(
    local: &Local<'_>,
    container: &ContainerSpec,
    step: &Step,
) -> Result<(), Error> {
    let (name, engine) = (local.name, local.engine());
    let mut refusal = None;
    let created = Wait::new("the name of the node")
        .within(CREATION_TIMEOUT)
        .reported_by(step)
        .run(async || {
            match engine.create(container).await {
                Ok(_) => return Ok(Attempt::Done(())),
                Err(error) if error.is_conflict() => refusal = Some(error),
                Err(error) => return Err(error.into()),
            }
            match engine.container(&container.name).await? {
                Some(found) if !spec::is_ours(&found, name) => {
                    return Err(Error::NameTaken {
                        container: found.name,
                    });
                }
                Some(found) if !found.running => end::remove(engine, &found.name, step).await?,
                // The engine reserves a name when a creation begins, and shows the
                // container when it ends.
                Some(_) | None => {}
            }
            Ok(Attempt::Pending("Docker still uses it".into()))
        })
        .await?;
    match (created, refusal) {
        (Err(_), Some(refusal)) => Err(refusal.into()),
        _ => Ok(()),
    }
}

/// Removes the image volumes of previous node images: another version of containerd may
/// not be able to read them, and they are large.
async fn remove_old_image_volumes(local: &Local<'_>, current: &str) -> Result<(), Error> {
    let (name, engine) = (local.name, local.engine());
    let label = format!("{}={name}", spec::INSTANCE_LABEL);
    let prefix = spec::image_volume_prefix(name);
    for other in engine.volumes(&label).await? {
        if other != current && other.starts_with(&prefix) {
            engine.remove_volume(&other).await?;
        }
    }
    Ok(())
}

/// Starts a stopped node, even if its network was removed since, or resumes a paused
/// node.
pub async fn start(engine: &dyn Engine, node: &Container) -> Result<(), Error> {
    if node.paused {
        return Ok(engine.unpause(&node.name).await?);
    }
    // Also removes duplicates, which would prevent a start.
    ensure_network(engine, spec::NETWORK).await?;
    Ok(start_in_network(engine, &node.name).await?)
}

/// Starts a container, and connects it to the current network if its network was removed:
/// engines do not find one that was created again.
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
    use crate::docker::Gpus;
    use crate::docker::fake::FakeEngine;
    use crate::error::Explain;
    use crate::event::Events;
    use crate::failures::Failure;
    use crate::ports::NodePorts;
    use crate::provider::local::TestInstance;
    use crate::proxy::Proxies;
    use crate::settings::{Instance, NodeGpus};

    /// Creates the node of an instance with a data directory.
    async fn create(engine: &FakeEngine, image_id: &str) -> Result<String, Error> {
        create_with(engine, image_id, NodeGpus::None).await
    }

    async fn create_with(
        engine: &FakeEngine,
        image_id: &str,
        gpus: NodeGpus,
    ) -> Result<String, Error> {
        let name = "demo".parse().unwrap();
        let mut instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
        instance.node.gpus = gpus;
        let node = spec::NodeSpec {
            name: &name,
            instance: &instance,
            node_ports: NodePorts::default(),
            image_id,
            proxies: &Proxies::default(),
            api_server_port: 40000,
            device_mapper: false,
            gpus: Some(&Gpus::Nvidia),
        };
        let step = Events::silent().step("node");
        super::create(&TestInstance::without_state().local(engine), &node, &step).await
    }

    const IMAGE: &str = "sha256:0000000000001";

    #[tokio::test]
    async fn another_node_image_gets_its_own_volume() {
        let name = "demo".parse().unwrap();
        let engine = FakeEngine::default();
        let data = spec::data_volume(&name);
        engine
            .ensure_volume(&data, &spec::labels(&name))
            .await
            .unwrap();
        for image in [IMAGE, IMAGE, "sha256:1111111111111"] {
            create(&engine, image).await.unwrap();
            engine.remove("demo-control-plane").await.unwrap();
        }
        let volumes: Vec<String> = engine.state().volumes.keys().cloned().collect();
        let images = "clearml-local-demo-images-111111111111";
        assert_eq!(volumes, [data.as_str(), images], "data are never removed");
    }

    #[tokio::test]
    async fn only_a_node_with_gpus_shares_them_with_pods() {
        for (gpus, shares) in [(NodeGpus::None, 0), (NodeGpus::All, 1)] {
            let engine = FakeEngine::default();
            let node = create_with(&engine, IMAGE, gpus).await.unwrap();
            let state = engine.state();
            assert_eq!(state.containers[&node].gpus, shares == 1);
            let prepares = |call: &&String| call.contains(super::gpus::RUNTIME);
            assert_eq!(state.calls.iter().filter(prepares).count(), shares);
        }
    }

    #[tokio::test]
    async fn nothing_is_left_if_the_engine_refuses() {
        for call in ["create demo-control-plane", "start demo-control-plane"] {
            let engine = FakeEngine::default();
            engine
                .state()
                .refuse(call, "privileged mode is incompatible with user namespaces");
            create(&engine, IMAGE).await.unwrap_err();
            let state = engine.state();
            assert!(state.volumes.is_empty(), "{call}");
            assert!(state.containers.is_empty(), "{call}");
        }
    }

    #[tokio::test]
    async fn a_node_whose_network_was_removed_starts_in_a_new_network() {
        let engine = FakeEngine::default();
        create(&engine, IMAGE).await.unwrap();
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
    async fn a_container_of_an_interrupted_command_is_replaced() {
        let (name, other) = ("demo".parse().unwrap(), "other".parse().unwrap());
        let existing = |labels, running| Container {
            name: "demo-control-plane".into(),
            labels,
            running,
            ..Container::default()
        };
        let spec = ContainerSpec::new("demo-control-plane", "node:1".parse().unwrap());
        let try_create = async |existing: Container| {
            let engine = FakeEngine::default();
            engine
                .state()
                .containers
                .insert(existing.name.clone(), existing);
            let demo = TestInstance::without_state();
            let step = Events::silent().step("node");
            let created = create_container(&demo.local(&engine), &spec, &step).await;
            let calls = engine.state().calls.clone();
            (created, calls)
        };
        let (created, calls) = try_create(existing(spec::labels(&name), false)).await;
        created.unwrap();
        let create = "create demo-control-plane";
        assert_eq!(calls, [create, "remove demo-control-plane", create]);
        let (created, calls) = try_create(existing(spec::labels(&other), false)).await;
        assert_eq!(created.unwrap_err().failure(), Failure::NameTaken);
        assert_eq!(calls, [create]);
        let (created, calls) = try_create(existing(spec::labels(&name), true)).await;
        assert!(created.is_err());
        assert!(
            !calls.iter().any(|call| call.starts_with("remove")),
            "a running container is not removed"
        );
    }
}
