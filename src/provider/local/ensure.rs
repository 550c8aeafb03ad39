//! Brings the node of an instance into being: starts, repairs or creates its container.

use std::net::{Ipv4Addr, TcpListener};

use super::error::Error;
use super::images::{self, RequiredImage};
use super::node::spec::{Difference, NodeSpec};
use super::node::{self, Inspection, spec};
use super::revive::{Revived, revive};
use super::run::Run;
use super::{Local, data, preflight, recovery};
use crate::docker::{self, Container, Engine, Image};
use crate::error::Result;
use crate::event::Step;
use crate::plan::Plan;
use crate::provider::NothingToStart;

/// A node that is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    /// Whether the step created or started it.
    pub(super) started: bool,
    /// What was repaired in it.
    pub(super) revived: Revived,
    /// The result of the inspection.
    pub(super) found: Inspection,
}

pub(super) async fn start_existing(local: &Local<'_>, step: &Step) -> Result<Node> {
    let engine = local.engine();
    let container = recovery::node_of(local).await?;
    let container = container.ok_or(NothingToStart)?;
    let name = container.name.clone();
    let mut started = !container.can_exec();
    if started {
        preflight::create_network(engine).await?;
        start(engine, &container).await?;
    }
    let mut found = node::inspect(engine, &name).await?;
    if !found.bootstrapped && !docker::runs_commands(engine, &name).await? {
        step.state("starting the node again: no command runs in it");
        started = true;
        node::stop(engine, &name, step).await?;
        start(engine, &container).await?;
        found = node::inspect(engine, &name).await?;
    }
    if !found.bootstrapped {
        return Err(NothingToStart.into());
    }
    let revived = revive(engine, &name, &mut found, step).await?;
    Ok(Node {
        name,
        started: started || revived.changed,
        revived,
        found,
    })
}

async fn start(engine: &dyn Engine, node: &Container) -> Result<()> {
    node::start(engine, node).await?;
    Ok(node::wait_for_containerd(engine, &node.name).await?)
}

/// Returns whether images can be loaded into a running node: it is complete and containerd
/// answers.
pub(super) async fn can_load_images(engine: &dyn Engine, node: &str) -> Result<bool> {
    let command = ["ctr", "-n", "k8s.io", "version"];
    let answers = async { Ok(engine.exec(node, &command, None).await?.code == 0) };
    let (answers, complete) = tokio::try_join!(answers, is_complete(engine, node))?;
    Ok(answers && complete)
}

/// Adds the plan's certificate authorities to a running node.
pub(super) async fn trust(plan: &Plan, engine: &dyn Engine, node: &str) -> Result<()> {
    if let Some(certificates) = plan.instance.node.ca.pem()
        && node::trust(engine, node, certificates).await?
    {
        node::wait_for_containerd(engine, node).await?;
    }
    Ok(())
}

/// Returns the node and its Kubernetes version.
pub(super) async fn ensure_running(run: &Run<'_>, step: &Step) -> Result<(Node, String)> {
    let Run { local, plan, .. } = *run;
    let engine = local.engine();
    preflight::create_network(engine).await?;
    let name = spec::name(local.name);
    let reused = match engine.container(&name).await? {
        Some(node) => reuse(run, &node, step).await?,
        None => None,
    };
    let node = match reused {
        Some(reused) => reused,
        None => {
            step.decide("creating a node");
            create(run, step).await?;
            Node {
                found: node::inspect(engine, &name).await?,
                name,
                started: true,
                revived: Revived::default(),
            }
        }
    };
    trust(plan, engine, &node.name).await?;
    let version = node.found.kubernetes_version()?;
    Ok((node, version))
}

/// Starts the existing node if necessary. Returns `None` if it must be recreated.
async fn reuse(run: &Run<'_>, node: &Container, step: &Step) -> Result<Option<Node>> {
    let engine = run.local.engine();
    let differences = run.plan.differences(node, run.info);
    if !differences.is_empty() {
        // Pull the image before anything is stopped.
        ensure_image(run, step).await?;
        data::check_owners(run).await?;
        step.warn(recreate_warning(&differences));
        if node.paused {
            node::start(engine, node).await?;
        }
        if node.running && is_complete(engine, &node.name).await? {
            node::stop_in_order(engine, &node.name, step).await?;
        }
        return Ok(None);
    }
    if !node.can_exec() {
        step.state("starting the node again");
        start(engine, node).await?;
    }
    let mut found = node::inspect(engine, &node.name).await?;
    if found.bootstrapped {
        step.decide("using the node that exists: nothing differs from the settings");
        let revived = revive(engine, &node.name, &mut found, step).await?;
        return Ok(Some(Node {
            name: node.name.clone(),
            started: !node.can_exec() || revived.changed,
            revived,
            found,
        }));
    }
    step.state("recreating the node: it is incomplete, or no command runs in it");
    Ok(None)
}

fn recreate_warning(differences: &[Difference]) -> String {
    format!(
        "the node is recreated, its data and images are kept: {}",
        describe(differences).join("; ")
    )
}

/// Describes the differences.
pub(super) fn describe(differences: &[Difference]) -> Vec<String> {
    differences
        .iter()
        .map(|(what, is, wanted)| format!("{what} changes from {is} to {wanted}"))
        .collect()
}

pub(super) async fn is_complete(engine: &dyn Engine, node: &str) -> Result<bool> {
    Ok(node::is_bootstrapped(engine, node).await?)
}

/// Returns the node image. Pulls it if the engine does not have it.
pub(super) async fn ensure_image(run: &Run<'_>, step: &Step) -> Result<Image> {
    let Run { plan, info, .. } = *run;
    let engine = run.local.engine();
    let reference = &plan.instance.node.node_image;
    if let Some(image) = engine.image(reference).await? {
        return Ok(image);
    }
    let (wanted, sources) = (
        RequiredImage::of(reference.clone()),
        plan.sources(run.request),
    );
    Ok(images::pull(engine, &wanted, &info.architecture, &sources, step).await?)
}

/// Creates the node container. Replaces an incomplete one.
async fn create(run: &Run<'_>, step: &Step) -> Result<()> {
    let Run {
        local, info, plan, ..
    } = *run;
    let engine = local.engine();
    let image = ensure_image(run, step).await?;
    data::check_owners(run).await?;
    let spec = NodeSpec {
        api_server_port: free_port()?,
        ..plan.node(&image.id, run.proxies(), info)
    };
    let name = spec::name(local.name);
    let created = data::write_marker(plan, engine).await?;
    node::remove(engine, &name, step).await?;
    step.state("starting");
    if let Err(error) = node::create(local, &spec, step).await {
        // Without a container, the new volume is empty. An error here would hide the actual
        // one.
        if let (Some(volume), Ok(None)) = (created, engine.container(&name).await) {
            let _ = engine.remove_volume(volume).await;
        }
        return Err(error.into());
    }
    Ok(())
}

/// Returns a port that is not in use.
fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(Error::NoPort)?.port())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};
    use crate::provider::local::fixtures::{TestInstance, labels};

    /// It has a frozen process, and was killed.
    #[tokio::test]
    async fn a_node_in_which_no_command_runs_is_stopped_and_started() {
        const COMPLETE: &str = "\n@@ bootstrapped\n\n@@ services\nActiveState=active\n\
            UnitFileState=enabled\n\nActiveState=active\nUnitFileState=enabled\n";
        let commands = AtomicUsize::new(0);
        let answer = move |_: &str, _: &[&str]| match commands.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Output {
                code: 126,
                ..Output::default()
            },
            _ => Output {
                stdout: COMPLETE.into(),
                ..Output::default()
            },
        };
        let demo = TestInstance::without_state();
        let node = Container {
            name: "demo-control-plane".into(),
            running: true,
            labels: labels(&demo.name),
            ..Container::default()
        };
        let engine = FakeEngine::new(State {
            containers: [(node.name.clone(), node)].into(),
            ..State::default()
        })
        .with_exec(Box::new(answer));
        let step = demo.events.step("node");
        let node = start_existing(&demo.local(&engine), &step).await.unwrap();
        assert!(node.started && node.found.bootstrapped);
        let calls = engine.state().calls.clone();
        let changes: Vec<_> = calls.iter().filter(|c| !c.starts_with("exec ")).collect();
        assert_eq!(
            changes,
            ["stop demo-control-plane 0", "start demo-control-plane"]
        );
    }
}
