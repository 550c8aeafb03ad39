//! Commands in containers: with their whole output, or as a stream.

use std::pin::Pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as BollardError;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::calls::{Call, Calls};
use super::{ByteStream, Docker, Error, Output, convert};
use crate::docker;

/// How many bytes of each output stream of a command are kept, to limit memory.
pub(super) const OUTPUT_LIMIT: usize = 4 << 20;
/// How many bytes of standard error are kept for the error.
const STDERR_LIMIT: usize = 16 << 10;

/// Runs a command and kills it when standard input is closed, because the engine would
/// not stop a command whose output is no longer read. If the first argument is `line`,
/// the command gets the first line as input; `printf` is built into the shell, so that no
/// other process sees the line.
const STREAM_SCRIPT: &str = r#"exec 3<&0
given=$1
shift
if [ "$given" = line ]; then
    IFS= read -r line <&3
    printf '%s\n' "$line" | "$@" 3<&- &
else
    "$@" 3<&- &
fi
command=$!
{ cat <&3; kill "$command"; } >/dev/null 2>&1 &
exec 3<&-
wait "$command""#;

type Outputs = Pin<Box<dyn Stream<Item = Result<LogOutput, BollardError>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// How long the engine may say that a command runs whose output has ended.
const END: Duration = Duration::from_secs(10);

/// Returns whether a command could not be started in the container, although it exists there.
fn failed_to_start(output: &Output) -> bool {
    let said = |text: &str| output.stdout.contains(text) || output.stderr.contains(text);
    output.code != 0
        && said("OCI runtime exec failed")
        && !said("executable file not found")
        && !said("no such file or directory")
}

/// A part of the output of a command.
enum Part {
    Stdout(Bytes),
    Stderr(Bytes),
}

/// A command that was started, and its output.
struct Running {
    calls: Calls,
    id: String,
    what: String,
    output: Outputs,
}

impl Docker {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the container ended meanwhile. Until the engine has noticed that, it
    /// says that the container is running, and no command starts in it. [`Error::Unreachable`]
    /// if the engine itself ended.
    pub(super) async fn run(
        &self,
        name: &str,
        argv: &[&str],
        input: Option<ByteStream>,
    ) -> Result<Output, Error> {
        let ended = self.run_once(name, argv, input).await;
        let patience = match &ended {
            Ok(output) if failed_to_start(output) => docker::NOTICED,
            // Docker's own codes, and those of killed commands; -1 is an unknown one.
            Ok(output) if output.code >= 126 || output.code < 0 => Duration::ZERO,
            Err(Error::Refused { .. } | Error::Broken { .. }) => Duration::ZERO,
            _ => return ended,
        };
        match docker::stops_within(self, name, patience).await {
            Ok(true) => Err(Error::stopped(name)),
            Err(error @ Error::Unreachable { .. }) => Err(error),
            Ok(false) | Err(_) => ended,
        }
    }

    async fn run_once(
        &self,
        name: &str,
        argv: &[&str],
        input: Option<ByteStream>,
    ) -> Result<Output, Error> {
        let what = format!("run a command in {name}");
        let (mut running, stdin) = self.begin(name, &what, argv, input.is_some()).await?;
        let feeding = feed(stdin, input, &what, self.calls.limits.idle);
        tokio::pin!(feeding);
        let mut fed = None;
        let (stdout, stderr) = {
            let collecting = running.collect();
            tokio::pin!(collecting);
            loop {
                tokio::select! {
                    result = &mut feeding, if fed.is_none() => fed = Some(result),
                    // A command that has ended needs no more input.
                    collected = &mut collecting => break collected,
                }
            }
        }?;
        fed.unwrap_or(Ok(()))?;
        Ok(Output {
            argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
            code: running.code().await?,
            stdout,
            stderr,
        })
    }

    pub(super) async fn run_streamed(
        &self,
        name: &str,
        what: &str,
        argv: &[&str],
        line: Option<&str>,
    ) -> Result<ByteStream, Error> {
        let given = if line.is_some() { "line" } else { "" };
        let command = [&["sh", "-c", STREAM_SCRIPT, "sh", given], argv].concat();
        let (running, mut input) = self.begin(name, what, &command, true).await?;
        if let Some(line) = line {
            // If the command has already exited, its error is reported later.
            let _ = input.write_all(format!("{line}\n").as_bytes()).await;
            let _ = input.flush().await;
        }
        let streamed = Streamed {
            running,
            argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
            stderr: Vec::new(),
            _input: input,
        };
        Ok(Box::pin(stream::try_unfold(streamed, Streamed::next)))
    }

    /// Starts a command. Only the start must not be repeated: an exec that is created and never
    /// started does nothing.
    async fn begin(
        &self,
        name: &str,
        what: &str,
        argv: &[&str],
        input: bool,
    ) -> Result<(Running, Input), Error> {
        let options = CreateExecOptions {
            attach_stdin: Some(input),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv.iter().map(|arg| (*arg).to_owned()).collect()),
            ..CreateExecOptions::default()
        };
        let create = |client: bollard::Docker| {
            let options = options.clone();
            async move { client.create_exec(name, options).await }
        };
        let exec = self.calls.answer(Call::idempotent(what), create).await?;
        let id: &str = &exec.id;
        let start = |client: bollard::Docker| async move {
            client.start_exec(id, None::<StartExecOptions>).await
        };
        let StartExecResults::Attached { output, input } =
            self.calls.answer(Call::once(what), start).await?
        else {
            return Err(Error::Broken {
                what: what.to_owned(),
                reason: "it detached from the command".into(),
            });
        };
        let running = Running {
            calls: self.calls.clone(),
            id: exec.id.clone(),
            what: what.to_owned(),
            output,
        };
        Ok((running, input))
    }
}

/// Writes the input of a command, and closes it at the end, also if the input breaks.
async fn feed(
    mut stdin: Input,
    input: Option<ByteStream>,
    what: &str,
    limit: Duration,
) -> Result<(), Error> {
    let fed = async {
        let Some(mut input) = input else {
            return Ok(());
        };
        while let Some(chunk) = input.try_next().await? {
            match tokio::time::timeout(limit, stdin.write_all(&chunk)).await {
                Ok(Ok(())) => {}
                // A command that exits early closes its input. Its exit code is more useful
                // than this error.
                Ok(Err(_)) => break,
                Err(_) => {
                    return Err(Error::Timeout {
                        what: format!("accept the input to {what}"),
                        limit,
                    });
                }
            }
        }
        Ok(())
    }
    .await;
    let _ = stdin.shutdown().await;
    fed
}

impl Running {
    /// Returns the next part of the output. A command may print nothing for any time while it
    /// runs.
    async fn next(&mut self) -> Result<Option<Part>, Error> {
        let quiet = self.calls.limits.answer;
        let mut had_ended = false;
        let item = loop {
            match tokio::time::timeout(quiet, self.output.next()).await {
                Ok(item) => break item,
                Err(_) if self.exit_code().await?.is_none() => {}
                // The end of the output may be on its way.
                Err(_) if !had_ended => had_ended = true,
                Err(_) => return Err(self.broken("it did not send the end of the output")),
            }
        };
        let item = item
            .transpose()
            .map_err(|error| convert::error(self.what.clone(), error))?;
        match item {
            None => Ok(None),
            Some(LogOutput::StdErr { message }) => Ok(Some(Part::Stderr(message))),
            Some(LogOutput::StdOut { message } | LogOutput::StdIn { message }) => {
                Ok(Some(Part::Stdout(message)))
            }
            // No command has a terminal, so this is an incomplete part.
            Some(LogOutput::Console { .. }) => Err(self.broken("the output was cut off")),
        }
    }

    /// Returns the exit code, after the end of the output.
    async fn code(&mut self) -> Result<i64, Error> {
        let deadline = Instant::now() + END.min(self.calls.limits.answer);
        // Not a `Wait`: the compiler cannot prove that its closure is `Send` here.
        loop {
            match self.exit_code().await? {
                Some(code) => return Ok(code),
                None if Instant::now() < deadline => {}
                None => return Err(self.broken("the output ended before the command")),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Returns the exit code if the command has ended.
    async fn exit_code(&mut self) -> Result<Option<i64>, Error> {
        let id: &str = &self.id;
        let inspect = |client: bollard::Docker| async move { client.inspect_exec(id).await };
        match self.calls.answer(Call::read(&self.what), inspect).await {
            Ok(found) if found.running == Some(true) => Ok(None),
            Ok(found) => Ok(Some(found.exit_code.unwrap_or(-1))),
            Err(error) if error.is_not_found() => {
                Err(self.broken("it no longer knows the command"))
            }
            Err(error) => Err(error),
        }
    }

    fn broken(&self, reason: &str) -> Error {
        Error::Broken {
            what: self.what.clone(),
            reason: reason.to_owned(),
        }
    }

    /// Collects the whole output: standard output and standard error.
    async fn collect(&mut self) -> Result<(String, String), Error> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(part) = self.next().await? {
            match part {
                Part::Stdout(bytes) => keep(&mut stdout, &bytes, OUTPUT_LIMIT),
                Part::Stderr(bytes) => keep(&mut stderr, &bytes, OUTPUT_LIMIT),
            }
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((text(stdout), text(stderr)))
    }
}

/// Appends bytes up to a limit.
pub(super) fn keep(kept: &mut Vec<u8>, bytes: &[u8], limit: usize) {
    let room = limit.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// A command whose output is streamed. Its input stays open until this is dropped.
struct Streamed {
    running: Running,
    argv: Vec<String>,
    stderr: Vec<u8>,
    _input: Input,
}

impl Streamed {
    /// Returns the next part of standard output, and at the end the error of a command
    /// that failed.
    async fn next(mut self) -> Result<Option<(Bytes, Streamed)>, Error> {
        while let Some(part) = self.running.next().await? {
            match part {
                Part::Stderr(bytes) => keep(&mut self.stderr, &bytes, STDERR_LIMIT),
                Part::Stdout(bytes) => return Ok(Some((bytes, self))),
            }
        }
        let ended = Output {
            argv: self.argv,
            code: self.running.code().await?,
            stdout: String::new(),
            stderr: String::from_utf8_lossy(&self.stderr).into_owned(),
        };
        ended.success(&self.running.what)?;
        Ok(None)
    }
}
