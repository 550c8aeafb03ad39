//! An engine on a socket that answers what was recorded.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use clearml_local::testing::docker::{Docker, Endpoint, Limits};
use clearml_local::testing::evidence::{self, Shown};
use serde_json::{Value, json};

use crate::cases::RecordedEngine;

/// Repeated requests do not wait.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(10),
    idle: Duration::from_secs(10),
    restart: Duration::ZERO,
    pause: Duration::ZERO,
};

pub fn decide(recorded: &RecordedEngine) -> Option<Shown> {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let body: String = recorded
        .body
        .iter()
        .map(|one| format!("{one}\r\n"))
        .collect();
    serve(&socket, recorded.status, body);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let address = format!("unix://{}", socket.display());
        let endpoint = Endpoint::new(&address, "the test", None).unwrap();
        let engine = Docker::connect(endpoint, LIMITS).await.unwrap();
        let image = recorded.image.as_deref().unwrap_or("kindest/node:v1.37.0");
        let image = image.parse().unwrap();
        if recorded.request != "pull" {
            return evidence::engine(&engine, &recorded.request, image).await;
        }
        evidence::image(&engine, &image).await
    })
}

/// Answers every request with the recorded answer, except those before it.
fn serve(socket: &Path, status: u16, body: String) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let body = body.clone();
            // A closed connection is not an error.
            std::thread::spawn(move || answer(&client, status, &body));
        }
    });
}

fn answer(client: &UnixStream, status: u16, body: &str) -> std::io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(client), client);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        (&mut reader).take(length).read_to_end(&mut Vec::new())?;
        let (status, body) = match first.split_whitespace().collect::<Vec<_>>()[..] {
            [_, path, ..] if path.ends_with("/version") => (200, version().to_string()),
            ["GET", path, ..] if path.contains("/images/") || path.contains("/containers/") => {
                (404, json!({"message": "No such object"}).to_string())
            }
            _ => (status, body.to_owned()),
        };
        write!(
            writer,
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
}

fn version() -> Value {
    json!({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64"})
}
