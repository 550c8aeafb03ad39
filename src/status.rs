//! The current status of an instance, queried from the engine, the cluster and the server
//! and never from the state file.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::agent::{self, Overview};
use crate::data_size::{self, DataSize};
use crate::error::{Error, Result};
use crate::health::{self, ComponentHealth, Diagnosis, Health, InstanceObservation, ObserveError};
use crate::hint::Hint;
use crate::image_ref::ImageRef;
use crate::preflight::Finding;
use crate::probe::{Check, Endpoints, Probe};
use crate::provider::{NoAnswer, Provider, Recovered, Seen};
use crate::settings::Instance;
use crate::state::{Lock, StateDir};
use crate::values::AccessValues;

/// The additional time for the logs of failing components, which are read last.
const LOGS_TIMEOUT: Duration = Duration::from_millis(200);

/// The status of an instance.
#[derive(Debug, Clone)]
pub struct Status {
    pub health: Health,
    /// Whether waiting may make it ready.
    pub may_recover: bool,
    /// Its settings, from the state directory or from the node.
    pub instance: Option<Instance>,
    /// The components; empty if the cluster does not respond.
    pub components: Vec<ComponentHealth>,
    /// The checks; empty if none ran.
    pub checks: Vec<Check>,
    /// The URLs, if the settings are known.
    pub endpoints: Option<Endpoints>,
    pub versions: Versions,
    /// The size of the data in bytes, if it can be determined quickly.
    pub data_bytes: Option<u64>,
    /// The free space of the data's file system in bytes, if known.
    pub disk_free: Option<u64>,
    /// Whether the engine starts the server after a reboot, if the node exists.
    pub autostart: Option<bool>,
    /// The GPUs of the node, if it was created with some.
    pub gpus: Option<u64>,
    /// The agents and the queues of the server; empty if they are unknown.
    pub(crate) work: Overview,
    pub notes: Vec<String>,
    /// What is wrong, as entries of the catalogue of failures.
    pub(crate) findings: Vec<Finding>,
    /// The remedies, most useful first.
    pub hints: Vec<Hint>,
}

/// The versions that run; `None` if unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Versions {
    /// The ClearML server.
    pub server: Option<String>,
    pub kubernetes: Option<String>,
    pub node_image: Option<ImageRef>,
    pub docker: Option<String>,
}

impl Status {
    /// Creates the status of an instance whose node was not queried.
    fn without_node(health: Health, instance: Option<&Instance>, notes: Vec<String>) -> Status {
        Status {
            health,
            may_recover: matches!(health, Health::Ready | Health::Starting | Health::Degraded),
            instance: instance.cloned(),
            components: Vec::new(),
            checks: Vec::new(),
            endpoints: instance.and_then(Endpoints::known),
            versions: Versions::default(),
            data_bytes: None,
            disk_free: None,
            autostart: None,
            gpus: None,
            work: Overview::default(),
            notes,
            findings: Vec::new(),
            hints: Vec::new(),
        }
    }
}

/// Queries the status of an instance; of one in a local node in less than two seconds from
/// `began`. Parts that do not respond in time are left out, with a note; `provider` may be such a part.
pub async fn status(
    state: &StateDir,
    provider: Result<&dyn Provider>,
    began: Instant,
) -> Result<Status> {
    let instance = state.instance()?;
    let instance = instance.as_ref();
    let querying = query(state, instance, provider, began);
    let (status, sized) = tokio::join!(querying, data_size(instance));
    let mut status = status?;
    let size = match (instance, &status.instance) {
        (Some(stored), Some(shown)) if stored.node.data_dir == shown.node.data_dir => sized,
        (_, Some(shown)) => data_size(Some(shown)).await,
        _ => sized,
    };
    status.disk_free = size.free;
    status.data_bytes = size.used;
    Ok(status)
}

async fn data_size(instance: Option<&Instance>) -> DataSize {
    match instance {
        Some(instance) if instance.cluster.is_none() => {
            data_size::measure(&instance.node.data_dir).await
        }
        _ => DataSize::default(),
    }
}

async fn query(
    state: &StateDir,
    instance: Option<&Instance>,
    provider: Result<&dyn Provider>,
    began: Instant,
) -> Result<Status> {
    let unknown = |error: Error| {
        let health = Health::Unknown(error.failure());
        let mut status = Status::without_node(health, instance, vec![error.to_string()]);
        status.may_recover = error.is::<NoAnswer>();
        status.findings = vec![Finding::of_error(&error)];
        status.hints = error.hints();
        status
    };
    let provider = match provider {
        Ok(provider) => provider,
        Err(error) => return Ok(unknown(error)),
    };
    let seen = match provider.look(instance, began).await {
        Ok(seen) => seen,
        Err(error) => return Ok(unknown(error)),
    };
    let another = seen.recovered.another.clone();
    let mut status = Box::pin(of_place(state, provider, seen, began)).await?;
    if let Some(another) = another {
        status.notes.insert(0, another.what.clone());
        status.hints.clone_from(&another.remedies);
        status.findings.insert(0, another);
    }
    Ok(status)
}

async fn of_place(
    state: &StateDir,
    provider: &dyn Provider,
    seen: Seen,
    began: Instant,
) -> Result<Status> {
    let Recovered {
        instance,
        secrets,
        cluster,
        another: _,
    } = seen.recovered;
    let instance = instance.as_ref();
    let notes = seen.note.into_iter().collect();
    let mut status = Status::without_node(seen.health, instance, notes);
    status.autostart = seen.autostart;
    status.versions.node_image = seen.node_image;
    if !seen.runs {
        return Ok(status);
    }
    let until = began + provider.patience();
    let settings = instance.map(|instance| {
        (
            instance,
            AccessValues::of(&instance.values.files, &instance.values.sets),
        )
    });
    let installed = settings.as_ref().map(|(_, access)| access.installed());
    let cluster = cluster.map(|cluster| cluster.with_node_started(seen.started));
    let cluster = &cluster;
    let probing = async {
        let ((instance, values), secrets) = settings.as_ref().zip(secrets)?;
        let access = tokio::time::timeout_at(until.into(), provider.access(instance));
        let access = access.await.ok()?.ok()?;
        let targets = &access.targets;
        let probe = Probe::new(targets.clone(), values.login(&secrets)).with_deadline(until);
        let credentials = values.login(&secrets);
        let working = async {
            let server = agent::Server {
                cluster: cluster.as_ref()?,
                settings: instance,
                credentials: &credentials,
                access: &access,
            };
            let asking = Box::pin(agent::observe(&server));
            tokio::time::timeout_at(until.into(), asking)
                .await
                .ok()?
                .ok()
        };
        let (probed, work) = tokio::join!(probe.run_with_version(), working);
        Some((access, probed, work.unwrap_or_default()))
    };
    let observing = async {
        let cluster = cluster.as_ref().ok_or(ObserveError::NoCluster)?;
        let installed = installed.as_deref();
        health::observe(cluster, installed, until.into(), LOGS_TIMEOUT).await
    };
    let active_command = Lock::holder(state)?;
    let details = provider.details(cluster.as_ref(), until);
    let (observed, probed, details) = tokio::join!(observing, probing, details);
    let mut unreachable = Vec::new();
    if let Some((access, (checks, server), work)) = probed {
        unreachable = access.warnings;
        status.endpoints = Some(access.endpoints);
        status.work = work;
        status.checks = checks;
        status.versions.server = server;
    }
    status.versions.docker = details.docker;
    status.gpus = details.gpus;
    let components = match observed {
        Ok(observed) => {
            status.versions.kubernetes = observed.kubernetes;
            status.components = observed.components;
            Ok(status.components.as_slice())
        }
        Err(why) => Err(why),
    };
    let observation = InstanceObservation {
        at: Timestamp::now(),
        started: seen.started,
        kubectl: provider.kubectl(),
        active_command,
        components,
        checks: &status.checks,
        certificates: details.certificates,
        addons: &details.addons,
        host: &details.host,
    };
    let Diagnosis {
        health,
        may_recover,
        mut notes,
        mut findings,
        mut hints,
    } = observation.diagnose();
    notes.extend(unreachable);
    // A server that is not ready has more urgent problems.
    if health == Health::Ready {
        notes.extend(status.work.problems.iter().map(|one| one.what.clone()));
        hints.extend(
            status
                .work
                .problems
                .iter()
                .flat_map(|one| one.remedies.clone()),
        );
        findings.append(&mut status.work.problems);
    }
    Ok(Status {
        health,
        may_recover,
        notes,
        findings,
        hints,
        ..status
    })
}

#[cfg(test)]
mod tests;
