//! Elasticsearch: settings, bootstrap checks, data directory and the REST calls of
//! probes.

pub mod checks;
pub mod cluster;
pub mod data;
pub mod heap;
mod log;
pub mod security;
pub mod server;
pub mod settings;
