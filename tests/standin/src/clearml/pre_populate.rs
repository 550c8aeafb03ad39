//! Example projects on empty data: `apiserver.pre_populate`.

use crate::clearml::config::Config;
use crate::clearml::databases::Documents;
use crate::clearml::envelope::new_id;
use crate::clearml::log;
use crate::support::clock;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Makes a project for each zip file, called as the file is. What is not there
/// is only warned of.
pub fn run(config: &Config, mongo: &Documents) -> std::io::Result<()> {
    if !config.flag("apiserver.pre_populate.enabled", false) {
        return Ok(());
    }
    let mut projects = Map::new();
    for file in zip_files(config.get("apiserver.pre_populate.zip_files")) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        say("INFO", &format!("pre-populating from {}", file.display()));
        let id = new_id();
        let project = json!({"id": id, "name": name, "user": "__allegroai__", "created": clock::iso(), "system_tags": ["public"]});
        projects.insert(id, project);
    }
    if projects.is_empty() {
        return Ok(());
    }
    mongo.put("project", projects)
}

/// The zip files of a folder, or the file that is named.
fn zip_files(given: Option<&Value>) -> Vec<PathBuf> {
    let entries = match given {
        Some(Value::Array(entries)) => entries.clone(),
        Some(entry) => vec![entry.clone()],
        None => Vec::new(),
    };
    let mut files = Vec::new();
    for entry in entries.iter().filter_map(Value::as_str).map(Path::new) {
        if entry.is_file() {
            files.push(entry.to_owned());
        } else if let Ok(inside) = std::fs::read_dir(entry) {
            let inside = inside.flatten().map(|file| file.path());
            files.extend(inside.filter(|file| file.extension().is_some_and(|end| end == "zip")));
        } else {
            let message = format!("nothing to pre-populate from: {}", entry.display());
            say("WARNING", &message);
        }
    }
    files.sort();
    files
}

fn say(level: &str, message: &str) {
    log(level, "clearml.pre_populate", message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zip_files_of_a_folder_and_nothing_of_a_missing_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.zip", "a.zip", "readme.md"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let files = zip_files(Some(&json!(folder.path())));
        assert_eq!(
            files,
            ["a.zip", "b.zip"].map(|name| folder.path().join(name))
        );
        assert_eq!(
            zip_files(Some(&json!("/no/such/folder"))),
            [""; 0].map(PathBuf::from)
        );
    }
}
