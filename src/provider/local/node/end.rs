//! Ends the container of a node, also if Docker cannot, because one of its processes is frozen.
//!
//! With cgroup v1, runc freezes the processes of a pod for a moment. If the node is killed in that
//! moment, nothing lets them continue, and a frozen process cannot end: `docker kill` fails with
//! `tried to kill container, but did not receive an exit event`, also after a restart of Docker.
//! With cgroup v2, killed processes end although they are frozen
//! (<https://docs.kernel.org/admin-guide/cgroup-v1/freezer-subsystem.html>).

use std::time::Duration;

use super::spec;
use crate::docker::{self, Container, ContainerSpec, Engine, Error, Mount};
use crate::event::Step;
use crate::wait::{Attempt, Wait};

/// How long a removal may take that the engine continues for a command that was interrupted: it
/// deletes many files.
const REMOVAL: Duration = Duration::from_secs(120);

/// Where hosts have the cgroups of the freezer.
const FREEZER: &str = "/sys/fs/cgroup/freezer";

/// Lets the frozen processes of a container continue: those of its cgroup and of those below.
const THAW: &str =
    "find \"$1\" -path \"*$2*\" -name freezer.state -exec grep -lxE 'FROZEN|FREEZING' {} + |
while read -r state; do echo THAWED >\"$state\"; done";

/// Removes the container of a node.
pub async fn remove(engine: &dyn Engine, node: &str, step: &Step) -> Result<(), Error> {
    end(engine, node, step, async || engine.remove(node).await).await
}

/// Stops the container of a node whose components have stopped.
pub async fn stop(engine: &dyn Engine, node: &str, step: &Step) -> Result<(), Error> {
    end(engine, node, step, async || engine.stop(node, 0).await).await
}

/// Makes a request that ends a node, and makes it again if what prevents that can be removed or
/// awaited.
async fn end(
    engine: &dyn Engine,
    node: &str,
    step: &Step,
    request: impl AsyncFn() -> Result<(), Error>,
) -> Result<(), Error> {
    let refusal = match request().await {
        Err(error) if error.is_stuck() => error,
        ended => return ended,
    };
    match engine.container(node).await? {
        Some(found) => {
            thaw(engine, &found, refusal, step).await?;
            request().await
        }
        // The engine is removing it.
        None => await_removal(refusal, step, request).await,
    }
}

async fn await_removal(
    mut refusal: Error,
    step: &Step,
    request: impl AsyncFn() -> Result<(), Error>,
) -> Result<(), Error> {
    let wait = Wait::new("Docker to remove the node").within(REMOVAL);
    let removed = wait.reported_by(step).run(async || match request().await {
        Err(error) if error.is_stuck() => {
            refusal = error;
            Ok(Attempt::Pending("it is still removing it".into()))
        }
        ended => ended.map(Attempt::Done),
    });
    removed.await?.map_err(|_| refusal)
}

/// # Errors
/// `refusal`, that of the engine, where nothing can be frozen for good, or cannot be helped.
async fn thaw(
    engine: &dyn Engine,
    node: &Container,
    refusal: Error,
    step: &Step,
) -> Result<(), Error> {
    if engine.info().await?.cgroup_version != "1" {
        return Err(refusal);
    }
    let Some(image) = spec::node_image(node) else {
        return Err(refusal);
    };
    let helper = ContainerSpec {
        entrypoint: Some(vec!["sh".to_owned()]),
        command: ["-c", THAW, "sh", FREEZER, &node.id]
            .map(str::to_owned)
            .into(),
        mounts: vec![Mount::System(FREEZER.to_owned(), false)],
        ..ContainerSpec::new(format!("clearml-local-thaw-{}", std::process::id()), image)
    };
    step.state("letting frozen processes continue");
    match docker::run_once(engine, &helper).await {
        Ok((code, output)) => {
            tracing::debug!(code, output, "let frozen processes continue");
            Ok(())
        }
        Err(error) => {
            tracing::debug!(%error, "cannot let frozen processes continue");
            Err(refusal)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::docker::{Container, EngineInfo};
    use crate::error::Explain;
    use crate::event::Events;
    use crate::event::fixtures::EventLog;
    use crate::failures::Failure;
    use crate::provider::local::node::spec::NODE_IMAGE_LABEL;

    const STUCK: &str = "Could not kill running container 6f00, cannot remove - tried to kill \
                         container, but did not receive an exit event";

    const NODE: &str = "demo-control-plane";

    /// An engine that cannot remove the node at first.
    fn engine(cgroup_version: &str) -> FakeEngine {
        let image = "kindest/node:v1.37.0".to_owned();
        let node = Container {
            id: "6f00".into(),
            name: NODE.into(),
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
        let step = Events::silent().step("node");
        let old = engine("1");
        remove(&old, NODE, &step).await.unwrap();
        assert!(old.state().containers.is_empty());
        let calls = old.state().calls.join("; ");
        assert!(calls.contains("start clearml-local-thaw-"), "{calls}");

        let new = engine("2");
        let refused = remove(&new, NODE, &step).await.unwrap_err();
        assert_eq!(refused.failure(), Failure::ContainerStuck);
        assert_eq!(new.state().containers.len(), 1);
    }

    #[tokio::test]
    async fn the_refusal_is_reported_if_frozen_processes_cannot_continue() {
        let step = Events::silent().step("node");
        let old = engine("1");
        let helper = format!("create clearml-local-thaw-{}", std::process::id());
        old.state().refuse(&helper, "no space left on device");
        let refused = remove(&old, NODE, &step).await.unwrap_err();
        assert_eq!(refused.failure(), Failure::ContainerStuck);
    }

    /// Returns what is reported while the engine says this many times that it is removing the
    /// node, and the result.
    async fn removed_after(refusals: usize) -> (Vec<String>, Result<(), Error>) {
        let log = Arc::new(EventLog::default());
        let step = Events::new(log.clone()).step("node");
        let busy = "removal of container demo-control-plane is already in progress";
        let engine = FakeEngine::default();
        engine
            .state()
            .refused
            .insert(format!("remove {NODE}"), (busy.to_owned(), refusals));
        let removed = remove(&engine, NODE, &step).await;
        (log.states(), removed)
    }

    #[tokio::test(start_paused = true)]
    async fn a_removal_that_the_engine_continues_is_awaited_and_shown() {
        let state = "waiting for Docker to remove the node: it is still removing it";
        let (states, removed) = removed_after(3).await;
        removed.unwrap();
        assert_eq!(states, [state]);

        let (states, removed) = removed_after(usize::MAX).await;
        assert_eq!(removed.unwrap_err().failure(), Failure::ContainerStuck);
        assert!(states.len() > 5, "{states:?}");
    }
}
