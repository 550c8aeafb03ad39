//! A component's state: the same from the diagnosis to events, tables and JSON.

use std::fmt;

use serde::Serialize;

/// What a component does, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StateKind {
    /// It is not installed.
    Absent,
    /// Its pod has no place or no volume yet.
    Pending,
    /// Its image is being pulled.
    Pulling,
    /// It is being created, or runs and is not ready yet.
    Starting,
    /// It waits for another component.
    Waiting,
    /// It serves.
    Ready,
    /// It exited by itself and is restarted.
    Restarting,
    /// It does not start, and waiting does not help.
    Failed,
    /// Its old pod is terminating.
    Stopping,
    /// It is scaled to zero.
    Stopped,
    /// Its kubelet does not report.
    Unknown,
}

impl StateKind {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            StateKind::Absent => "absent",
            StateKind::Pending => "pending",
            StateKind::Pulling => "pulling",
            StateKind::Starting => "starting",
            StateKind::Waiting => "waiting",
            StateKind::Ready => "ready",
            StateKind::Restarting => "restarting",
            StateKind::Failed => "failed",
            StateKind::Stopping => "stopping",
            StateKind::Stopped => "stopped",
            StateKind::Unknown => "unknown",
        }
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A component's state. It holds nothing that changes with the clock, so that two
/// states are equal as long as nothing happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What it does.
    pub kind: StateKind,
    /// Why, in a few words; empty when there is nothing to say.
    pub reason: String,
    /// How many times it was restarted.
    pub restarts: u32,
}

impl State {
    /// A state of a component that was not restarted.
    pub fn new(kind: StateKind, reason: impl Into<String>) -> State {
        State {
            kind,
            reason: reason.into(),
            restarts: 0,
        }
    }

    /// Whether it serves.
    pub fn is_ready(&self) -> bool {
        self.kind == StateKind::Ready
    }

    /// Kind and reason as one short line: only the reason if that says it.
    pub fn line(&self) -> String {
        let kind = self.kind.name();
        match self.reason.as_str() {
            "" => kind.to_owned(),
            reason if self.kind == StateKind::Failed || reason.starts_with(kind) => {
                reason.to_owned()
            }
            reason => format!("{kind}: {reason}"),
        }
    }
}
