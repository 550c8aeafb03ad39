//! A recorded first `up`.

use std::time::Duration;

use crate::component::{Component, State, StateKind};
use crate::event::{Event, Progress};

/// Events with their times.
pub(super) type Session = Vec<(Duration, Event)>;

pub(super) fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(super) fn started(step: &str) -> Event {
    Event::StepStarted { step: step.into() }
}

pub(super) fn state(step: &str, text: &str) -> Event {
    Event::StepState {
        step: step.into(),
        text: text.into(),
    }
}

pub(super) fn bytes(item: &str, megabytes: u64, total: u64) -> Event {
    Event::StepBytes {
        step: "images".into(),
        item: item.into(),
        progress: Progress::bytes(megabytes * 1_000_000, Some(total * 1_000_000)),
    }
}

pub(super) fn count(done: usize, total: usize) -> Event {
    Event::StepCount {
        step: "images".into(),
        done,
        total,
    }
}

pub(super) fn finished(step: &str, seconds: f64, detail: &str) -> Event {
    Event::StepFinished {
        step: step.into(),
        seconds,
        detail: detail.into(),
        changed: true,
    }
}

pub(super) fn component(
    component: Component,
    kind: StateKind,
    reason: &str,
    seconds: f64,
) -> Event {
    Event::Component {
        component,
        state: State::new(kind, reason),
        seconds,
    }
}

/// The session until three of four images are loaded and the components are starting.
pub(super) fn beginning() -> Session {
    let mut events = vec![
        (
            at(0.0),
            Event::Started {
                name: "clearml".into(),
                summary: "release 1.5.0, Docker 28.2 with 8 cores and 16 GB: profile standard"
                    .into(),
            },
        ),
        (at(0.0), started("preflight")),
        (at(0.4), finished("preflight", 0.4, "")),
        (at(0.4), started("node")),
        (at(0.5), state("node", "starting kubeadm")),
        (at(2.0), started("images")),
        (at(2.0), count(2, 4)),
    ];
    for tick in 0..10_u64 {
        let time = at(2.0 + tick as f64 / 2.0);
        events.push((time, bytes("mongodb", tick * 20, 180)));
    }
    events.push((at(6.6), count(3, 4)));
    events.push((
        at(14.2),
        finished("node", 13.8, "clearml-control-plane, Kubernetes 1.37.0"),
    ));
    for tick in 0..=22_u64 {
        let time = at(9.4 + tick as f64 / 2.0);
        events.push((time, bytes("elasticsearch", 412 - (22 - tick) * 18, 615)));
    }
    events.extend([
        (
            at(14.3),
            component(
                Component::Redis,
                StateKind::Starting,
                "container creating",
                0.1,
            ),
        ),
        (
            at(14.3),
            component(
                Component::Mongodb,
                StateKind::Starting,
                "container creating",
                0.1,
            ),
        ),
        (
            at(14.3),
            component(Component::Elasticsearch, StateKind::Waiting, "", 0.1),
        ),
        (
            at(14.3),
            component(
                Component::Apiserver,
                StateKind::Waiting,
                "waiting for elasticsearch",
                0.1,
            ),
        ),
        (
            at(16.3),
            component(Component::Redis, StateKind::Ready, "", 2.1),
        ),
        (
            at(18.2),
            component(Component::Mongodb, StateKind::Ready, "", 4.0),
        ),
        (
            at(20.3),
            component(
                Component::Elasticsearch,
                StateKind::Starting,
                "container creating",
                6.1,
            ),
        ),
        (
            at(20.3),
            component(
                Component::Elasticsearch,
                StateKind::Starting,
                "container creating",
                6.1,
            ),
        ),
        (
            at(20.4),
            Event::Warning {
                text: "the disk is 91 % full".into(),
            },
        ),
    ]);
    events.sort_by_key(|(time, _)| *time);
    events
}

/// A moment with running steps and components.
pub(super) fn moment() -> Duration {
    at(20.4)
}

/// The rest of the session, in which Elasticsearch is killed.
pub(super) fn killed() -> Session {
    vec![
        (at(24.0), bytes("elasticsearch", 615, 615)),
        (at(24.1), finished("images", 22.1, "4 images, 1.2 GB")),
        (
            at(45.2),
            component(
                Component::Elasticsearch,
                StateKind::Failed,
                "out of memory: limit 1 GiB, 2 restarts",
                31.0,
            ),
        ),
    ]
}
