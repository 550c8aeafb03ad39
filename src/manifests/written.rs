//! Objects as text: one stream of YAML, or a file each.

use serde_json::Value;

use super::Object;
use crate::kube::wave;
use crate::yaml;

/// The first line of a file of ours, by which it is known again.
pub const HEADER: &str = "# Written by `clearml-local render --dir`; changes are lost.";

/// The objects as one YAML stream. With `masked` Secrets are without their content,
/// named in a comment: applied like that, one that is there keeps what it holds, and
/// no placeholder becomes anybody's password. Those of a type that must have content
/// are left out.
pub fn to_yaml(objects: &[Object], masked: bool) -> String {
    let documents = objects
        .iter()
        .map(|object| format!("---\n{}", document(object, masked)));
    documents.collect()
}

/// The objects as files: name, text, and whether it holds secrets. Names depend on
/// nothing but the object, and sort in the order in which kinds are applied.
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

/// Where a kind stands in the order of application, with claims before the rest of
/// their wave.
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

/// Whether the server refuses such an object without its content: a Secret of a type
/// that says what is in it.
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
    fn a_masked_secret_has_no_content_or_is_left_out_where_it_must_have_some() {
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
