//! Arbitrary input never causes a panic, and needs bounded memory and time: what users write
//! (values, image references, kubeconfigs), what is stored (state files), and what an engine and
//! a cluster answer.

#![expect(clippy::print_stdout, reason = "the seed and the number of inputs")]

#[path = "../../crates/helm-values/tests/fuzz/bombs.rs"]
mod bombs;
#[path = "../../crates/helm-values/tests/fuzz/bounds.rs"]
mod bounds;
#[path = "../../crates/helm-values/tests/fuzz/inputs.rs"]
mod inputs;

mod cluster;
mod engine;
mod images;
mod kubeconfig;
mod mutations;
mod objects;
mod runner;
mod state;
mod values;
