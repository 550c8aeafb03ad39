//! The parts of the status that the engine and the node know.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::node::{self, spec};
use super::{Local, host, recovery};
use crate::docker::Container;
use crate::error::Result;
use crate::health::{CertificateNote, Health};
use crate::kube::Cluster;
use crate::provider::{Details, GPU, NoAnswer, Recovered, Seen};
use crate::settings::Instance;

/// The time in which the engine must return the node.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_millis(1200);
/// The time in which the cluster and the server must respond, the engine's time included.
pub(super) const PATIENCE: Duration = Duration::from_millis(1400);
/// The same for reading settings and keys that this state directory does not have.
const RECOVERY_TIMEOUT: Duration = Duration::from_millis(1000);

pub(super) async fn look(
    local: &Local<'_>,
    stored: Option<&Instance>,
    began: Instant,
) -> Result<Seen> {
    let name = spec::name(local.name);
    let until = began + RESPONSE_TIMEOUT;
    let asked = tokio::time::timeout_at(until.into(), local.engine().container(&name));
    let Some(node) = asked.await.map_err(|_| NoAnswer)?? else {
        return Ok(absent(stored, None));
    };
    if !spec::is_ours(&node, local.name) {
        let note = format!(
            "the container {} was not created by clearml-local",
            node.name
        );
        return Ok(absent(None, Some(note)));
    }
    let until = began + RECOVERY_TIMEOUT;
    Ok(Seen {
        health: health_of(&node),
        recovered: recovery::complete_from_node(local, &node, stored, until).await?,
        note: None,
        runs: node.can_exec(),
        started: node.started,
        autostart: Some(match node.restart_policy.as_deref() {
            Some("always") => true,
            Some("unless-stopped") => node.running,
            _ => false,
        }),
        node_image: spec::node_image(&node),
    })
}

fn absent(stored: Option<&Instance>, note: Option<String>) -> Seen {
    Seen {
        health: Health::Absent,
        recovered: Recovered {
            instance: stored.cloned(),
            ..Recovered::default()
        },
        note,
        runs: false,
        started: None,
        autostart: None,
        node_image: None,
    }
}

/// Returns the health according to the node's container, without a check of the server.
pub(super) fn health_of(node: &Container) -> Health {
    match (node.running, node.paused) {
        (true, true) => Health::Paused,
        (true, false) => Health::Running,
        (false, _) => Health::Stopped,
    }
}

pub(super) async fn details(
    local: &Local<'_>,
    cluster: Option<&Cluster>,
    until: Instant,
) -> Details {
    let name = spec::name(local.name);
    let addons = async {
        let observed = cluster?.addons().await.ok()?;
        Some(observed.iter().filter_map(|one| one.trouble()).collect())
    };
    let settings = local.state.instance().ok().flatten();
    let gpus = async {
        let wanted = settings.as_ref()?.node.gpus;
        let cluster = cluster.filter(|_| !wanted.is_none())?;
        cluster.allocatable(GPU).await.ok()?
    };
    let (addons, gpus, info, certificates) = tokio::join!(
        tokio::time::timeout_at(until.into(), addons),
        tokio::time::timeout_at(until.into(), gpus),
        tokio::time::timeout_at(until.into(), local.info()),
        tokio::time::timeout_at(until.into(), node::certificates(local.engine(), &name)),
    );
    let info = info.ok().and_then(Result::ok);
    let certificates = certificates.ok().and_then(Result::ok).unwrap_or_default();
    let now = Timestamp::now();
    let data = settings.as_ref().map(|settings| &settings.node.data_dir);
    Details {
        host: info
            .as_deref()
            .map(|info| host::troubles(info, data, now))
            .unwrap_or_default(),
        addons: addons.ok().flatten().unwrap_or_default(),
        gpus: gpus.ok().flatten(),
        docker: info.map(|info| info.version.clone()),
        certificates: certificates.warning(now).map(|text| CertificateNote {
            text,
            expired: certificates.expired(now),
        }),
    }
}
