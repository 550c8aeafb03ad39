//! End to end: the real binary, a real engine, a real Kubernetes node, and the
//! stand-in images in the place of the release's own. `tests/run` prepares all
//! of it and runs these tests, which are ignored otherwise.

#![expect(clippy::print_stderr, reason = "what is skipped is said")]
#![expect(
    clippy::disallowed_methods,
    reason = "the test's own environment, for the programs that it runs"
)]

mod changes;
mod dns;
mod external;
mod harness;
mod images;
mod ingress;
mod interrupted;
mod lifecycle;
mod logs;
mod options;
mod proxy;
mod registry;
mod revisions;
mod server;
mod trouble;
