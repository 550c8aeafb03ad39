//! `verify` on a running server.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Instance, Output, run};
use crate::server::User;

const STEPS: [&str; 10] = [
    "login",
    "project",
    "task",
    "scalars",
    "plot",
    "debug image",
    "artifact",
    "model",
    "search",
    "delete",
];

/// Asserts that the experiment works at these addresses, and returns its result.
#[track_caller]
pub fn assert_verified(verified: &Output) -> Value {
    let events = verified.events();
    let last = events.last().unwrap();
    assert_eq!(last["event"], "verified", "{}", verified.stdout);
    let steps = last["steps"].as_array().unwrap().iter();
    let steps: Vec<&str> = steps.map(|one| one["step"].as_str().unwrap()).collect();
    assert_eq!(steps, STEPS);
    last.clone()
}

/// Asserts that `verify` works, and that neither the databases nor the file server have anything
/// afterwards that they did not have before.
pub async fn works_and_leaves_nothing(instance: &Instance) {
    let user = User::of(instance).await;
    let before = everything(&user).await;
    assert_verified(&instance.run(&["verify", "-o", "json"]).expect(0));
    assert_eq!(everything(&user).await, before);
    let path = "/mnt/fileserver/clearml-local-probe";
    let files = "kubectl -n clearml exec deploy/clearml-fileserver --";
    let script = format!("exec {files} ls -A {path}");
    let files = run("docker", &["exec", &instance.node(), "sh", "-c", &script]).expect(0);
    assert_eq!(files.stdout, "");
}

/// Returns the identifiers of all projects, tasks and models.
async fn everything(user: &User) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for kind in ["projects", "tasks", "models"] {
        let found = user.call(&format!("{kind}.get_all"), json!({})).await;
        let ids = found[kind].as_array().unwrap().iter();
        all.extend(ids.map(|one| one["id"].as_str().unwrap().to_owned()));
    }
    all
}
