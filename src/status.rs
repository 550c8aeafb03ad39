//! What is true of an instance now: asked of the engine, the cluster and the
//! server itself, never of the state file.

mod observe;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use self::observe::observe;
use crate::component::Component;
use crate::data_size::{self, DataSize};
use crate::diagnose::{ComponentObservation, Finding, Stale, describe, diagnose};
use crate::docker::{self, Container, Engine};
use crate::error::{Code, Error, Explain, Result};
use crate::image_ref::ImageRef;
use crate::node::{self, spec};
use crate::probe::{Check, Endpoints, Probe, ingress_hint};
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
/// How long after the node's start it is taken to be on its way.
const STARTING: SignedDuration = SignedDuration::from_mins(3);
const UNREPORTED: &str = "the node's kubelet does not report, so the state of the components is \
    unknown";

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
    /// The node is there, and its processes are frozen.
    Paused,
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
    /// Its settings, as they are kept or as the node tells them.
    pub instance: Option<Instance>,
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
    /// What to type next, most useful first.
    pub hints: Vec<String>,
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
    pub node_image: Option<ImageRef>,
    /// The Docker engine.
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
            logs: BTreeMap::new(),
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
    if node.paused {
        status.health = Health::Paused;
        return Ok(status);
    }
    let until = began + PATIENCE;
    let working = Lock::holder(state)?;
    status.notes = working.iter().map(at_work).collect();
    let known = instance.map(|instance| (instance, Brief::of(&instance.values, &instance.sets)));
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
    let (observed, (checks, server), docker, certificates) = tokio::join!(
        observe(kubeconfig, working.is_some(), node.started, began),
        probing,
        tokio::time::timeout_at(until.into(), engine.info()),
        tokio::time::timeout_at(until.into(), node::certificates(engine, &node.name)),
    );
    let certificates = certificates.ok().and_then(Result::ok).unwrap_or_default();
    let now = Timestamp::now();
    let is_young = node.started.is_some_and(|started| {
        now.duration_since(started) < STARTING && !certificates.expired(now)
    });
    status.checks = checks;
    status.versions.server = server;
    status.versions.docker = docker.ok().and_then(Result::ok).map(|info| info.version);
    match observed {
        Ok(seen) => {
            status.components = seen.components;
            if let Some((_, brief)) = &known {
                let installed = brief.installed();
                let is_installed = |one: &ComponentObservation| installed.contains(&one.component);
                status.components.retain(is_installed);
            }
            status.logs = seen.logs;
            status.versions.kubernetes = seen.kubernetes;
            let findings = beyond_help(&status);
            let silent = status.components.iter().any(is_unreported);
            if silent {
                status.notes.push(UNREPORTED.into());
            }
            let broken = !findings.is_empty();
            let starts = working.is_some() || (is_young && !broken && !silent);
            status.health = judge(&status, broken || silent, starts);
            status.may_heal = status.health == Health::Ready || working.is_some() || !broken;
            status.hints = findings.into_iter().filter_map(next_step).collect();
            if silent && working.is_none() {
                status.hints.push("start it again: clearml-local up".into());
            }
            status
                .hints
                .extend(ingress_hint(&status.checks, &node.name));
        }
        // That is a start while a command works on it, and trouble otherwise.
        Err(why) => {
            status.may_heal = working.is_some() || !certificates.expired(now);
            status.notes.insert(0, why);
            status.health = Health::Starting;
            if working.is_none() && is_young {
                status.notes.push("the node has just been started".into());
            } else if working.is_none() {
                status.health = Health::Degraded;
                status.hints = vec![
                    "start it again: clearml-local up".into(),
                    "see the logs of the node: clearml-local logs --node".into(),
                ];
            }
        }
    }
    if let Some(trouble) = certificates.trouble(now) {
        status.notes.push(trouble);
        if working.is_none() {
            status
                .hints
                .insert(0, "renew the certificates: clearml-local up".into());
        }
    }
    Ok(status)
}

/// Whether nobody reports how a component is.
fn is_unreported(seen: &ComponentObservation) -> bool {
    let mut pods = seen.pods.iter();
    pods.any(|pod| pod.stale == Some(Stale::NoReport))
}

fn at_work(holder: &String) -> String {
    format!("{holder} is working on this instance")
}

/// What is wrong with components and does not heal by waiting.
fn beyond_help(status: &Status) -> Vec<Finding> {
    let troubled = status.components.iter().filter(|seen| !seen.is_ready());
    let findings = troubled.filter_map(|seen| {
        let log = status.logs.get(&seen.component);
        diagnose(seen, log.map_or(&[][..], Vec::as_slice))
    });
    findings.filter(|finding| !finding.heals).collect()
}

/// The most useful hint that says more than to come here.
fn next_step(finding: Finding) -> Option<String> {
    let mut hints = finding.hints.into_iter();
    hints.find(|hint| !hint.ends_with("clearml-local status"))
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

/// The engine takes connections and says nothing.
#[derive(Debug, thiserror::Error)]
#[error("the Docker engine does not answer")]
pub struct Silent;

impl Explain for Silent {
    fn code(&self) -> Code {
        Code::DockerUnreachable
    }

    fn hints(&self) -> Vec<String> {
        vec!["check that it responds: docker info".into()]
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
