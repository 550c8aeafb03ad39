//! Connections to an engine through a socket, TCP or TLS, and why they fail.

use std::sync::Arc;

use bollard::API_DEFAULT_VERSION;
use bollard::errors::Error as BollardError;
use futures_util::TryFutureExt;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::connection::Fault;
use crate::docker::{Address, Endpoint, Error, Tls};
use crate::hint::Hint;

/// Docker's answer to plain HTTP on a port with TLS (from Go's server).
const TLS_REQUIRED: &str = "HTTP request to an HTTPS server";

/// In seconds. `Calls` and the negotiation have their own limits.
const UNUSED_TIMEOUT: u64 = 24 * 60 * 60;

/// The number of attempts if the connection closes without a reason.
const NEGOTIATION_ATTEMPTS: usize = 10;

/// Creates the client for an endpoint. Does not open a connection yet.
pub(super) fn client(endpoint: &Endpoint) -> Result<bollard::Docker, Error> {
    let client = match (&endpoint.address, &endpoint.tls) {
        (Address::Tcp { host, port, .. }, tls) => {
            let authority = Address::authority(host, *port);
            match tls {
                Some(tls) => by_tls(&authority, tls, endpoint)?,
                None => bollard::Docker::connect_with_host(&format!("tcp://{authority}")),
            }
        }
        (address, _) => bollard::Docker::connect_with_host(&address.to_string()),
    };
    client.map_err(|error| unreachable(endpoint, &error))
}

/// Replaces bollard's own TLS, which always verifies and always trusts the host's
/// authorities.
fn by_tls(
    authority: &str,
    tls: &Tls,
    endpoint: &Endpoint,
) -> Result<Result<bollard::Docker, BollardError>, Error> {
    let config = tls.config().map_err(|reason| Error::Certificates {
        chosen_by: endpoint.chosen_by.clone(),
        dir: tls.dir.clone(),
        reason,
    })?;
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let connector = HttpsConnector::from((http, Arc::new(config)));
    // Connections that were upgraded for an exec must not be reused.
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector);
    let transport = move |request| client.request(request).map_err(BollardError::from);
    Ok(bollard::Docker::connect_with_custom_transport(
        transport,
        Some(format!("https://{authority}")),
        UNUSED_TIMEOUT,
        API_DEFAULT_VERSION,
    ))
}

/// Negotiates the API version. A server may reject the client's certificate before or
/// after the first request is written; its reason is known only after. A connection through
/// a socket may break, such as when the engine restarts.
pub(super) async fn negotiate(
    client: bollard::Docker,
    endpoint: &Endpoint,
) -> Result<bollard::Docker, BollardError> {
    let is_local = !matches!(endpoint.address, Address::Tcp { .. });
    for _ in 1..NEGOTIATION_ATTEMPTS {
        match client.clone().negotiate_version().await {
            Err(error) => match Fault::of(&error) {
                fault if closed_without_reason(&fault) => {}
                Fault::Reset if is_local => {}
                _ => return Err(error),
            },
            result => return result,
        }
    }
    client.negotiate_version().await
}

/// Returns whether a connection was closed before it was used.
fn closed_without_reason(fault: &Fault) -> bool {
    matches!(fault, Fault::Other(text) if text.contains("not ready") || text.contains("canceled"))
}

/// Returns the error for an engine that does not answer in time.
pub(super) fn timed_out(endpoint: &Endpoint) -> Error {
    unreachable(endpoint, &BollardError::RequestTimeoutError)
}

pub(super) fn unreachable(endpoint: &Endpoint, error: &BollardError) -> Error {
    let fault = Fault::of(error);
    let reason = match error {
        BollardError::SocketNotFoundError(_) => "the socket does not exist".to_owned(),
        BollardError::RequestTimeoutError => "it did not answer in time".to_owned(),
        BollardError::DockerResponseServerError { message, .. }
            if message.contains(TLS_REQUIRED) =>
        {
            "it accepts only TLS".to_owned()
        }
        BollardError::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        _ => fault.to_string(),
    };
    let hint = hint(endpoint, &fault, &reason);
    Error::Unreachable {
        endpoint: endpoint.address.to_string(),
        chosen_by: endpoint.chosen_by.clone(),
        reason,
        hint,
    }
}

fn hint(endpoint: &Endpoint, fault: &Fault, reason: &str) -> Hint {
    let dir = endpoint.tls.as_ref().map(|tls| tls.dir.display());
    let by_tcp = matches!(endpoint.address, Address::Tcp { .. });
    match (fault, dir) {
        (Fault::Expired | Fault::NotYetValid, _) => {
            return Hint::text("renew the engine's certificate, and check this machine's clock");
        }
        (Fault::UnknownAuthority, Some(dir)) => {
            return Hint::text(format!("put the engine's CA certificate into {dir}/ca.pem"));
        }
        (Fault::WrongName, _) => {
            return Hint::run(
                "use a host name that is in the certificate",
                "export DOCKER_HOST=tcp://NAME:PORT",
            );
        }
        (Fault::Tls(text), _) if text.contains("InvalidContentType") => {
            return Hint::run(
                "the engine does not use TLS on this port",
                "unset DOCKER_TLS_VERIFY",
            );
        }
        // The engine's reaction to an invalid or missing client certificate.
        (fault, Some(dir))
            if closed_without_reason(fault)
                || matches!(fault, Fault::Tls(text) if text.contains("alert")) =>
        {
            return Hint::text(format!(
                "the engine does not accept this client: check {dir}/cert.pem and {dir}/key.pem"
            ));
        }
        (Fault::Reset, Some(_)) => {
            return Hint::run(
                "the engine may not use TLS on this port",
                "unset DOCKER_TLS_VERIFY",
            );
        }
        (Fault::Reset, None) if by_tcp => {
            return Hint::run(
                "it may need TLS",
                "export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=DIR",
            );
        }
        _ if reason == "it accepts only TLS" => {
            return Hint::run("use TLS", "export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=DIR");
        }
        _ => {}
    }
    if reason.to_lowercase().contains("permission denied") {
        Hint::run(
            "add your user to the group `docker`, then log in again",
            "sudo usermod -aG docker $USER",
        )
    } else if endpoint.chosen_by.starts_with("context") {
        Hint::run(
            "start it, or choose another",
            "docker context ls, docker context use NAME",
        )
    } else if endpoint.chosen_by.starts_with("DOCKER_HOST") {
        Hint::run(
            "start it, or choose another",
            "unset DOCKER_HOST, docker context ls",
        )
    } else {
        Hint::run(
            "start Docker (Linux: sudo systemctl start docker), or choose another engine",
            "docker context ls",
        )
    }
}
