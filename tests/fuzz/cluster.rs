//! Answers of the Kubernetes API, from the first request to the diagnosis.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use clearml_local::testing::answers::{PARTS, read_cluster};
use clearml_local::testing::kube::{Cluster, install_crypto};
use clearml_local::testing::settings::ClusterSettings;
use clearml_local::testing::state::StateDir;
use serde_json::{Value, json};

use crate::bounds;
use crate::mutations::Mutations;
use crate::objects;
use crate::runner::{self, Outcome};

/// The answers that are not those of the recorded objects, by the last part of the path.
type Answers = Arc<Mutex<HashMap<String, (u16, Vec<u8>)>>>;

#[test]
fn random_answers_of_a_cluster_cause_no_panic_and_need_bounded_memory() {
    bounds::run("cluster::random_answers", 60 + runner::cases() / 50);
}

#[test]
#[ignore = "runs as a child process"]
fn random_answers() {
    install_crypto();
    // Waits and retries take no time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::at(dir.path().to_owned());
    let place: ClusterSettings =
        serde_json::from_value(json!({"context": "work", "namespace": "clearml"})).unwrap();
    let recorded = Arc::new(objects::by_resource());
    let changed = Answers::default();
    let applied = objects::applied();
    runner::run(50, |mutations, number| {
        let cluster = runtime.block_on(async { answering(&recorded, &changed) });
        let part = PART_OF[number % PART_OF.len()];
        change(&changed, &recorded, mutations);
        let read = read_cluster(&cluster, &place, &state, &applied, part);
        let read = runtime.block_on(read);
        match read.read > read.refused {
            true => Outcome::Read,
            false => Outcome::Refused,
        }
    });
}

/// The parts, those with more code more often.
const PART_OF: [usize; 12] = [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 1];
const _: () = assert!(PARTS == 6);

/// A cluster with the recorded objects and the changed ones.
fn answering(recorded: &Arc<HashMap<String, Value>>, changed: &Answers) -> Cluster {
    let (recorded, changed) = (recorded.clone(), changed.clone());
    Cluster::answering(move |method, path| {
        let last = path.rsplit('/').next().unwrap_or_default();
        if let Some(answer) = changed.lock().unwrap().get(last) {
            return answer.clone();
        }
        match recorded.get(last) {
            Some(answer) => (200, serde_json::to_vec(answer).unwrap()),
            None if method == "POST" => (201, objects::review().to_string().into_bytes()),
            None => (404, objects::not_found().to_string().into_bytes()),
        }
    })
}

/// Changes one to three answers.
fn change(changed: &Answers, recorded: &HashMap<String, Value>, mutations: &mut Mutations) {
    let mut names: Vec<&String> = recorded.keys().collect();
    names.sort();
    let mut changed = changed.lock().unwrap();
    changed.clear();
    for _ in 0..=mutations.below(3) {
        let name = names[mutations.below(names.len())];
        let statuses = [401, 403, 404, 409, 410, 422, 429, 500, 503];
        let answer = match mutations.below(12) {
            0 => (
                statuses[mutations.below(9)],
                mutations.text(&objects::not_found()),
            ),
            _ => (200, mutations.text(&recorded[name])),
        };
        changed.insert(name.clone(), answer);
    }
}
