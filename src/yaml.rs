//! The one entry point to YAML. serde_yaml is archived; serde-saphyr is what
//! the kube crate uses as well, and refuses duplicate keys and YAML bombs.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// YAML that makes no sense, with line and column.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// Kubernetes manifests write file modes as `0644`, which is octal in YAML 1.1.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { legacy_octal_numbers: true }
}

fn plainly(error: serde_saphyr::Error) -> Error {
    let text = error.to_string();
    Error(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads a document.
///
/// # Errors
/// When it is no YAML, or not of the type.
pub fn one<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_saphyr::from_str_with_options(text, options()).map_err(plainly)
}

/// Reads all documents; empty ones are left out.
///
/// # Errors
/// When one of them is no YAML.
pub fn documents(text: &str) -> Result<Vec<Value>, Error> {
    let all: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options()).map_err(plainly)?;
    Ok(all.into_iter().filter(|value| !value.is_null()).collect())
}

/// Writes a value as a document.
///
/// # Panics
/// When the value cannot be serialised, which plain data can.
pub fn to_string(value: &impl Serialize) -> String {
    let mut text = serde_saphyr::to_string(value).expect("plain data become YAML");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The line (from 1) of the key at that path in block style, or of the nearest
/// parent that can be found.
pub fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let mut found = None;
    let mut depth = 0;
    let mut indents: Vec<usize> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let indent = line.len() - trimmed.len();
        while indents.last().is_some_and(|last| indent <= *last) {
            indents.pop();
            depth = indents.len();
        }
        let Some(wanted) = path.get(depth) else {
            break;
        };
        let key = trimmed.split(':').next().unwrap_or_default();
        let key = key.trim().trim_matches(['"', '\'']);
        if key == *wanted && indents.len() == depth {
            found = Some(number + 1);
            indents.push(indent);
            depth += 1;
            if depth == path.len() {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_modes_are_octal_and_duplicates_are_refused() {
        let documents = documents("mode: 0644\n---\n# nothing\n---\nother: 1\n").unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0]["mode"], 420);
        assert!(one::<Value>("a: 1\na: 2\n").is_err());
    }

    #[test]
    fn bombs_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let last = format!("*a{}", level - 1);
            let row = vec![last; 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{row}]\n"));
        }
        assert!(one::<Value>(&bomb).is_err());
    }

    #[test]
    fn keys_are_found_by_their_path() {
        let text =
            "apiserver:\n  # tag: no\n  image:\n    tag: 1\nwebserver:\n  image:\n    tag: 2\n";
        assert_eq!(line_of(text, &["webserver", "image", "tag"]), Some(7));
        assert_eq!(line_of(text, &["apiserver", "image", "tag"]), Some(4));
        assert_eq!(line_of(text, &["apiserver", "nope"]), Some(1));
        assert_eq!(line_of(text, &["nope"]), None);
    }
}
