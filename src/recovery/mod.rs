//! The keys of an instance in its cluster: which ones are valid, no matter which home asks.

use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::hint::Hint;
use crate::kube::Cluster;
use crate::preflight::Finding;
use crate::secrets::Secrets;
use crate::settings::InstanceName;
use crate::state;

/// The kind and the name of their record in the cluster.
const KIND: &str = "keys";
const RECORD: &str = "clearml-local.keys";
/// The Secret from which the servers read them. Earlier versions stored nothing else.
const SERVER_SECRET: &str = "clearml-conf";

/// The result of searching for an instance's keys.
#[derive(Debug)]
pub enum Found {
    Keys(Box<Secrets>),
    /// The instance has no keys yet.
    None,
    /// The instance has keys, but they cannot be read.
    Lost(Finding),
}

/// The keys in the cluster have a format that this version must neither read nor replace.
#[derive(Debug, thiserror::Error)]
#[error(
    "the keys in the cluster (Secret/{RECORD}) were written by a later version of clearml-local \
     (format {format})"
)]
struct Newer {
    format: u64,
}

impl Explain for Newer {
    fn failure(&self) -> Failure {
        Failure::StateNewer
    }

    fn hints(&self) -> Vec<Hint> {
        self.failure().remedies()
    }
}

/// Reads the record of the keys. One that is damaged counts as missing, because the servers have
/// the keys too.
fn read(record: &str) -> std::result::Result<Option<Secrets>, Newer> {
    match state::later_format(record) {
        Some(format) => Err(Newer { format }),
        None => Ok(state::read_copy(record)),
    }
}

/// Returns the keys in the cluster, if any. `home` are the keys of this home.
///
/// # Errors
/// A later version wrote them.
pub async fn from_cluster(cluster: &Cluster, home: Option<&Secrets>) -> Result<Option<Secrets>> {
    let records = cluster.records(KIND).await?;
    if let Some(text) = records.get(RECORD)
        && let Some(secrets) = read(text)?
    {
        return Ok(Some(secrets));
    }
    let served = cluster.secret(SERVER_SECRET).await?;
    let served = served.as_ref().and_then(Secrets::from_cluster);
    // The served keys include the user's own values; those of the home do not.
    Ok(match (served, home) {
        (Some(served), Some(home)) if served.is_same_instance(home) => Some(home.clone()),
        (served, _) => served,
    })
}

/// Returns the valid keys once the cluster is ready: those of the cluster if they
/// differ from those that were found while it was stopped. The second value is true in
/// this case.
pub async fn reconcile(found: Secrets, cluster: &Cluster) -> Result<(Secrets, bool)> {
    match from_cluster(cluster, Some(&found)).await? {
        Some(theirs) if theirs != found => match theirs.completed() {
            Some(completed) => Ok((completed, true)),
            None => Ok((theirs, true)),
        },
        _ => Ok((found, false)),
    }
}

/// Stores the keys in the cluster, unless it has them.
///
/// # Errors
/// A later version wrote those that it has.
pub async fn store_in_cluster(
    name: &InstanceName,
    secrets: &Secrets,
    cluster: &Cluster,
) -> Result<()> {
    let text = serde_json::to_string(secrets).expect("plain data can be serialized");
    let records = cluster.records(KIND).await?;
    let existing = records.get(RECORD);
    existing.map(|text| read(text)).transpose()?;
    if existing != Some(&text) {
        let saved = cluster.store_record(KIND, name.as_str(), RECORD, &text);
        saved.await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kube::mock::{self, paths};

    /// Returns a cluster whose record of the keys is `text`, and what the servers read.
    fn with_record(text: String, served: &Secrets) -> (Cluster, mock::Record) {
        let base64 = |text: &str| serde_json::to_value(k8s_openapi::ByteString(text.into()));
        let record = json!({
            "metadata": {"name": RECORD}, "data": {"record": base64(&text).unwrap()},
        });
        let users = &served.credentials;
        let pairs = [
            ("apiserver", &users.apiserver),
            ("webserver", &users.webserver),
            ("tests_user", &users.tests),
        ];
        let pairs = pairs.iter().flat_map(|(name, pair)| {
            [
                (format!("{name}_key"), pair.access_key.as_str()),
                (format!("{name}_secret"), pair.secret_key.as_str()),
            ]
        });
        let others = [
            ("http_session".to_owned(), served.http_session.as_str()),
            ("auth_token".to_owned(), served.auth_token.as_str()),
        ];
        let conf: serde_json::Map<String, Value> = pairs
            .chain(others)
            .map(|(key, value)| (key, base64(value).unwrap()))
            .collect();
        mock::cluster(move |request| match request.path.as_str() {
            path if path.contains("/secrets?") => (
                200,
                json!({"apiVersion": "v1", "kind": "SecretList", "metadata": {}, "items": [record]}),
            ),
            path if path.ends_with("/secrets/clearml-conf") => (
                200,
                json!({"metadata": {"name": SERVER_SECRET}, "data": conf}),
            ),
            _ => mock::empty(request),
        })
    }

    #[tokio::test]
    async fn keys_of_a_later_version_are_named_and_never_replaced() {
        let secrets = Secrets::generate();
        let later = r#"{"format": 2, "keys": []}"#.to_owned();
        let (cluster, record) = with_record(later, &secrets);
        let name = "demo".parse().unwrap();
        let read = from_cluster(&cluster, Some(&secrets)).await.unwrap_err();
        let stored = store_in_cluster(&name, &secrets, &cluster).await;
        for error in [read, stored.unwrap_err()] {
            assert_eq!(error.failure(), Failure::StateNewer);
            assert_eq!(
                error.to_string(),
                "the keys in the cluster (Secret/clearml-local.keys) were written by a later \
                 version of clearml-local (format 2)"
            );
        }
        assert_eq!(paths(&record, "PATCH"), [""; 0]);
    }

    #[tokio::test]
    async fn damaged_keys_are_read_from_the_servers_and_written_again() {
        let secrets = Secrets::generate();
        let whole = serde_json::to_string(&secrets).unwrap();
        let name = "demo".parse().unwrap();
        for damaged in ["", "{}", "[]", "null", &whole[..whole.len() / 2]] {
            let (cluster, record) = with_record(damaged.to_owned(), &secrets);
            let found = from_cluster(&cluster, Some(&secrets)).await.unwrap();
            assert_eq!(found.as_ref(), Some(&secrets), "{damaged}");
            store_in_cluster(&name, &secrets, &cluster).await.unwrap();
            assert_eq!(paths(&record, "PATCH").len(), 1, "{damaged}");
        }
    }
}
