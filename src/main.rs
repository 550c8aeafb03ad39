//! The `clearml-local` command.
fn main() {}
