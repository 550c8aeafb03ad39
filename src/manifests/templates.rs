//! The templates and their engine. The engine writes values as JSON, so expressions must
//! not be in quotes.

use std::sync::LazyLock;

use minijinja::value::{Serde, Value as Context};
use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;

use super::Error;
use crate::yaml;

/// All templates by name.
pub(super) const ALL: [(&str, &str); 10] = [
    (
        "_macros.j2",
        include_str!("../../templates/clearml/_macros.j2"),
    ),
    (
        "secret.yaml",
        include_str!("../../templates/clearml/secret.yaml.j2"),
    ),
    (
        "redis.yaml",
        include_str!("../../templates/clearml/redis.yaml.j2"),
    ),
    (
        "mongodb.yaml",
        include_str!("../../templates/clearml/mongodb.yaml.j2"),
    ),
    (
        "mongodb-replicaset.yaml",
        include_str!("../../templates/clearml/mongodb-replicaset.yaml.j2"),
    ),
    (
        "elasticsearch.yaml",
        include_str!("../../templates/clearml/elasticsearch.yaml.j2"),
    ),
    (
        "apiserver.yaml",
        include_str!("../../templates/clearml/apiserver.yaml.j2"),
    ),
    (
        "fileserver.yaml",
        include_str!("../../templates/clearml/fileserver.yaml.j2"),
    ),
    (
        "webserver.yaml",
        include_str!("../../templates/clearml/webserver.yaml.j2"),
    ),
    (
        "traefik.yaml",
        include_str!("../../templates/traefik.yaml.j2"),
    ),
];

/// The script of the init container that waits for dependencies.
pub(super) const WAIT_SCRIPT: &str = include_str!("../../templates/clearml/wait.sh");

/// All templates, parsed once, or the error of one of them.
static PARSED: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // The macros are included in YAML files, although their own name does not end with
    // `.yaml`.
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Json);
    for (name, text) in ALL {
        let added = environment.add_template(name, text);
        added.map_err(|error| failed(name, &format!("{error:#}")))?;
    }
    Ok(environment)
});

fn failed(template: &'static str, reason: &str) -> Error {
    Error {
        template,
        reason: reason.to_owned(),
    }
}

pub(super) fn render(name: &'static str, values: &Value) -> Result<Vec<Value>, Error> {
    let environment = PARSED
        .as_ref()
        .map_err(|error| failed(error.template, &error.reason))?;
    let rendered = environment
        .get_template(name)
        .and_then(|template| template.render(Context::from(Serde(values))));
    let text = rendered.map_err(|error| failed(name, &format!("{error:#}")))?;
    yaml::documents(&text).map_err(|error| failed(name, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_in_the_table() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/clearml");
        let files = crate::files::list(&dir).unwrap();
        let templates: Vec<String> = files.into_iter().filter(|f| f.ends_with(".j2")).collect();
        let mut known: Vec<String> = ALL
            .iter()
            .filter(|(name, _)| *name != "traefik.yaml")
            .map(|(name, _)| format!("{}.j2", name.trim_end_matches(".j2")))
            .collect();
        known.sort();
        assert_eq!(templates, known);
    }

    #[test]
    fn no_expression_is_in_quotes() {
        for (name, text) in ALL {
            for line in text.lines() {
                assert!(
                    !line.contains("\"{{") && !line.contains("'{{"),
                    "{name}: {line}"
                );
            }
        }
    }
}
