//! `forward` in the background: starts the process, and ends it.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::files;
use crate::hint::{Hint, ours};
use crate::settings::HostPorts;
use crate::state::{self, Background, BackgroundLock, StateDir};
use crate::wait::{Attempt, Wait};

/// The log of the process, in the state directory.
const LOG: &str = "forward.log";
/// How long the process may take until it listens.
const START: Duration = Duration::from_secs(30);
/// How long it may take to end.
const STOP: Duration = Duration::from_secs(5);
/// How long it may take to get the lock, for which another process only looks.
const LOCK: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(50);
/// How many lines of its log an error shows.
const TAIL: usize = 12;

/// The result of `forward --detach`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Started {
    New(Background),
    /// It ran already, with these ports.
    Running(Background),
}

impl Started {
    pub(crate) fn process(self) -> u32 {
        match self {
            Started::New(background) | Started::Running(background) => background.process,
        }
    }
}

/// Starts this program with `arguments` in the background, and returns when it listens on
/// `ports`.
///
/// # Errors
/// The process ends, or one with other ports runs already.
pub(crate) async fn detach(
    state: &StateDir,
    ports: HostPorts,
    arguments: Vec<OsString>,
) -> Result<Started> {
    match state.background()? {
        Some(background) if background.ports == ports => return Ok(Started::Running(background)),
        Some(background) => return Err(Error::Running { background }.into()),
        None => {}
    }
    let output = state.create_log(LOG)?;
    let program = std::env::current_exe().map_err(Error::Spawn)?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output)
        .spawn();
    let mut child = child.map_err(Error::Spawn)?;
    let wait = Wait::new("the forward in the background").every(INTERVAL);
    let started = wait.within(START).run(async || {
        let background = state.background()?;
        let background = background.filter(|background| background.process == child.id());
        Ok::<_, crate::error::Error>(match (background, child.try_wait()) {
            (Some(background), _) => Attempt::Done(Some(background)),
            (None, Ok(None)) => Attempt::Pending("it does not listen yet".into()),
            // It has ended.
            (None, _) => Attempt::Done(None),
        })
    });
    let reason = match started.await? {
        Ok(Some(background)) => return Ok(Started::New(background)),
        Ok(None) => "it has ended".to_owned(),
        Err(timeout) => {
            // It must not start later.
            let _ = child.kill();
            timeout.to_string()
        }
    };
    let log = state.log_path(LOG);
    let output = files::read(&log)?.unwrap_or_default();
    let skipped = output.lines().count().saturating_sub(TAIL);
    let tail = output.lines().skip(skipped).map(str::to_owned).collect();
    Err(Error::Start { reason, tail }.into())
}

/// Makes this process independent of the terminal, and locks the instance's file for it.
pub(crate) async fn lock(state: &StateDir) -> Result<BackgroundLock> {
    // It fails only if this process already leads a session.
    let _ = rustix::process::setsid();
    let wait = Wait::new("the lock").every(INTERVAL).within(LOCK);
    let locked = wait.run(async || {
        Ok::<_, state::Error>(match state.lock_background()? {
            Some(lock) => Attempt::Done(lock),
            None => Attempt::Pending("another process has it".into()),
        })
    });
    Ok(locked.await?.map_err(|_| Error::Locked)?)
}

/// Ends the background process. Returns whether there was one.
pub(crate) async fn stop(state: &StateDir) -> Result<bool> {
    let Some(background) = state.background()? else {
        return Ok(false);
    };
    let process = i32::try_from(background.process)
        .ok()
        .and_then(Pid::from_raw);
    let process = process.ok_or(Error::Stop { background })?;
    for signal in [Signal::TERM, Signal::KILL] {
        let _ = kill_process(process, signal);
        let wait = Wait::new("the forward in the background").every(INTERVAL);
        let ended = wait.within(STOP).run(async || {
            Ok::<_, state::Error>(match state.background()? == Some(background) {
                true => Attempt::Pending("it runs".into()),
                false => Attempt::Done(()),
            })
        });
        if ended.await?.is_ok() {
            return Ok(true);
        }
    }
    Err(Error::Stop { background }.into())
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(
        "a forward with other ports runs in the background (process {}, ports {}, {} and {})",
        background.process,
        background.ports.web,
        background.ports.api,
        background.ports.files
    )]
    Running { background: Background },
    #[error("cannot start the forward in the background: {0}")]
    Spawn(#[source] std::io::Error),
    #[error("the forward in the background did not start: {reason}")]
    Start { reason: String, tail: Vec<String> },
    #[error("another forward runs in the background")]
    Locked,
    #[error("the forward in the background (process {}) did not end", background.process)]
    Stop { background: Background },
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Running { .. } | Error::Locked => Failure::ForwardRunning,
            Error::Spawn(_) | Error::Start { .. } | Error::Stop { .. } => Failure::ForwardFailed,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Running { .. } | Error::Locked => {
                vec![Hint::run("stop it first", ours!(Forward, "--stop"))]
            }
            Error::Spawn(_) | Error::Start { .. } => {
                vec![Hint::run("try it without --detach", ours!(Forward))]
            }
            Error::Stop { background } => vec![Hint::run(
                "end it",
                format!("kill -KILL {}", background.process),
            )],
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Error::Start { tail, .. } => tail.clone(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program of this test ends at once with such arguments, as `forward` does when the
    /// node stops at that moment.
    #[tokio::test]
    async fn a_process_that_ends_at_its_start_is_an_error_with_its_output() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let ports = HostPorts {
            web: 8080,
            api: 8008,
            files: 8081,
        };
        let unknown = vec!["--no-such-option".into()];
        let error = detach(&state, ports, unknown).await.unwrap_err();
        assert_eq!(error.failure(), Failure::ForwardFailed);
        let details = error.details().join("\n");
        assert!(details.contains("no-such-option"), "{details}");
        let hint = error.hints()[0].to_string();
        assert!(hint.ends_with("clearml-local forward"), "{hint}");
    }
}
