//! Adds an instance's context to the user's own kubeconfig, and removes it. Everything
//! else keeps its meaning; comments are lost, as they are with kubectl.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::namespace::Namespace;
use crate::settings::InstanceName;
use crate::{files, yaml};

/// The lists of a kubeconfig that contain one of our entries.
const LISTS: [&str; 3] = ["clusters", "users", "contexts"];

/// Returns the name of an instance's context, cluster and user.
pub fn context_name(instance: &InstanceName) -> String {
    format!("clearml-local-{instance}")
}

/// Adds the context of an instance, whose kubeconfig is `ours`, to the file. It becomes
/// the current context if there is none. Returns whether the file changed.
pub fn merge(path: &Path, instance: &InstanceName, ours: &str) -> Result<bool, Error> {
    let found = read(path)?;
    let ours: Value = parse(path, ours)?;
    let mut wanted = found
        .clone()
        .unwrap_or_else(|| json!({"apiVersion": "v1", "kind": "Config", "preferences": {}}));
    let name = context_name(instance);
    remove_entries(&mut wanted, &name);
    for (list, entry) in LISTS.into_iter().zip(entries(&name, &ours)) {
        if !wanted[list].is_array() {
            wanted[list] = json!([]);
        }
        wanted[list]
            .as_array_mut()
            .expect("created above")
            .push(entry);
    }
    if wanted["current-context"].as_str().is_none_or(str::is_empty) {
        wanted["current-context"] = json!(name);
    }
    if found.as_ref() == Some(&wanted) {
        return Ok(false);
    }
    write(path, &wanted)?;
    Ok(true)
}

/// Removes the context of an instance from the file. Returns whether it was there.
pub fn remove(path: &Path, instance: &InstanceName) -> Result<bool, Error> {
    let name = context_name(instance);
    // A file without our context does not concern us, even if it is broken.
    if !files::read(path)?.is_some_and(|text| text.contains(&name)) {
        return Ok(false);
    }
    let Some(found) = read(path)? else {
        return Ok(false);
    };
    let mut wanted = found.clone();
    remove_entries(&mut wanted, &name);
    if wanted["current-context"] == name.as_str() {
        wanted["current-context"] = json!("");
    }
    if wanted == found {
        return Ok(false);
    }
    write(path, &wanted)?;
    Ok(true)
}

/// Checks that the file can be parsed. A missing file is fine.
pub fn check(path: &Path) -> Result<(), Error> {
    read(path).map(|_| ())
}

fn remove_entries(config: &mut Value, name: &str) {
    for list in LISTS {
        if let Some(entries) = config[list].as_array_mut() {
            entries.retain(|entry| entry["name"] != name);
        }
    }
}

/// Returns our entries, in the order of [`LISTS`].
fn entries(name: &str, ours: &Value) -> [Value; 3] {
    [
        json!({"name": name, "cluster": ours["clusters"][0]["cluster"]}),
        json!({"name": name, "user": ours["users"][0]["user"]}),
        json!({"name": name, "context": {
            "cluster": name,
            "user": name,
            "namespace": Namespace::DEFAULT,
        }}),
    ]
}

fn read(path: &Path) -> Result<Option<Value>, Error> {
    let Some(text) = files::read(path)?.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    parse(path, &text).map(Some)
}

fn parse(path: &Path, text: &str) -> Result<Value, Error> {
    let broken = |reason: String| Error::Broken {
        path: path.to_owned(),
        reason,
    };
    let value: Value = yaml::one(text).map_err(|error| broken(error.to_string()))?;
    if !value.is_object() {
        return Err(broken("expected a map of settings".into()));
    }
    Ok(value)
}

fn write(path: &Path, value: &Value) -> Result<(), Error> {
    let text = yaml::to_string(value);
    // It is the user's file: only text that reads back as the same value is written.
    if parse(path, &text)? != *value {
        return Err(Error::Broken {
            path: path.to_owned(),
            reason: "writing it would change its meaning".into(),
        });
    }
    // Writes the target of a symbolic link, to keep the link.
    files::refuse_planted(path)?;
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if let Some(dir) = target.parent() {
        files::create_dir(dir)?;
    }
    Ok(files::write_private(&target, &text)?)
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Files(#[from] files::Error),
    #[error("cannot change the kubeconfig {}: {reason}", path.display())]
    Broken { path: PathBuf, reason: String },
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Files(error) => error.failure(),
            Error::Broken { .. } => Failure::InvalidKubeconfig,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Files(error) => error.hints(),
            Error::Broken { .. } => {
                vec![Hint::run(
                    "leave it unchanged",
                    ours!(Up, "--merge-kubeconfig=false"),
                )]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "\
apiVersion: v1
clusters: [{name: demo, cluster: {server: 'https://127.0.0.1:40000'}}]
users: [{name: kubernetes-admin, user: {client-key-data: c2VjcmV0}}]
contexts: [{name: x, context: {cluster: demo, user: kubernetes-admin}}]
";
    const THEIRS: &str = "\
apiVersion: v1
kind: Config
current-context: work
clusters:
- name: work
  cluster: {server: 'https://work', extensions: [{name: x, extension: {version: '0123'}}]}
contexts:
- {name: work, context: {cluster: work, user: me}}
users:
- name: me
  user: {token: '12e4', exec: {command: aws, args: ['yes', 'null']}}
";

    fn parsed(path: &Path) -> Value {
        yaml::one(&files::read(path).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn a_context_is_added_and_removed_and_the_rest_is_unchanged() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("real"), dir.path().join("config"));
        let demo = "demo".parse().unwrap();
        files::write(&path, THEIRS).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(merge(&link, &demo, OURS).unwrap());
        assert!(!merge(&link, &demo, OURS).unwrap(), "nothing to change");
        let both = parsed(&link);
        assert_eq!(both["contexts"][1]["name"], "clearml-local-demo");
        assert_eq!(
            both["clusters"][1]["cluster"]["server"],
            "https://127.0.0.1:40000"
        );
        assert_eq!(both["current-context"], "work");
        assert!(link.is_symlink());
        assert!(remove(&link, &demo).unwrap());
        assert!(!remove(&link, &demo).unwrap());
        assert_eq!(parsed(&link), yaml::one::<Value>(THEIRS).unwrap());
    }

    #[test]
    fn creates_a_missing_file_with_our_context_as_the_current_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".kube/config");
        let demo = "demo".parse().unwrap();
        assert!(!remove(&path, &demo).unwrap());
        assert!(merge(&path, &demo, OURS).unwrap());
        assert_eq!(parsed(&path)["current-context"], "clearml-local-demo");
        assert!(remove(&path, &demo).unwrap());
        assert_eq!(parsed(&path)["current-context"], "");
    }

    #[test]
    fn a_broken_file_is_not_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        files::write(&path, "clusters: [").unwrap();
        let demo = "demo".parse().unwrap();
        assert!(merge(&path, &demo, OURS).is_err());
        assert!(!remove(&path, &demo).unwrap());
        assert_eq!(files::read(&path).unwrap().unwrap(), "clusters: [");
    }
}
