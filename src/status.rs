//! What is true of an instance now: asked of the engine, the cluster and the
//! server itself, never of the state file.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::component::Component;
use crate::diagnose::{ComponentObservation, describe, diagnose};
use crate::docker::{self, Container, Engine};
use crate::error::{Code, Explain, Result};
use crate::files;
use crate::kube::Cluster;
use crate::node::spec;
use crate::probe::{Check, Endpoints, Probe};
use crate::settings::{DataPlace, Instance, InstanceName};
use crate::state::{Lock, StateDir};

/// How long the engine, the cluster and the server may take to answer, each:
/// `status` tells what is known without them.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long the data may take to be counted.
const COUNTING: Duration = Duration::from_millis(300);
/// How much of the log of a component in trouble is read.
const LOG_LINES: i64 = 40;

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
    /// The engine cannot be asked.
    Unknown(Code),
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Status {
    /// The instance as a whole.
    pub health: Health,
    /// Whether waiting may make it ready.
    pub may_heal: bool,
    /// The components, where the cluster answers.
    pub components: Vec<ComponentObservation>,
    /// The end of the log of each component in trouble.
    pub logs: BTreeMap<Component, Vec<String>>,
    /// The probes, where they were made.
    pub checks: Vec<Check>,
    /// The URLs, where the settings are known.
    pub endpoints: Option<Endpoints>,
    /// Which versions run.
    pub versions: Versions,
    /// What the data take, in bytes, where that can be seen soon.
    pub data_bytes: Option<u64>,
    /// Bytes that are free where the data are, where that can be seen.
    pub disk_free: Option<u64>,
    /// Whether the engine starts the server after a reboot, where there is one.
    pub autostart: Option<bool>,
    /// What a person should know beside.
    pub notes: Vec<String>,
}

/// Versions of what runs; `None` for what does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Versions {
    /// The ClearML server.
    pub server: Option<String>,
    /// Kubernetes in the node.
    pub kubernetes: Option<String>,
    /// The node's image.
    pub node_image: Option<String>,
    /// The Docker engine.
    pub docker: Option<String>,
}

impl Status {
    /// What is known without the node.
    fn bare(health: Health, instance: Option<&Instance>, notes: Vec<String>) -> Status {
        let place = instance.map(|instance| &instance.data_dir);
        let folder = place.and_then(DataPlace::folder);
        Status {
            health,
            may_heal: matches!(health, Health::Ready | Health::Starting | Health::Degraded),
            components: Vec::new(),
            logs: BTreeMap::new(),
            checks: Vec::new(),
            endpoints: instance.map(Endpoints::of),
            versions: Versions::default(),
            data_bytes: None,
            disk_free: folder.and_then(files::free_space),
            autostart: None,
            notes,
        }
    }
}

/// Finds out how an instance is. Whatever does not answer is left out, and said.
///
/// # Errors
/// When the state is broken.
pub async fn status(
    name: &InstanceName,
    state: &StateDir,
    engine: Result<&dyn Engine>,
) -> Result<Status> {
    let instance = state.instance()?;
    let unknown = |code, why: String| {
        Ok(Status::bare(
            Health::Unknown(code),
            instance.as_ref(),
            vec![why],
        ))
    };
    let engine = match engine {
        Ok(engine) => engine,
        Err(error) => return unknown(error.code(), error.to_string()),
    };
    let found = tokio::time::timeout(PATIENCE, engine.container(&spec::name(name))).await;
    let node = match found {
        Ok(Ok(node)) => node,
        Ok(Err(error)) => return unknown(error.code(), error.to_string()),
        Err(_) => {
            let why = "the Docker engine does not answer".to_owned();
            return unknown(Code::DockerUnreachable, why);
        }
    };
    let mut status = match node {
        None => Status::bare(Health::Absent, instance.as_ref(), Vec::new()),
        Some(node) if !spec::is_ours(&node, name) => {
            let note = format!("the container {} was not made by clearml-local", node.name);
            Status::bare(Health::Absent, None, vec![note])
        }
        Some(node) => of_node(&node, instance.as_ref(), state, engine).await?,
    };
    status.data_bytes = data_bytes(instance.as_ref()).await;
    Ok(status)
}

/// Counts the data, unless that takes long: there may be millions of files.
async fn data_bytes(instance: Option<&Instance>) -> Option<u64> {
    let folder = instance?.data_dir.folder()?.to_owned();
    let count = tokio::task::spawn_blocking(move || files::size_of_tree(&folder));
    tokio::time::timeout(COUNTING, count).await.ok()?.ok()
}

async fn of_node(
    node: &Container,
    instance: Option<&Instance>,
    state: &StateDir,
    engine: &dyn Engine,
) -> Result<Status> {
    let mut status = Status::bare(Health::Stopped, instance, Vec::new());
    status.autostart = Some(match node.restart_policy.as_deref() {
        Some("always") => true,
        Some("unless-stopped") => node.running,
        _ => false,
    });
    status.versions.node_image = spec::node_image(node);
    if !node.running {
        return Ok(status);
    }
    let working = Lock::holder(state)?;
    status.notes = working.iter().map(at_work).collect();
    let secrets = state.secrets()?;
    let probe = instance.zip(secrets).map(|(instance, secrets)| {
        Probe::new(instance, secrets.credentials.tests).patient_for(PATIENCE)
    });
    let probing = async {
        match &probe {
            Some(probe) => tokio::join!(probe.all(), probe.server_version()),
            None => (Vec::new(), None),
        }
    };
    let (observed, (checks, server), docker) = tokio::join!(
        tokio::time::timeout(PATIENCE, observe(state)),
        probing,
        tokio::time::timeout(PATIENCE, engine.info()),
    );
    status.checks = checks;
    status.versions.server = server;
    status.versions.docker = docker.ok().and_then(Result::ok).map(|info| info.version);
    let silent = || Err("the Kubernetes API does not answer".to_owned());
    match observed.unwrap_or_else(|_| silent()) {
        Ok(seen) => {
            status.components = seen.components;
            status.logs = seen.logs;
            status.versions.kubernetes = seen.kubernetes;
            let broken = broken(&status);
            status.health = judge(&status, broken, working.is_some());
            status.may_heal = status.health == Health::Ready || working.is_some() || !broken;
        }
        // That is a start while a command works on it, and trouble otherwise.
        Err(why) => {
            status.health = match working {
                Some(_) => Health::Starting,
                None => Health::Degraded,
            };
            status.may_heal = true;
            status.notes.insert(0, why);
        }
    }
    Ok(status)
}

/// What the cluster says.
struct Seen {
    components: Vec<ComponentObservation>,
    logs: BTreeMap<Component, Vec<String>>,
    kubernetes: Option<String>,
}

async fn observe(state: &StateDir) -> Result<Seen, String> {
    let kubeconfig = state.kubeconfig().map_err(|error| error.to_string())?;
    let kubeconfig = kubeconfig.ok_or("the node is being made")?;
    let cluster = Cluster::connect(&kubeconfig)
        .await
        .map_err(|error| error.to_string())?;
    let (components, version) = tokio::join!(cluster.observe(), cluster.version());
    let components = components.map_err(|error| error.to_string())?;
    let mut logs = BTreeMap::new();
    for seen in &components {
        let state = describe(seen);
        // Only a log tells why a process ended by itself.
        if !state.ready
            && state.restarts > 0
            && let Ok(tail) = cluster.last_lines(seen, LOG_LINES).await
        {
            logs.insert(seen.component, tail.lines);
        }
    }
    Ok(Seen {
        components,
        logs,
        kubernetes: version.ok(),
    })
}

fn at_work(holder: &String) -> String {
    format!("{holder} works on this instance")
}

/// Whether a component is beyond what waiting heals.
fn broken(status: &Status) -> bool {
    status.components.iter().any(|seen| {
        let log = status.logs.get(&seen.component);
        let log = log.map_or(&[][..], Vec::as_slice);
        !describe(seen).ready && diagnose(seen, log).is_some_and(|finding| !finding.heals)
    })
}

fn judge(status: &Status, broken: bool, working: bool) -> Health {
    let components = &status.components;
    let all_ready = components.iter().all(|seen| describe(seen).ready);
    let works =
        !status.checks.is_empty() && status.checks.iter().all(|check| check.failure.is_none());
    if works && all_ready {
        return Health::Ready;
    }
    let absent = components.iter().any(|seen| seen.workload.is_none());
    if working || (!broken && !absent && !all_ready) {
        Health::Starting
    } else {
        Health::Degraded
    }
}

/// An engine that cannot be had, as `status` is told of it.
///
/// # Errors
/// The same, when it is the user's to mend: a context that is not there.
pub fn reachable<T>(engine: Result<T, docker::Error>) -> Result<Result<T>> {
    match engine {
        Err(error @ docker::Error::Context { .. }) => Err(error.into()),
        other => Ok(other.map_err(Into::into)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::settings::Wishes;

    fn home() -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let data = dir.path().join("data");
        let instance = Wishes::default().instance(None, data.into()).unwrap();
        state.keep_instance(&instance).unwrap();
        (dir, state)
    }

    #[tokio::test]
    async fn without_an_engine_what_was_kept_is_told() {
        let (_dir, state) = home();
        let name = "demo".parse().unwrap();
        let gone = docker::Error::Broken {
            what: "answer".into(),
            reason: "connection refused".into(),
        };
        let status = status(&name, &state, Err(gone.into())).await.unwrap();
        assert_eq!(status.health, Health::Unknown(Code::DockerRefused));
        assert!(!status.may_heal);
        assert!(status.endpoints.is_some());
        assert!(status.notes[0].contains("connection refused"));
    }

    #[tokio::test]
    async fn a_stopped_node_tells_whether_it_comes_back() {
        let (_dir, state) = home();
        let name = "demo".parse().unwrap();
        let node = Container {
            name: "demo-control-plane".into(),
            labels: spec::labels(&name),
            restart_policy: Some("unless-stopped".into()),
            ..Container::default()
        };
        let engine = FakeEngine::new(State {
            containers: [(node.name.clone(), node)].into(),
            ..State::default()
        });
        let status = status(&name, &state, Ok(&engine)).await.unwrap();
        assert_eq!(status.health, Health::Stopped);
        assert_eq!(status.autostart, Some(false), "it was stopped by hand");
        assert!(!status.may_heal);
    }
}
