//! When what was done, and what was waited for meanwhile, as the events tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Event;

/// When something began and ended, counted from the command's begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    pub name: String,
    /// When it began.
    pub began: Duration,
    /// When it was done.
    pub ended: Duration,
}

/// A time in which one thing was waited for before the command could end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The step or component; empty between steps.
    pub name: String,
    /// What it did: its state; empty where it said nothing.
    pub what: String,
    /// When that began.
    pub began: Duration,
    /// When it was over.
    pub ended: Duration,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timings {
    /// Each step and component.
    pub all: Vec<Timing>,
    /// For each moment what was waited for, first to last.
    pub awaited: Vec<Awaited>,
}

/// A state of a step or component, with its times.
#[derive(Debug, Clone)]
struct Spell {
    name: String,
    what: String,
    began: Duration,
    ended: Duration,
    of_component: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    all: Vec<Timing>,
    spells: Vec<Spell>,
    open: BTreeMap<String, (String, Duration)>,
}

impl Recorder {
    /// Takes down one event, `now` after the command's begin.
    pub(crate) fn take(&mut self, event: &Event, now: Duration) {
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
                    let began = now.saturating_sub(duration(*seconds));
                    self.open.insert(name.clone(), (String::new(), began));
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

    /// Ends the state that it was in, and begins the next one.
    fn change(&mut self, name: &str, of_component: bool, next: Option<String>, now: Duration) {
        if let Some((what, began)) = self.open.remove(name) {
            self.spells.push(Spell {
                name: name.to_owned(),
                what,
                began,
                ended: now,
                of_component,
            });
        }
        if let Some(what) = next {
            self.open.insert(name.to_owned(), (what, now));
        }
    }

    fn end(&mut self, name: &str, seconds: f64, now: Duration) {
        self.all.push(Timing {
            name: name.to_owned(),
            began: now.saturating_sub(duration(seconds)),
            ended: now,
        });
    }

    /// What was taken down.
    pub(crate) fn timings(&self) -> Timings {
        Timings {
            all: self.all.clone(),
            awaited: self.awaited(),
        }
    }

    /// From the end to the begin: of what was under way that which ended last, a
    /// component before the step that waits for it.
    fn awaited(&self) -> Vec<Awaited> {
        let mut chain = Vec::new();
        let last_end = |spell: &Spell| {
            let of_name = self.all.iter().filter(|timing| timing.name == spell.name);
            let ends = of_name.map(|timing| timing.ended);
            ends.max().unwrap_or(spell.ended)
        };
        let mut at = self.spells.iter().map(|spell| spell.ended).max();
        while let Some(end) = at.filter(|end| !end.is_zero()) {
            let before = self.spells.iter().filter(|spell| spell.began < end);
            let under_way = before.clone().filter(|spell| spell.ended >= end);
            let chosen = under_way.max_by_key(|spell| (spell.of_component, last_end(spell)));
            let awaited = match chosen {
                Some(spell) => Awaited {
                    name: spell.name.clone(),
                    what: spell.what.clone(),
                    // A step that waited for components did something else only since.
                    began: before
                        .filter(|other| other.of_component && !spell.of_component)
                        .map(|component| component.ended)
                        .fold(spell.began, Duration::max),
                    ended: end,
                },
                None => Awaited {
                    name: String::new(),
                    what: String::new(),
                    began: before.map(|spell| spell.ended).max().unwrap_or_default(),
                    ended: end,
                },
            };
            at = Some(awaited.began);
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

    fn started(step: &str) -> Event {
        Event::StepStarted { step: step.into() }
    }

    fn state(step: &str, text: &str) -> Event {
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
    fn each_second_has_what_was_waited_for() {
        let mut recorder = Recorder::default();
        for (now, event) in [
            (0, started("node")),
            (2, finished("node", 2.0)),
            (2, started("kubernetes")),
            (2, started("images")),
            (3, state("kubernetes", "kubeadm init")),
            (5, finished("images", 3.0)),
            (9, finished("kubernetes", 7.0)),
            (10, started("ready")),
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
            recorder.take(&event, Duration::from_secs(now));
        }
        let shown: Vec<String> = recorder
            .timings()
            .awaited
            .iter()
            .map(|one| {
                let (began, ended) = (one.began.as_secs(), one.ended.as_secs());
                format!("{began}-{ended} {}: {}", one.name, one.what)
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
