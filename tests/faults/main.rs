//! Faults of the engine and of the connection to it: it hangs, breaks a connection,
//! restarts. `calls` injects each fault into each request of each call, with a fake engine;
//! `node` and `cluster` inject some into whole commands, with a real engine and node: between
//! the program and the engine, and between the program and a Kubernetes API.

#![expect(
    clippy::disallowed_methods,
    reason = "the environment of the programs that the tests run"
)]
#![expect(clippy::print_stderr, reason = "what was selected is reported")]

mod calls;
mod cluster;
#[path = "../commands/engine.rs"]
#[expect(dead_code, reason = "the other tests use it")]
mod engine;
#[path = "../e2e/harness.rs"]
#[expect(dead_code, reason = "the end-to-end tests use it")]
mod harness;
mod node;
mod proxy;
