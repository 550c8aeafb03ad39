//! Revisions are stored in the state directory and in the cluster: if one is lost, the
//! other is used.

use std::collections::BTreeMap;

use super::{History, Outcome, Revision};
use crate::error::Result;
use crate::kube::Cluster;
use crate::settings::InstanceName;
use crate::state::{self, StateDir};

/// The kind of record in the cluster.
const KIND: &str = "revision";

fn record_name(number: u32) -> String {
    format!("clearml-local.v{number}")
}

fn number_of(record: &str) -> Option<u32> {
    record.strip_prefix("clearml-local.v")?.parse().ok()
}

fn read(text: &str) -> Option<Revision> {
    if state::is_later(text) {
        return None;
    }
    match serde_json::from_str(text) {
        Ok(revision) => Some(revision),
        // The other place may have it, and an old revision must not make `up` fail.
        Err(error) => {
            tracing::warn!(%error, "cannot read a revision");
            None
        }
    }
}

fn write(revision: &Revision) -> String {
    serde_json::to_string(revision).expect("plain data can be serialized")
}

/// Reads the history from the state directory and, if given, the cluster.
pub async fn load(state: &StateDir, cluster: Option<&Cluster>) -> Result<History> {
    let mut history = History::default();
    let local = state.revisions()?;
    let remote = match cluster {
        Some(cluster) => cluster.records(KIND).await?,
        None => BTreeMap::new(),
    };
    let remote_numbers = remote.keys().filter_map(|record| number_of(record));
    let last_number = local.keys().copied().chain(remote_numbers).max();
    history.last_number = last_number.unwrap_or_default();
    for revision in local
        .values()
        .chain(remote.values())
        .filter_map(|t| read(t))
    {
        let existing = history.revisions.get(&revision.number);
        if existing.is_none_or(|existing| is_newer(&revision, existing)) {
            history.insert(revision);
        }
    }
    let local_numbers = local.iter().map(|(number, text)| (*number, text));
    let remote_numbers = remote
        .iter()
        .filter_map(|(record, text)| Some((number_of(record)?, text)));
    let later = local_numbers
        .chain(remote_numbers)
        .filter(|(number, text)| state::is_later(text) && !history.revisions.contains_key(number));
    history.later = later.map(|(number, _)| number).collect();
    Ok(history)
}

/// Returns whether one copy of a revision is newer than another copy with the same
/// number.
fn is_newer(one: &Revision, other: &Revision) -> bool {
    let has_ended = |revision: &Revision| revision.outcome != Outcome::Running;
    (one.at, has_ended(one)) > (other.at, has_ended(other))
}

/// Returns whether a revision that is not in the history may be removed. One that cannot be read
/// may be from a later version, and is kept as long as one of the same age.
fn may_remove(number: u32, text: &str, oldest: u32) -> bool {
    read(text).is_some() || number < oldest
}

/// Returns whether a stored text, if any, is replaced by another one. That of a later version is
/// not.
fn may_replace(stored: Option<&String>, text: &String) -> bool {
    stored.is_none_or(|stored| stored != text && !state::is_later(stored))
}

/// Writes the history to both places where they differ from it. The cluster can store
/// it once its namespace exists.
pub async fn save(
    name: &InstanceName,
    state: &StateDir,
    history: &History,
    cluster: Option<&Cluster>,
) -> Result<()> {
    let wanted: BTreeMap<u32, String> = history
        .revisions
        .iter()
        .map(|(number, revision)| (*number, write(revision)))
        .collect();
    let local = state.revisions()?;
    for (number, text) in &wanted {
        if may_replace(local.get(number), text) {
            state.save_revision(*number, text)?;
        }
    }
    let oldest = wanted.keys().next().copied().unwrap_or_default();
    for (number, text) in &local {
        if !wanted.contains_key(number) && may_remove(*number, text, oldest) {
            state.remove_revision(*number)?;
        }
    }
    let Some(cluster) = cluster else {
        return Ok(());
    };
    let remote = cluster.records(KIND).await?;
    let wanted: BTreeMap<String, String> = wanted
        .into_iter()
        .map(|(number, text)| (record_name(number), text))
        .collect();
    for (record, text) in &wanted {
        if may_replace(remote.get(record), text) {
            let saved = cluster.store_record(KIND, name.as_str(), record, text);
            if !saved.await? {
                tracing::debug!(record, "not stored in the cluster");
            }
        }
    }
    for (record, text) in &remote {
        let number = number_of(record).unwrap_or_default();
        if !wanted.contains_key(record) && may_remove(number, text, oldest) {
            cluster.delete_record(record).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain;
    use crate::failures::Failure;
    use crate::inputs::{SetArgument, SetKind};
    use crate::kube::mock;
    use crate::settings::Instance;

    fn revision(set: &str) -> Revision {
        let place = std::path::PathBuf::from("/data").into();
        let mut instance = Instance::with_defaults(place);
        instance.values.sets = vec![SetArgument::new(SetKind::Set, set)];
        let values = serde_json::json!({"set": set});
        Revision::new(instance, values, None)
    }

    #[tokio::test]
    async fn stored_revisions_are_loaded_and_a_broken_file_is_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let state = &StateDir::at(dir.path().join("demo"));
        let name = "demo".parse().unwrap();
        let mut history = History::default();
        for number in 1..=12 {
            history.start(revision(&format!("a={number}")));
            save(&name, state, &history, None).await.unwrap();
        }
        assert_eq!(load(state, None).await.unwrap(), history);
        let stored: Vec<u32> = state.revisions().unwrap().into_keys().collect();
        assert_eq!(stored, (3..=12).collect::<Vec<u32>>());
        // Of a later version.
        state.save_revision(12, "{\"format\": 2}").unwrap();
        let mut read = load(state, None).await.unwrap();
        assert_eq!(read.latest().unwrap().number, 11);
        // It was applied, and is known to be neither the same nor good.
        let same = read.clone().start(revision("a=11"));
        assert_eq!(same, (13, false));
        let named = "revision 12 was written by a later version of clearml-local";
        for refused in [
            read.target(Some(12)).map(drop),
            read.latest_known().map(drop),
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.to_string(), named);
            assert_eq!(error.failure(), Failure::StateNewer);
        }
        assert_eq!(read.start(revision("a=13")), (13, false));
        save(&name, state, &read, None).await.unwrap();
        let kept = &state.revisions().unwrap()[&12];
        assert_eq!(kept, "{\"format\": 2}");
        assert_eq!(
            load(state, None).await.unwrap().later().collect::<Vec<_>>(),
            [12]
        );
    }

    /// The later version has written the outcome of a revision, which this home has too.
    #[tokio::test]
    async fn a_record_of_a_later_version_in_the_cluster_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let state = &StateDir::at(dir.path().join("demo"));
        let name = "demo".parse().unwrap();
        let text = k8s_openapi::ByteString(br#"{"format": 2, "number": 1}"#.into());
        let item = serde_json::json!({
            "metadata": {"name": record_name(1)},
            "data": {"record": serde_json::to_value(text).unwrap()},
        });
        let (cluster, record) = mock::cluster(move |request| match request.method.as_str() {
            "GET" => {
                let list = serde_json::json!({"apiVersion": "v1", "kind": "SecretList",
                    "metadata": {}, "items": [item]});
                (200, list)
            }
            _ => mock::empty(request),
        });
        let mut history = History::default();
        history.start(revision("a=1"));
        save(&name, state, &history, None).await.unwrap();
        let mut read = load(state, Some(&cluster)).await.unwrap();
        assert_eq!(read.start(revision("a=2")), (2, false));
        save(&name, state, &read, Some(&cluster)).await.unwrap();
        let written = mock::paths(&record, "PATCH");
        assert_eq!(written.len(), 1, "{written:?}");
        assert!(written[0].contains("/clearml-local.v2?"), "{written:?}");
        assert_eq!(mock::paths(&record, "DELETE"), [""; 0]);
    }
}
