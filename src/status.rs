//! What is true of an instance now: asked of the engine, the cluster and the
//! server itself, never of the state file.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::data_size::{self, DataSize};
use crate::docker::{self, Container, Engine};
use crate::error::{Code, Error, Explain, Result};
use crate::health::{self, ComponentHealth, Diagnosis, Health, InstanceObservation, NoAnswer};
use crate::hint::Hint;
use crate::image_ref::ImageRef;
use crate::node::{self, spec};
use crate::probe::{Check, Endpoints, Probe};
use crate::recovery::{self, Recalled};
use crate::settings::{Instance, InstanceName};
use crate::state::{Lock, StateDir};
use crate::values::Brief;

/// How long the engine may take until the node is found.
pub const ENGINE_PATIENCE: Duration = Duration::from_millis(1200);
/// How long the cluster and the server may take, with the engine's time before:
/// `status` tells what is known without them.
const PATIENCE: Duration = Duration::from_millis(1400);
/// The same for settings and keys that this home does not keep.
const RECALL_PATIENCE: Duration = Duration::from_millis(1000);
/// How much longer the logs of components in trouble may take, which come last.
const LOGS_PATIENCE: Duration = Duration::from_millis(200);

/// What was found.
#[derive(Debug, Clone)]
pub struct Status {
    pub health: Health,
    /// Whether waiting may make it ready.
    pub may_heal: bool,
    /// Its settings, as they are kept or as the node tells them.
    pub instance: Option<Instance>,
    /// The components, where the cluster answers.
    pub components: Vec<ComponentHealth>,
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
    pub notes: Vec<String>,
    /// What to type next, most useful first.
    pub hints: Vec<Hint>,
}

/// Versions of what runs; `None` for what does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Versions {
    /// The ClearML server.
    pub server: Option<String>,
    /// Kubernetes in the node.
    pub kubernetes: Option<String>,
    pub node_image: Option<ImageRef>,
    pub docker: Option<String>,
}

impl Status {
    /// What is known without the node.
    fn bare(health: Health, instance: Option<&Instance>, notes: Vec<String>) -> Status {
        Status {
            health,
            may_heal: matches!(health, Health::Ready | Health::Starting | Health::Degraded),
            instance: instance.cloned(),
            components: Vec::new(),
            checks: Vec::new(),
            endpoints: instance.map(Endpoints::of),
            versions: Versions::default(),
            data_bytes: None,
            disk_free: None,
            autostart: None,
            notes,
            hints: Vec::new(),
        }
    }
}

/// Finds out how an instance is, in less than two seconds from `began`. Whatever
/// does not answer is left out, and said.
///
/// # Errors
/// When the state is broken.
pub async fn status(
    name: &InstanceName,
    state: &StateDir,
    engine: Result<&dyn Engine>,
    began: Instant,
) -> Result<Status> {
    let instance = state.instance()?;
    let instance = instance.as_ref();
    let asked = ask(name, state, instance, engine, began);
    let (status, sized) = tokio::join!(asked, data_size(instance));
    let mut status = status?;
    let size = match (instance, &status.instance) {
        (Some(kept), Some(shown)) if kept.data_dir == shown.data_dir => sized,
        (_, Some(shown)) => data_size(Some(shown)).await,
        _ => sized,
    };
    status.disk_free = size.free;
    status.data_bytes = size.used;
    Ok(status)
}

async fn data_size(instance: Option<&Instance>) -> DataSize {
    match instance {
        Some(instance) => data_size::measure(&instance.data_dir).await,
        None => DataSize::default(),
    }
}

async fn ask(
    name: &InstanceName,
    state: &StateDir,
    instance: Option<&Instance>,
    engine: Result<&dyn Engine>,
    began: Instant,
) -> Result<Status> {
    let unknown = |error: Error| {
        let health = Health::Unknown(error.code());
        let mut status = Status::bare(health, instance, vec![error.to_string()]);
        status.may_heal = error.is::<Silent>();
        status.hints = error.hints();
        status
    };
    let engine = match engine {
        Ok(engine) => engine,
        Err(error) => return Ok(unknown(error)),
    };
    let node = spec::name(name);
    let until = began + ENGINE_PATIENCE;
    let node = match tokio::time::timeout_at(until.into(), engine.container(&node)).await {
        Ok(Ok(node)) => node,
        Ok(Err(error)) => return Ok(unknown(error.into())),
        Err(_) => return Ok(unknown(Silent.into())),
    };
    match node {
        None => Ok(Status::bare(Health::Absent, instance, Vec::new())),
        Some(node) if !spec::is_ours(&node, name) => {
            let note = format!(
                "the container {} was not created by clearml-local",
                node.name
            );
            Ok(Status::bare(Health::Absent, None, vec![note]))
        }
        Some(node) => {
            let until = began + RECALL_PATIENCE;
            let recalled = recovery::known(&node, instance, state, engine, until).await?;
            let another = recalled.another.clone();
            let mut status = of_node(&node, recalled, state, engine, began).await?;
            if let Some(another) = another {
                status.notes.insert(0, another.to_string());
                status.hints = another.hints();
            }
            Ok(status)
        }
    }
}

async fn of_node(
    node: &Container,
    recalled: Recalled,
    state: &StateDir,
    engine: &dyn Engine,
    began: Instant,
) -> Result<Status> {
    let Recalled {
        instance,
        secrets,
        kubeconfig,
        another: _,
    } = recalled;
    let instance = instance.as_ref();
    let mut status = Status::bare(Health::of_node(node), instance, Vec::new());
    status.autostart = Some(match node.restart_policy.as_deref() {
        Some("always") => true,
        Some("unless-stopped") => node.running,
        _ => false,
    });
    status.versions.node_image = spec::node_image(node);
    if !node.is_awake() {
        return Ok(status);
    }
    let until = began + PATIENCE;
    let known = instance.map(|instance| (instance, Brief::of(&instance.values, &instance.sets)));
    let installed = known.as_ref().map(|(_, brief)| brief.installed());
    let probe = known.as_ref().zip(secrets);
    let probe = probe.map(|((instance, brief), secrets)| {
        Probe::new(instance, brief.login(&secrets)).until(until)
    });
    let probing = async {
        match &probe {
            Some(probe) => probe.all_and_version().await,
            None => (Vec::new(), None),
        }
    };
    let observing = async {
        let kubeconfig = kubeconfig.as_deref().ok_or(NoAnswer::NoCluster)?;
        let installed = installed.as_deref();
        health::observe(
            kubeconfig,
            node.started,
            installed,
            until.into(),
            LOGS_PATIENCE,
        )
        .await
    };
    let working = Lock::holder(state)?;
    let (observed, (checks, server), docker, certificates) = tokio::join!(
        observing,
        probing,
        tokio::time::timeout_at(until.into(), engine.info()),
        tokio::time::timeout_at(until.into(), node::certificates(engine, &node.name)),
    );
    status.checks = checks;
    status.versions.server = server;
    status.versions.docker = docker.ok().and_then(Result::ok).map(|info| info.version);
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
        node,
        working,
        components,
        checks: &status.checks,
        certificates: certificates.ok().and_then(Result::ok).unwrap_or_default(),
    };
    let Diagnosis {
        health,
        may_heal,
        notes,
        hints,
    } = observation.diagnose();
    Ok(Status {
        health,
        may_heal,
        notes,
        hints,
        ..status
    })
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

/// The engine takes connections and says nothing.
#[derive(Debug, thiserror::Error)]
#[error("the Docker engine does not answer")]
pub struct Silent;

impl Explain for Silent {
    fn code(&self) -> Code {
        Code::DockerUnreachable
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("check that it responds", "docker info")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};

    fn home() -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let data = dir.path().join("data");
        let instance = Instance::with_defaults(data.into());
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
        let status = status(&name, &state, Err(gone.into()), Instant::now())
            .await
            .unwrap();
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
        let status = status(&name, &state, Ok(&engine), Instant::now())
            .await
            .unwrap();
        assert_eq!(status.health, Health::Stopped);
        assert_eq!(status.autostart, Some(false), "it was stopped by hand");
        assert!(!status.may_heal);
    }
}
