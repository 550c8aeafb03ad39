//! A minimal HTTP server with a thread per request, and a client for calls between
//! stand-ins.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// A request with its complete body.
pub struct Request {
    /// The address of the client.
    pub peer: String,
    pub method: String,
    /// The raw path without the query.
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the first header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Returns the value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| percent_decode(value))
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.header("Cookie")?
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// Creates a response with a body of this type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.into(),
        }
    }

    /// Creates a JSON response.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// Parses the body as JSON; null if it is invalid.
    pub fn as_json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Handles requests until the process ends.
pub fn serve(
    address: &str,
    handler: impl Fn(Request) -> Response + Send + Sync + 'static,
) -> io::Result<()> {
    let server = tiny_http::Server::http(address).map_err(io::Error::other)?;
    let handler = Arc::new(handler);
    for request in server.incoming_requests() {
        let handler = Arc::clone(&handler);
        // A closed connection is not an error of the server.
        std::thread::spawn(move || drop(handle(request, handler.as_ref())));
    }
    Ok(())
}

fn handle(
    mut incoming: tiny_http::Request,
    handler: &(impl Fn(Request) -> Response + ?Sized),
) -> io::Result<()> {
    let mut body = Vec::new();
    incoming.as_reader().read_to_end(&mut body)?;
    let (path, query) = incoming
        .url()
        .split_once('?')
        .unwrap_or((incoming.url(), ""));
    let peer = incoming.remote_addr();
    let request = Request {
        peer: peer.map_or_else(|| "-".to_owned(), |peer| peer.ip().to_string()),
        method: incoming.method().to_string(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: incoming
            .headers()
            .iter()
            .map(|header| (header.field.to_string(), header.value.to_string()))
            .collect(),
        body,
    };
    let response = handler(request);
    let mut outgoing = tiny_http::Response::from_data(response.body)
        .with_status_code(response.status)
        // The clients need a length or the end of the stream.
        .with_chunked_threshold(usize::MAX);
    for (name, value) in &response.headers {
        if let Ok(header) = tiny_http::Header::from_bytes(name.as_bytes(), value.as_bytes()) {
            outgoing.add_header(header);
        }
    }
    incoming.respond(outgoing)
}

/// Calls the server at `target` (`host:port`). Uses HTTP/1.0, so that the response ends
/// with the connection.
pub fn call(
    method: &str,
    target: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
    timeout: Duration,
) -> io::Result<Response> {
    let mut stream = connect(target, timeout)?;
    let mut head = format!("{method} {path} HTTP/1.0\r\nConnection: close\r\n");
    if find(headers, "Host").is_none() {
        head += &format!("Host: {target}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    parse_response(&response).ok_or_else(|| io::Error::other("not an HTTP response"))
}

/// Connects to the first address of `target` that accepts a connection.
pub fn connect(target: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::other(format!("{target}: no address"));
    for address in target.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn parse_response(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    Some(Response {
        status,
        headers,
        body: bytes[end + 4..].to_vec(),
    })
}

pub fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_escapes_in_paths() {
        assert_eq!(percent_decode("a%20b%2Fc%"), "a b/c%");
        assert_eq!(percent_decode("%zz"), "%zz");
    }

    #[test]
    fn parses_a_response() {
        let response = parse_response(b"HTTP/1.1 404 Not Found\r\nX-A: b\r\n\r\nbody").unwrap();
        assert_eq!(response.status, 404);
        assert_eq!(find(&response.headers, "x-a"), Some("b"));
        assert_eq!(response.body, b"body");
    }
}
