//! The JSON Schema of each kind of value.

use serde_json::{Value, json};

use super::{Kind, MODES};
use crate::image_ref::{REPOSITORY, TAG};

impl Kind {
    /// Returns the JSON Schema of such a value.
    pub(in crate::values) fn schema(&self) -> Value {
        let texts = json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}});
        let list = |items: Value| json!({"type": ["array", "null"], "items": items});
        match self {
            Kind::Flag => json!({"enum": [true, false, "true", "false"]}),
            Kind::Text | Kind::JavaOptions | Kind::Template => {
                json!({"type": ["string", "number", "boolean"]})
            }
            Kind::Word => json!({"type": "string", "pattern": "^[A-Za-z0-9_./~-]*$"}),
            Kind::Secret { min_length } => {
                json!({"type": "string", "pattern": format!("^([A-Za-z0-9_./~-]{{{min_length},}})?$")})
            }
            Kind::Password => json!({"type": ["string", "number", "boolean"]}),
            Kind::OwnPassword => {
                json!({"type": ["string", "number"], "pattern": "^([A-Za-z0-9_./~][A-Za-z0-9_./~-]*)?$"})
            }
            Kind::Repository => {
                json!({"type": "string", "pattern": REPOSITORY})
            }
            Kind::ImageTag => {
                json!({"type": ["string", "number"], "pattern": TAG})
            }
            Kind::Name => {
                json!({"type": "string", "pattern": "^([a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$", "maxLength": 253})
            }
            Kind::OneOf(words) => json!({"enum": words}),
            Kind::Whole(range) if *range.end() == u64::MAX => {
                json!({"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": range.start()})
            }
            Kind::Whole(range) => {
                json!({"type": ["integer", "string"], "pattern": "^[0-9]+$",
                    "minimum": range.start(), "maximum": range.end()})
            }
            Kind::Quantity => {
                json!({"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$"})
            }
            Kind::Resources => {
                let amounts = json!({"type": "object", "additionalProperties": {"type": ["string", "number"]}});
                json!({"type": ["object", "null"], "additionalProperties": false,
                    "properties": {"requests": amounts, "limits": amounts}})
            }
            Kind::Environment => list(json!({"type": "object", "required": ["name"],
                "properties": {"name": {"type": "string"}, "value": {"type": ["string", "number", "boolean"]}, "valueFrom": {"type": "object"}},
                "additionalProperties": false})),
            Kind::Texts | Kind::Files(_) => {
                let mut schema = texts;
                schema["type"] = json!(["object", "null"]);
                schema
            }
            Kind::Tolerations => list(json!({"type": "object"})),
            Kind::Affinity => json!({"type": ["object", "null"]}),
            Kind::AccessModes => json!({"type": "array", "minItems": 1, "items": {"enum": MODES}}),
            Kind::Host | Kind::IngressHost | Kind::Query => json!({"type": "string"}),
            Kind::RootPath => json!({"enum": ["", "/"]}),
            Kind::Arguments => list(json!({"type": ["string", "number", "boolean"]})),
            Kind::Users => list(
                json!({"type": "object", "required": ["username", "password"],
                "properties": {"username": {"type": "string"}, "password": {"type": "string"}, "name": {"type": "string"}},
                "additionalProperties": false}),
            ),
        }
    }
}
