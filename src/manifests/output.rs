//! Writes objects as YAML: one stream, or one file for each object.

use serde_json::Value;

use super::Object;
use crate::kube::wave;
use crate::yaml;

/// The first line of a written file, by which it is recognized.
pub const HEADER: &str = "# Written by `clearml-local render --dir`; changes are lost.";

/// Returns the objects as one YAML stream. With `masked`, Secrets have no content, and a
/// comment lists their keys: if they are applied, an existing Secret keeps its content,
/// and no placeholder becomes a password. Secrets of a type that requires content are
/// left out.
pub fn to_yaml(objects: &[Object], masked: bool) -> String {
    let documents = objects
        .iter()
        .map(|object| format!("---\n{}", document(object, masked)));
    documents.collect()
}

/// Returns the objects as files: name, text, and whether it contains secrets. Names
/// depend only on the object, and sort in the order in which kinds are applied.
pub fn to_files(objects: &[Object], masked: bool) -> Vec<(String, String, bool)> {
    let shown = |object: &&Object| !(masked && needs_content(object));
    let file = |object: &Object| {
        let name = object.0["metadata"]["name"].as_str().unwrap_or_default();
        let kind = object.kind().to_lowercase();
        (
            format!("{:02}-{kind}-{name}.yaml", rank(object.kind())),
            format!("{HEADER}\n{}", document(object, masked)),
            object.kind() == "Secret" && !masked,
        )
    };
    objects.iter().filter(shown).map(file).collect()
}

/// Returns the position of a kind in the order of application, with claims before the
/// rest of their wave.
fn rank(kind: &str) -> u8 {
    match (kind, wave(kind)) {
        ("PersistentVolumeClaim", _) => 20,
        (_, early @ (0 | 1)) => early * 10,
        (_, late) => (late + 1) * 10,
    }
}

fn document(object: &Object, masked: bool) -> String {
    let mut value = object.0.clone();
    if !masked || object.kind() != "Secret" {
        return yaml::to_string(&value);
    }
    let mut keys: Vec<String> = Vec::new();
    for field in ["data", "stringData"] {
        let content = value
            .as_object_mut()
            .and_then(|map| map.shift_remove(field));
        if let Some(Value::Object(content)) = content {
            keys.extend(content.into_iter().map(|(key, _)| key));
        }
    }
    let keys = keys.join(", ");
    if needs_content(object) {
        let name = object.0["metadata"]["name"].as_str().unwrap_or_default();
        return format!("# The Secret {name} is masked, and so left out: {keys}.\n");
    }
    let text = yaml::to_string(&value);
    format!("# Masked, and so without content: {keys}.\n{text}")
}

/// Returns whether the server refuses an object without its content: a Secret whose type
/// requires keys.
fn needs_content(object: &Object) -> bool {
    let kind = object.0["type"].as_str().unwrap_or("Opaque");
    object.kind() == "Secret" && kind != "Opaque"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(kind: &str) -> Object {
        Object(json!({"apiVersion": "v1", "kind": "Secret", "type": kind,
            "metadata": {"name": "s"}, "stringData": {"password": "hunter2"}}))
    }

    #[test]
    fn a_masked_secret_has_no_content_or_is_left_out() {
        let objects = [secret("Opaque"), secret("kubernetes.io/dockerconfigjson")];
        let text = to_yaml(&objects, true);
        assert!(!text.contains("hunter2"), "{text}");
        assert!(
            text.contains("# Masked, and so without content: password."),
            "{text}"
        );
        assert!(
            text.ends_with("# The Secret s is masked, and so left out: password.\n"),
            "{text}"
        );
        assert_eq!(yaml::documents(&text).unwrap().len(), 1);
        assert_eq!(to_files(&objects, true).len(), 1);
        let shown = to_files(&objects, false);
        assert_eq!(shown.len(), 2);
        assert!(
            shown
                .iter()
                .all(|(_, text, secret)| *secret && text.contains("hunter2"))
        );
    }
}
