//! Streams from a container: the output of a command, and archives.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error as BollardError;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters as query;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{ByteStream, Docker, Error, Output, convert};

/// How many bytes of each output stream of a command, and of a log, are kept, to limit memory.
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

/// A running command. Its input stays open until this is dropped.
struct Running {
    client: bollard::Docker,
    id: String,
    argv: Vec<String>,
    what: String,
    output: Outputs,
    _input: Pin<Box<dyn AsyncWrite + Send>>,
    stderr: Vec<u8>,
}

impl Docker {
    pub(super) fn download(&self, name: &str, path: &str) -> ByteStream {
        let options = query::DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let what = format!("read {path} of {name}");
        let stream = self.client.download_from_container(name, Some(options));
        Box::pin(stream.map_err(move |error| convert::error(what.clone(), error)))
    }

    pub(super) async fn run_streamed(
        &self,
        name: &str,
        what: &str,
        argv: &[&str],
        line: Option<&str>,
    ) -> Result<ByteStream, Error> {
        let given = if line.is_some() { "line" } else { "" };
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some([&["sh", "-c", STREAM_SCRIPT, "sh", given], argv].concat()),
            ..CreateExecOptions::default()
        };
        let exec = self.client.create_exec(name, options).await;
        let exec = exec.map_err(Docker::failed(what))?;
        let client = self.client.clone();
        let started = client.start_exec(&exec.id, None::<StartExecOptions>).await;
        let StartExecResults::Attached { output, mut input } =
            started.map_err(Docker::failed(what))?
        else {
            return Err(Error::Broken {
                what: what.to_owned(),
                reason: "it detached from the command".into(),
            });
        };
        if let Some(line) = line {
            // If the command has already exited, its error is reported later.
            let _ = input.write_all(format!("{line}\n").as_bytes()).await;
            let _ = input.flush().await;
        }
        let running = Running {
            client,
            id: exec.id,
            argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
            what: what.to_owned(),
            output,
            _input: input,
            stderr: Vec::new(),
        };
        Ok(Box::pin(stream::try_unfold(running, Running::next)))
    }
}

impl Running {
    /// Returns the next part of standard output, and at the end the error of a command
    /// that failed.
    async fn next(mut self) -> Result<Option<(Bytes, Running)>, Error> {
        while let Some(item) = self.output.next().await {
            match item.map_err(|error| convert::error(self.what.clone(), error))? {
                LogOutput::StdErr { message } => {
                    let room = STDERR_LIMIT.saturating_sub(self.stderr.len());
                    self.stderr
                        .extend_from_slice(&message[..message.len().min(room)]);
                }
                LogOutput::StdOut { message }
                | LogOutput::Console { message }
                | LogOutput::StdIn { message } => return Ok(Some((message, self))),
            }
        }
        let inspected = self.client.inspect_exec(&self.id).await;
        let inspected = inspected.map_err(Docker::failed(&self.what))?;
        let ended = Output {
            argv: self.argv,
            code: inspected.exit_code.unwrap_or(-1),
            stdout: String::new(),
            stderr: String::from_utf8_lossy(&self.stderr).into_owned(),
        };
        ended.success(&self.what)?;
        Ok(None)
    }
}

/// Collects the whole output of a command.
pub(super) async fn collect(
    mut output: impl Stream<Item = Result<LogOutput, BollardError>> + Unpin,
    into: &mut Output,
) -> Result<(), BollardError> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(item) = output.next().await {
        let (kept, message) = match item? {
            LogOutput::StdErr { message } => (&mut stderr, message),
            LogOutput::StdOut { message }
            | LogOutput::Console { message }
            | LogOutput::StdIn { message } => (&mut stdout, message),
        };
        let room = OUTPUT_LIMIT.saturating_sub(kept.len());
        kept.extend_from_slice(&message[..message.len().min(room)]);
    }
    into.stdout = String::from_utf8_lossy(&stdout).into_owned();
    into.stderr = String::from_utf8_lossy(&stderr).into_owned();
    Ok(())
}
