//! MongoDB: the server and its shells, as far as probes and the API server use them.

pub mod data;
mod log;
pub mod options;
pub mod server;
pub mod shell;
mod users;
