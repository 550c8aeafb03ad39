//! `clearml-local`: a ClearML server on this machine, with nothing but a Docker
//! engine. `docs/architecture.md` says which room holds what.

pub mod component;
pub mod diagnose;
pub mod error;
pub mod event;
pub mod kube;
