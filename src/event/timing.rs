//! Timings of steps and components, and what the command waited for, derived from
//! events.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Event;

/// When a step or component started and ended, counted from the start of the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    pub name: String,
    pub started: Duration,
    pub ended: Duration,
}

/// A period in which the command waited for one step or component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// Empty between steps.
    pub name: String,
    /// Its state; may be empty.
    pub state: String,
    pub started: Duration,
    pub ended: Duration,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timings {
    pub all: Vec<Timing>,
    /// The periods in order, without gaps.
    pub awaited: Vec<Awaited>,
}

/// A period in which a step or component was in one state.
#[derive(Debug, Clone)]
struct Period {
    name: String,
    state: String,
    started: Duration,
    ended: Duration,
    of_component: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    all: Vec<Timing>,
    periods: Vec<Period>,
    open: BTreeMap<String, (String, Duration)>,
}

impl Recorder {
    /// Records an event; `now` is the time since the command started.
    pub(crate) fn record(&mut self, event: &Event, now: Duration) {
        match event {
            Event::StepStarted { step } => self.change(step, false, Some(String::new()), now),
            Event::StepState { step, text } => self.change(step, false, Some(text.clone()), now),
            Event::StepFinished { step, seconds, .. } | Event::StepFailed { step, seconds, .. } => {
                self.change(step, false, None, now);
                self.end(step, *seconds, now);
            }
            Event::Component {
                component,
                state,
                seconds,
            } => {
                let name = component.to_string();
                if !self.open.contains_key(&name) {
                    let started = now.saturating_sub(duration(*seconds));
                    self.open.insert(name.clone(), (String::new(), started));
                }
                let next = (!state.is_ready()).then(|| state.line());
                self.change(&name, true, next, now);
                if state.is_ready() {
                    self.end(&name, *seconds, now);
                }
            }
            _ => {}
        }
    }

    /// Ends the current state and starts the next one.
    fn change(&mut self, name: &str, of_component: bool, next: Option<String>, now: Duration) {
        if let Some((state, started)) = self.open.remove(name) {
            self.periods.push(Period {
                name: name.to_owned(),
                state,
                started,
                ended: now,
                of_component,
            });
        }
        if let Some(state) = next {
            self.open.insert(name.to_owned(), (state, now));
        }
    }

    fn end(&mut self, name: &str, seconds: f64, now: Duration) {
        self.all.push(Timing {
            name: name.to_owned(),
            started: now.saturating_sub(duration(seconds)),
            ended: now,
        });
    }

    pub(crate) fn timings(&self) -> Timings {
        Timings {
            all: self.all.clone(),
            awaited: self.awaited(),
        }
    }

    /// Goes back from the end, and picks of the running periods the one whose step or
    /// component ended last, a component before the step that waits for it.
    fn awaited(&self) -> Vec<Awaited> {
        let mut chain = Vec::new();
        let last_end = |period: &Period| {
            let of_name = self.all.iter().filter(|timing| timing.name == period.name);
            let ends = of_name.map(|timing| timing.ended);
            ends.max().unwrap_or(period.ended)
        };
        let mut at = self.periods.iter().map(|period| period.ended).max();
        while let Some(end) = at.filter(|end| !end.is_zero()) {
            let before = self.periods.iter().filter(|period| period.started < end);
            let running = before.clone().filter(|period| period.ended >= end);
            let chosen = running.max_by_key(|period| (period.of_component, last_end(period)));
            let awaited = match chosen {
                Some(period) => Awaited {
                    name: period.name.clone(),
                    state: period.state.clone(),
                    // A step that waited for components did its own work only after
                    // that.
                    started: before
                        .filter(|other| other.of_component && !period.of_component)
                        .map(|component| component.ended)
                        .fold(period.started, Duration::max),
                    ended: end,
                },
                None => Awaited {
                    name: String::new(),
                    state: String::new(),
                    started: before.map(|period| period.ended).max().unwrap_or_default(),
                    ended: end,
                },
            };
            at = Some(awaited.started);
            chain.push(awaited);
        }
        chain.reverse();
        chain
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::{Component, State, StateKind};

    fn step_started(step: &str) -> Event {
        Event::StepStarted { step: step.into() }
    }

    fn step_state(step: &str, text: &str) -> Event {
        Event::StepState {
            step: step.into(),
            text: text.into(),
        }
    }

    fn finished(step: &str, seconds: f64) -> Event {
        Event::StepFinished {
            step: step.into(),
            seconds,
            detail: String::new(),
            changed: true,
        }
    }

    fn component(component: Component, kind: StateKind, reason: &str, seconds: f64) -> Event {
        Event::Component {
            component,
            state: State::new(kind, reason),
            seconds,
        }
    }

    #[test]
    fn each_second_is_attributed_to_what_was_waited_for() {
        let mut recorder = Recorder::default();
        for (now, event) in [
            (0, step_started("node")),
            (2, finished("node", 2.0)),
            (2, step_started("kubernetes")),
            (2, step_started("images")),
            (3, step_state("kubernetes", "kubeadm init")),
            (5, finished("images", 3.0)),
            (9, finished("kubernetes", 7.0)),
            (10, step_started("ready")),
            (
                10,
                component(Component::Redis, StateKind::Starting, "", 0.0),
            ),
            (
                11,
                component(
                    Component::Apiserver,
                    StateKind::Waiting,
                    "waiting for redis",
                    1.0,
                ),
            ),
            (12, component(Component::Redis, StateKind::Ready, "", 2.0)),
            (
                12,
                component(Component::Apiserver, StateKind::Starting, "", 2.0),
            ),
            (
                20,
                component(Component::Apiserver, StateKind::Ready, "", 10.0),
            ),
            (21, finished("ready", 11.0)),
        ] {
            recorder.record(&event, Duration::from_secs(now));
        }
        let shown: Vec<String> = recorder
            .timings()
            .awaited
            .iter()
            .map(|one| {
                let (started, ended) = (one.started.as_secs(), one.ended.as_secs());
                format!("{started}-{ended} {}: {}", one.name, one.state)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "0-2 node: ",
                "2-3 kubernetes: ",
                "3-9 kubernetes: kubeadm init",
                "9-10 : ",
                "10-11 apiserver: ",
                "11-12 apiserver: waiting for redis",
                "12-20 apiserver: starting",
                "20-21 ready: ",
            ]
        );
    }
}
