//! The DevTools protocol over pipes: messages in JSON, each with a null byte at its end.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The names of the program, Debian's first, which needs the fewest packages.
const PROGRAMS: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];
/// How long an answer may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Returns the program of a browser that is installed.
pub fn program() -> Option<&'static str> {
    let runs = |name: &&&str| {
        let version = Command::new(name)
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        version.is_ok_and(|output| output.status.success())
    };
    PROGRAMS.iter().find(runs).copied()
}

/// A browser with an empty profile, which ends when this is dropped.
pub struct Browser {
    process: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    /// What the page reported and nobody has read yet.
    events: VecDeque<Value>,
    last_id: u64,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser.
    pub fn start(program: &str, flags: &[String]) -> Result<Browser, String> {
        let profile = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut command = Command::new("sh");
        command
            // The browser reads requests from descriptor 3, and writes answers to 4.
            .args([
                "-c",
                "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
            ])
            .arg(program)
            .args(["--headless", "--remote-debugging-pipe", "--no-first-run"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args([
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--window-size=1280,800",
                "--no-proxy-server",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if rustix::process::geteuid().is_root() {
            // The sandbox does not work for root.
            command.arg("--no-sandbox");
        }
        let started = command.spawn();
        let mut process = started.map_err(|error| format!("cannot start {program}: {error}"))?;
        let requests = process.stdin.take().ok_or("no pipe to the browser")?;
        let output = process.stdout.take().ok_or("no pipe from the browser")?;
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0) {
                let Ok(message) = message else { return };
                let Ok(message) = serde_json::from_slice(&message) else {
                    return;
                };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Ok(Browser {
            process,
            requests,
            answers,
            events: VecDeque::new(),
            last_id: 0,
            _profile: profile,
        })
    }

    /// Opens a tab and returns its session.
    pub fn open_tab(&mut self) -> Result<String, String> {
        let tab = self.call(None, "Target.createTarget", &json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": tab["targetId"], "flatten": true});
        let attached = self.call(None, "Target.attachToTarget", &attach)?;
        let session = attached["sessionId"].as_str();
        Ok(session.ok_or("the browser opened no tab")?.to_owned())
    }

    /// Calls a method of the browser, or of a tab, and returns its result.
    pub fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: &Value,
    ) -> Result<Value, String> {
        self.last_id += 1;
        let mut request = json!({"id": self.last_id, "method": method, "params": params});
        if let Some(session) = session {
            request["sessionId"] = json!(session);
        }
        let ended = |error: std::io::Error| format!("{method}: the browser has ended: {error}");
        let message = format!("{request}\0");
        self.requests.write_all(message.as_bytes()).map_err(ended)?;
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.answers.recv_timeout(left);
            let mut message = message.map_err(|error| format!("{method}: {error}"))?;
            if message["id"] != self.last_id {
                self.events.push_back(message);
            } else if message["error"].is_object() {
                return Err(format!("{method}: {}", message["error"]["message"]));
            } else {
                return Ok(message["result"].take());
            }
        }
    }

    /// Returns the next event, or `None` if there is none for a while.
    pub fn next_event(&mut self, within: Duration) -> Result<Option<Value>, String> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        match self.answers.recv_timeout(within) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err("the browser has ended".into()),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
