//! The clients of the API server for its databases.

use crate::clearml::config;
use crate::support::http;
use crate::support::store;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// MongoDB or Elasticsearch: documents by collection and identifier.
#[derive(Clone)]
pub struct Documents {
    pub address: String,
    /// Headers of every call, such as the login.
    pub headers: Vec<(String, String)>,
    /// How long a call is retried, as in the drivers.
    pub timeout: Duration,
}

/// Returns the header for HTTP Basic authentication.
pub fn basic(name: &str, password: &str) -> (String, String) {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    ("Authorization".to_owned(), format!("Basic {encoded}"))
}

impl Documents {
    /// Returns all documents of a collection by identifier.
    pub fn all(&self, collection: &str) -> io::Result<Map<String, Value>> {
        match self.call("GET", collection, b"")? {
            Value::Object(documents) => Ok(documents),
            other => Err(io::Error::other(format!("not documents: {other}"))),
        }
    }

    pub fn get(&self, collection: &str, id: &str) -> io::Result<Option<Value>> {
        Ok(self.all(collection)?.remove(id))
    }

    /// Stores documents by identifier; null removes a document.
    pub fn put(&self, collection: &str, changes: Map<String, Value>) -> io::Result<()> {
        let body = Value::Object(changes).to_string();
        self.call("POST", collection, body.as_bytes()).map(|_| ())
    }

    /// Stores one document; null removes it.
    pub fn put_one(&self, collection: &str, id: &str, document: Value) -> io::Result<()> {
        self.put(collection, Map::from_iter([(id.to_owned(), document)]))
    }

    fn call(&self, method: &str, collection: &str, body: &[u8]) -> io::Result<Value> {
        let deadline = Instant::now() + self.timeout;
        let path = format!("{}{collection}", store::PREFIX);
        loop {
            let attempt = http::call(
                method,
                &self.address,
                &path,
                &self.headers,
                body,
                Duration::from_secs(2),
            );
            match attempt {
                Ok(response) if response.status == 200 => return Ok(response.as_json()),
                Ok(response) if response.status == 401 => {
                    let body = response.as_json();
                    let reason = body["error"]["reason"].as_str().unwrap_or_default();
                    return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
                }
                Ok(response) => {
                    let text = String::from_utf8_lossy(&response.body).into_owned();
                    return Err(io::Error::other(text));
                }
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }
}

/// A client for Redis, in its own protocol.
pub struct Redis {
    address: String,
    password: Option<String>,
}

/// The lock that a server holds while it prepares the databases. A killed server leaves
/// it, and the next start waits until it expires.
const INIT_LOCK: &str = "standin-init-lock";
const INIT_LOCK_SECONDS: u32 = 120;

impl Redis {
    /// Creates a client for `host:port`, with the password in the environment.
    pub fn at(address: String) -> Self {
        Self {
            address,
            password: config::variable("CLEARML_REDIS_SERVICE_PASSWORD"),
        }
    }

    /// Waits until Redis is ready. In protected mode, it accepts the connection and
    /// responds with DENIED. The error is that of the Python client.
    pub fn wait(&self, limit: Duration) -> Result<(), String> {
        let ping = || match self.command(&["PING"])?.as_str() {
            "+PONG" => Ok(()),
            other => Err(error_from(other)),
        };
        retry(limit, ping).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => {
                format!("redis.exceptions.AuthenticationError: {error}")
            }
            _ => format!(
                "redis.exceptions.ConnectionError: Error connecting to {}: {error}",
                self.address
            ),
        })
    }

    /// Acquires the lock for the preparation.
    pub fn lock_init(&self) -> io::Result<()> {
        let (pid, seconds) = (
            std::process::id().to_string(),
            INIT_LOCK_SECONDS.to_string(),
        );
        while self.command(&["SET", INIT_LOCK, &pid, "NX", "EX", &seconds])? != "+OK" {
            std::thread::sleep(Duration::from_secs(1));
        }
        Ok(())
    }

    /// Releases the lock.
    pub fn unlock_init(&self) -> io::Result<()> {
        self.command(&["DEL", INIT_LOCK]).map(|_| ())
    }

    /// Sends a command, after the password if there is one, and reads the first line of
    /// the response.
    fn command(&self, words: &[&str]) -> io::Result<String> {
        let mut stream = BufReader::new(http::connect(&self.address, Duration::from_secs(1))?);
        if let Some(password) = &self.password {
            let response = send(&mut stream, &["AUTH", password])?;
            if response != "+OK" {
                return Err(error_from(&response));
            }
        }
        send(&mut stream, words)
    }
}

fn send(stream: &mut BufReader<TcpStream>, words: &[&str]) -> io::Result<String> {
    let words = words
        .iter()
        .map(|word| format!("${}\r\n{word}\r\n", word.len()));
    let words: Vec<String> = words.collect();
    let command = format!("*{}\r\n{}", words.len(), words.concat());
    stream.get_mut().write_all(command.as_bytes())?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Converts a response to an error. Some errors mean that a retry is useless.
fn error_from(response: &str) -> io::Error {
    let text = response.trim_start_matches('-');
    let words = ["NOAUTH ", "WRONGPASS ", "ERR AUTH ", "ERR invalid password"];
    let kind = if words.iter().any(|word| text.starts_with(word)) {
        io::ErrorKind::PermissionDenied
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(kind, text)
}

/// Retries `attempt` until it succeeds, the time limit is reached or the credentials
/// are rejected.
pub fn retry(limit: Duration, mut attempt: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(300)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_credentials_are_not_retried() {
        let mut tries = 0;
        let error = retry(Duration::from_secs(60), || {
            tries += 1;
            Err(error_from("-WRONGPASS invalid username-password pair"))
        });
        assert!(error.is_err());
        assert_eq!(tries, 1);
        let denied = error_from("-DENIED Redis is running in protected mode");
        assert_eq!(denied.kind(), io::ErrorKind::Other);
    }
}
