//! Configuration files and environment variables of the servers.

use serde_json::Value;

use super::{Context, Finding, Found};
use crate::hocon;
use crate::values::{keys, published};

/// The names of the files that the API server reads: the first parts of the paths in its
/// configuration.
const CONFIG_FILES: [&str; 5] = ["apiserver", "hosts", "logging", "secure", "services"];

pub(super) fn errors(context: &Context<'_>, found: &mut Found) {
    for (name, text) in &context.values.api.files {
        let key = keys::apiserver::ADDITIONAL_CONFIGS.below(name);
        if let Err(why) = hocon::check(text) {
            found.push(Finding::new(
                key,
                format!(
                    "the file `{name}` is not valid HOCON, and the server would start without \
                    any of its configuration: {why}"
                ),
            ));
            continue;
        }
        if let Some(path) = unread_users(name, text) {
            found.push(Finding::new(
                key,
                format!(
                    "the file `{name}` sets `{path}`, which the server does not read: anyone \
                     could log in without a password; write `auth {{ fixed_users {{ … }} }}` in \
                     `apiserver.conf`",
                ),
            ));
        } else if published::is_within(text) {
            found.push(Finding::new(
                key,
                format!(
                    "the file `{name}` contains a published secret: anyone who knows it can log \
                     in; remove it to use the instance's own"
                ),
            ));
        }
    }
    published_envs(context, found);
    if let Some(text) = context.values.web_files.get("configuration.json") {
        let parsed: Result<serde_json::Map<String, Value>, _> = serde_json::from_str(text);
        if let Err(error) = parsed {
            found.push(Finding::new(
                keys::webserver::ADDITIONAL_CONFIGS.below("configuration.json"),
                format!(
                    "the file `configuration.json` is not a JSON object, and the web app would \
                    not start: {error}"
                ),
            ));
        }
    }
}

/// Refuses published secrets in variables, which take precedence over the instance's own.
fn published_envs(context: &Context<'_>, found: &mut Found) {
    for component in context.values.installed() {
        for env in &context.values.pods(component).extra_envs {
            if published::is(&env["value"]) {
                let name = env["name"].as_str().unwrap_or_default();
                found.push(Finding::new(
                    &keys::pods(component).extra_envs,
                    format!(
                        "the variable `{name}` contains a published secret: anyone who knows it \
                         can log in; remove it to use the instance's own"
                    ),
                ));
            }
        }
    }
}

/// Returns the path of fixed users in a configuration file if the server does not read them
/// there.
fn unread_users(file: &str, text: &str) -> Option<String> {
    let stem = file.strip_suffix(".conf").unwrap_or(file);
    let entries = hocon::entries(text).into_iter();
    let mut paths = entries.map(|entry| format!("{stem}.{}", entry.path));
    paths.find(|path| {
        let is_users = path.split('.').any(|part| part == "fixed_users");
        is_users && !path.starts_with("apiserver.auth.fixed_users")
    })
}

pub(super) fn warnings(context: &Context<'_>, found: &mut Found) {
    for (name, text) in &context.values.api.files {
        let stem = name.strip_suffix(".conf").unwrap_or(name);
        let key = keys::apiserver::ADDITIONAL_CONFIGS.below(name);
        let known = CONFIG_FILES.map(|stem| format!("`{stem}.conf`")).join(", ");
        let entries = hocon::entries(text);
        let twice = entries
            .iter()
            .any(|entry| entry.path.split('.').next() == Some(stem));
        if !CONFIG_FILES.contains(&stem) {
            found.push(Finding::new(
                key,
                format!(
                    "the server ignores the file `{name}`: the file name is the first part of \
                    its paths, and the server only knows {known}"
                ),
            ));
        } else if twice {
            found.push(Finding::new(
                key,
                format!(
                    "the server does not read `{stem}` in the file `{name}`: the file name \
                    already is the first part of its paths"
                ),
            ));
        }
    }
    if context.release.can_display_urls() {
        return;
    }
    for name in context.values.web_files.keys() {
        if name != "configuration.json" {
            let key = &keys::webserver::ADDITIONAL_CONFIGS;
            found.push(Finding::new(
                key.below(name),
                format!(
                    "the web app of server {} does not read the file `{name}`: it has no effect in \
                     `{key}`",
                    context.release.server
                ),
            ));
        }
    }
}
