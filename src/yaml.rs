//! The entry point to YAML for everything but values files, which `helm-values` reads as Helm
//! does. serde_yaml is archived. serde-saphyr, which the kube crate uses as well, rejects
//! duplicate keys and YAML bombs.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Invalid YAML, with line and column.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// Kubernetes manifests write file modes as `0644`, which is octal in YAML 1.1.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { legacy_octal_numbers: true }
}

fn first_line(error: serde_saphyr::Error) -> Error {
    let text = error.to_string();
    Error(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads a document.
pub fn one<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_saphyr::from_str_with_options(text, options()).map_err(first_line)
}

/// Reads all documents except empty ones.
pub fn documents(text: &str) -> Result<Vec<Value>, Error> {
    let all: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options()).map_err(first_line)?;
    Ok(all.into_iter().filter(|value| !value.is_null()).collect())
}

/// Writes a value as a document.
///
/// # Panics
/// The value cannot be serialised. Plain data always can.
pub fn to_string(value: &impl Serialize) -> String {
    let mut text = serde_saphyr::to_string(value).expect("plain data can be serialised");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_modes_are_octal_and_duplicate_keys_are_refused() {
        let documents = documents("mode: 0644\n---\n# nothing\n---\nother: 1\n").unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0]["mode"], 420);
        assert!(one::<Value>("a: 1\na: 2\n").is_err());
    }

    #[test]
    fn refuses_yaml_bombs() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let last = format!("*a{}", level - 1);
            let row = vec![last; 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{row}]\n"));
        }
        assert!(one::<Value>(&bomb).is_err());
    }
}
