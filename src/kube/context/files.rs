//! The user's kubeconfig files, merged as kubectl merges them: the first file that has an
//! entry determines it.

use std::path::{Path, PathBuf};

use ::kube::config;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Error, Source};
use crate::{files, yaml};

/// The content of the files, those of higher precedence first.
pub(super) struct Documents(Vec<(PathBuf, Value)>);

/// A context with its cluster and user.
pub(super) struct Found {
    /// The file with the context.
    pub(super) file: PathBuf,
    pub(super) cluster: config::Cluster,
    /// Empty if the context has no user.
    pub(super) user_name: String,
    pub(super) user: config::AuthInfo,
}

/// An entry of one of the lists, and its file.
struct Entry<'a> {
    file: &'a Path,
    value: Map<String, Value>,
}

impl Documents {
    pub(super) fn read(source: &Source) -> Result<Documents, Error> {
        let mut documents = Vec::new();
        let mut found = false;
        for file in source.files() {
            let Some(text) = files::read(file)? else {
                continue;
            };
            found = true;
            let all = yaml::documents(text.trim_start_matches('\u{feff}'));
            let invalid = |reason: String| Error::Invalid {
                file: file.clone(),
                reason,
            };
            for document in all.map_err(|error| invalid(error.to_string()))? {
                if !document.is_object() {
                    return Err(invalid("expected a map of settings".to_owned()));
                }
                documents.push((file.clone(), document));
            }
        }
        match found {
            true => Ok(Documents(documents)),
            false => Err(Error::NoFile {
                searched: source.clone(),
            }),
        }
    }

    /// Returns the names of all contexts, without duplicates.
    pub(super) fn contexts(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (_, document) in &self.0 {
            for name in entries(document, "contexts").filter_map(name) {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }

    /// Finds a context, its cluster and its user. Paths in them are absolute.
    pub(super) fn find(&self, name: &str) -> Result<Found, Error> {
        let Some(context) = self.entry("contexts", "context", name)? else {
            return Err(Error::UnknownContext {
                context: name.to_owned(),
                known: self.contexts(),
                files: self.files(),
            });
        };
        let incomplete = |reason: String| Error::Incomplete {
            context: name.to_owned(),
            file: context.file.to_owned(),
            reason,
        };
        let cluster_name = text(&context, "cluster")
            .ok_or_else(|| incomplete("it has no `cluster`".to_owned()))?;
        let cluster = self
            .entry("clusters", "cluster", cluster_name)?
            .ok_or_else(|| incomplete(format!("there is no cluster `{cluster_name}`")))?;
        let server = text(&cluster, "server")
            .ok_or_else(|| incomplete(format!("the cluster `{cluster_name}` has no `server`")))?;
        let server = with_scheme(server, &cluster);
        let user_name = text(&context, "user").unwrap_or_default();
        let user = match user_name {
            "" => None,
            user => Some(
                self.entry("users", "user", user)?
                    .ok_or_else(|| incomplete(format!("there is no user `{user}`")))?,
            ),
        };
        Ok(Found {
            file: context.file.to_owned(),
            cluster: {
                let mut cluster = resolve(cluster, &["certificate-authority"]);
                cluster.value.insert("server".to_owned(), json!(server));
                read(cluster, "cluster", cluster_name)?
            },
            user: match user {
                Some(user) => {
                    let paths = ["client-certificate", "client-key", "tokenFile"];
                    read(resolve(user, &paths), "user", user_name)?
                }
                None => config::AuthInfo::default(),
            },
            user_name: user_name.to_owned(),
        })
    }

    /// Returns the entry with that name of the first file that has one.
    fn entry(&self, list: &str, key: &str, wanted: &str) -> Result<Option<Entry<'_>>, Error> {
        for (file, document) in &self.0 {
            let mut same = entries(document, list).filter(|entry| name(entry) == Some(wanted));
            let Some(entry) = same.next() else {
                continue;
            };
            if same.next().is_some() {
                return Err(Error::Duplicate {
                    kind: key.to_owned(),
                    name: wanted.to_owned(),
                    file: file.clone(),
                });
            }
            let mut value = entry[key].as_object().cloned().unwrap_or_default();
            // An empty text counts as not set.
            value.retain(|_, value| value.as_str() != Some(""));
            return Ok(Some(Entry { file, value }));
        }
        Ok(None)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = self.0.iter().map(|(file, _)| file.clone()).collect();
        files.dedup();
        files
    }
}

fn entries<'a>(document: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    document[list].as_array().into_iter().flatten()
}

fn name(entry: &Value) -> Option<&str> {
    entry["name"].as_str()
}

fn text<'a>(entry: &'a Entry<'_>, key: &str) -> Option<&'a str> {
    entry.value.get(key)?.as_str()
}

/// Adds the scheme that kubectl assumes: https if anything about TLS is configured.
fn with_scheme(server: &str, cluster: &Entry<'_>) -> String {
    if server.contains("://") {
        return server.to_owned();
    }
    let tls = [
        "certificate-authority",
        "certificate-authority-data",
        "insecure-skip-tls-verify",
    ];
    let scheme = match tls.iter().any(|key| cluster.value.contains_key(*key)) {
        true => "https",
        false => "http",
    };
    format!("{scheme}://{server}")
}

/// Makes the paths in an entry absolute: they are relative to the directory of the file.
fn resolve<'a>(mut entry: Entry<'a>, keys: &[&str]) -> Entry<'a> {
    let dir = entry.file.parent().unwrap_or(Path::new("/")).to_owned();
    let absolute = |value: &mut Value| {
        if let Some(path) = value.as_str() {
            *value = json!(dir.join(path).display().to_string());
        }
    };
    for key in keys {
        entry.value.get_mut(*key).map(absolute);
    }
    // Without a slash, it is a program of `PATH`.
    let exec = entry.value.get_mut("exec").and_then(Value::as_object_mut);
    let command = exec.and_then(|exec| exec.get_mut("command"));
    command
        .filter(|command| command.as_str().is_some_and(|text| text.contains('/')))
        .map(absolute);
    entry
}

fn read<T: DeserializeOwned>(entry: Entry<'_>, kind: &str, name: &str) -> Result<T, Error> {
    let invalid = |error: serde_json::Error| Error::Invalid {
        file: entry.file.to_owned(),
        reason: format!("{kind} `{name}`: {error}"),
    };
    serde_json::from_value(Value::Object(entry.value)).map_err(invalid)
}
