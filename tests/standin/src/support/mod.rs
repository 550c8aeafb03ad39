//! What every part needs: HTTP, a durable store, time, signals, misbehaviour.

pub mod cgroup;
pub mod clock;
pub mod http;
pub mod signals;
pub mod store;
pub mod switches;
pub mod version;
