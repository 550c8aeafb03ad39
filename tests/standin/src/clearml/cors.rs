//! Cross-origin requests: where the web app asks the API at another port or host name, the
//! browser asks the API first, and does not show the page an answer without these headers.

use crate::support::http::{Request, Response};

/// Adds the headers that let the page at any origin send requests with the user's cookie.
pub fn admit(request: &Request, mut response: Response) -> Response {
    let Some(origin) = request.header("Origin") else {
        return response;
    };
    let mut add = |name: &str, value: &str| {
        response.headers.push((name.to_owned(), value.to_owned()));
    };
    add("Access-Control-Allow-Origin", origin);
    add("Access-Control-Allow-Credentials", "true");
    add("Vary", "Origin");
    if let Some(headers) = request.header("Access-Control-Request-Headers") {
        add("Access-Control-Allow-Headers", headers);
        add("Access-Control-Allow-Methods", "GET, POST, PUT, OPTIONS");
    }
    response
}
