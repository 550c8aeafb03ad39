//! What the user wants: flags, environment and `clearml-local.yaml`, in that
//! order of strength, then what an earlier `up` was told, then the defaults.

mod data;
mod ingress;
mod kept;
mod listen;
mod mirror;
mod name;
mod pull;
mod set;
mod undo;
mod wishes;

use std::path::PathBuf;
use std::sync::LazyLock;

pub use helm_values::SetKind;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::data::{DataPlace, InputFile};
pub use self::ingress::{Host, Hosts, Ingress};
pub use self::listen::{InvalidListen, Listen};
pub use self::mirror::Mirror;
pub use self::name::{DEFAULT_NAME, InstanceName, name_flag};
pub use self::pull::Pull;
pub use self::set::SetArgument;
pub use self::wishes::Wishes;
use crate::error::{Code, Explain};
use crate::image_ref::ImageRef;
use crate::release::Release;
use crate::{files, path};

/// The node image of kind 0.33, pinned by digest.
pub static DEFAULT_NODE_IMAGE: LazyLock<ImageRef> = LazyLock::new(|| {
    let image = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";
    image.parse().expect("the reference is part of the program")
});

/// The settings file that is read where it lies in the working directory.
pub const SETTINGS_FILE: &str = "clearml-local.yaml";

/// The host ports of the three services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// Web app.
    pub web: u16,
    /// API server.
    pub api: u16,
    /// File server.
    pub files: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Ports {
            web: 30080,
            api: 30008,
            files: 30081,
        }
    }
}

impl Ports {
    /// Whether the web app finds API and files by itself from these ports: its
    /// code knows two sets only.
    pub fn found_by_web_app(self) -> bool {
        let known = |web, api, files| self == Ports { web, api, files };
        known(30080, 30008, 30081) || known(8080, 8008, 8081)
    }
}

/// A file of the user's as it was read, such as values: `up` without flags uses it
/// again although the file may be gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Where it was read, for messages.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What an instance is made of. Kept in the state directory, so that a later
/// `up` without flags means the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Address that the ports are published on.
    #[serde(deserialize_with = "listen::kept")]
    pub listen: Listen,
    /// Host ports.
    pub ports: Ports,
    /// Name of a release, or the path of a file that describes one.
    pub release: String,
    /// That file as it was read, so that later commands work from any directory.
    /// Versions up to 0.1.0 kept the path only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_file: Option<KeptFile>,
    /// Reference of the node image.
    #[serde(deserialize_with = "kept_node_image")]
    pub node_image: ImageRef,
    /// Where the data are.
    pub data_dir: DataPlace,
    /// Values files, weakest first.
    pub values: Vec<KeptFile>,
    /// Arguments of `--set` and its kin; of each kind the weakest first.
    pub sets: Vec<SetArgument>,
    /// Certificate authorities that the node trusts beside the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<KeptFile>,
    /// Where images are pulled from instead of their own registries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_mirror: Option<Mirror>,
    /// Where images are pulled that the node lacks.
    #[serde(default, skip_serializing_if = "Pull::is_default")]
    pub pull: Pull,
    /// Whether the engine starts the server again after the machine was rebooted.
    #[serde(default = "starts_again")]
    pub autostart: bool,
    /// Whether the user's own kubeconfig has a context for the instance.
    #[serde(default)]
    pub merge_kubeconfig: bool,
    /// The ingress controller in the node, if any, and who is reached through it.
    #[serde(default)]
    pub ingress: Ingress,
}

impl Instance {
    /// The name of the release: what its file says, where it comes from one.
    pub fn release_name(&self) -> String {
        let file = self.release_file.as_ref();
        let named = file.and_then(|file| Release::from_file_text(&file.text, &file.path).ok());
        named.map_or_else(|| self.release.clone(), |release| release.name)
    }

    /// This instance with the other's choice: what a revision remembers and a rollback
    /// brings back. Ports, places and the node are not part of it.
    #[must_use]
    pub fn with_choice_of(self, other: &Instance) -> Instance {
        Instance {
            release: other.release.clone(),
            release_file: other.release_file.clone(),
            values: other.values.clone(),
            sets: other.sets.clone(),
            ..self
        }
    }
}

impl Instance {
    /// This instance with what a node was made with: where it is, and how it is reached.
    #[must_use]
    pub fn with_place_of(self, node: Instance) -> Instance {
        Instance {
            listen: node.listen,
            ports: node.ports,
            node_image: node.node_image,
            data_dir: node.data_dir,
            ingress: Ingress {
                enabled: node.ingress.enabled,
                http_port: match node.ingress.enabled {
                    true => node.ingress.http_port,
                    false => self.ingress.http_port,
                },
                https_port: match node.ingress.enabled {
                    true => node.ingress.https_port,
                    false => self.ingress.https_port,
                },
                ..self.ingress
            },
            ..self
        }
    }
}

/// Reads what is kept. Versions up to 0.1.0 took any text, and kept it before the node
/// was created: no node was ever created from what is not a reference.
fn kept_node_image<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ImageRef, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.parse().unwrap_or_else(|_| DEFAULT_NODE_IMAGE.clone()))
}

impl Instance {
    /// These settings, which another home chose, as this one takes them over, with what
    /// the node was made with.
    #[must_use]
    pub fn seen_from_another_home(self, made_with: Option<Instance>) -> Instance {
        let settings = match made_with {
            Some(made_with) => self.with_place_of(made_with),
            None => self,
        };
        Instance {
            // Of that user's own kubeconfig.
            merge_kubeconfig: false,
            ..settings
        }
    }
}

/// Servers come back after a reboot, as those of ClearML's own compose file do.
fn starts_again() -> bool {
    true
}

/// Settings that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// The settings file is broken.
    #[error("invalid settings in {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A values file is missing.
    #[error("values file {path} does not exist")]
    NoValuesFile {
        /// The path that was given.
        path: String,
    },
    /// Nothing came through the pipe that values are read from.
    #[error("no values on standard input: `-f -` read nothing")]
    EmptyPipe,
    /// The path of a release's file cannot be used.
    #[error("invalid value for --release: {0}")]
    ReleasePath(crate::path::Error),
    /// A release's file is missing.
    #[error("release file {path} does not exist")]
    NoReleaseFile {
        /// The path that was given.
        path: String,
    },
    /// A file of `--set-file` is missing.
    #[error("file {path} does not exist ({argument})")]
    NoSetFile {
        /// The path that was given.
        path: String,
        /// The flag and its argument.
        argument: String,
    },
    /// A path in an argument cannot be resolved.
    #[error("invalid path: {reason} ({argument})")]
    Path {
        /// Why.
        reason: path::Error,
        /// The flag and its argument.
        argument: String,
    },
    /// A file of the user's is too large to be meant.
    #[error("cannot read {path}: it is larger than {} MiB", helm_values::MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: String,
    },
    /// A file of the user's is not UTF-8 text.
    #[error("cannot read {path}: line {line} is not valid UTF-8")]
    NotText {
        /// The file.
        path: String,
        /// The line of the first byte that cannot be read.
        line: usize,
    },
    /// No certificates.
    #[error("invalid certificates in {}: {reason}", path.display())]
    Certificates {
        /// The path that was given.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// Two services on one host port.
    #[error("the ports of web, API and files must be different, got {}, {} and {}", ports.web, ports.api, ports.files)]
    SamePort {
        /// What was asked for.
        ports: Ports,
    },
    /// Something else is on a host port of the ingress.
    #[error("{one} and {other} cannot both be {port}")]
    IngressPort {
        /// A flag.
        one: &'static str,
        /// Another flag.
        other: &'static str,
        /// The port.
        port: u16,
    },
    /// Not a duration.
    #[error("invalid duration `{text}`: expected a number with a unit, such as 90s, 15m or 1h30m")]
    Timeout {
        /// What was given.
        text: String,
    },
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Error::Files(error) => error.code(),
            _ => Code::Usage,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Error::Files(error) => error.hints(),
            Error::File { .. } => {
                vec!["see all settings: clearml-local up --help".into()]
            }
            Error::SamePort { .. } => {
                vec!["set different ports: --web-port, --api-port, --files-port".into()]
            }
            Error::IngressPort { one, .. } => {
                vec![format!("use another port: clearml-local up {one} PORT")]
            }
            Error::Certificates { .. } => {
                vec![
                    "ask the administrator of your proxy for a file that starts with -----BEGIN \
                    CERTIFICATE-----"
                        .into(),
                ]
            }
            Error::EmptyPipe => vec![
                "check the output of the command before the pipe".into(),
                "to discard the values of earlier runs: clearml-local up --reset-values".into(),
            ],
            Error::NoReleaseFile { .. } | Error::ReleasePath(_) => {
                vec!["use 1.5.0, 2.3 or the path of a release file".into()]
            }
            Error::NoValuesFile { .. }
            | Error::Timeout { .. }
            | Error::NoSetFile { .. }
            | Error::Path { .. }
            | Error::TooLarge { .. }
            | Error::NotText { .. } => Vec::new(),
        }
    }
}
