//! The recorded observations.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

/// One observation, from `recorded/ID.json` or `recorded/ID.WHAT.json`.
pub struct Case {
    /// The name of the file.
    pub name: String,
    /// The identifier of the failure, the first part of the name.
    pub failure: String,
    /// Where the observation is from: how the failure was caused, or who published the text.
    pub origin: String,
    pub input: Input,
}

#[derive(Deserialize)]
struct File {
    origin: String,
    #[serde(flatten)]
    input: Input,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    Cluster(RecordedCluster),
    Engine(RecordedEngine),
    Command(CommandLine),
}

/// What a cluster answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedCluster {
    /// How the program asks.
    #[serde(default)]
    pub way: Way,
    /// The items of lists by resource.
    #[serde(default)]
    pub lists: Map<String, Value>,
    /// Objects by path.
    #[serde(default)]
    pub objects: Map<String, Value>,
    /// The last lines of the log of the container.
    #[serde(default)]
    pub log: Option<String>,
    /// The same of its previous run.
    #[serde(default)]
    pub previous_log: Option<String>,
    /// Whether it is an existing cluster.
    #[serde(default)]
    pub existing: bool,
    /// The values of the server that is to be installed.
    #[serde(default)]
    pub values: String,
    /// The answer to every change: status and body.
    #[serde(default)]
    pub refusal: Option<(u16, Value)>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// It waits for the components.
    #[default]
    Components,
    /// It shows the status.
    Status,
    /// It waits until the node accepts pods.
    Node,
    /// It checks the add-ons.
    Addons,
    /// It checks the cluster before an installation.
    Survey,
    /// It applies an object.
    Apply,
}

/// What an engine answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedEngine {
    /// The request: `create`, `start`, `exec`, `network`, or `pull`.
    pub request: String,
    /// The image that is pulled.
    #[serde(default)]
    pub image: Option<String>,
    pub status: u16,
    /// The body: one document, or several of a stream.
    pub body: Vec<Value>,
}

/// A command line, and what it finds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandLine {
    pub arguments: Vec<String>,
    /// Variables that are set or removed.
    #[serde(default)]
    pub environment: BTreeMap<String, Option<String>>,
    /// Files in the home directory: text or JSON.
    #[serde(default)]
    pub files: BTreeMap<String, Value>,
    /// Answers of the engine.
    #[serde(default)]
    pub responses: BTreeMap<String, Value>,
    /// The signal that it gets while the engine does not answer.
    #[serde(default)]
    pub signal: Option<String>,
    /// Whether standard output is a file on a full disk.
    #[serde(default)]
    pub full_output: bool,
    /// Where it runs, if not on this host as it is.
    #[serde(default)]
    pub namespaces: Option<Namespaces>,
}

/// Namespaces of Linux in which a command sees another host, such as one with a small disk.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Namespaces {
    /// The options of `unshare`.
    pub options: Vec<String>,
    /// What prepares them, for `sh`.
    #[serde(default)]
    pub script: String,
}

/// Returns all observations, in the order of their names.
pub fn all() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/failures/recorded");
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = paths.iter().map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        let file: File = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let failure = name.split('.').next().unwrap().to_owned();
        Case {
            name,
            failure,
            origin: file.origin,
            input: file.input,
        }
    });
    read.collect()
}
