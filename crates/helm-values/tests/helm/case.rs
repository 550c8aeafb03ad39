//! Cases, and the comparison with Helm's answers.

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
    pub operation: Operation,
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
pub enum Operation {
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
        if self.operation == Operation::Coalesce {
            let mut tree = Value::Object(self.defaults.clone());
            coalesce_values(&mut tree, &Value::Object(self.user.clone()));
            return Ok(tree);
        }
        let files: Vec<&str> = self.files.iter().map(String::as_str).collect();
        let names: Vec<Vec<String>> = self.sets.iter().map(Set::file_names).collect();
        let arguments = self.sets.iter().zip(&names).map(|(set, names)| {
            // Neither a missing file nor the files after it are read.
            let existing = names.iter().map_while(|path| match path.trim() {
                "-" => Some((path.as_str(), "")),
                _ => set.files.get(path).map(|text| (&**path, &**text)),
            });
            Argument {
                files: existing.collect(),
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
            (Ok(ours), Some(theirs)) => match compare(ours, theirs) {
                Comparison::Equal => Ok(None),
                Comparison::Rounded => Ok(Some(Difference::WholeNumbers)),
                Comparison::Different => Err(format!("ours: {ours}")),
            },
            (Err(_), None) => Ok(None),
            (Err(error), Some(_)) => match error.difference() {
                Some(difference) => Ok(Some(difference)),
                None => Err(format!("rejected here: {error}")),
            },
            (Ok(ours), None) => {
                let reason = helm.error.as_deref().unwrap_or_default();
                let syntax = ["to JSON: yaml: ", "invalid Yaml document separator"];
                if syntax.iter().any(|word| reason.contains(word)) {
                    return Ok(Some(Difference::Syntax));
                }
                Err(format!("accepted here: {ours}"))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Comparison {
    Equal,
    /// Helm's number is ours rounded to a float.
    Rounded,
    Different,
}

/// Compares values. The oracle writes Helm's floats with an exponent, so that they are
/// read as floats.
fn compare(ours: &Value, theirs: &Value) -> Comparison {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            if ours.len() != theirs.len() {
                return Comparison::Different;
            }
            let all = ours.iter().map(|(key, ours)| match theirs.get(key) {
                Some(theirs) => compare(ours, theirs),
                None => Comparison::Different,
            });
            all.max().unwrap_or(Comparison::Equal)
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            if ours.len() != theirs.len() {
                return Comparison::Different;
            }
            let all = ours.iter().zip(theirs).map(|(o, h)| compare(o, h));
            all.max().unwrap_or(Comparison::Equal)
        }
        (Value::Number(ours), Value::Number(theirs)) if theirs.is_f64() => {
            if ours.as_f64() != theirs.as_f64() {
                return Comparison::Different;
            }
            let integer = ours.as_i64().map(i128::from);
            let integer = integer.or_else(|| ours.as_u64().map(i128::from));
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the rounded number is compared"
            )]
            match integer.zip(theirs.as_f64()) {
                Some((integer, theirs)) if integer != theirs as i128 => Comparison::Rounded,
                _ => Comparison::Equal,
            }
        }
        (ours, theirs) if ours == theirs => Comparison::Equal,
        _ => Comparison::Different,
    }
}
