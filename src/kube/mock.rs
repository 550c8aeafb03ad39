//! A fake Kubernetes API for tests, which records the requests.

use std::sync::{Arc, Mutex};

use ::kube::Client;
use ::kube::client::Body;
use http::Response;
use serde_json::Value;

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
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": status, "reason": reason, "message": message,
    });
    (status, body)
}
