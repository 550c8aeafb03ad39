//! The interface to the Docker engine: a trait with the calls that this program uses. It
//! takes and returns plain data, and has one real and one fake implementation.

mod address;
mod bollard;
mod config;
mod context;
mod credentials;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod limits;
mod model;
mod networks;
mod refusal;
mod tls;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::time::Instant;

pub use self::address::Address;
pub use self::bollard::Docker;
pub use self::config::ClientConfig;
pub use self::context::{Endpoint, find_endpoint};
pub use self::credentials::{CredentialError, Credentials};
pub use self::error::Error;
pub(crate) use self::error::is_disk_full;
pub use self::limits::Limits;
pub(crate) use self::limits::VARIABLE as TIMEOUT_VARIABLE;
pub use self::model::{
    Container, ContainerSpec, EngineInfo, Gpus, Image, Mount, Network, Output, Publish,
};
pub use self::networks::{ensure_network, unused_duplicates};
pub use self::refusal::refusal_table;
pub use self::tls::Tls;
use crate::event::Progress;
use crate::image_ref::ImageRef;

/// A stream of bytes. It ends early with an error if the transfer fails.
pub type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

pub type PullProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// What [`Engine::describe`] describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    Engine,
    Container(&'a str),
}

/// The engine API, as far as this program uses it.
#[async_trait]
pub trait Engine: Send + Sync {
    async fn info(&self) -> Result<EngineInfo, Error>;
    /// Returns everything that the engine knows of a subject, which may contain secrets.
    async fn describe(&self, subject: Subject<'_>) -> Result<serde_json::Value, Error>;

    /// Returns an image, or `None` if the engine does not have it.
    async fn image(&self, reference: &ImageRef) -> Result<Option<Image>, Error>;
    /// Pulls an image. `platform` is `os/architecture`.
    async fn pull(
        &self,
        reference: &ImageRef,
        platform: &str,
        credentials: Option<&Credentials>,
        progress: PullProgress<'_>,
    ) -> Result<(), Error>;
    /// Adds another name to an existing image.
    async fn tag(&self, reference: &ImageRef, name: &ImageRef) -> Result<(), Error>;
    /// Exports images as one archive, in which each shared layer occurs once. Only
    /// `platform` (`os/architecture`) of each image is exported.
    fn export(&self, references: &[&ImageRef], platform: &str) -> ByteStream;

    /// Returns a container by name or ID, or `None` if it does not exist or is being removed.
    async fn container(&self, name: &str) -> Result<Option<Container>, Error>;
    /// Lists running and stopped containers that have a label (`key` or `key=value`).
    async fn containers(&self, label: &str) -> Result<Vec<Container>, Error>;
    /// Returns the name of the running container that publishes a host port.
    async fn container_publishing(&self, port: u16) -> Result<Option<String>, Error>;
    /// Creates a container and returns its ID.
    async fn create(&self, spec: &ContainerSpec) -> Result<String, Error>;
    /// Starts a container. Succeeds if it is already running.
    async fn start(&self, name: &str) -> Result<(), Error>;
    async fn unpause(&self, name: &str) -> Result<(), Error>;
    /// Stops a container, and kills it after `seconds`.
    async fn stop(&self, name: &str, seconds: u32) -> Result<(), Error>;
    /// Sets the restart policy of a container, such as `unless-stopped` or `no`.
    async fn set_restart_policy(&self, name: &str, policy: &str) -> Result<(), Error>;
    /// Removes a container and its anonymous volumes, even while it is running. Succeeds
    /// if the container does not exist.
    async fn remove(&self, name: &str) -> Result<(), Error>;
    /// Waits until a container has exited, and returns its exit code.
    async fn wait(&self, name: &str) -> Result<i64, Error>;
    /// Returns the last `tail` lines of a container's log.
    async fn log(&self, name: &str, tail: usize) -> Result<String, Error>;
    /// Runs a command in a container, with `input` on its standard input.
    async fn exec(
        &self,
        name: &str,
        argv: &[&str],
        input: Option<ByteStream>,
    ) -> Result<Output, Error>;

    /// Runs a command in a container that has a shell, and streams its standard output.
    /// The command can read `line` from standard input, and nothing else. If it fails,
    /// the stream ends with an error that mentions `what`. Dropping the stream kills the
    /// command.
    async fn exec_stream(
        &self,
        name: &str,
        what: &str,
        argv: &[&str],
        line: Option<&str>,
    ) -> Result<ByteStream, Error>;

    /// Reads a file or directory of a running or stopped container, as a tar archive.
    fn archive(&self, name: &str, path: &str) -> ByteStream;

    /// Lists the networks with exactly this name, oldest first: engines allow several.
    async fn networks(&self, name: &str) -> Result<Vec<Network>, Error>;
    /// Creates a bridge network like kind's. Succeeds if the engine answers that one with
    /// this name exists; older engines create another.
    async fn create_network(&self, name: &str) -> Result<(), Error>;
    /// Removes a network. Succeeds if it does not exist.
    async fn remove_network(&self, id: &str) -> Result<(), Error>;
    /// Disconnects a container from a network, if it is connected, and connects it to the
    /// network that has this name now.
    async fn reconnect(&self, network: &str, container: &str) -> Result<(), Error>;
    /// Creates a named volume unless it exists.
    async fn ensure_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Error>;
    async fn volume_labels(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error>;
    /// Returns the names of the volumes that have a label.
    async fn volumes(&self, label: &str) -> Result<Vec<String>, Error>;
    /// Removes a volume. Succeeds if it does not exist.
    async fn remove_volume(&self, name: &str) -> Result<(), Error>;
}

/// Runs a command in a container and returns its standard output. `what` says what the
/// command is for, such as `prepare the node`.
///
/// # Errors
/// [`Error::Command`] with the end of its output if it fails, [`Error::Stopped`] if that is because
/// the container ends.
pub async fn exec_ok(
    engine: &dyn Engine,
    name: &str,
    what: &str,
    argv: &[&str],
) -> Result<String, Error> {
    let output = engine.exec(name, argv, None).await?;
    match output.success(what) {
        Err(_) if has_ended(engine, name, NOTICED).await? => Err(Error::stopped(name)),
        ended => Ok(ended?.stdout),
    }
}

/// How long the engine may take to notice that the first process of a container has ended.
pub(crate) const NOTICED: Duration = Duration::from_secs(3);

/// Returns whether a container is not running, or ends within this time.
///
/// # Errors
/// The engine cannot be asked.
pub(crate) async fn stops_within(
    engine: &dyn Engine,
    name: &str,
    patience: Duration,
) -> Result<bool, Error> {
    let deadline = Instant::now() + patience;
    // Not a `Wait`: the compiler cannot prove that its closure is `Send` here.
    loop {
        match engine.container(name).await? {
            Some(found) if found.running => {}
            _ => return Ok(true),
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Returns whether a container has ended or ends within this time, also if the engine never notices:
/// a container with a process that cannot end (see `provider::local::node::end`) is shown as
/// running, but no command starts in it.
///
/// # Errors
/// The engine cannot be asked.
pub(crate) async fn has_ended(
    engine: &dyn Engine,
    name: &str,
    patience: Duration,
) -> Result<bool, Error> {
    Ok(stops_within(engine, name, patience).await? || !runs_commands(engine, name).await?)
}

/// Returns whether a command starts in a container, which must have `true`.
///
/// # Errors
/// The engine cannot be asked.
pub(crate) async fn runs_commands(engine: &dyn Engine, name: &str) -> Result<bool, Error> {
    match engine.exec(name, &["true"], None).await {
        Ok(output) => Ok(output.code == 0),
        Err(error) if error.is_stopped() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Runs a container until it exits, and removes it. Returns its exit code and the end of
/// its log.
pub async fn run_once(engine: &dyn Engine, spec: &ContainerSpec) -> Result<(i64, String), Error> {
    engine.create(spec).await?;
    let ran = async {
        engine.start(&spec.name).await?;
        let code = engine.wait(&spec.name).await?;
        Ok((code, engine.log(&spec.name, 20).await?))
    }
    .await;
    engine.remove(&spec.name).await?;
    ran
}

/// Joins the parts of a shell script. They are parts of the program: what users and engines name
/// is passed to a script as arguments, never in its text.
pub fn script(parts: &[&'static str]) -> String {
    parts.concat()
}

/// Turns a text into the standard input of a command.
pub fn bytes_of(text: &str) -> ByteStream {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Box::pin(futures_util::stream::iter([Ok(bytes)]))
}

/// Writes a small file in a container that only its owner can read.
pub async fn write_file(
    engine: &dyn Engine,
    name: &str,
    path: &str,
    text: &str,
) -> Result<(), Error> {
    let input = bytes_of(text);
    let script = "umask 077; mkdir -p \"${1%/*}\" && cat > \"$1\"";
    engine
        .exec(name, &["sh", "-c", script, "sh", path], Some(input))
        .await?
        .success(&format!("write {path} in the node"))?;
    Ok(())
}
