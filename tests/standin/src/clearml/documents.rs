//! What the services have in common: documents in MongoDB, found by the filters of the
//! API's `get_all`.

use crate::clearml::endpoints::{Api, text};
use crate::clearml::envelope::{Failure, Outcome};
use regex::Regex;
use serde_json::{Map, Value, json};
use std::sync::{Mutex, PoisonError};

/// Returns a document, or an error with its identifier.
pub fn found(api: &Api, collection: &str, id: &str) -> Outcome {
    let subcode = match collection {
        "task" => 101,
        "model" => 201,
        "queue" => 701,
        _ => 401,
    };
    let failure = || Failure::new(400, subcode, format!("Invalid {collection} id: id={id}"));
    api.mongo.get(collection, id)?.ok_or_else(failure)
}

/// Changes a document and stores it. Concurrent changes, such as those of the SDK's threads, wait
/// for each other, because each writes the whole document.
pub fn change(
    api: &Api,
    collection: &str,
    id: &str,
    change: impl FnOnce(&mut Value),
) -> Result<(), Failure> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut document = found(api, collection, id)?;
    change(&mut document);
    Ok(api.mongo.put_one(collection, id, document)?)
}

/// Sets fields of a document to those of the body, and returns what `edit` and `update`
/// return. Fields of `script` and `execution` that the body does not have are kept.
pub fn edit(api: &Api, collection: &str, body: &Value) -> Outcome {
    let fields = fields(body, &[collection, "force"]);
    change(api, collection, text(body, collection)?, |document| {
        for (name, value) in &fields {
            match (document[name].as_object_mut(), value.as_object()) {
                (Some(kept), Some(new)) if ["script", "execution"].contains(&name.as_str()) => {
                    kept.extend(new.clone());
                }
                _ => document[name] = value.clone(),
            }
        }
    })?;
    Ok(json!({"updated": 1, "fields": fields}))
}

/// Returns the fields of the body without these.
pub fn fields(body: &Value, without: &[&str]) -> Map<String, Value> {
    let all = body.as_object().into_iter().flatten();
    all.filter(|(name, _)| !without.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Returns the name in the body, which must have three characters.
pub fn name(body: &Value) -> Result<&str, Failure> {
    let name = text(body, "name")?;
    if name.trim().len() < 3 {
        return Err(Failure::bad_request(format!("name: {name} is too short")));
    }
    Ok(name)
}

/// Returns the documents that the filters in the body admit, newest first, a page of them if
/// the body says so.
pub fn matching(api: &Api, collection: &str, body: &Value) -> Result<Vec<Value>, Failure> {
    let filter = Filter::of(body)?;
    let documents = api.mongo.all(collection)?;
    let mut found: Vec<Value> = documents
        .into_iter()
        .map(|(_, document)| document)
        .filter(|document| filter.admits(document))
        .collect();
    let created = |document: &Value| document["created"].as_str().map(str::to_owned);
    found.sort_by_key(|document| std::cmp::Reverse(created(document)));
    let size = body["page_size"].as_u64().unwrap_or(500);
    let page = body["page"].as_u64().unwrap_or(0);
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let pages = found.into_iter().skip(number(page * size));
    Ok(pages.take(number(size)).collect())
}

/// The filters of `get_all`.
struct Filter {
    /// Fields with the values that they may have. `-VALUE` excludes a value, also from lists.
    values: Vec<(&'static str, Vec<String>)>,
    /// Fields, one of which must match.
    patterns: Vec<(Vec<String>, Regex)>,
}

impl Filter {
    fn of(body: &Value) -> Result<Filter, Failure> {
        let names = ["id", "project", "status", "type", "tags", "system_tags"];
        let values = names.into_iter().map(|name| {
            let words: Vec<String> = match &body[name] {
                Value::Array(all) => all.iter().filter_map(word).collect(),
                one => word(one).into_iter().collect(),
            };
            (name, words)
        });
        let mut patterns = Vec::new();
        let mut add = |fields: Vec<String>, pattern: &Value| -> Result<(), Failure> {
            let pattern = pattern.as_str().unwrap_or_default();
            let regex = Regex::new(&format!("(?i){pattern}"));
            let regex = regex.map_err(|error| Failure::bad_request(error.to_string()))?;
            patterns.push((fields, regex));
            Ok(())
        };
        if body["name"].is_string() {
            add(vec!["name".into()], &body["name"])?;
        }
        if let Some(any) = body["_any_"].as_object() {
            let fields = any["fields"].as_array().into_iter().flatten();
            add(fields.filter_map(word).collect(), &any["pattern"])?;
        }
        Ok(Filter {
            values: values.filter(|(_, all)| !all.is_empty()).collect(),
            patterns,
        })
    }

    fn admits(&self, document: &Value) -> bool {
        let has = |name: &str, wanted: &str| match &document[name] {
            Value::Array(all) => all.iter().any(|one| one == wanted),
            one => *one == wanted,
        };
        let of_values = self.values.iter().all(|(name, all)| {
            let is_excluded = |word: &String| word.starts_with('-');
            let mut wanted = all.iter().filter(|word| !is_excluded(word)).peekable();
            let mut excluded = all.iter().filter(|word| is_excluded(word));
            !excluded.any(|word| has(name, &word[1..]))
                && (wanted.peek().is_none() || wanted.any(|word| has(name, word)))
        });
        let matches = |fields: &[String], regex: &Regex| {
            let mut texts = fields.iter().filter_map(|field| document[field].as_str());
            texts.any(|text| regex.is_match(text))
        };
        of_values
            && self
                .patterns
                .iter()
                .all(|(fields, regex)| matches(fields, regex))
    }
}

fn word(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_combine_and_exclude() {
        let task = json!({
            "id": "1", "name": "train a net", "project": "p", "system_tags": ["archived"],
        });
        let admits = |body: Value| Filter::of(&body).unwrap().admits(&task);
        assert!(admits(json!({})));
        assert!(admits(json!({"id": ["1", "2"], "project": "p"})));
        assert!(admits(json!({"name": "^Train\\ a"})));
        assert!(admits(
            json!({"_any_": {"fields": ["id", "name"], "pattern": "net$"}})
        ));
        assert!(!admits(
            json!({"_any_": {"fields": ["id"], "pattern": "net$"}})
        ));
        assert!(!admits(json!({"id": ["2"]})));
        assert!(!admits(json!({"system_tags": ["-archived"]})));
        assert!(Filter::of(&json!({"name": "("})).is_err());
    }
}
