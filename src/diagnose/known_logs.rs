//! Log lines with a known cause: one row per finding.

use super::finding::Draft;
use super::{ComponentObservation, Ended};
use crate::component::Component;
use crate::failures::{Failure, Heals};
use crate::hint::{Hint, ours};

/// The hints of a row.
#[derive(Clone, Copy)]
enum Advice {
    /// The same everywhere.
    Fixed(fn() -> Vec<Hint>),
    /// Those for our own node, and those for an existing cluster.
    ByPlace(fn() -> Vec<Hint>, fn() -> Vec<Hint>),
    /// Those of the catalogue.
    Catalogue,
}

/// One known cause of a termination.
struct Row {
    failure: Failure,
    component: Component,
    /// Any of these in the last lines of the log, case-insensitive.
    lines: &'static [&'static str],
    /// The exit code that is enough without any of the lines.
    exit: Option<i32>,
    /// The sentence after the component's name.
    predicate: &'static str,
    /// The cause in a few words.
    short: &'static str,
    advice: Advice,
}

fn data_owner() -> Vec<Hint> {
    Failure::DataOwner.remedies()
}

fn volume_owner() -> Vec<Hint> {
    vec![
        Hint::text("its volume must be writable for the user of its container"),
        Hint::run("see which user that is", ours!(Render)),
    ]
}

fn other_release() -> Vec<Hint> {
    vec![
        Hint::run("see which release wrote the data", ours!(Status)),
        Hint::run(
            "use the release that wrote the data",
            ours!(Up, "--release NAME"),
        ),
    ]
}

fn disk() -> Vec<Hint> {
    Failure::DataDiskFull.remedies()
}

fn volume() -> Vec<Hint> {
    vec![
        Hint::run("see its claim", ours!(Status)),
        Hint::run(
            "after enlarging its volume, or freeing some space",
            ours!(Up),
        ),
    ]
}

fn dependencies() -> Vec<Hint> {
    vec![Hint::run("check the other components", ours!(Status))]
}

fn applied() -> Vec<Hint> {
    vec![Hint::run("see what is applied", ours!(Render))]
}

fn map_count() -> Vec<Hint> {
    Failure::MaxMapCount.remedies()
}

fn map_count_of_nodes() -> Vec<Hint> {
    vec![
        Hint::run(
            "raise it on every node",
            "sysctl -w vm.max_map_count=262144",
        ),
        Hint::run("then", ours!(Up)),
    ]
}

/// Most specific first: the first row that matches is used.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { failure: Failure::MaxMapCount, component: Component::Elasticsearch, exit: None,
        lines: &["max virtual memory areas vm.max_map_count"],
        predicate: "does not start: its host allows too few memory maps (vm.max_map_count)",
        short: "vm.max_map_count is too low", advice: Advice::ByPlace(map_count, map_count_of_nodes) },
    Row { failure: Failure::DataVersion, component: Component::Elasticsearch, exit: None,
        lines: &["cannot downgrade a node", "cannot upgrade a node from version"],
        predicate: "does not start: its data were written by another version of Elasticsearch",
        short: "data from another version", advice: Advice::Fixed(other_release) },
    Row { failure: Failure::DataLocked, component: Component::Elasticsearch, exit: None,
        lines: &["failed to obtain node locks", "failed to obtain node lock"],
        predicate: "does not start: it cannot write to its data directory, or another process uses it",
        short: "its data directory is locked or has another owner", advice: Advice::ByPlace(data_owner, volume_owner) },
    Row { failure: Failure::DataOwner, component: Component::Elasticsearch, exit: None,
        lines: &["accessdeniedexception"],
        predicate: "does not start: it cannot write to its data directory",
        short: "its data directory has another owner", advice: Advice::ByPlace(data_owner, volume_owner) },
    Row { failure: Failure::HeapTooSmall, component: Component::Elasticsearch, exit: None,
        lines: &["outofmemoryerror: java heap space", "terminating due to java.lang.outofmemoryerror"],
        predicate: "exited: its Java heap is too small",
        short: "its Java heap is too small", advice: Advice::Catalogue },
    Row { failure: Failure::ComponentSettings, component: Component::Elasticsearch, exit: None,
        lines: &["unknown setting [", "setting [cluster.initial_master_nodes] is not allowed", "failed to parse value", "could not create the java virtual machine", "invalid initial heap size", "initial heap size set to a larger value", "insufficient memory for the java runtime"],
        predicate: "does not start: its settings are invalid",
        short: "invalid settings", advice: Advice::Fixed(applied) },
    Row { failure: Failure::DataDiskFull, component: Component::Elasticsearch, exit: None,
        lines: &["flood stage disk watermark", "read-only / allow delete", "read-only-allow-delete", "no space left on device"],
        predicate: "cannot write: the disk is full",
        short: "the disk is full", advice: Advice::ByPlace(disk, volume) },
    Row { failure: Failure::ComponentSettings, component: Component::Elasticsearch, exit: Some(78),
        lines: &["bootstrap checks failed", "bootstrap check failure"],
        predicate: "does not start: one of its bootstrap checks failed",
        short: "a bootstrap check failed", advice: Advice::Fixed(applied) },

    Row { failure: Failure::DataDiskFull, component: Component::Mongodb, exit: None,
        lines: &["no space left on device"],
        predicate: "cannot write: the disk is full",
        short: "the disk is full", advice: Advice::ByPlace(disk, volume) },
    Row { failure: Failure::DataVersion, component: Component::Mongodb, exit: Some(62),
        lines: &["featurecompatibilityversion", "incompatible version", "this version of mongodb is too recent to start up", "unsupported wiredtiger file version", "wiredtigerincompat"],
        predicate: "does not start: its data were written by another major version of MongoDB",
        short: "data from another major version", advice: Advice::Fixed(other_release) },
    Row { failure: Failure::DataOwner, component: Component::Mongodb, exit: Some(100),
        lines: &["attempted to create a lock file on a read-only directory", "unable to create/open the lock file", "operation not permitted", "permission denied"],
        predicate: "does not start: it cannot write to its data directory",
        short: "its data directory has another owner", advice: Advice::ByPlace(data_owner, volume_owner) },
    Row { failure: Failure::DataCorrupt, component: Component::Mongodb, exit: Some(14),
        lines: &["wiredtiger library panic", "wt_panic", "fatal assertion"],
        predicate: "does not start: its storage engine cannot use the data (exit code 14)",
        short: "its storage engine cannot use the data", advice: Advice::Fixed(dependencies) },

    Row { failure: Failure::DataDiskFull, component: Component::Redis, exit: None,
        lines: &["no space left on device"],
        predicate: "cannot write: the disk is full",
        short: "the disk is full", advice: Advice::ByPlace(disk, volume) },
    Row { failure: Failure::DataVersion, component: Component::Redis, exit: None,
        lines: &["can't handle rdb format version"],
        predicate: "does not start: its data were written by a newer version of Redis",
        short: "data from a newer version", advice: Advice::Fixed(other_release) },
    Row { failure: Failure::DataOwner, component: Component::Redis, exit: None,
        lines: &["can't open the append-only file", "can't open or create append-only dir", "can't chdir to", "permission denied"],
        predicate: "does not start: it cannot write to its data directory",
        short: "its data directory has another owner", advice: Advice::ByPlace(data_owner, volume_owner) },
    Row { failure: Failure::DataCorrupt, component: Component::Redis, exit: None,
        lines: &["bad file format reading the append only file", "short read or oom loading db"],
        predicate: "does not start: its data file is corrupt",
        short: "its data file is corrupt", advice: Advice::Fixed(dependencies) },
    Row { failure: Failure::ComponentSettings, component: Component::Redis, exit: None,
        lines: &["fatal config file error", "bad directive or wrong number of arguments"],
        predicate: "does not start: its settings are invalid",
        short: "invalid settings", advice: Advice::Fixed(applied) },

    Row { failure: Failure::ComponentSettings, component: Component::Apiserver, exit: None,
        lines: &["malformed configuration", "failed parsing", "pyparsing.parseexception", "configexception"],
        predicate: "does not start: it cannot parse its configuration",
        short: "invalid configuration", advice: Advice::Fixed(applied) },
    Row { failure: Failure::DependencyUnavailable, component: Component::Apiserver, exit: None,
        lines: &["could not connect to elasticsearch", "elasticsearch cluster is not available", "serverselectiontimeouterror", "error connecting to redis", "redis.exceptions.connectionerror", "could not connect to redis", "connection refused"],
        predicate: "does not start: a database that it needs does not answer",
        short: "a database does not answer", advice: Advice::Fixed(dependencies) },

    Row { failure: Failure::NameNotResolved, component: Component::Webserver, exit: None,
        lines: &["host not found in upstream"],
        predicate: "does not start: nginx cannot resolve the name of the API or file server",
        short: "cannot resolve the name of the API or file server", advice: Advice::Fixed(dependencies) },
    Row { failure: Failure::DataDiskFull, component: Component::Fileserver, exit: None,
        lines: &["no space left on device"],
        predicate: "cannot write: the disk is full",
        short: "the disk is full", advice: Advice::ByPlace(disk, volume) },
    Row { failure: Failure::DataOwner, component: Component::Fileserver, exit: None,
        lines: &["permission denied"],
        predicate: "does not start: it cannot write to its data directory",
        short: "its data directory has another owner", advice: Advice::ByPlace(data_owner, volume_owner) },
];

/// Whether the component recovers as soon as the others run.
fn recovers(failure: Failure) -> bool {
    failure.heals() == Heals::Waiting
}

/// Finds the cause of a termination in the last lines of the log.
pub(crate) fn known(
    observation: &ComponentObservation,
    ended: &Ended,
    log: &[String],
) -> Option<Draft> {
    if ended.exit_code == 0 {
        return None;
    }
    let log: Vec<String> = log.iter().map(|line| line.to_lowercase()).collect();
    let component = observation.component;
    let rows = || ROWS.iter().filter(|row| row.component == component);
    let matches = |row: &&Row| {
        row.lines
            .iter()
            .any(|wanted| log.iter().any(|line| line.contains(wanted)))
    };
    // A line is more specific than an exit code, so all lines are tried first.
    let row = rows()
        .find(matches)
        .or_else(|| rows().find(|row| row.exit == Some(ended.exit_code)))?;
    Some(draft(observation, row))
}

/// Finds in the last lines of a running container that it cannot write to its disk.
pub(crate) fn while_running(observation: &ComponentObservation, log: &[String]) -> Option<Draft> {
    let row = ROWS
        .iter()
        .filter(|row| {
            row.component == observation.component && row.failure == Failure::DataDiskFull
        })
        .find(|row| {
            let matches = |line: &String| {
                let line = line.to_lowercase();
                row.lines.iter().any(|wanted| line.contains(wanted))
            };
            log.iter().any(matches)
        })?;
    Some(draft(observation, row))
}

fn draft(observation: &ComponentObservation, row: &Row) -> Draft {
    let component = observation.component;
    let mut draft = Draft::new(row.failure, row.predicate.to_owned(), row.short.to_owned());
    draft.may_recover = recovers(row.failure);
    draft.hints = match row.advice {
        Advice::ByPlace(_, hints) if observation.existing_cluster => hints(),
        Advice::Fixed(hints) | Advice::ByPlace(hints, _) => hints(),
        Advice::Catalogue => row.failure.remedies(),
    };
    draft.hint(Hint::run("see its full log", ours!(Logs, "{component}")));
    draft
}

#[cfg(test)]
mod tests;
