//! `clearml-local`: a ClearML server on this machine, with nothing but a Docker
//! engine. `docs/architecture.md` says which module holds what.

pub(crate) mod archive;
pub(crate) mod cli;
pub(crate) mod component;
pub(crate) mod connection;
pub(crate) mod data_size;
pub(crate) mod diagnose;
pub(crate) mod docker;
pub(crate) mod down;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod files;
pub(crate) mod forward;
pub(crate) mod health;
pub(crate) mod hint;
pub(crate) mod image_ref;
pub(crate) mod images;
pub(crate) mod inputs;
pub(crate) mod interrupt;
pub(crate) mod kube;
pub(crate) mod kubeconfig;
pub(crate) mod kubectl;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod manifests;
pub(crate) mod mounts;
pub(crate) mod namespace;
pub(crate) mod options;
pub(crate) mod path;
pub(crate) mod plan;
pub(crate) mod ports;
pub(crate) mod preflight;
mod probe;
pub(crate) mod profile;
pub(crate) mod provider;
pub(crate) mod proxy;
pub(crate) mod quantity;
pub(crate) mod recovery;
pub(crate) mod redact;
pub(crate) mod release;
pub(crate) mod revisions;
pub(crate) mod secrets;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod state;
pub(crate) mod status;
#[doc(hidden)]
pub mod testing;
pub(crate) mod ui;
pub(crate) mod up;
pub(crate) mod values;
pub(crate) mod version;
pub(crate) mod wait;
pub(crate) mod words;
pub(crate) mod yaml;

pub use cli::Cli;
