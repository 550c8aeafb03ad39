//! Shared by all servers: HTTP, a durable store, time, signals and simulated faults.

pub mod cgroup;
pub mod clock;
pub mod http;
pub mod signals;
pub mod store;
pub mod switches;
pub mod version;
