//! The program, the settings and the revisions of an instance, and its status.

use serde_json::{Value, json};

use super::Sources;
use super::gather::{Gathered, Reading, reason};
use crate::error::{Error, Result};
use crate::inputs::SetKind;
use crate::redact::{MASK, Redactor, visible_part};
use crate::revisions::{self, Revision};
use crate::settings::{Instance, ValuesSettings};
use crate::{files, values, yaml};

pub(super) async fn gather(sources: &Sources<'_>, gathered: &mut Gathered) {
    program(sources, gathered);
    let mut reading = Reading::start(sources.events, "settings");
    if let Err(error) = learn_stored_secrets(sources, &mut gathered.redactor) {
        gathered.unread("keys", reason(&error));
        reading.failed();
    }
    match sources.state.instance() {
        Ok(Some(instance)) => {
            let shown = settings(&instance, &mut gathered.redactor);
            gathered.json("settings.json", shown);
            reading.read(1);
        }
        Ok(None) => {
            gathered.unread("settings.json", "this home has no settings of the instance");
            reading.failed();
        }
        Err(error) => {
            gathered.unread("settings.json", reason(&error.into()));
            reading.failed();
        }
    }
    match revisions::load(sources.state, None).await {
        Ok(history) => {
            let shown: Vec<Value> = history
                .all()
                .map(|one| revision(one, &mut gathered.redactor))
                .collect();
            let entries = json!({"history": history.entries(false), "revisions": shown});
            gathered.json("revisions.json", entries);
            reading.read(1);
        }
        Err(error) => {
            gathered.unread("revisions.json", reason(&error));
            reading.failed();
        }
    }
    reading.read(stored_files(sources, gathered));
    reading.finish();
    let mut reading = Reading::start(sources.events, "status");
    match &sources.status {
        Ok(status) => {
            gathered.json("status.json", status.clone());
            reading.read(1);
        }
        Err(error) => {
            gathered.unread("status.json", reason(error));
            reading.failed();
        }
    }
    reading.finish();
}

fn program(sources: &Sources<'_>, gathered: &mut Gathered) {
    for (_, value) in &sources.environment {
        gathered.redactor.learn_named(value);
    }
    let environment: serde_json::Map<String, Value> = sources
        .environment
        .iter()
        .map(|(name, value)| {
            let shown = visible_part(value).map(|visible| format!("{visible} {MASK}"));
            (name.clone(), shown.unwrap_or_else(|| value.clone()).into())
        })
        .collect();
    let program = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "os": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "instance": sources.name,
        "stateDirectory": sources.state.root(),
        "environment": environment,
    });
    gathered.json("program.json", program);
}

/// Learns the keys of the instance and those of its kubeconfig.
fn learn_stored_secrets(sources: &Sources<'_>, redactor: &mut Redactor) -> Result<()> {
    let kubeconfig = sources.state.kubeconfig().map_err(Error::from);
    if let Some(text) = kubeconfig?
        && let Ok(config) = yaml::one::<Value>(&text)
    {
        for user in config["users"].as_array().into_iter().flatten() {
            redactor.learn_leaves(&user["user"], true);
        }
    }
    for agent in sources.state.agents()? {
        let variables = serde_json::to_value(agent.env).unwrap_or_default();
        redactor.learn_leaves(&variables, true);
    }
    if let Some(secrets) = sources.state.secrets()? {
        let secrets = serde_json::to_value(secrets).unwrap_or_default();
        redactor.learn_leaves(&secrets, true);
    }
    Ok(())
}

/// Adds the logs of the program and the list of its files. Returns the number of files.
fn stored_files(sources: &Sources<'_>, gathered: &mut Gathered) -> usize {
    let root = sources.state.root();
    let names = files::list(root).unwrap_or_default();
    gathered.text("state/files.txt", names.join("\n"));
    let mut read = 1;
    for name in files::list(&root.join("logs")).unwrap_or_default() {
        let path = format!("state/logs/{name}");
        match files::read(&root.join("logs").join(&name)) {
            Ok(Some(text)) => {
                gathered.text(&path, text);
                read += 1;
            }
            Ok(None) => {}
            Err(error) => gathered.unread(&path, error.to_string()),
        }
    }
    read
}

/// Returns the settings of an instance without secrets.
fn settings(instance: &Instance, redactor: &mut Redactor) -> Value {
    let mut shown = serde_json::to_value(instance).unwrap_or_default();
    shown["values"] = values_files(&instance.values, redactor);
    shown["sets"] = arguments(&instance.values, redactor);
    shown
}

/// Returns the values files, without comments and secrets.
fn values_files(settings: &ValuesSettings, redactor: &mut Redactor) -> Value {
    let one = |file: &crate::inputs::KeptFile| {
        redactor.learn_named(&file.text);
        let shown = match yaml::documents(&file.text) {
            Ok(documents) => {
                let documents = documents.iter().map(|values| masked(values, redactor));
                Value::Array(documents.collect())
            }
            Err(error) => format!("not shown, because it cannot be read: {error}").into(),
        };
        json!({"path": file.path, "documents": shown})
    };
    settings.files.iter().map(one).collect()
}

fn arguments(settings: &ValuesSettings, redactor: &mut Redactor) -> Value {
    let one = |argument: &crate::inputs::SetArgument| {
        redactor.learn_named(&argument.text);
        if let Some(visible) = argument.before_secret() {
            let rest = &argument.text[visible.len()..];
            redactor.learn(rest);
            redactor.learn(rest.trim_matches(['"', '\'', '{', '}', ' ']));
        }
        let is_secret = argument.kind == SetKind::File && visible_part(&argument.text).is_some();
        for file in &argument.files {
            match is_secret {
                true => redactor.learn(&file.text),
                false => redactor.learn_named(&file.text),
            }
        }
        Value::from(argument.to_string())
    };
    settings.sets.iter().map(one).collect()
}

fn revision(revision: &Revision, redactor: &mut Redactor) -> Value {
    json!({
        "number": revision.number,
        "at": revision.at.to_string(),
        "program": revision.program,
        "backTo": revision.back_to,
        "outcome": revision.outcome,
        "settings": settings(&revision.instance, redactor),
        "values": masked(&revision.values, redactor),
    })
}

/// Returns values without their secrets, which are learned.
fn masked(tree: &Value, redactor: &mut Redactor) -> Value {
    let shown = values::redacted(tree);
    redactor.learn_masked(tree, &shown);
    shown
}
