//! Streams in memory, outputs to them, and something to print.

pub(super) mod recorded;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::{CheckView, ComponentView, Environment, Output, Policy, Sink, StatusView, Summary};
use crate::component::{Component, State, StateKind};
use crate::diagnose::ObservedImage;
use crate::error::{Error, Explain};
use crate::failures::Failure;
use crate::health::Health;
use crate::hint::{Hint, ours};
use crate::options::{OutputOptions, ProgressChoice};
use crate::probe::Endpoints;
use crate::status::Versions;

/// Replaces the escape character for snapshots.
pub(super) fn visible(text: &str) -> String {
    text.replace('\x1b', "␛")
}

/// A stream in memory.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub(super) fn raw(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    pub(super) fn text(&self) -> String {
        visible(&self.raw())
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream whose writes fail.
pub(super) struct Broken(pub(in crate::ui) io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

pub(super) fn noon() -> Timestamp {
    "2026-02-03T12:00:00.25Z".parse().unwrap()
}

pub(super) fn policy(options: OutputOptions, colour: bool, width: Option<usize>) -> Policy {
    let environment = Environment {
        force_color: colour,
        stdout_terminal: width.is_some(),
        stderr_terminal: width.is_some(),
        stderr_width: width,
        no_color: !colour,
        width,
        home: Some("/home/ada".into()),
        ..Environment::default()
    };
    Policy::new(&options, &environment)
}

pub(super) fn without_progress() -> OutputOptions {
    OutputOptions {
        progress: ProgressChoice::None,
        ..OutputOptions::default()
    }
}

/// Returns an output with its stdout and stderr.
pub(super) fn output(policy: Policy) -> (Output, Memory, Memory) {
    let (out, err) = (Memory::default(), Memory::default());
    let output = Output::to(policy, Sink::new(out.clone()), Sink::new(err.clone()), noon);
    (output, out, err)
}

#[derive(Debug)]
struct Killed;

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "elasticsearch does not start: the kernel killed it for using more than its 1 GiB",
        )
    }
}

impl std::error::Error for Killed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&Cause)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("exit code 137\nOOMKilled")]
struct Cause;

impl Explain for Killed {
    fn failure(&self) -> Failure {
        Failure::OutOfMemory
    }

    fn hints(&self) -> Vec<Hint> {
        vec![
            give_more(),
            Hint::run("see its full log", ours!(Logs, "elasticsearch --previous")),
        ]
    }

    fn details(&self) -> Vec<String> {
        vec![
            "last lines of its log:".into(),
            "  [INFO ] loaded module \x1b[2J\x07[x-pack]".into(),
        ]
    }
}

pub(super) fn give_more() -> Hint {
    let command = ours!(Up, "--set elasticsearch.resources.limits.memory=2Gi");
    Hint::run("increase its memory limit", command)
}

pub(super) fn failure() -> Error {
    Killed.into()
}

fn endpoints() -> Endpoints {
    Endpoints {
        web: "http://localhost:30080".into(),
        api: "http://localhost:30008".into(),
        files: "http://localhost:30081".into(),
    }
}

pub(super) fn summary() -> Summary {
    Summary {
        name: "clearml".into(),
        endpoints: endpoints(),
        data: crate::settings::KeptData::Place(
            PathBuf::from("/home/ada/.local/share/clearml-local/clearml/data").into(),
        ),
        data_bytes: Some(212_000_000),
        took: Duration::from_secs(58),
        phases: [
            ("preflight", 400),
            ("node", 13_800),
            ("images", 22_100),
            ("ready", 125_000),
        ]
        .map(|(name, millis)| (name.to_owned(), Duration::from_millis(millis)))
        .to_vec(),
        timings: None,
        changed: true,
        ready_for: None,
        warnings: Vec::new(),
    }
}

pub(super) fn component(name: Component, reason: Option<&str>, restarts: u32) -> ComponentView {
    let image = match name {
        Component::Redis => {
            "docker.io/library/redis:7.4@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
        }
        Component::Mongodb => "docker.io/bitnamilegacy/mongodb:6.0.10-debian-11-r8",
        Component::Elasticsearch => "docker.elastic.co/elasticsearch/elasticsearch:8.12.0",
        _ => "docker.io/allegroai/clearml:2.0.0-613",
    };
    ComponentView {
        name,
        state: State {
            kind: match reason {
                Some(_) => StateKind::Waiting,
                None => StateKind::Ready,
            },
            reason: reason.unwrap_or_default().to_owned(),
            restarts,
        },
        failure: None,
        image: Some(ObservedImage::parse(Some(image))),
        age_seconds: Some(7_500),
    }
}

pub(super) fn ready() -> StatusView {
    StatusView {
        state: Health::Ready,
        name: "clearml".into(),
        release: Some("1.5.0".into()),
        endpoints: Some(endpoints()),
        components: Component::ALL
            .map(|name| component(name, None, u32::from(name == Component::Redis)))
            .to_vec(),
        data_dir: Some("/home/ada/.local/share/clearml-local/clearml/data".into()),
        data_bytes: Some(212_000_000),
        disk_free_bytes: Some(48_000_000_000),
        checks: [
            ("api", 3),
            ("login", 12),
            ("web", 2),
            ("web to api", 4),
            ("files", 15),
        ]
        .map(|(name, latency_ms)| CheckView {
            name: name.into(),
            ok: true,
            latency_ms,
            error: None,
        })
        .to_vec(),
        versions: Versions {
            server: Some("1.5.0-192".into()),
            kubernetes: Some("v1.37.0".into()),
            node_image: Some("kindest/node:v1.37.0".parse().unwrap()),
            docker: Some("28.5.2".into()),
        },
        starts_after_reboot: Some(true),
        gpus: None,
        sdk: Some(crate::sdk::Uses::NotConfigured),
        agents: Vec::new(),
        queues: Vec::new(),
        notes: Vec::new(),
        findings: Vec::new(),
        hints: Vec::new(),
    }
}
