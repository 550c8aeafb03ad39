//! `clearml-local`: a ClearML server on this machine, with nothing but a Docker
//! engine. `docs/architecture.md` says which room holds what.

pub mod cli;
pub mod component;
mod connection;
pub mod diagnose;
pub mod docker;
pub mod down;
pub mod error;
pub mod event;
pub mod files;
pub mod image_ref;
pub mod images;
pub mod interrupt;
pub mod kube;
pub mod kubeconfig;
pub mod list;
pub mod manifests;
mod mounts;
pub mod node;
pub mod path;
pub mod probe;
pub mod profile;
pub mod proxy;
pub mod quantity;
pub mod recovery;
mod redact;
pub mod release;
pub mod revisions;
pub mod secrets;
pub mod settings;
pub mod state;
pub mod status;
pub mod ui;
pub mod up;
pub mod values;
mod wait;
pub mod yaml;
