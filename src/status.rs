//! What is true of an instance now: asked of the engine, the cluster and the
//! server itself, never of the state file.

use std::time::Duration;

use crate::diagnose::{ComponentObservation, diagnose};
use crate::docker::Engine;
use crate::error::Result;
use crate::kube::Cluster;
use crate::node::spec;
use crate::probe::{Check, Endpoints, Probe};
use crate::settings::InstanceName;
use crate::state::{Lock, StateDir};

/// How long the cluster may take to answer: `status` tells what is known
/// without it.
const PATIENCE: Duration = Duration::from_millis(1500);

/// An instance as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// A login works.
    Ready,
    /// It is on its way.
    Starting,
    /// Something is wrong.
    Degraded,
    /// The node is there, and does not run.
    Stopped,
    /// There is no node.
    Absent,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Status {
    /// The instance as a whole.
    pub health: Health,
    /// The components, where the cluster answers.
    pub components: Vec<ComponentObservation>,
    /// The probes, where they were made.
    pub checks: Vec<Check>,
    /// The URLs, where the settings are known.
    pub endpoints: Option<Endpoints>,
    /// What a person should know beside.
    pub notes: Vec<String>,
}

impl Status {
    fn bare(health: Health, endpoints: Option<Endpoints>, notes: Vec<String>) -> Status {
        Status {
            health,
            components: Vec::new(),
            checks: Vec::new(),
            endpoints,
            notes,
        }
    }
}

/// Finds out how an instance is.
///
/// # Errors
/// When the engine does not answer or the state is broken.
pub async fn status(name: &InstanceName, state: &StateDir, engine: &dyn Engine) -> Result<Status> {
    let instance = state.instance()?;
    let endpoints = instance.as_ref().map(Endpoints::of);
    let Some(node) = engine.container(&spec::name(name)).await? else {
        return Ok(Status::bare(Health::Absent, endpoints, Vec::new()));
    };
    if !spec::is_ours(&node, name) {
        let note = format!("the container {} was not made by clearml-local", node.name);
        return Ok(Status::bare(Health::Absent, None, vec![note]));
    }
    if !node.running {
        return Ok(Status::bare(Health::Stopped, endpoints, Vec::new()));
    }
    let working = Lock::holder(state)?;
    let observed = tokio::time::timeout(PATIENCE, observe(state)).await;
    let components = match observed {
        Ok(Ok(components)) => components,
        Ok(Err(why)) => return Ok(unknown(endpoints, working, why)),
        Err(_) => {
            let why = "the Kubernetes API does not answer".to_owned();
            return Ok(unknown(endpoints, working, why));
        }
    };
    let checks = match (&instance, state.secrets()?) {
        (Some(instance), Some(secrets)) => {
            Probe::new(instance, secrets.credentials.tests).all().await
        }
        _ => Vec::new(),
    };
    let health = judge(&components, &checks, working.is_some());
    Ok(Status {
        health,
        components,
        checks,
        endpoints,
        notes: working.map(at_work).into_iter().collect(),
    })
}

async fn observe(state: &StateDir) -> Result<Vec<ComponentObservation>, String> {
    let kubeconfig = state.kubeconfig().map_err(|error| error.to_string())?;
    let kubeconfig = kubeconfig.ok_or("the node is being made")?;
    let cluster = Cluster::connect(&kubeconfig)
        .await
        .map_err(|error| error.to_string())?;
    cluster.observe().await.map_err(|error| error.to_string())
}

fn at_work(holder: String) -> String {
    format!("{holder} works on this instance")
}

/// The cluster says nothing: that is a start while a command works on it, and
/// trouble otherwise.
fn unknown(endpoints: Option<Endpoints>, working: Option<String>, why: String) -> Status {
    let health = match working {
        Some(_) => Health::Starting,
        None => Health::Degraded,
    };
    let mut notes = vec![why];
    notes.extend(working.map(at_work));
    Status::bare(health, endpoints, notes)
}

fn judge(components: &[ComponentObservation], checks: &[Check], working: bool) -> Health {
    let ready = |c: &ComponentObservation| crate::diagnose::describe(c).ready;
    let all_ready = components.iter().all(ready);
    let works = !checks.is_empty() && checks.iter().all(|check| check.failure.is_none());
    if works && all_ready {
        return Health::Ready;
    }
    let beyond_help =
        |c: &ComponentObservation| diagnose(c, &[]).is_some_and(|finding| !finding.heals);
    let broken = components.iter().any(beyond_help);
    let absent = components.iter().any(|c| c.workload.is_none());
    if working || (!broken && !absent && !all_ready) {
        Health::Starting
    } else {
        Health::Degraded
    }
}
