//! HTTP to the server, as users send it: the client, and why a request failed.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Request, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::Targets;
use crate::clock::{self, Skew};

/// The timeout of a request. Without MongoDB, a login fails only after 30 s, which is too
/// long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The user agent of the probes, followed by the version. `logs` leaves out lines with
/// it.
pub(crate) const USER_AGENT: &str = "clearml-local/";
/// The message for a certificate of an unknown certificate authority.
pub(super) const NOT_TRUSTED: &str = "this machine does not trust its certificate";
/// The message for a self-signed certificate that `openssl req -x509` creates by default, which
/// rustls refuses even if it is trusted (`CaUsedAsEndEntity` in the crate webpki).
pub(super) const OF_AUTHORITY: &str = "its certificate is that of a certificate authority (CA:TRUE), not of \
    a server";
/// The beginning of the reason if a wrong clock is the cause.
pub(super) const CLOCK: &str = "the clock of";
/// The message for a request that timed out.
pub(super) const TIMED_OUT: &str = "no answer in time";

/// Returns a client that reaches the targets.
///
/// # Panics
/// If [`crate::kube::install_crypto`] was not called before.
pub(crate) fn client(targets: &Targets) -> Client {
    let user_agent = format!("{USER_AGENT}{}", env!("CARGO_PKG_VERSION"));
    let mut client = Client::builder().user_agent(user_agent).timeout(TIMEOUT);
    if let Some(address) = targets.names_at {
        // The certificate is the user's, or by default the controller's own.
        client = client.tls_danger_accept_invalid_certs(true).no_proxy();
        for (_, url) in &targets.by_name {
            let host = url.split_once("://").map_or("", |(_, rest)| rest);
            let name = host.split([':', '/']).next().unwrap_or_default();
            // Port 0 stands for the port of the URL.
            client = client.resolve(name, SocketAddr::new(address, 0));
        }
    }
    client.build().expect("the TLS provider is installed")
}

/// Sends a request that must succeed.
pub(super) async fn send(request: RequestBuilder) -> Result<Response, String> {
    let (client, request) = request.build_split();
    let request = request.map_err(reason)?;
    let token = token_of(&request);
    let response = client.execute(request).await.map_err(reason)?;
    match response.status() {
        StatusCode::OK => Ok(response),
        _ => Err(refused_at(&response, Timestamp::now(), token.as_deref())),
    }
}

/// Returns the token of a request.
fn token_of(request: &Request) -> Option<String> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    header.strip_prefix("Bearer ").map(str::to_owned)
}

/// Returns the reason of a request that a server refused, with the clock that causes it if
/// there is one. `token` is what the request was authorized with.
pub(crate) fn refused_at(response: &Response, now: Timestamp, token: Option<&str>) -> String {
    let reason = refused(response.status());
    let clock = match response.status() {
        StatusCode::UNAUTHORIZED => {
            clock::of_answer(response.headers()).and_then(|theirs| wrong_clock(theirs, now, token))
        }
        _ => None,
    };
    clock.map_or(reason.clone(), |clock| format!("{reason}; {clock}"))
}

/// Returns which clock is wrong when a server refuses a login or a token at a time of its clock.
fn wrong_clock(theirs: Timestamp, now: Timestamp, token: Option<&str>) -> Option<String> {
    if let Some(skew) = Skew::between(theirs, now) {
        return Some(format!(
            "{CLOCK} the server is {}",
            skew.from("the one of this machine")
        ));
    }
    // The token was issued a moment ago.
    let claims = claims(token?)?;
    let time = |claim: &str| Timestamp::from_second(claims[claim].as_i64()?).ok();
    let Some(issued) = time("iat") else {
        let is_expired = time("exp")? < theirs;
        return is_expired.then(|| {
            format!(
                "{CLOCK} the server that refused the token is ahead of the one of the API server: \
                 the token, which is new, has expired there"
            )
        });
    };
    let skew = Skew::between(issued, theirs)?;
    Some(format!(
        "{CLOCK} the API server, which issued the token, is {}",
        skew.from("the one of the server that refused it")
    ))
}

/// Returns the claims of a token, such as when it was issued (`iat`) and when it expires (`exp`).
fn claims(token: &str) -> Option<Value> {
    let claims = token.split('.').nth(1)?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// Returns the reason of a request that the server refused.
pub(crate) fn refused(status: StatusCode) -> String {
    let number = status.as_u16();
    match status {
        StatusCode::UNAUTHORIZED => {
            format!("HTTP status {number}: the credentials were rejected")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            format!("HTTP status {number}: a proxy or ingress limits the size of uploads")
        }
        _ => format!("HTTP status {number}"),
    }
}

/// Returns the innermost cause of a failed request.
pub(crate) fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return TIMED_OUT.into();
    }
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string().to_lowercase();
    if text.contains("unknownissuer") {
        NOT_TRUSTED.into()
    } else if text.contains("causedasendentity") {
        OF_AUTHORITY.into()
    } else {
        text
    }
}

/// Returns whether a request failed because this machine does not trust the certificate.
pub(crate) fn is_untrusted(reason: &str) -> bool {
    [NOT_TRUSTED, OF_AUTHORITY].contains(&reason)
}
