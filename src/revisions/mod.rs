//! The history of an instance: what was chosen, when, and how it went. A revision
//! remembers values and release; a rollback brings them back. Pure, but for
//! [`store`].

mod changes;
mod store;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::changes::{Changed, between};
pub use self::store::{keep, load};
use crate::error::{Code, Explain};
use crate::hint::{Hint, ours};
use crate::settings::Instance;

/// How many revisions are kept.
const KEPT: usize = 10;

/// How an `up` ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase")]
pub enum Ending {
    /// It has not, or nobody saw it.
    Running,
    /// A login worked.
    Ready,
    /// An error.
    Failed {
        /// Its exit code.
        code: u8,
        /// What was said.
        reason: String,
    },
    /// Ctrl-C, or worse.
    Interrupted,
}

/// What was chosen once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// From 1, without gaps.
    pub number: u32,
    pub at: Timestamp,
    /// The version of clearml-local that made it.
    pub program: String,
    /// The revision that it is a rollback to, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u32>,
    /// How its `up` ended.
    #[serde(flatten)]
    pub ending: Ending,
    /// The settings, of which the choice matters here.
    pub instance: Instance,
    /// The values that were in force, as a tree.
    pub values: Value,
}

impl Revision {
    /// A revision that begins now.
    pub fn new(instance: Instance, values: Value, back_to: Option<u32>) -> Revision {
        Revision {
            number: 0,
            at: Timestamp::now(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            back_to,
            ending: Ending::Running,
            instance,
            values,
        }
    }

    /// Whether both choose the same.
    fn is_like(&self, other: &Revision) -> bool {
        self.values == other.values
            && self.instance.release == other.instance.release
            && self.instance.release_file == other.instance.release_file
            && self.program == other.program
    }
}

/// The revisions of an instance that are kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History(BTreeMap<u32, Revision>);

impl History {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last one: what is in force, or was tried.
    pub fn latest(&self) -> Option<&Revision> {
        self.0.values().next_back()
    }

    /// Begins a revision, unless the last one is like it; returns the number of the
    /// one that counts, and whether that was known to be good.
    pub fn begin(&mut self, mut revision: Revision) -> (u32, bool) {
        if let Some(latest) = self.latest()
            && latest.is_like(&revision)
        {
            return (latest.number, latest.ending == Ending::Ready);
        }
        for former in self.0.values_mut() {
            if former.ending == Ending::Running {
                former.ending = Ending::Interrupted;
            }
        }
        revision.number = self.latest().map_or(1, |latest| latest.number + 1);
        let number = revision.number;
        self.insert(revision);
        (number, false)
    }

    /// Says how a revision ended. What once was good stays so: a later error is not
    /// its fault.
    pub fn end(&mut self, number: u32, ending: Ending) {
        if let Some(revision) = self.0.get_mut(&number)
            && revision.ending != Ending::Ready
        {
            revision.ending = ending;
        }
    }

    /// The revision to go back to: that one, or the last good one before the current.
    pub fn target(&self, number: Option<u32>) -> Result<&Revision, Error> {
        let Some(number) = number else {
            let current = self.latest().map(|latest| latest.number);
            return current
                .and_then(|current| self.good_before(current))
                .ok_or(Error::NothingBefore { current });
        };
        self.0.get(&number).ok_or_else(|| Error::Unknown {
            number,
            kept: self.0.keys().copied().collect(),
        })
    }

    /// The last one before that number which was ready.
    pub fn good_before(&self, number: u32) -> Option<&Revision> {
        let mut before = self.0.range(..number).rev();
        before
            .find(|(_, revision)| revision.ending == Ending::Ready)
            .map(|(_, revision)| revision)
    }

    /// The last one that was ready.
    pub fn last_good(&self) -> Option<&Revision> {
        let mut all = self.0.values().rev();
        all.find(|revision| revision.ending == Ending::Ready)
    }

    /// Every revision as it is shown, oldest first. `working` says that a command
    /// works on the instance now.
    pub fn entries(&self, working: bool) -> Vec<Entry> {
        let mut former: Option<&Revision> = None;
        let mut entries = Vec::new();
        for revision in self.0.values() {
            let current = Some(revision.number) == self.latest().map(|latest| latest.number);
            entries.push(Entry::of(revision, former, current, working));
            former = Some(revision);
        }
        entries
    }

    /// Takes a revision in; the oldest ones go.
    fn insert(&mut self, revision: Revision) {
        self.0.insert(revision.number, revision);
        while self.0.len() > KEPT {
            self.0.pop_first();
        }
    }
}

/// A revision as it is shown; holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub revision: u32,
    pub at: Timestamp,
    pub release: String,
    pub program: String,
    /// `ready`, `superseded`, `failed`, `interrupted` or `running`.
    pub result: &'static str,
    pub reason: Option<String>,
    pub code: Option<u8>,
    /// The revision that it is a rollback to.
    pub back_to: Option<u32>,
    /// Whether it is the last one.
    pub current: bool,
    /// What it changed, where the one before is known.
    pub changes: Option<Vec<Changed>>,
}

impl Entry {
    fn of(revision: &Revision, former: Option<&Revision>, current: bool, working: bool) -> Entry {
        let (reason, code) = match &revision.ending {
            Ending::Failed { code, reason } => (Some(reason.clone()), Some(*code)),
            _ => (None, None),
        };
        Entry {
            revision: revision.number,
            at: revision.at,
            release: revision.instance.release_name(),
            program: revision.program.clone(),
            result: match revision.ending {
                Ending::Ready if current => "ready",
                Ending::Ready => "superseded",
                Ending::Failed { .. } => "failed",
                Ending::Running if current && working => "running",
                Ending::Running | Ending::Interrupted => "interrupted",
            },
            reason,
            code,
            back_to: revision.back_to,
            current,
            changes: former.map(|former| between(&whole(former), &whole(revision))),
        }
    }
}

/// Values and release as one tree.
fn whole(revision: &Revision) -> Value {
    let mut whole = json!({"release": revision.instance.release_name()});
    if let (Some(whole), Some(values)) = (whole.as_object_mut(), revision.values.as_object()) {
        whole.extend(values.clone());
    }
    whole
}

/// Why there is nothing to go back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("revision {number} does not exist: {}", said(kept))]
    Unknown { number: u32, kept: Vec<u32> },
    #[error("{}", nothing_before(*current))]
    NothingBefore {
        /// The one in force, if there is one.
        current: Option<u32>,
    },
}

fn said(kept: &[u32]) -> String {
    match kept {
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
    fn code(&self) -> Code {
        Code::Usage
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::NothingBefore { current: None } => {
                vec![Hint::run("install the server", ours!(Up))]
            }
            _ => vec![Hint::run("list the revisions", ours!(History))],
        }
    }
}

#[cfg(test)]
mod tests;
