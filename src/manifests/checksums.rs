//! Restarts a pod exactly when a ConfigMap or a Secret that it reads changes, with a
//! checksum in an annotation.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The annotation with the checksum of the content that a pod reads.
pub(super) const ANNOTATION: &str = "clearml-local.io/configuration";

type Contents = BTreeMap<(&'static str, String), Value>;

pub(super) fn annotate(objects: &mut [Value]) {
    let contents: Contents = objects.iter().filter_map(content).collect();
    for object in objects {
        let Some(template) = object.pointer_mut("/spec/template") else {
            continue;
        };
        let mut read = BTreeMap::new();
        collect(&template["spec"], &contents, &mut read);
        if read.is_empty() {
            continue;
        }
        let text = serde_json::to_string(&json!(read)).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        let short = hex::encode(&digest[..16]);
        template["metadata"]["annotations"][ANNOTATION] = json!(short);
    }
}

fn content(object: &Value) -> Option<((&'static str, String), Value)> {
    let name = object["metadata"]["name"].as_str()?.to_owned();
    match object["kind"].as_str()? {
        "ConfigMap" => Some((("ConfigMap", name), object["data"].clone())),
        "Secret" => Some((("Secret", name), object["stringData"].clone())),
        _ => None,
    }
}

/// Collects the content that a pod reads: single keys in variables, whole objects in
/// volumes.
fn collect(spec: &Value, contents: &Contents, read: &mut BTreeMap<String, Value>) {
    match spec {
        Value::Array(items) => items.iter().for_each(|item| collect(item, contents, read)),
        Value::Object(map) => {
            for (field, below) in map {
                let (kind, name, key) = match field.as_str() {
                    "secretKeyRef" => ("Secret", &below["name"], below["key"].as_str()),
                    "configMapKeyRef" => ("ConfigMap", &below["name"], below["key"].as_str()),
                    "secret" => ("Secret", &below["secretName"], None),
                    "configMap" => ("ConfigMap", &below["name"], None),
                    _ => {
                        collect(below, contents, read);
                        continue;
                    }
                };
                let name = name.as_str().unwrap_or_default().to_owned();
                let label = format!("{kind}/{name}/{}", key.unwrap_or_default());
                if let Some(content) = contents.get(&(kind, name)) {
                    let content = key.map_or(content, |key| &content[key]);
                    read.insert(label, content.clone());
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(secret: Value) -> Vec<Option<String>> {
        let pod = |spec: Value| json!({"kind": "Deployment", "metadata": {"name": "x"}, "spec": {"template": {"metadata": {}, "spec": spec}}});
        let env = |key: &str| json!([{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": key}}}]}]);
        let mut objects = vec![
            json!({"kind": "Secret", "metadata": {"name": "s"}, "stringData": secret}),
            pod(json!({"containers": env("a")})),
            pod(json!({"containers": env("b")})),
            pod(json!({"volumes": [{"secret": {"secretName": "s"}}]})),
            pod(json!({"containers": [{}]})),
        ];
        annotate(&mut objects);
        let of = |object: &Value| {
            let path = "/spec/template/metadata/annotations";
            let annotation = object.pointer(path)?[ANNOTATION].as_str()?;
            Some(annotation.to_owned())
        };
        objects[1..].iter().map(of).collect()
    }

    #[test]
    fn only_pods_that_read_a_changed_key_change() {
        let before = annotated(json!({"a": "1", "b": "2"}));
        let after = annotated(json!({"a": "1", "b": "3"}));
        assert_eq!(before[0], after[0], "reads the other key");
        assert_ne!(before[1], after[1]);
        assert_ne!(before[2], after[2], "reads all keys");
        assert_eq!((&before[3], &after[3]), (&None, &None));
    }
}
