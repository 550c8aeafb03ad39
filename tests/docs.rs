//! Documents: generated parts are up to date, links refer to existing files, and
//! commands are valid.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clearml_local::Cli;
use clearml_local::testing::{cli, docker, failures, files, values};

fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "STYLE.md",
        "tests/rig/README.md",
    ];
    let mut paths = names.map(|name| root.join(name)).to_vec();
    for dir in ["docs", "docs/guides"].map(|name| root.join(name)) {
        for name in files::list(&dir).unwrap() {
            if name.ends_with(".md") {
                paths.push(dir.join(name));
            }
        }
    }
    assert!(paths.len() > 10, "{paths:?}");
    let text = |path: &PathBuf| files::read(path).unwrap().unwrap();
    paths
        .iter()
        .map(|path| (path.clone(), text(path)))
        .collect()
}

/// The tests that the threat model names exist.
#[test]
fn the_claims_of_the_threat_model_are_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = files::read(&root.join("docs/threat-model.md"))
        .unwrap()
        .unwrap();
    let (_, claims) = model.split_once("## What is protected").unwrap();
    let (claims, _) = claims.split_once("## What is not").unwrap();
    let rows = claims.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<&str> = rows.filter(|row| !row.starts_with("| Claim ")).collect();
    let tests = all_tests(root);
    for row in &rows {
        let (_, names) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        for name in names.split(", ").map(|name| name.trim_matches('`')) {
            assert!(
                tests.contains(&format!("fn {name}(")),
                "there is no test {name}"
            );
        }
    }
    assert!(rows.len() > 10, "{}", rows.len());
}

/// The failures and tests that the table of failures names exist.
#[test]
fn the_table_of_recognized_failures_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = files::read(&root.join("docs/reliability.md"))
        .unwrap()
        .unwrap();
    let (_, table) = page.split_once("## Failures that are recognized").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<&str> = rows.filter(|row| !row.starts_with("| Failure ")).collect();
    let tests = all_tests(root);
    let names = |cell: &str| -> Vec<String> {
        let names = cell.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect()
    };
    for row in &rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [_, ids, _, named] = cells[..] else {
            panic!("{row}")
        };
        let ids = names(ids).into_iter().filter(|id| id.contains('-'));
        for id in ids {
            let known = failures::Failure::ALL
                .iter()
                .any(|failure| failure.id() == id);
            assert!(known, "there is no failure {id}");
        }
        let named = names(named);
        assert!(!named.is_empty(), "{row}");
        for name in named {
            assert!(tests.contains(&format!("fn {name}(")), "no test {name}");
        }
    }
    assert_eq!(rows.len(), 25);
}

/// The text of all files with tests.
fn all_tests(root: &Path) -> String {
    let mut text = String::new();
    let mut directories = vec![root.join("src"), root.join("tests")];
    while let Some(directory) = directories.pop() {
        for name in files::list(&directory).unwrap() {
            let path = directory.join(&name);
            if path.is_dir() {
                directories.push(path);
            } else if name.ends_with(".rs") {
                text += &files::read(&path).unwrap().unwrap();
            }
        }
    }
    text
}

#[test]
fn links_refer_to_existing_files() {
    for (path, text) in documents() {
        let dir = path.parent().unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            let file = target.split('#').next().unwrap();
            let is_local = !file.is_empty() && !file.contains("://");
            assert!(
                !is_local || dir.join(file).exists(),
                "{}: {target}",
                path.display()
            );
        }
    }
}

/// Splits a shell command into words, up to a comment, a pipe or another command.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | '>' | '#' | '&') => break,
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn commands_are_valid() {
    let mut count = 0;
    for (path, text) in documents() {
        for line in text.split("```").skip(1).step_by(2).flat_map(str::lines) {
            let line = line.strip_prefix("$ ").unwrap_or(line);
            if !line.starts_with("clearml-local ") {
                continue;
            }
            let arguments = words(line).into_iter().map(Into::into);
            let invalid = match Cli::read(arguments) {
                Ok(_) => None,
                Err(error) if error.kind() == ErrorKind::DisplayVersion => None,
                Err(error) => Some(error.to_string()),
            };
            assert_eq!(invalid, None, "{}: {line}", path.display());
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

/// Checks a document that is generated as a whole.
fn is_fresh(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        files::write(&path, text).unwrap();
    }
    let current = files::read(&path).unwrap().unwrap_or_default();
    assert!(
        current == text,
        "{name} is out of date: UPDATE_DOCS=1 cargo test --test docs"
    );
}

#[test]
fn the_reference_of_values_is_up_to_date() {
    is_fresh("docs/values.md", &values::reference());
}

#[test]
fn the_reference_of_settings_is_fresh() {
    is_fresh("docs/settings.md", &cli::settings_reference());
}

/// Returns a document with another text between two of its lines.
fn replaced(document: &str, name: &str, text: &str) -> String {
    let begin = format!("<!-- {name}: generated, UPDATE_DOCS=1 cargo test --test docs -->\n");
    let end = format!("<!-- end of {name} -->");
    let (before, rest) = document.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}{text}{end}{after}")
}

#[test]
fn the_catalogue_of_failures_is_up_to_date() {
    let name = "docs/failures.md";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let mut text = files::read(&path).unwrap().unwrap_or_default();
    for (part, generated) in [
        ("exit codes", failures::exit_codes()),
        ("refusals", docker::refusal_table()),
        ("catalogue", failures::reference()),
    ] {
        text = replaced(&text, part, &generated);
    }
    is_fresh(name, &text);
}
