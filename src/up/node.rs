//! The steps that make a node: container, Kubernetes, pod network, storage.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use super::revive::revive;
use super::session::Session;
use super::{Error, Plan, Request, data, preflight};
use crate::component::NAMESPACE;
use crate::docker::{Container, Engine, Image};
use crate::error::{Code, Result};
use crate::event::Step;
use crate::health;
use crate::images::{self, RequiredImage};
use crate::kube::{Change, Cluster};
use crate::kubeconfig;
use crate::node::spec::{Difference, NodeSpec};
use crate::node::{self, Inspection, spec};
use crate::state::StateDir;

/// How long the Kubernetes API may take to answer on a node that runs.
const API_PATIENCE: Duration = Duration::from_secs(180);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub name: String,
    /// Whether it was made or started now.
    pub made: bool,
    /// Whether its certificates were renewed: what others keep of them is out of date.
    pub renewed: bool,
    /// What it tells about itself.
    pub found: Inspection,
}

/// Makes sure that the node runs and its containerd answers: from then on
/// images can be brought.
pub(super) async fn ensure(session: &Session<'_>) -> Result<Node> {
    let Session { events, .. } = *session;
    let step = events.step("node");
    let result = ensure_running(session, &step).await;
    let (node, _) = step.end(result, |(node, version)| {
        let detail = format!("{}, Kubernetes {version}", node.name);
        (node.made, detail)
    })?;
    Ok(node)
}

/// Starts a node that was stopped; one that is not whole is not started.
pub(super) async fn start(session: &Session<'_>) -> Result<Node> {
    let Session {
        plan,
        engine,
        events,
        ..
    } = *session;
    let step = events.step("node");
    let result = start_whole(plan, engine, &step).await;
    step.end(result, |node| (node.made, node.name.clone()))
}

async fn start_whole(plan: &Plan, engine: &dyn Engine, step: &Step) -> Result<Node> {
    let name = spec::name(&plan.name);
    let found = engine.container(&name).await?;
    let Some(container) = found.filter(|node| spec::is_ours(node, &plan.name)) else {
        return Err(Error::NothingToStart.into());
    };
    if !container.can_exec() {
        preflight::create_network(engine).await?;
        node::start(engine, &container).await?;
        node::wait_for_containerd(engine, &name).await?;
    }
    let mut found = node::inspect(engine, &name).await?;
    if !found.bootstrapped {
        return Err(Error::NothingToStart.into());
    }
    let revived = revive(engine, &name, &mut found, step).await?;
    Ok(Node {
        name,
        made: !container.can_exec() || revived.changed,
        renewed: revived.renewed,
        found,
    })
}

/// Whether a running node is whole and its containerd answers: then images can be
/// loaded into it.
pub(super) async fn serves(engine: &dyn Engine, node: &str) -> Result<bool> {
    let asked = ["ctr", "-n", "k8s.io", "version"];
    let answers = engine.exec(node, &asked, None).await?.code == 0;
    Ok(answers && whole(engine, node).await?)
}

/// Makes a running node trust the plan's certificates.
pub(super) async fn trust(plan: &Plan, engine: &dyn Engine, node: &str) -> Result<()> {
    if let Some(ca) = &plan.instance.ca
        && node::trust(engine, node, &ca.text).await?
    {
        node::wait_for_containerd(engine, node).await?;
    }
    Ok(())
}

/// Returns the node and its Kubernetes version.
async fn ensure_running(session: &Session<'_>, step: &Step) -> Result<(Node, String)> {
    let Session { plan, engine, .. } = *session;
    preflight::create_network(engine).await?;
    let name = spec::name(&plan.name);
    let reused = match engine.container(&name).await? {
        Some(node) => reuse(session, &node, step).await?,
        None => None,
    };
    let (made, found) = match reused {
        Some(reused) => reused,
        None => {
            step.decide("creating a node");
            make(session, step).await?;
            (true, node::inspect(engine, &name).await?)
        }
    };
    trust(plan, engine, &name).await?;
    let version = found.kubernetes_version()?;
    let node = Node {
        name,
        made,
        // The end of `up` keeps the user's kubeconfig anyway.
        renewed: false,
        found,
    };
    Ok((node, version))
}

/// Starts the node that is there unless it runs. Returns whether it did not run, and what
/// it tells about itself, or `None` where it must be recreated.
async fn reuse(
    session: &Session<'_>,
    node: &Container,
    step: &Step,
) -> Result<Option<(bool, Inspection)>> {
    let Session {
        plan, engine, info, ..
    } = *session;
    let differences = plan.differences(node, info);
    if !differences.is_empty() {
        // Nothing is stopped for an image that cannot be had.
        image(session, step).await?;
        data::check_owners(session).await?;
        step.warn(anew(&differences));
        if node.paused {
            node::start(engine, node).await?;
        }
        if node.running && whole(engine, &node.name).await? {
            node::stop_in_order(engine, &node.name, step).await?;
        }
        return Ok(None);
    }
    if !node.can_exec() {
        step.state("starting the node again");
        node::start(engine, node).await?;
        node::wait_for_containerd(engine, &node.name).await?;
    }
    let mut found = node::inspect(engine, &node.name).await?;
    if found.bootstrapped {
        step.decide("using the node that exists: nothing differs from the settings");
        let revived = revive(engine, &node.name, &mut found, step).await?;
        return Ok(Some((!node.can_exec() || revived.changed, found)));
    }
    step.state("recreating an incomplete node");
    Ok(None)
}

fn anew(differences: &[Difference]) -> String {
    format!(
        "the node is recreated, its data and images are kept: {}",
        words(differences).join("; ")
    )
}

/// What differs, in words.
pub(super) fn words(differences: &[Difference]) -> Vec<String> {
    differences
        .iter()
        .map(|(what, is, wanted)| format!("{what} changes from {is} to {wanted}"))
        .collect()
}

async fn whole(engine: &dyn Engine, node: &str) -> Result<bool> {
    Ok(node::is_bootstrapped(engine, node).await?)
}

/// The node's image, pulled unless the engine has it.
pub(super) async fn image(session: &Session<'_>, step: &Step) -> Result<Image> {
    let Session {
        plan,
        request,
        engine,
        info,
        ..
    } = *session;
    let reference = &plan.instance.node_image;
    if let Some(image) = engine.image(reference).await? {
        return Ok(image);
    }
    let (wanted, sources) = (RequiredImage::of(reference.clone()), plan.sources(request));
    Ok(images::pull(engine, &wanted, &info.architecture, &sources, step).await?)
}

/// Makes the node container, in the place of a half-made one.
async fn make(session: &Session<'_>, step: &Step) -> Result<()> {
    let Session {
        plan,
        request,
        engine,
        info,
        ..
    } = *session;
    let image = image(session, step).await?;
    data::check_owners(session).await?;
    let spec = NodeSpec {
        api_server_port: free_port()?,
        ..plan.node(&image.id, request.proxies(info), info)
    };
    let name = spec::name(&plan.name);
    let created = data::mark(plan, engine).await?;
    engine.remove(&name).await?;
    step.state("starting");
    if let Err(error) = node::create(engine, &spec).await {
        // Without a container nothing was written to it. The refusal says more than
        // what may go wrong here.
        if let (Some(volume), Ok(None)) = (created, engine.container(&name).await) {
            let _ = engine.remove_volume(volume).await;
        }
        return Err(error.into());
    }
    Ok(())
}

/// A port that nobody uses now.
fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(Error::NoPort)?.port())
}

#[derive(Debug)]
pub(super) struct Kubernetes {
    pub cluster: Cluster,
    pub changed: bool,
    /// Whether it was made now: then nothing of a server is in it.
    pub fresh: bool,
}

/// Makes sure that the node is a cluster with a pod network and a storage class.
pub(super) async fn kubernetes(session: &Session<'_>, node: &Node) -> Result<Kubernetes> {
    let Session { events, .. } = *session;
    let step = events.step("kubernetes");
    let result = ensure_cluster(session, node, &step).await;
    step.end(result, |kubernetes| (kubernetes.changed, String::new()))
}

async fn ensure_cluster(session: &Session<'_>, node: &Node, step: &Step) -> Result<Kubernetes> {
    let Session {
        plan,
        request,
        state,
        engine,
        info,
        ..
    } = *session;
    let cgroup_v1 = info.cgroup_version == "1";
    let (name, found) = (&node.name, &node.found);
    let fresh = !found.bootstrapped;
    let bootstrapped = node::bootstrap(engine, &plan.name, name, found, cgroup_v1, step).await;
    let admin_conf = match bootstrapped {
        Ok(admin_conf) => admin_conf,
        Err(error) => {
            let proxies = request.proxies(info).each().map(ToString::to_string);
            let proxies = proxies.collect();
            return Err(kubeadm_failed(error, state, proxies)?.into());
        }
    };
    let container = engine.container(name).await?.unwrap_or_default();
    let kubeconfig = admin_conf.for_host(&container);
    state.save_kubeconfig(&kubeconfig)?;
    let cluster = Cluster::connect(&kubeconfig)
        .await?
        .with_node_started(container.started);
    step.state("waiting for the Kubernetes API");
    let answered = health::await_api(&cluster, engine, &container, API_PATIENCE, step).await?;
    answered.map_err(Error::ApiSilent)?;
    if node.made && !fresh {
        cluster.delete_old_leader_leases().await?;
    }
    let mut changed = fresh;
    if !found.provisioned {
        step.state("pod network and storage class");
        let network = node::network_objects(engine, &plan.name);
        let storage = node::storage_objects(engine, &plan.name);
        let (mut objects, storage) = tokio::try_join!(network, storage)?;
        objects.extend(storage);
        let applied = cluster.apply(&objects, NAMESPACE).await?;
        node::mark_provisioned(engine, name).await?;
        changed |= applied.iter().any(|o| o.change != Change::Unchanged);
    }
    Ok(Kubernetes {
        cluster,
        changed,
        fresh,
    })
}

/// What is done last, when the server is known to work: the user's kubeconfig, and
/// whether the engine starts the node after a reboot. Earlier it would start a node
/// that fails again and again. Returns whether that changed anything.
pub(super) async fn settle(session: &Session<'_>, node: &Node) -> Result<bool> {
    let Session { plan, engine, .. } = *session;
    let wanted = if plan.instance.autostart {
        "unless-stopped"
    } else {
        "no"
    };
    let mut changed = false;
    let found = engine.container(&node.name).await?.unwrap_or_default();
    if found.restart_policy.as_deref() != Some(wanted) {
        engine.set_restart_policy(&node.name, wanted).await?;
        changed = true;
    }
    changed |= keep_user_kubeconfig(session)?;
    Ok(changed)
}

/// Writes our context into the user's kubeconfig, or takes it out. Returns whether that
/// changed anything.
pub(super) fn keep_user_kubeconfig(session: &Session<'_>) -> Result<bool> {
    let Session {
        plan,
        request,
        state,
        ..
    } = *session;
    let ours = state.kubeconfig()?;
    if let (Some(path), Some(ours)) = (&request.user_kubeconfig, ours) {
        return Ok(if plan.instance.merge_kubeconfig {
            kubeconfig::merge(path, &plan.name, &ours)?
        } else {
            kubeconfig::remove(path, &plan.name)?
        });
    }
    Ok(false)
}

/// Removes a node whose kubeadm failed, unless it must be retained: it could not be resumed.
/// Only when nothing else works in it: what fails because the node is gone would be told
/// in place of the cause.
pub(super) async fn discard(
    error: &crate::error::Error,
    node: &Node,
    request: &Request,
    engine: &dyn Engine,
) -> Result<()> {
    if error.code() == Code::KubeadmFailed && !request.retain {
        engine.remove(&node.name).await?;
    }
    Ok(())
}

/// Keeps the journal of a node whose kubeadm failed.
fn kubeadm_failed(
    error: node::Error,
    state: &StateDir,
    proxies: Vec<String>,
) -> Result<node::Error> {
    let node::Error::Kubeadm {
        reason, tail, log, ..
    } = error
    else {
        return Ok(error);
    };
    let log = state.save_log("kubeadm.log", &log)?;
    Ok(node::Error::KubeadmLogged {
        reason,
        tail,
        log,
        proxies,
    })
}
