//! The current status of an instance, queried from the engine, the cluster and the server
//! and never from the state file.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::data_size::{self, DataSize};
use crate::docker::{self, Container, Engine};
use crate::error::{Code, Error, Explain, Result};
use crate::health::{self, ComponentHealth, Diagnosis, Health, InstanceObservation, ObserveError};
use crate::hint::Hint;
use crate::image_ref::ImageRef;
use crate::node::{self, spec};
use crate::probe::{Check, Endpoints, Probe};
use crate::recovery::{self, Recovered};
use crate::session::Session;
use crate::settings::Instance;
use crate::state::Lock;
use crate::values::AccessValues;

/// The time in which the engine must return the node.
pub const ENGINE_TIMEOUT: Duration = Duration::from_millis(1200);
/// The time in which the cluster and the server must respond, the engine's time included;
/// `status` shows what is known without them.
const TIMEOUT: Duration = Duration::from_millis(1400);
/// The same for reading settings and keys that this state directory does not have.
const RECOVERY_TIMEOUT: Duration = Duration::from_millis(1000);
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
    pub notes: Vec<String>,
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

/// Queries the status of an instance, in less than two seconds from `began`. Parts that do
/// not respond in time are left out, with a note; `engine` may be such a part.
pub async fn status(
    session: &Session<'_, ()>,
    engine: Result<&dyn Engine>,
    began: Instant,
) -> Result<Status> {
    let instance = session.state.instance()?;
    let instance = instance.as_ref();
    let querying = query(session, instance, engine, began);
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
        Some(instance) => data_size::measure(&instance.node.data_dir).await,
        None => DataSize::default(),
    }
}

async fn query(
    session: &Session<'_, ()>,
    instance: Option<&Instance>,
    engine: Result<&dyn Engine>,
    began: Instant,
) -> Result<Status> {
    let unknown = |error: Error| {
        let health = Health::Unknown(error.code());
        let mut status = Status::without_node(health, instance, vec![error.to_string()]);
        status.may_recover = error.is::<EngineTimeout>();
        status.hints = error.hints();
        status
    };
    let session = match engine {
        Ok(engine) => &session.with_engine(engine),
        Err(error) => return Ok(unknown(error)),
    };
    let Session { name, engine, .. } = *session;
    let node = spec::name(name);
    let until = began + ENGINE_TIMEOUT;
    let node = match tokio::time::timeout_at(until.into(), engine.container(&node)).await {
        Ok(Ok(node)) => node,
        Ok(Err(error)) => return Ok(unknown(error.into())),
        Err(_) => return Ok(unknown(EngineTimeout.into())),
    };
    match node {
        None => Ok(Status::without_node(Health::Absent, instance, Vec::new())),
        Some(node) if !spec::is_ours(&node, name) => {
            let note = format!(
                "the container {} was not created by clearml-local",
                node.name
            );
            Ok(Status::without_node(Health::Absent, None, vec![note]))
        }
        Some(node) => {
            let until = began + RECOVERY_TIMEOUT;
            let recovered = recovery::complete_from_node(session, &node, instance, until).await?;
            let another = recovered.another.clone();
            let mut status = of_node(session, &node, recovered, began).await?;
            if let Some(another) = another {
                status.notes.insert(0, another.to_string());
                status.hints = another.hints();
            }
            Ok(status)
        }
    }
}

async fn of_node(
    session: &Session<'_>,
    node: &Container,
    recovered: Recovered,
    began: Instant,
) -> Result<Status> {
    let Recovered {
        instance,
        secrets,
        kubeconfig,
        another: _,
    } = recovered;
    let instance = instance.as_ref();
    let mut status = Status::without_node(Health::of_node(node), instance, Vec::new());
    status.autostart = Some(match node.restart_policy.as_deref() {
        Some("always") => true,
        Some("unless-stopped") => node.running,
        _ => false,
    });
    status.versions.node_image = spec::node_image(node);
    if !node.can_exec() {
        return Ok(status);
    }
    let until = began + TIMEOUT;
    let settings = instance.map(|instance| {
        (
            instance,
            AccessValues::of(&instance.values.files, &instance.values.sets),
        )
    });
    let installed = settings.as_ref().map(|(_, access)| access.installed());
    let probe = settings.as_ref().zip(secrets);
    let probe = probe.map(|((instance, access), secrets)| {
        Probe::new(instance, access.login(&secrets)).with_deadline(until)
    });
    let probing = async {
        match &probe {
            Some(probe) => probe.run_with_version().await,
            None => (Vec::new(), None),
        }
    };
    let observing = async {
        let kubeconfig = kubeconfig.as_deref().ok_or(ObserveError::NoCluster)?;
        let installed = installed.as_deref();
        health::observe(
            kubeconfig,
            node.started,
            installed,
            until.into(),
            LOGS_TIMEOUT,
        )
        .await
    };
    let active_command = Lock::holder(session.state)?;
    let (observed, (checks, server), docker, certificates) = tokio::join!(
        observing,
        probing,
        tokio::time::timeout_at(until.into(), session.info()),
        tokio::time::timeout_at(until.into(), node::certificates(session.engine, &node.name)),
    );
    status.checks = checks;
    status.versions.server = server;
    let docker = docker.ok().and_then(Result::ok);
    status.versions.docker = docker.map(|info| info.version.clone());
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
        active_command,
        components,
        checks: &status.checks,
        certificates: certificates.ok().and_then(Result::ok).unwrap_or_default(),
    };
    let Diagnosis {
        health,
        may_recover,
        notes,
        hints,
    } = observation.diagnose();
    Ok(Status {
        health,
        may_recover,
        notes,
        hints,
        ..status
    })
}

/// Turns a failed connection to the engine into a value that `status` reports.
///
/// # Errors
/// The error itself if only the user can fix it: an unknown Docker context.
pub fn tolerate_unreachable<T>(engine: Result<T, docker::Error>) -> Result<Result<T>> {
    match engine {
        Err(error @ docker::Error::Context { .. }) => Err(error.into()),
        other => Ok(other.map_err(Into::into)),
    }
}

/// The engine accepts connections and does not respond.
#[derive(Debug, thiserror::Error)]
#[error("the Docker engine does not answer")]
pub struct EngineTimeout;

impl Explain for EngineTimeout {
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
    use crate::session::TestInstance;
    use crate::state::StateDir;

    fn home() -> (tempfile::TempDir, TestInstance) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let data = dir.path().join("data");
        let instance = Instance::with_defaults(data.into());
        state.save_instance(&instance).unwrap();
        (dir, TestInstance::new(state))
    }

    #[tokio::test]
    async fn without_an_engine_the_stored_settings_are_shown() {
        let (_dir, demo) = home();
        let error = docker::Error::Broken {
            what: "answer".into(),
            reason: "connection refused".into(),
        };
        let session = demo.unconnected();
        let status = status(&session, Err(error.into()), Instant::now()).await;
        let status = status.unwrap();
        assert_eq!(status.health, Health::Unknown(Code::DockerRefused));
        assert!(!status.may_recover);
        assert!(status.endpoints.is_some());
        assert!(status.notes[0].contains("connection refused"));
    }

    #[tokio::test]
    async fn a_stopped_node_shows_whether_it_starts_after_a_reboot() {
        let (_dir, demo) = home();
        let session = demo.unconnected();
        let node = Container {
            name: "demo-control-plane".into(),
            labels: spec::labels(session.name),
            restart_policy: Some("unless-stopped".into()),
            ..Container::default()
        };
        let engine = FakeEngine::new(State {
            containers: [(node.name.clone(), node)].into(),
            ..State::default()
        });
        let status = status(&session, Ok(&engine), Instant::now()).await;
        let status = status.unwrap();
        assert_eq!(status.health, Health::Stopped);
        assert_eq!(status.autostart, Some(false), "it was stopped by hand");
        assert!(!status.may_recover);
    }
}
