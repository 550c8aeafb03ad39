//! Errors, summaries, status and logs.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::component::{Component, State, StateKind};
use crate::diagnose::ObservedImage;
use crate::error::{Code, Error, Explain};
use crate::health::Health;
use crate::hint::{Hint, ours};

use super::super::{CheckView, ComponentView, StatusView, Summary};
use super::{Policy, output, policy, without_progress};
use crate::options::{Format, OutputOptions, ProgressChoice};
use crate::probe::Endpoints;
use crate::status::Versions;

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
    fn code(&self) -> Code {
        Code::ComponentOutOfMemory
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

fn give_more() -> Hint {
    let command = ours!(Up, "--set elasticsearch.resources.limits.memory=2Gi");
    Hint::run("increase its memory limit", command)
}

pub(super) fn failure() -> Error {
    Killed.into()
}

pub(super) fn endpoints() -> Endpoints {
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
        data_dir: PathBuf::from("/home/ada/.local/share/clearml-local/clearml/data").into(),
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

fn component(name: Component, reason: Option<&str>, restarts: u32) -> ComponentView {
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
        notes: Vec::new(),
        hints: Vec::new(),
    }
}

fn degraded() -> StatusView {
    let mut view = ready();
    view.state = Health::Degraded;
    view.components[2] = component(
        Component::Elasticsearch,
        Some("out of memory: limit 1 GiB"),
        2,
    );
    view.components[3] = component(Component::Apiserver, Some("waiting for elasticsearch"), 0);
    view.notes = vec!["The node does not keep up: its disk is 97 % full.".into()];
    view.hints = vec![give_more()];
    view
}

fn not_running(state: Health, name: &str) -> StatusView {
    StatusView {
        state,
        name: name.into(),
        release: None,
        endpoints: None,
        components: Vec::new(),
        data_dir: (state == Health::Stopped).then(|| "/srv/data".into()),
        data_bytes: None,
        disk_free_bytes: None,
        checks: Vec::new(),
        versions: Versions::default(),
        starts_after_reboot: (state == Health::Stopped).then_some(false),
        notes: Vec::new(),
        hints: Vec::new(),
    }
}

fn status(view: &StatusView, policy: Policy) -> String {
    let (output, out, _) = output(policy);
    output.status(view).unwrap();
    out.text()
}

#[test]
fn errors() {
    for (colour, width, name) in [
        (false, None, "error"),
        (false, Some(40), "error_at_40"),
        (true, Some(80), "error_in_colour_at_80"),
    ] {
        let (output, out, err) = output(policy(without_progress(), colour, width));
        output.error(&failure());
        assert_eq!(out.text(), "");
        insta::assert_snapshot!(name, err.text());
    }
}

#[test]
fn summary_of_up() {
    for (colour, width, name) in [
        (false, None, "summary"),
        (true, Some(80), "summary_in_colour"),
        (false, Some(40), "summary_at_40"),
    ] {
        let (output, out, err) = output(policy(without_progress(), colour, width));
        output.summary(&summary()).unwrap();
        insta::assert_snapshot!(name, format!("{}--- stderr\n{}", out.text(), err.text()));
    }
}

#[test]
fn summary_of_an_up_without_changes() {
    let unchanged = Summary {
        name: "second".into(),
        changed: false,
        ready_for: Some(Duration::from_secs(10_800)),
        warnings: vec!["the disk is 91 % full".into()],
        ..summary()
    };
    let (output, out, err) = output(policy(without_progress(), false, None));
    output.summary(&unchanged).unwrap();
    insta::assert_snapshot!(format!("{}--- stderr\n{}", out.text(), err.text()));
}

#[test]
fn quiet_still_prints_the_data() {
    let options = OutputOptions {
        quiet: 1,
        progress: ProgressChoice::Auto,
        ..OutputOptions::default()
    };
    let (output, out, err) = output(policy(options, false, None));
    output.summary(&summary()).unwrap();
    assert!(out.text().contains("http://localhost:30080"));
    assert_eq!(err.text(), "");
}

#[test]
fn status_shows_problems_first() {
    for (width, name) in [(80, "degraded_at_80"), (40, "degraded_at_40")] {
        let policy = policy(without_progress(), false, Some(width));
        insta::assert_snapshot!(name, status(&degraded(), policy));
    }
    insta::assert_snapshot!(
        "degraded_in_colour",
        status(&degraded(), policy(without_progress(), true, Some(80)))
    );
}

#[test]
fn status_of_healthy_stopped_and_absent_instances() {
    let policy = policy(without_progress(), false, Some(80));
    let pages = [
        ready(),
        not_running(Health::Stopped, "clearml"),
        not_running(Health::Absent, "second"),
    ]
    .map(|view| status(&view, policy.clone()));
    insta::assert_snapshot!(pages.join("----\n"));
}

#[test]
fn a_watched_status_replaces_the_previous_one() {
    let (output, out, _) = output(policy(without_progress(), false, Some(80)));
    let mut terminal = vt100::Parser::new(40, 60, 0);
    let draw = |view: &StatusView, before| output.redraw_status(view, before, (40, 60)).unwrap();
    let rows = draw(&degraded(), 0);
    draw(&not_running(Health::Stopped, "clearml"), rows);
    terminal.process(
        out.text()
            .replace('␛', "\x1b")
            .replace('\n', "\r\n")
            .as_bytes(),
    );
    let expected = status(
        &not_running(Health::Stopped, "clearml"),
        policy(without_progress(), false, None),
    );
    assert_eq!(terminal.screen().contents().trim_end(), expected.trim_end());
}

#[test]
fn a_watched_status_fits_a_terminal_with_few_rows() {
    let (output, out, _) = output(policy(without_progress(), false, Some(80)));
    let mut terminal = vt100::Parser::new(8, 60, 100);
    let mut rows = 0;
    for _ in 0..3 {
        rows = output.redraw_status(&degraded(), rows, (8, 60)).unwrap();
    }
    terminal.process(
        out.text()
            .replace('␛', "\x1b")
            .replace('\n', "\r\n")
            .as_bytes(),
    );
    terminal.screen_mut().set_scrollback(100);
    assert_eq!(terminal.screen().scrollback(), 0, "nothing scrolled away");
    let shown = terminal.screen().contents();
    assert!(shown.starts_with("clearml  degraded"), "{shown}");
    assert_eq!(shown.matches("degraded").count(), 1, "{shown}");
}

#[test]
fn status_as_json_yaml_and_variables() {
    let pages = [Format::Json, Format::Yaml, Format::Env].map(|format| {
        let options = OutputOptions {
            format,
            ..without_progress()
        };
        status(&ready(), policy(options, false, None))
    });
    insta::assert_snapshot!(pages.join("----\n"));
}

#[test]
fn log_lines() {
    for (colour, name) in [(false, "logs"), (true, "logs_in_colour")] {
        let (output, out, _) = output(policy(without_progress(), colour, None));
        let printer = output.logs(&[Component::Redis, Component::Elasticsearch]);
        printer
            .print(Component::Redis, "1:M Ready to accept connections\n")
            .unwrap();
        printer
            .print(
                Component::Elasticsearch,
                "java.lang.Exception\n\tat \x1b[31mx\x1b[0m\n",
            )
            .unwrap();
        printer.print(Component::Redis, "").unwrap();
        insta::assert_snapshot!(name, out.text());
    }
}
