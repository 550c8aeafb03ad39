//! What is asked of both, and how answers are compared.

use std::collections::BTreeMap;

use clearml_local::settings::{KeptFile, SetArgument, SetKind};
use clearml_local::values::{self, Difference, Refused};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// As tests/oracle reads it.
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

/// Helm's: a tree or an error.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    #[serde(default)]
    pub tree: Option<Value>,
    #[serde(default)]
    pub error: Option<String>,
}

impl Case {
    /// What it means here.
    pub fn ours(&self) -> Result<Value, Refused> {
        if self.what == What::Coalesce {
            let mut tree = Value::Object(self.defaults.clone());
            values::coalesce(&mut tree, &Value::Object(self.user.clone()));
            return Ok(tree);
        }
        let kept = |path: &str, text: &str| KeptFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let files: Vec<KeptFile> = self
            .files
            .iter()
            .map(|text| kept("values.yaml", text))
            .collect();
        let mut sets = Vec::new();
        for set in &self.sets {
            let mut argument = SetArgument::new(set.kind, &set.text);
            if set.kind == SetKind::File {
                // As the settings do; a file that is not there is not read.
                let named = values::named_files(&set.text);
                let there = named.iter().map_while(|path| match path.trim() {
                    "-" => Some(kept(path, "")),
                    _ => set.files.get(path).map(|text| kept(path, text)),
                });
                argument.files = there.collect();
            }
            sets.push(argument);
        }
        values::merged(&files, &sets)
    }

    /// Whether Helm answers the same: `Ok` with the difference that is meant, or
    /// what is wrong.
    pub fn compare(&self, helm: &Answer) -> Result<Option<Difference>, String> {
        let ours = self.ours();
        match (&ours, &helm.tree) {
            (Ok(ours), Some(helms)) => match compare(ours, helms) {
                Same::Exactly => Ok(None),
                Same::Rounded => Ok(Some(Difference::WholeNumbers)),
                Same::No => Err(format!("ours: {ours}")),
            },
            (Err(_), None) => Ok(None),
            (Err(refused), Some(_)) => match refused.difference {
                Some(difference) => Ok(Some(difference)),
                None => Err(format!("refused here: {refused}")),
            },
            (Ok(ours), None) => {
                let why = helm.error.as_deref().unwrap_or_default();
                let syntax = ["to JSON: yaml: ", "invalid Yaml document separator"];
                if syntax.iter().any(|word| why.contains(word)) {
                    return Ok(Some(Difference::Syntax));
                }
                Err(format!("taken here: {ours}"))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Same {
    Exactly,
    /// Helm's is our number as a float.
    Rounded,
    No,
}

/// Helm's floats are written with an exponent, so that they are read as floats.
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
            #[expect(clippy::cast_possible_truncation, reason = "it is what is asked")]
            match whole.zip(helms.as_f64()) {
                Some((whole, helms)) if whole != helms as i128 => Same::Rounded,
                _ => Same::Exactly,
            }
        }
        (ours, helms) if ours == helms => Same::Exactly,
        _ => Same::No,
    }
}
