//! The API server's way to its databases.

use crate::support::http;
use crate::support::store;
use serde_json::{Map, Value};
use std::io::{self, BufRead, BufReader, Write};
use std::time::{Duration, Instant};

/// MongoDB or Elasticsearch: documents by collection and identifier.
pub struct Documents {
    pub address: String,
    /// How long a call tries before it gives up, as the drivers do.
    pub patience: Duration,
}

impl Documents {
    /// All documents of a collection, by identifier.
    pub fn all(&self, collection: &str) -> io::Result<Map<String, Value>> {
        match self.call("GET", collection, b"")? {
            Value::Object(documents) => Ok(documents),
            other => Err(io::Error::other(format!("not documents: {other}"))),
        }
    }

    /// One document.
    pub fn get(&self, collection: &str, id: &str) -> io::Result<Option<Value>> {
        Ok(self.all(collection)?.remove(id))
    }

    /// Stores documents by identifier; null removes.
    pub fn put(&self, collection: &str, changes: Map<String, Value>) -> io::Result<()> {
        let body = Value::Object(changes).to_string();
        self.call("POST", collection, body.as_bytes()).map(|_| ())
    }

    /// Stores one document; null removes it.
    pub fn put_one(&self, collection: &str, id: &str, document: Value) -> io::Result<()> {
        self.put(collection, Map::from_iter([(id.to_owned(), document)]))
    }

    fn call(&self, method: &str, collection: &str, body: &[u8]) -> io::Result<Value> {
        let deadline = Instant::now() + self.patience;
        let path = format!("{}{collection}", store::PREFIX);
        loop {
            let attempt = http::call(
                method,
                &self.address,
                &path,
                &[],
                body,
                Duration::from_secs(2),
            );
            match attempt {
                Ok(answer) if answer.status == 200 => return Ok(answer.as_json()),
                Ok(answer) => {
                    let text = String::from_utf8_lossy(&answer.body).into_owned();
                    return Err(io::Error::other(text));
                }
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }
}

/// Redis, which has to answer in its own protocol.
pub struct Redis {
    pub address: String,
}

/// The lock that one starting server holds while it prepares the databases.
/// One that is killed leaves it, and the next start waits until it runs out.
const INIT_LOCK: &str = "standin-init-lock";
const INIT_LOCK_SECONDS: u32 = 120;

impl Redis {
    /// Checks that it serves us: one in protected mode accepts the connection
    /// and answers DENIED.
    pub fn ping(&self) -> io::Result<()> {
        match self.command("PING")?.as_str() {
            "+PONG" => Ok(()),
            other => Err(io::Error::other(other.to_owned())),
        }
    }

    /// Waits for the lock of the preparation.
    pub fn lock_init(&self) -> io::Result<()> {
        let command = format!(
            "SET {INIT_LOCK} {} NX EX {INIT_LOCK_SECONDS}",
            std::process::id()
        );
        while self.command(&command)? != "+OK" {
            std::thread::sleep(Duration::from_secs(1));
        }
        Ok(())
    }

    /// Gives the lock back.
    pub fn unlock_init(&self) -> io::Result<()> {
        self.command(&format!("DEL {INIT_LOCK}")).map(|_| ())
    }

    /// Sends an inline command and reads the first line of the answer.
    fn command(&self, command: &str) -> io::Result<String> {
        let mut stream = http::connect(&self.address, Duration::from_secs(1))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

/// Repeats `attempt` until it succeeds or the time is over.
pub fn until(limit: Duration, mut attempt: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(300)),
        }
    }
}
