//! The format of the API server's responses.

use crate::support::clock;
use crate::support::http::Response;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// An error response.
#[derive(Debug, PartialEq)]
pub struct Failure {
    pub code: u16,
    pub subcode: u16,
    pub message: String,
}

impl Failure {
    pub fn new(code: u16, subcode: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            subcode,
            message: message.into(),
        }
    }

    /// Returns the error for a missing or invalid field.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, 12, format!("Validation error ({})", message.into()))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(500, 0, format!("General error (database: {error})"))
    }
}

/// The result of an endpoint.
pub type Outcome = Result<Value, Failure>;

/// Wraps a result; the HTTP status is the result code.
pub fn wrap(endpoint: &str, requested: &str, actual: &str, outcome: Outcome) -> Response {
    let (code, subcode, message, data) = match outcome {
        Ok(data) => (200, 0, "OK".to_owned(), data),
        Err(failure) => (failure.code, failure.subcode, failure.message, json!({})),
    };
    let id = new_id();
    Response::json(
        code,
        &json!({
            "meta": {
                "id": id,
                "trx": id,
                "endpoint": {"name": endpoint, "requested_version": requested, "actual_version": actual},
                "result_code": code,
                "result_subcode": subcode,
                "result_msg": message,
                "error_stack": "",
                "error_data": {},
            },
            "data": data,
        }),
    )
}

/// Returns a new identifier of 32 hexadecimal digits.
pub fn new_id() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}{count:016x}", clock::nanoseconds())
}
