//! The history of an instance: which values and release were applied, when, and with
//! which result. A rollback restores the values and the release of a revision.
//! Everything except [`store`] is pure.

mod changes;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::changes::{ValueChange, diff};
pub use self::store::{load, save};
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::settings::Instance;

const LIMIT: usize = 10;

/// The result of an `up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase")]
pub enum Outcome {
    /// It is running, or was killed.
    Running,
    Ready,
    Failed {
        code: u8,
        reason: String,
    },
    /// A signal, or the process was killed.
    Interrupted,
}

/// One applied set of values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Starts at 1, without gaps.
    pub number: u32,
    /// When its `up` started.
    pub at: Timestamp,
    /// The version of clearml-local that created the revision.
    pub program: String,
    /// The target, if the revision is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u32>,
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The settings, of which only release and values matter here.
    pub instance: Instance,
    /// The resolved values.
    pub values: Value,
}

impl Revision {
    /// Creates a revision that starts now.
    pub fn new(instance: Instance, values: Value, back_to: Option<u32>) -> Revision {
        Revision {
            number: 0,
            at: Timestamp::now(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            back_to,
            outcome: Outcome::Running,
            instance,
            values,
        }
    }

    /// Returns whether both apply the same values with the same release and program.
    fn applies_same(&self, other: &Revision) -> bool {
        self.values == other.values
            && self.instance.values.release == other.instance.values.release
            && self.instance.values.release_file == other.instance.values.release_file
            && self.program == other.program
    }
}

/// The stored revisions of an instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    revisions: BTreeMap<u32, Revision>,
    /// The highest number that was given, also to a revision that cannot be read.
    last_number: u32,
    /// The revisions that a later version wrote, which this one cannot read.
    later: BTreeSet<u32>,
}

impl History {
    pub fn is_empty(&self) -> bool {
        self.revisions.is_empty()
    }

    /// Returns all revisions, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Revision> {
        self.revisions.values()
    }

    /// Returns the latest revision, whether it succeeded or not.
    pub fn latest(&self) -> Option<&Revision> {
        self.revisions.values().next_back()
    }

    /// Returns the latest revision, from which settings are restored.
    ///
    /// # Errors
    /// A later version wrote it, so that the settings are unknown.
    pub(crate) fn latest_known(&self) -> Result<Option<&Revision>, Error> {
        match self.later.last() {
            Some(&number) if number == self.last_number => Err(Error::Later { number }),
            _ => Ok(self.latest()),
        }
    }

    /// Returns the revisions that a later version wrote.
    pub(crate) fn later(&self) -> impl Iterator<Item = u32> {
        self.later.iter().copied()
    }

    /// Starts a revision, unless the latest one applies the same. Returns the number of
    /// the current revision, and whether it is already known to be good.
    pub fn start(&mut self, mut revision: Revision) -> (u32, bool) {
        if let Some(latest) = self.latest()
            && latest.number == self.last_number
            && latest.applies_same(&revision)
        {
            return (latest.number, latest.outcome == Outcome::Ready);
        }
        for previous in self.revisions.values_mut() {
            if previous.outcome == Outcome::Running {
                previous.outcome = Outcome::Interrupted;
            }
        }
        revision.number = self.last_number.saturating_add(1);
        let number = revision.number;
        self.insert(revision);
        (number, false)
    }

    /// Stores the outcome of a revision. A good revision stays good: a later error is
    /// not caused by it.
    pub fn finish(&mut self, number: u32, outcome: Outcome) {
        if let Some(revision) = self.revisions.get_mut(&number)
            && revision.outcome != Outcome::Ready
        {
            revision.outcome = outcome;
        }
    }

    /// Returns the target of a rollback: the given revision, or the last good one
    /// before the current one.
    pub fn target(&self, number: Option<u32>) -> Result<&Revision, Error> {
        let Some(number) = number else {
            let current = (self.last_number > 0).then_some(self.last_number);
            return current
                .and_then(|current| self.last_good_before(current))
                .ok_or(Error::NothingBefore { current });
        };
        self.revisions.get(&number).ok_or_else(|| {
            if self.later.contains(&number) {
                return Error::Later { number };
            }
            Error::Unknown {
                number,
                stored: self.revisions.keys().copied().collect(),
            }
        })
    }

    /// Returns the last good revision before `number`.
    pub fn last_good_before(&self, number: u32) -> Option<&Revision> {
        let mut before = self.revisions.range(..number).rev();
        before
            .find(|(_, revision)| revision.outcome == Outcome::Ready)
            .map(|(_, revision)| revision)
    }

    /// Returns the last good revision.
    pub fn last_good(&self) -> Option<&Revision> {
        let mut all = self.revisions.values().rev();
        all.find(|revision| revision.outcome == Outcome::Ready)
    }

    /// Returns every revision for display, oldest first. `in_progress` tells whether a
    /// command is changing the instance now.
    pub fn entries(&self, in_progress: bool) -> Vec<Entry> {
        let mut previous: Option<&Revision> = None;
        let mut entries = Vec::new();
        for revision in self.revisions.values() {
            let current = Some(revision.number) == self.latest().map(|latest| latest.number);
            entries.push(Entry::of(revision, previous, current, in_progress));
            previous = Some(revision);
        }
        entries
    }

    /// Inserts a revision and drops the oldest ones.
    fn insert(&mut self, revision: Revision) {
        self.last_number = self.last_number.max(revision.number);
        self.revisions.insert(revision.number, revision);
        while self.revisions.len() > LIMIT {
            self.revisions.pop_first();
        }
    }
}

/// A revision for display, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub revision: u32,
    /// When its `up` started.
    pub at: Timestamp,
    pub release: String,
    pub program: String,
    /// `ready`, `superseded`, `failed`, `interrupted` or `running`.
    pub result: &'static str,
    pub reason: Option<String>,
    pub code: Option<u8>,
    /// The target, if the revision is a rollback.
    pub back_to: Option<u32>,
    pub current: bool,
    /// The changes since the previous revision, if that is stored.
    pub changes: Option<Vec<ValueChange>>,
}

impl Entry {
    fn of(
        revision: &Revision,
        previous: Option<&Revision>,
        current: bool,
        in_progress: bool,
    ) -> Entry {
        let (reason, code) = match &revision.outcome {
            Outcome::Failed { code, reason } => (Some(reason.clone()), Some(*code)),
            _ => (None, None),
        };
        Entry {
            revision: revision.number,
            at: revision.at,
            release: revision.instance.values.release_name(),
            program: revision.program.clone(),
            result: match revision.outcome {
                Outcome::Ready if current => "ready",
                Outcome::Ready => "superseded",
                Outcome::Failed { .. } => "failed",
                Outcome::Running if current && in_progress => "running",
                Outcome::Running | Outcome::Interrupted => "interrupted",
            },
            reason,
            code,
            back_to: revision.back_to,
            current,
            changes: previous.map(|previous| diff(&tree(previous), &tree(revision))),
        }
    }
}

/// Returns values and release as one tree.
fn tree(revision: &Revision) -> Value {
    let mut tree = json!({"release": revision.instance.values.release_name()});
    if let (Some(map), Some(values)) = (tree.as_object_mut(), revision.values.as_object()) {
        map.extend(values.clone());
    }
    tree
}

/// Why a rollback is not possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("revision {number} does not exist: {}", stored_range(stored))]
    Unknown { number: u32, stored: Vec<u32> },
    #[error("{}", nothing_before(*current))]
    NothingBefore { current: Option<u32> },
    #[error("revision {number} was written by a later version of clearml-local")]
    Later { number: u32 },
}

fn stored_range(stored: &[u32]) -> String {
    match stored {
        [] => "nothing was installed yet".to_owned(),
        [one] => format!("only revision {one} is kept"),
        [first, .., last] => format!("revisions {first} to {last} are kept"),
    }
}

fn nothing_before(current: Option<u32>) -> String {
    match current {
        Some(current) => {
            format!("cannot roll back: no revision before {current} was ready")
        }
        None => "cannot roll back: nothing was installed yet".to_owned(),
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Unknown { .. } | Error::NothingBefore { .. } => Failure::UnknownRevision,
            Error::Later { .. } => Failure::StateNewer,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Later { .. } => self.failure().remedies(),
            Error::NothingBefore { current: None } => {
                vec![Hint::run("install the server", ours!(Up))]
            }
            _ => vec![Hint::run("list the revisions", ours!(History))],
        }
    }
}

#[cfg(test)]
mod tests;
