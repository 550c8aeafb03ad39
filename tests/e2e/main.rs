//! End to end: the real binary, a real engine, a real Kubernetes node, and the
//! stand-in images in the place of the release's own. `tests/run` prepares all
//! of it and runs these tests, which are ignored otherwise.

mod harness;
mod lifecycle;
mod server;
mod trouble;
