//! A fake Kubernetes API for tests, which records the requests.

use std::sync::{Arc, Mutex};

use ::kube::Client;
use ::kube::client::Body;
use http::Response;
use serde_json::{Value, json};

use super::Cluster;

/// A request to the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) body: Value,
}

pub(crate) type Record = Arc<Mutex<Vec<Request>>>;

/// Creates a cluster whose server answers with `answer`: status and body.
pub(crate) fn cluster(
    answer: impl Fn(&Request) -> (u16, Value) + Send + 'static,
) -> (Cluster, Record) {
    let (service, mut handle) = tower_test::mock::pair::<http::Request<Body>, Response<Body>>();
    let record = Record::default();
    let kept = record.clone();
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            let (head, body) = request.into_parts();
            let bytes = body.collect_bytes().await.unwrap_or_default();
            let request = Request {
                method: head.method.to_string(),
                path: head.uri.path_and_query().unwrap().to_string(),
                body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            };
            let (status, body) = answer(&request);
            kept.lock().unwrap().push(request);
            // A log is plain text.
            let bytes = match body {
                Value::String(text) => text.into_bytes(),
                other => serde_json::to_vec(&other).unwrap(),
            };
            let response = Response::builder().status(status);
            send.send_response(response.body(Body::from(bytes)).unwrap());
        }
    });
    (Cluster::of(Client::new(service, "default")), record)
}

pub(crate) fn refusal(status: u16, reason: &str, message: &str) -> (u16, Value) {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": status, "reason": reason, "message": message,
    });
    (status, body)
}

/// Returns the paths of the requests with a method.
pub(crate) fn paths(record: &Record, method: &str) -> Vec<String> {
    let record = record.lock().unwrap();
    let matching = record.iter().filter(|request| request.method == method);
    matching.map(|request| request.path.clone()).collect()
}

pub(crate) fn object(kind: &str, version: &str, name: &str) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}})
}

/// A server without any objects.
pub(crate) fn empty(request: &Request) -> (u16, Value) {
    match request.method.as_str() {
        "GET" => refusal(404, "NotFound", "not found"),
        _ => (200, request.body.clone()),
    }
}
