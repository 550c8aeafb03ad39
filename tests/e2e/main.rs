//! End-to-end tests with the real binary, a real engine, a real Kubernetes node, and
//! stand-in images instead of those of the release. `tests/run` prepares them and runs
//! these tests, which are ignored otherwise.

#![expect(clippy::print_stderr, reason = "skipped tests are reported")]
#![expect(
    clippy::disallowed_methods,
    reason = "the environment of the programs that the tests run"
)]

mod agents;
mod browser;
mod changes;
#[path = "../browser/chromium/mod.rs"]
mod chromium;
mod damaged;
mod disks;
mod dns;
mod existing;
mod external;
mod first_steps;
mod forward;
mod gpus;
mod harness;
mod heals;
mod images;
mod ingress;
mod interrupted;
mod lifecycle;
mod logs;
mod named;
mod node_images;
mod options;
mod proxy;
mod record;
mod registry;
mod revisions;
mod sdk;
mod secrets;
mod server;
mod support_bundle;
mod trouble;
mod verify;
