//! mongod's structured log.

use crate::support::clock;
use serde_json::{Value, json};

/// Prints a line in the format of mongod 4.4 and newer.
pub fn line(severity: &str, component: &str, id: u32, message: &str, attributes: Value) {
    println!(
        "{}",
        json!({
            "t": {"$date": format!("{}+00:00", clock::iso())},
            "s": severity,
            "c": component,
            "id": id,
            "ctx": "initandlisten",
            "msg": message,
            "attr": attributes,
        })
    );
}
