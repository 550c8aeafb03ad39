//! Example projects on empty data: `apiserver.pre_populate`.

use crate::clearml::config::Config;
use crate::clearml::databases::Documents;
use crate::clearml::envelope::new_id;
use crate::clearml::log;
use crate::support::clock;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Creates a project for each zip file, with the name of the file. A missing file only
/// causes a warning.
pub fn run(config: &Config, mongo: &Documents) -> std::io::Result<()> {
    if !config.flag("apiserver.pre_populate.enabled", false) {
        return Ok(());
    }
    let mut projects = Map::new();
    for file in zip_files(config.get("apiserver.pre_populate.zip_files")) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        log_message("INFO", &format!("pre-populating from {}", file.display()));
        let id = new_id();
        let project = json!({"id": id, "name": name, "user": "__allegroai__", "created": clock::iso(), "system_tags": ["public"]});
        projects.insert(id, project);
    }
    if projects.is_empty() {
        return Ok(());
    }
    mongo.put("project", projects)
}

/// Returns the zip files in a directory, or the file itself.
fn zip_files(setting: Option<&Value>) -> Vec<PathBuf> {
    let entries = match setting {
        Some(Value::Array(entries)) => entries.clone(),
        Some(entry) => vec![entry.clone()],
        None => Vec::new(),
    };
    let mut files = Vec::new();
    for entry in entries.iter().filter_map(Value::as_str).map(Path::new) {
        if entry.is_file() {
            files.push(entry.to_owned());
        } else if let Ok(entries) = std::fs::read_dir(entry) {
            let found = entries.flatten().map(|file| file.path());
            files.extend(found.filter(|file| file.extension().is_some_and(|end| end == "zip")));
        } else {
            let message = format!("nothing to pre-populate from: {}", entry.display());
            log_message("WARNING", &message);
        }
    }
    files.sort();
    files
}

fn log_message(level: &str, message: &str) {
    log(level, "clearml.pre_populate", message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_zip_files_in_a_directory_that_may_be_missing() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.zip", "a.zip", "readme.md"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let files = zip_files(Some(&json!(directory.path())));
        assert_eq!(
            files,
            ["a.zip", "b.zip"].map(|name| directory.path().join(name))
        );
        assert_eq!(
            zip_files(Some(&json!("/no/such/directory"))),
            [""; 0].map(PathBuf::from)
        );
    }
}
