//! Cases, and the comparison of the answers.

use std::collections::BTreeMap;

use helm_values::{
    Argument, Difference, Error, SetKind, coalesce_values, file_names, merge_values,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A case, in the format of `tests/oracle`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Case {
    #[serde(rename = "do")]
    pub what: What,
    #[serde(default)]
    pub files: Vec<String>,
    #[serde(default)]
    pub sets: Vec<Set>,
    #[serde(default)]
    pub defaults: Map<String, Value>,
    #[serde(default)]
    pub user: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    #[default]
    Merge,
    Coalesce,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Set {
    pub kind: SetKind,
    pub text: String,
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

impl Set {
    fn file_names(&self) -> Vec<String> {
        match self.kind {
            SetKind::File => file_names(&self.text),
            _ => Vec::new(),
        }
    }
}

/// An answer of Helm: values or an error.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    #[serde(default)]
    pub tree: Option<Value>,
    #[serde(default)]
    pub error: Option<String>,
}

impl Case {
    /// Computes the answer of this crate.
    pub fn ours(&self) -> Result<Value, Error> {
        if self.what == What::Coalesce {
            let mut tree = Value::Object(self.defaults.clone());
            coalesce_values(&mut tree, &Value::Object(self.user.clone()));
            return Ok(tree);
        }
        let files: Vec<&str> = self.files.iter().map(String::as_str).collect();
        let names: Vec<Vec<String>> = self.sets.iter().map(Set::file_names).collect();
        let arguments = self.sets.iter().zip(&names).map(|(set, names)| {
            // A file that does not exist is not read, nor are those after it.
            let there = names.iter().map_while(|path| match path.trim() {
                "-" => Some((path.as_str(), "")),
                _ => set.files.get(path).map(|text| (&**path, &**text)),
            });
            Argument {
                files: there.collect(),
                ..Argument::new(set.kind, &set.text)
            }
        });
        let arguments: Vec<Argument<'_>> = arguments.collect();
        let merged = merge_values(&files, &arguments);
        merged.into_result().map_err(|(_, error)| error)
    }

    /// Compares the answers. Returns the deliberate difference, if there is one, or a
    /// description of an unexpected difference.
    pub fn compare(&self, helm: &Answer) -> Result<Option<Difference>, String> {
        let ours = self.ours();
        match (&ours, &helm.tree) {
            (Ok(ours), Some(helms)) => match compare(ours, helms) {
                Same::Exactly => Ok(None),
                Same::Rounded => Ok(Some(Difference::WholeNumbers)),
                Same::No => Err(format!("ours: {ours}")),
            },
            (Err(_), None) => Ok(None),
            (Err(error), Some(_)) => match error.difference() {
                Some(difference) => Ok(Some(difference)),
                None => Err(format!("rejected here: {error}")),
            },
            (Ok(ours), None) => {
                let why = helm.error.as_deref().unwrap_or_default();
                let syntax = ["to JSON: yaml: ", "invalid Yaml document separator"];
                if syntax.iter().any(|word| why.contains(word)) {
                    return Ok(Some(Difference::Syntax));
                }
                Err(format!("accepted here: {ours}"))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Same {
    Exactly,
    /// Helm's number is ours, rounded to a float.
    Rounded,
    No,
}

/// Compares values. The oracle writes Helm's floats with an exponent, so that they are read as
/// floats.
fn compare(ours: &Value, helms: &Value) -> Same {
    match (ours, helms) {
        (Value::Object(ours), Value::Object(helms)) => {
            if ours.len() != helms.len() {
                return Same::No;
            }
            let each = ours.iter().map(|(key, ours)| match helms.get(key) {
                Some(helms) => compare(ours, helms),
                None => Same::No,
            });
            each.max().unwrap_or(Same::Exactly)
        }
        (Value::Array(ours), Value::Array(helms)) => {
            if ours.len() != helms.len() {
                return Same::No;
            }
            let each = ours.iter().zip(helms).map(|(o, h)| compare(o, h));
            each.max().unwrap_or(Same::Exactly)
        }
        (Value::Number(ours), Value::Number(helms)) if helms.is_f64() => {
            if ours.as_f64() != helms.as_f64() {
                return Same::No;
            }
            let whole = ours.as_i64().map(i128::from);
            let whole = whole.or_else(|| ours.as_u64().map(i128::from));
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the rounded number is compared"
            )]
            match whole.zip(helms.as_f64()) {
                Some((whole, helms)) if whole != helms as i128 => Same::Rounded,
                _ => Same::Exactly,
            }
        }
        (ours, helms) if ours == helms => Same::Exactly,
        _ => Same::No,
    }
}
