//! The JSON Schema of a values file, for editors.

use serde_json::{Map, Value, json};

use super::keys::{self, Effect, Entry};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Returns the JSON Schema (draft 2020-12) of a values file. It allows only known keys, and
/// has the description and default of each.
pub fn schema() -> Value {
    let mut schema = level(&keys::tree());
    let mut root = Map::new();
    root.insert("$schema".into(), json!(DIALECT));
    root.insert("title".into(), json!("Values of the clearml chart 4.0.0"));
    root.append(schema.as_object_mut().unwrap_or(&mut Map::new()));
    Value::Object(root)
}

fn level(nodes: &[(&str, keys::Node)]) -> Value {
    let properties: Map<String, Value> = nodes
        .iter()
        .map(|(name, node)| {
            let below = match node {
                keys::Node::Key(key) => leaf(key),
                keys::Node::Map(nodes) => level(nodes),
            };
            ((*name).to_owned(), below)
        })
        .collect();
    // Null resets the keys below to their defaults, as in Helm.
    json!({"type": ["object", "null"], "additionalProperties": false, "properties": properties})
}

fn leaf(key: &Entry) -> Value {
    let mut schema = match key.definition.effect {
        Effect::Unsupported(_) => json!({"enum": [key.default]}),
        Effect::Supported | Effect::None(_) => key.definition.kind.schema(),
    };
    if key.definition.kind.may_be_empty() {
        or_null(&mut schema);
    }
    schema["description"] = json!(match key.definition.effect {
        Effect::Supported => key.doc.clone(),
        Effect::None(why) => format!("{} No effect: {why}.", key.doc),
        Effect::Unsupported(instead) => format!("{} Only the default: {instead}.", key.doc),
    });
    if matches!(key.definition.effect, Effect::None(_)) {
        schema["deprecated"] = json!(true);
    }
    schema["default"] = key.default.clone();
    schema
}

fn or_null(schema: &mut Value) {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
        return;
    }
    match &mut schema["type"] {
        Value::Array(types) if !types.contains(&json!("null")) => types.push(json!("null")),
        Value::Array(_) => {}
        one => *one = json!([one.clone(), "null"]),
    }
}
