//! Faults of the engine and of the connection to it: it hangs, breaks a connection,
//! restarts. `calls` injects each fault into each request of each call, with a fake engine;
//! `node` injects some into whole commands, with a real engine and node.

#![expect(
    clippy::disallowed_methods,
    reason = "the environment of the programs that the tests run"
)]
#![expect(clippy::print_stderr, reason = "what was selected is reported")]

mod calls;
#[path = "../commands/engine.rs"]
#[expect(dead_code, reason = "the other tests use it")]
mod engine;
#[path = "../e2e/harness.rs"]
#[expect(dead_code, reason = "the end-to-end tests use it")]
mod harness;
mod node;
mod proxy;
