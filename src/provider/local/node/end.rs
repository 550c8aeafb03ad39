//! Ends the container of a node, also if Docker cannot, because one of its processes is frozen.
//!
//! With cgroup v1, runc freezes the processes of a pod for a moment. If the node is killed in that
//! moment, nothing lets them continue, and a frozen process cannot end: `docker kill` fails with
//! `tried to kill container, but did not receive an exit event`, also after a restart of Docker.
//! With cgroup v2, killed processes end although they are frozen
//! (<https://docs.kernel.org/admin-guide/cgroup-v1/freezer-subsystem.html>).

use super::spec;
use crate::docker::{self, ContainerSpec, Engine, Error, Mount};

/// Where hosts have the cgroups of the freezer.
const FREEZER: &str = "/sys/fs/cgroup/freezer";

/// Lets the frozen processes of a container continue: those of its cgroup and of those below.
const THAW: &str = "find \"$1\" -path \"*$2*\" -name freezer.state -exec grep -lx FROZEN {} + |
while read -r state; do echo THAWED >\"$state\"; done";

/// Removes the container of a node.
pub async fn remove(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    match engine.remove(node).await {
        Err(error) if error.is_stuck() => {
            thaw(engine, node, error).await?;
            engine.remove(node).await
        }
        removed => removed,
    }
}

/// Stops the container of a node whose components have stopped.
pub(super) async fn stop(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    match engine.stop(node, 0).await {
        Err(error) if error.is_stuck() => {
            thaw(engine, node, error).await?;
            engine.stop(node, 0).await
        }
        stopped => stopped,
    }
}

/// # Errors
/// That of the engine, where nothing can be frozen for good.
async fn thaw(engine: &dyn Engine, node: &str, error: Error) -> Result<(), Error> {
    if engine.info().await?.cgroup_version != "1" {
        return Err(error);
    }
    let container = engine.container(node).await?;
    let Some((image, id)) = container.and_then(|it| Some((spec::node_image(&it)?, it.id))) else {
        return Err(error);
    };
    let helper = ContainerSpec {
        entrypoint: Some(vec!["sh".to_owned()]),
        command: ["-c", THAW, "sh", FREEZER, &id].map(str::to_owned).into(),
        mounts: vec![Mount::System(FREEZER.to_owned(), false)],
        ..ContainerSpec::new(format!("clearml-local-thaw-{}", std::process::id()), image)
    };
    let (code, output) = docker::run_once(engine, &helper).await?;
    tracing::debug!(code, output, "let frozen processes continue");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::docker::{Container, EngineInfo};
    use crate::error::Explain;
    use crate::failures::Failure;
    use crate::provider::local::node::spec::NODE_IMAGE_LABEL;

    const STUCK: &str = "Could not kill running container 6f00, cannot remove - tried to kill \
                         container, but did not receive an exit event";

    /// An engine that cannot remove the node at first.
    fn engine(cgroup_version: &str) -> FakeEngine {
        let image = "kindest/node:v1.37.0".to_owned();
        let node = Container {
            id: "6f00".into(),
            name: "demo-control-plane".into(),
            running: true,
            labels: [(NODE_IMAGE_LABEL.to_owned(), image)].into(),
            ..Container::default()
        };
        let mut state = State {
            info: EngineInfo {
                cgroup_version: cgroup_version.into(),
                ..EngineInfo::default()
            },
            containers: [(node.name.clone(), node)].into(),
            ..State::default()
        };
        state.refuse_once("remove demo-control-plane", STUCK);
        FakeEngine::new(state)
    }

    #[tokio::test]
    async fn a_node_with_a_frozen_process_is_removed_with_cgroup_v1() {
        let old = engine("1");
        remove(&old, "demo-control-plane").await.unwrap();
        assert!(old.state().containers.is_empty());
        let calls = old.state().calls.join("; ");
        assert!(calls.contains("start clearml-local-thaw-"), "{calls}");

        let new = engine("2");
        let refused = remove(&new, "demo-control-plane").await.unwrap_err();
        assert_eq!(refused.failure(), Failure::ContainerStuck);
        assert_eq!(new.state().containers.len(), 1);
    }
}
