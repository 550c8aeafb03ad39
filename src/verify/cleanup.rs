//! Removes everything that the experiment created.

use std::time::Duration;

use serde_json::{Value, json};

use super::error::Problem;
use super::experiment::Experiment;
use super::server::Server;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What is removed through the API, in this order: a model is removed with its task, and only
/// an empty project can be removed without moving its contents elsewhere.
const KINDS: [Kind; 2] = [
    Kind {
        noun: "model",
        plural: "models",
    },
    Kind {
        noun: "task",
        plural: "tasks",
    },
];

struct Kind {
    noun: &'static str,
    plural: &'static str,
}

/// Removes everything and checks that it is gone. Goes on after a problem, so that as little as
/// possible is left.
pub(super) async fn run(experiment: &Experiment, server: &Server<'_>) -> Result<String, Problem> {
    let removed = tokio::time::timeout(LIMIT, remove_all(experiment, server)).await;
    removed.unwrap_or_else(|_| {
        Err(Problem::still_there(
            &experiment.name(),
            "no answer in time",
        ))
    })
}

async fn remove_all(experiment: &Experiment, server: &Server<'_>) -> Result<String, Problem> {
    let mut first = Ok(String::new());
    let mut keep_first = |result: Result<(), Problem>| {
        if let (Ok(_), Err(problem)) = (&first, result) {
            first = Err(problem);
        }
    };
    for file in &experiment.files {
        let deleted = server.delete_file(&file.path).await;
        // A file server that did not store the file has reported its problem already.
        if file.is_stored {
            keep_first(deleted);
        }
    }
    match projects(experiment, server).await {
        Ok(found) => {
            for project in found {
                keep_first(remove(&project, server).await);
            }
        }
        Err(problem) => keep_first(Err(problem)),
    }
    first?;
    match projects(experiment, server).await?.first() {
        None => Ok("nothing is left".to_owned()),
        Some(_) => Err(Problem::still_there(
            &experiment.name(),
            "the server still has it",
        )),
    }
}

/// Returns the identifiers of the projects with the name of the experiment. The answer to its
/// creation may not have arrived.
async fn projects(experiment: &Experiment, server: &Server<'_>) -> Result<Vec<String>, Problem> {
    let asked = json!({"name": experiment.pattern(), "only_fields": ["id"]});
    let found = server.call("find the project", "projects.get_all", &asked);
    Ok(ids(&found.await?["projects"]))
}

async fn remove(project: &str, server: &Server<'_>) -> Result<(), Problem> {
    for Kind { noun, plural } in KINDS {
        let asked = json!({"project": [project], "only_fields": ["id"]});
        let finding = format!("find the {plural} of the project");
        let endpoint = format!("{plural}.get_all");
        let found = server.call(&finding, &endpoint, &asked).await?;
        for id in ids(&found[plural]) {
            let body = json!({noun: id, "force": true});
            let deleting = format!("delete the {noun}");
            let endpoint = format!("{plural}.delete");
            server.call(&deleting, &endpoint, &body).await?;
        }
    }
    let body = json!({"project": project, "force": true});
    let deleted = server.call("delete the project", "projects.delete", &body);
    deleted.await.map(drop)
}

fn ids(found: &Value) -> Vec<String> {
    let all = found.as_array().into_iter().flatten();
    all.filter_map(|one| one["id"].as_str().map(str::to_owned))
        .collect()
}
