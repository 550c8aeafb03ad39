//! The node as the place of a server: its Kubernetes, its images, its add-ons.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::addons::Addons;
use super::ensure::{Node, ensure_running, is_complete, start_existing};
use super::error::Error;
use super::host::Disks;
use super::published::Published;
use super::run::Run;
use super::stuck::StuckNode;
use super::{Local, addons, api, data, images, ingress, node, recovery, stopped};
use crate::diagnose::Addon;
use crate::docker::{self, EngineInfo};
use crate::error::Result;
use crate::event::Step;
use crate::failures::Failure;
use crate::health::Stuck;
use crate::images::{ArrivalSender, Loaded};
use crate::kube::Cluster;
use crate::kubeconfig;
use crate::plan::{Plan, Request};
use crate::provider::{Connected, Place};
use crate::secrets::Secrets;

/// Timeout of the Kubernetes API on a running node.
const API_TIMEOUT: Duration = Duration::from_secs(180);

/// A node as the place of a server.
pub(super) struct NodePlace<'a> {
    local: &'a Local<'a>,
    info: Arc<EngineInfo>,
    plan: &'a Plan,
    request: &'a Request,
    node: Node,
}

/// Ensures that the node is running and containerd answers, so that images can be loaded.
pub(super) async fn ensure<'a>(
    local: &'a Local<'a>,
    plan: &'a Plan,
    request: &'a Request,
) -> Result<NodePlace<'a>> {
    let info = local.info().await?;
    let run = &Run::new(local, &info, request, plan);
    let step = local.events.step("node");
    let result = ensure_running(run, &step).await;
    let (node, _) = step.end(result, |(node, version)| {
        let detail = format!("{}, Kubernetes {version}", node.name);
        (node.started, detail)
    })?;
    data::create_directories(run, &node.name, &node.found).await?;
    Ok(NodePlace {
        local,
        info,
        plan,
        request,
        node,
    })
}

/// Starts a stopped node. Refuses an incomplete node.
pub(super) async fn start<'a>(
    local: &'a Local<'a>,
    plan: &'a Plan,
    request: &'a Request,
) -> Result<NodePlace<'a>> {
    let info = local.info().await?;
    let step = local.events.step("node");
    let result = start_existing(local, &step).await;
    let node = step.end(result, |node| (node.started, node.name.clone()))?;
    Ok(NodePlace {
        local,
        info,
        plan,
        request,
        node,
    })
}

impl NodePlace<'_> {
    fn run(&self) -> Run<'_> {
        Run::new(self.local, &self.info, self.request, self.plan)
    }
}

#[async_trait(?Send)]
impl Place for NodePlace<'_> {
    fn changed(&self) -> bool {
        self.node.started
    }

    async fn stopped(&self) -> crate::error::Error {
        stopped::end_of(self.local.engine(), &self.node.name)
            .await
            .into()
    }

    async fn check_running(&self) -> Result<()> {
        let (engine, node) = (self.local.engine(), &self.node.name);
        match docker::has_ended(engine, node, docker::NOTICED).await? {
            true => Err(docker::Error::stopped(node).into()),
            false => Ok(()),
        }
    }

    async fn connect(&self) -> Result<Connected> {
        let step = self.local.events.step("kubernetes");
        let result = ensure_cluster(&self.run(), &self.node, &step).await;
        step.end(result, |connected| (connected.is_new, String::new()))
    }

    async fn missing_addons(&self, cluster: &Cluster) -> Result<Vec<Addon>> {
        match self.node.found.provisioned {
            true => addons::uninstalled(cluster).await,
            false => Ok(Addon::ALL.into()),
        }
    }

    async fn install_addons(&self, cluster: &Cluster, missing: &[Addon]) -> Result<()> {
        install_addons(&self.run(), &self.node, cluster, missing).await?;
        match self.node.found.provisioned {
            true => Addons::new(cluster).await_ready().await,
            false => Ok(()),
        }
    }

    async fn load_images(&self, arrived: ArrivalSender) -> Result<Loaded> {
        let (wanted, sources) = (self.plan.images(), self.plan.sources(self.request));
        let loaded = images::load(self.local, &self.node.name, &wanted, &sources, arrived);
        Ok(loaded.await?)
    }

    /// Removes a node whose `kubeadm init` failed, because it cannot continue, unless the node
    /// must be retained. A complete node stays: its databases may be running.
    async fn after_failure(&self, error: &crate::error::Error) -> Result<()> {
        let engine = self.local.engine();
        if error.failure() == Failure::KubeadmFailed
            && !self.request.retain
            && !is_complete(engine, &self.node.name).await?
        {
            let step = self.local.events.step("node");
            step.state("removing the incomplete node");
            let removed = node::remove(engine, &self.node.name, &step).await;
            step.end(removed, |()| (true, "removed".to_owned()))?;
        }
        Ok(())
    }

    async fn keep(&self, secrets: &Secrets, cluster: &Cluster) -> Result<()> {
        ingress::check_certificates(&self.run(), cluster).await?;
        if let Some(node) = recovery::node_of(self.local).await? {
            self.local.state.save_node(&node.id)?;
            recovery::save(self.local, secrets, &self.plan.instance, &node, cluster).await?;
        }
        Ok(())
    }

    async fn started(&self) -> Result<()> {
        if self.node.revived.renewed {
            update_user_kubeconfig(&self.run())?;
        }
        if let Some(node) = recovery::node_of(self.local).await? {
            self.local.state.save_node(&node.id)?;
        }
        Ok(())
    }

    async fn stuck<'p>(&'p self, cluster: &'p Cluster) -> Result<Box<dyn Stuck + 'p>> {
        let engine = self.local.engine();
        let container = engine.container(&self.node.name).await?.unwrap_or_default();
        let ports = self.plan.node_ports();
        Ok(Box::new(StuckNode {
            engine,
            node: &self.node.name,
            addons: Addons::new(cluster),
            disks: Disks {
                info: &self.info,
                data: &self.plan.instance.node.data_dir,
            },
            ports: Published::server(&container, ports),
        }))
    }

    async fn finish(&self) -> Result<bool> {
        data::write_marker(self.plan, self.local.engine()).await?;
        data::record_use(self.plan, self.local.state)?;
        finish_node(&self.run(), &self.node).await
    }
}

async fn ensure_cluster(run: &Run<'_>, node: &Node, step: &Step) -> Result<Connected> {
    let Run { local, info, .. } = *run;
    let (state, engine) = (local.state, local.engine());
    let cgroup_v1 = info.cgroup_version == "1";
    let (name, found) = (&node.name, &node.found);
    let is_new = !found.bootstrapped;
    let bootstrapped = node::bootstrap(local, name, found, cgroup_v1, step).await;
    let admin_conf = match bootstrapped {
        Ok(admin_conf) => admin_conf,
        Err(error) => return Err(kubeadm_failed(run, error)?.into()),
    };
    let container = engine.container(name).await?.unwrap_or_default();
    let kubeconfig = admin_conf.for_host(&container);
    state.save_kubeconfig(&kubeconfig)?;
    let cluster = Cluster::connect(&kubeconfig)
        .await?
        .with_node_started(node.revived.stopped.or(container.started));
    step.state("waiting for the Kubernetes API");
    let answered = api::await_api(&cluster, engine, &container, API_TIMEOUT, step).await?;
    answered.map_err(Error::ApiUnreachable)?;
    // The controllers keep running while the kubelet is stopped.
    let controllers_started = node.started && node.revived.stopped.is_none();
    if controllers_started && !is_new {
        cluster.delete_old_leader_leases().await?;
    }
    Ok(Connected { cluster, is_new })
}

async fn install_addons(
    run: &Run<'_>,
    node: &Node,
    cluster: &Cluster,
    missing: &[Addon],
) -> Result<()> {
    let local = run.local;
    let of_kubeadm = async {
        match node::install_addons(local, &node.name, missing).await {
            Err(error) => Err(crate::error::Error::from(kubeadm_failed(run, error)?)),
            Ok(()) => Ok(()),
        }
    };
    let of_image = async {
        let network = node::network_objects(local);
        let storage = node::storage_objects(local);
        let (mut objects, storage) = tokio::try_join!(network, storage)?;
        objects.extend(storage);
        cluster.apply(&objects).await?;
        Ok(())
    };
    tokio::try_join!(of_kubeadm, of_image)?;
    Ok(node::mark_provisioned(local.engine(), &node.name).await?)
}

/// Updates the user's kubeconfig and the restart policy of the node. Called when the server is
/// ready: if it were set earlier, the engine would restart a failing node again and again.
/// Returns whether anything changed.
async fn finish_node(run: &Run<'_>, node: &Node) -> Result<bool> {
    let engine = run.local.engine();
    let wanted = if run.plan.instance.node.autostart {
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
    changed |= update_user_kubeconfig(run)?;
    Ok(changed)
}

/// Adds the context to the user's kubeconfig, or removes it. Returns whether anything changed.
fn update_user_kubeconfig(run: &Run<'_>) -> Result<bool> {
    let Local { name, state, .. } = run.local;
    let ours = state.kubeconfig()?;
    if let (Some(path), Some(ours)) = (&run.request.user_kubeconfig, ours) {
        return Ok(if run.plan.instance.node.merge_kubeconfig {
            kubeconfig::merge(path, name, &ours)?
        } else {
            kubeconfig::remove(path, name)?
        });
    }
    Ok(false)
}

/// Saves the journal of a node whose kubeadm failed.
fn kubeadm_failed(run: &Run<'_>, error: node::Error) -> Result<node::Error> {
    let node::Error::Kubeadm {
        reason, tail, log, ..
    } = error
    else {
        return Ok(error);
    };
    let log = run.local.state.save_log("kubeadm.log", &log)?;
    let proxies = run.proxies().each();
    Ok(node::Error::KubeadmLogged {
        reason,
        tail,
        log,
        proxies: proxies.map(ToString::to_string).collect(),
    })
}
