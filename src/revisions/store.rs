//! Revisions are kept in two places, the state directory and the cluster: where one
//! is lost, the other serves.

use std::collections::BTreeMap;

use super::{Ending, History, Revision};
use crate::component::NAMESPACE;
use crate::error::Result;
use crate::kube::Cluster;
use crate::settings::InstanceName;
use crate::state::StateDir;

/// What kind of record a revision is.
const KIND: &str = "revision";

fn record_name(number: u32) -> String {
    format!("clearml-local.v{number}")
}

fn read(text: &str) -> Option<Revision> {
    match serde_json::from_str(text) {
        Ok(revision) => Some(revision),
        // The other place may have it; an `up` is not to fail for what was once.
        Err(error) => {
            tracing::warn!(%error, "cannot read a revision");
            None
        }
    }
}

fn write(revision: &Revision) -> String {
    serde_json::to_string(revision).expect("plain data become JSON")
}

/// Reads the history from the state directory and, where it is given, the cluster.
pub async fn load(state: &StateDir, cluster: Option<&Cluster>) -> Result<History> {
    let mut history = History::default();
    let here = state.revisions()?;
    let there = match cluster {
        Some(cluster) => cluster.records(KIND, NAMESPACE).await?,
        None => BTreeMap::new(),
    };
    for revision in here.values().chain(there.values()).filter_map(|t| read(t)) {
        let known = history.0.get(&revision.number);
        if known.is_none_or(|known| is_newer(&revision, known)) {
            history.insert(revision);
        }
    }
    Ok(history)
}

/// Whether that reading of the same number says more.
fn is_newer(one: &Revision, other: &Revision) -> bool {
    let ended = |revision: &Revision| revision.ending != Ending::Running;
    (one.at, ended(one)) > (other.at, ended(other))
}

/// Writes the history to both places, where they differ from it. The cluster takes it
/// once its namespace is there.
pub async fn keep(
    history: &History,
    name: &InstanceName,
    state: &StateDir,
    cluster: Option<&Cluster>,
) -> Result<()> {
    let wanted: BTreeMap<u32, String> = history
        .0
        .iter()
        .map(|(number, revision)| (*number, write(revision)))
        .collect();
    let here = state.revisions()?;
    for (number, text) in &wanted {
        if here.get(number) != Some(text) {
            state.keep_revision(*number, text)?;
        }
    }
    for number in here.keys().filter(|number| !wanted.contains_key(number)) {
        state.forget_revision(*number)?;
    }
    let Some(cluster) = cluster else {
        return Ok(());
    };
    let there = cluster.records(KIND, NAMESPACE).await?;
    let wanted: BTreeMap<String, String> = wanted
        .into_iter()
        .map(|(number, text)| (record_name(number), text))
        .collect();
    for (record, text) in &wanted {
        if there.get(record) != Some(text) {
            let kept = cluster.keep_record(KIND, name.as_str(), record, NAMESPACE, text);
            if !kept.await? {
                tracing::debug!(record, "not kept in the cluster");
            }
        }
    }
    for record in there.keys().filter(|record| !wanted.contains_key(*record)) {
        cluster.forget_record(record, NAMESPACE).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::{SetArgument, SetKind};
    use crate::settings::Instance;

    fn revision(set: &str) -> Revision {
        let place = std::path::PathBuf::from("/data").into();
        let instance = Instance {
            sets: vec![SetArgument::new(SetKind::Set, set)],
            ..Instance::with_defaults(place)
        };
        let values = serde_json::json!({"set": set});
        Revision::new(instance, values, None)
    }

    #[tokio::test]
    async fn what_is_kept_comes_back_and_a_broken_file_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("clearml"));
        let name = "clearml".parse().unwrap();
        let mut history = History::default();
        for number in 1..=12 {
            history.begin(revision(&format!("a={number}")));
            keep(&history, &name, &state, None).await.unwrap();
        }
        assert_eq!(load(&state, None).await.unwrap(), history);
        let kept: Vec<u32> = state.revisions().unwrap().into_keys().collect();
        assert_eq!(kept, (3..=12).collect::<Vec<u32>>());
        state.keep_revision(12, "{").unwrap();
        let read = load(&state, None).await.unwrap();
        assert_eq!(read.latest().unwrap().number, 11);
    }
}
