//! A durable store of JSON documents: a journal that is flushed before a write is
//! acknowledged, and read at start. The stand-ins of MongoDB and Elasticsearch store
//! the server's data in it and serve it to the API server over HTTP.

use crate::support::http::{Request, Response};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Mutex;

/// The path prefix under which databases serve their documents.
pub const PREFIX: &str = "/_standin/";

type Documents = BTreeMap<String, BTreeMap<String, Value>>;

#[derive(Debug)]
pub struct Store {
    inner: Mutex<(Documents, File)>,
}

impl Store {
    /// Opens the journal and reads it.
    pub fn open(file: &Path) -> io::Result<Self> {
        let mut journal = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(file)?;
        let mut text = String::new();
        journal.read_to_string(&mut text)?;
        // A truncated line was never acknowledged.
        if !text.is_empty() && !text.ends_with('\n') {
            journal.write_all(b"\n")?;
        }
        let mut documents = Documents::new();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .for_each(|entry| apply(&mut documents, &entry));
        Ok(Self {
            inner: Mutex::new((documents, journal)),
        })
    }

    /// Returns whether nothing was ever stored.
    pub fn is_empty(&self) -> bool {
        self.lock().0.is_empty()
    }

    /// Handles a request below [`PREFIX`]: `GET collection` returns all documents by
    /// identifier, `POST collection` stores an object of documents by identifier; null
    /// removes a document.
    pub fn handle(&self, request: &Request) -> Response {
        let collection = request.path.trim_start_matches(PREFIX);
        if request.method == "GET" {
            let documents = self.lock().0.get(collection).cloned().unwrap_or_default();
            return Response::json(200, &Value::Object(documents.into_iter().collect()));
        }
        let Ok(changes) = serde_json::from_slice::<Map<String, Value>>(&request.body) else {
            return Response::json(400, &json!("expected an object of documents"));
        };
        match self.write(collection, changes) {
            Ok(()) => Response::json(200, &json!("ok")),
            Err(error) => Response::json(500, &json!(error.to_string())),
        }
    }

    fn write(&self, collection: &str, changes: Map<String, Value>) -> io::Result<()> {
        let mut inner = self.lock();
        let mut lines = String::new();
        for (id, document) in changes {
            let entry = json!({"collection": collection, "id": id, "document": document});
            lines += &format!("{entry}\n");
            apply(&mut inner.0, &entry);
        }
        inner.1.write_all(lines.as_bytes())?;
        inner.1.sync_data()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Documents, File)> {
        self.inner.lock().expect("no writer panics")
    }
}

fn apply(documents: &mut Documents, entry: &Value) {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let collection = documents.entry(text("collection")).or_default();
    if entry["document"].is_null() {
        collection.remove(&text("id"));
    } else {
        collection.insert(text("id"), entry["document"].clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, body: &str) -> Request {
        Request {
            peer: "-".into(),
            method: method.into(),
            path: "/_standin/task".into(),
            query: String::new(),
            headers: vec![],
            body: body.into(),
        }
    }

    #[test]
    fn acknowledged_documents_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("journal");
        let store = Store::open(&file).unwrap();
        store.handle(&request("POST", r#"{"a": {"n": 1}, "b": {"n": 2}}"#));
        store.handle(&request("POST", r#"{"b": null}"#));
        drop(store);
        std::fs::OpenOptions::new()
            .append(true)
            .open(&file)
            .unwrap()
            .write_all(b"{\"collection\": \"ta")
            .unwrap();
        let after_cut = Store::open(&file).unwrap();
        after_cut.handle(&request("POST", r#"{"c": {"n": 3}}"#));
        assert_eq!(
            Store::open(&file)
                .unwrap()
                .handle(&request("GET", ""))
                .as_json(),
            json!({"a": {"n": 1}, "c": {"n": 3}})
        );
    }
}
