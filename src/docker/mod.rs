//! The door to the Docker engine: a trait with the calls that are used, plain
//! data in and out, one real implementation and one fake.

mod address;
mod bollard;
mod config;
mod context;
mod credentials;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod model;
mod networks;
mod refusal;
mod tls;

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use self::address::Address;
pub use self::bollard::Docker;
pub use self::config::ClientConfig;
pub use self::context::{Endpoint, find_endpoint};
pub use self::credentials::{CredentialError, Credentials};
pub use self::error::Error;
pub(crate) use self::error::is_disk_full;
pub use self::model::{
    Container, ContainerSpec, EngineInfo, Image, Mount, Network, Output, Publish,
};
pub use self::networks::{ensure_network, unused_duplicates};
pub use self::refusal::refusals;
pub use self::tls::Tls;
use crate::event::Progress;
use crate::image_ref::ImageRef;

/// Bytes on their way, with the error that may cut them short.
pub type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

pub type PullProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// The calls to the engine that are used.
#[async_trait]
pub trait Engine: Send + Sync {
    async fn info(&self) -> Result<EngineInfo, Error>;

    /// The image of that reference, if the engine has it.
    async fn image(&self, reference: &ImageRef) -> Result<Option<Image>, Error>;
    /// Pulls an image; `platform` as `os/architecture`.
    async fn pull(
        &self,
        reference: &ImageRef,
        platform: &str,
        credentials: Option<&Credentials>,
        progress: PullProgress<'_>,
    ) -> Result<(), Error>;
    /// Gives an image that is there another name.
    async fn tag(&self, reference: &ImageRef, name: &ImageRef) -> Result<(), Error>;
    /// Images in one archive, layers that they share once, and only the platform
    /// (`os/architecture`) of each.
    fn export(&self, references: &[&ImageRef], platform: &str) -> ByteStream;

    /// The container of that name or identifier.
    async fn container(&self, name: &str) -> Result<Option<Container>, Error>;
    /// Containers, stopped ones too, that carry the label (`key` or `key=value`).
    async fn containers(&self, label: &str) -> Result<Vec<Container>, Error>;
    /// The running container that publishes a host port, by name.
    async fn container_publishing(&self, port: u16) -> Result<Option<String>, Error>;
    /// Makes a container; returns its identifier.
    async fn create(&self, spec: &ContainerSpec) -> Result<String, Error>;
    /// Starts a container; fine when it runs already.
    async fn start(&self, name: &str) -> Result<(), Error>;
    async fn unpause(&self, name: &str) -> Result<(), Error>;
    /// Stops a container, killing it after `seconds`.
    async fn stop(&self, name: &str, seconds: u32) -> Result<(), Error>;
    /// Says when the engine starts a container again by itself: a restart policy
    /// such as `unless-stopped` or `no`.
    async fn set_restart(&self, name: &str, policy: &str) -> Result<(), Error>;
    /// Removes a container by force, with its anonymous volumes; fine when absent.
    async fn remove(&self, name: &str) -> Result<(), Error>;
    /// Waits until a container has ended; returns its exit code.
    async fn wait(&self, name: &str) -> Result<i64, Error>;
    /// What a container has written so far, the last `tail` lines.
    async fn log(&self, name: &str, tail: usize) -> Result<String, Error>;
    /// Runs a command in a container, with `input` on its standard input.
    async fn exec(
        &self,
        name: &str,
        argv: &[&str],
        input: Option<ByteStream>,
    ) -> Result<Output, Error>;

    /// Runs a command in a container that has a shell, and gives its standard output
    /// as it comes. The command can read `line`, and nothing else. A command that fails
    /// ends the stream with an error that says what it was for; dropping the stream ends
    /// the command.
    async fn exec_stream(
        &self,
        name: &str,
        what: &str,
        argv: &[&str],
        line: Option<&str>,
    ) -> Result<ByteStream, Error>;

    /// A file or folder of a container, also of a stopped one, as an archive (tar).
    fn archive(&self, name: &str, path: &str) -> ByteStream;

    /// The networks of exactly that name, oldest first: engines allow several.
    async fn networks(&self, name: &str) -> Result<Vec<Network>, Error>;
    /// Creates a bridge network like kind's; fine when the engine says that one of that
    /// name exists, which older engines do not.
    async fn create_network(&self, name: &str) -> Result<(), Error>;
    /// Removes a network; fine when absent.
    async fn remove_network(&self, id: &str) -> Result<(), Error>;
    /// Takes a container out of the network of that name, as far as it is in one, and
    /// puts it into the one that there is now.
    async fn reconnect(&self, network: &str, container: &str) -> Result<(), Error>;
    /// Makes a named volume unless it is there.
    async fn ensure_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Error>;
    async fn volume_labels(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error>;
    /// Names of the volumes that carry the label.
    async fn volumes(&self, label: &str) -> Result<Vec<String>, Error>;
    /// Removes a volume; fine when absent.
    async fn remove_volume(&self, name: &str) -> Result<(), Error>;
}

/// Runs a command in a container that must succeed; `what` says what it is for, such as
/// `prepare the node`. Returns its standard output.
///
/// # Errors
/// [`Error::Command`] with the end of its output when it fails.
pub async fn exec_ok(
    engine: &dyn Engine,
    name: &str,
    what: &str,
    argv: &[&str],
) -> Result<String, Error> {
    let output = engine.exec(name, argv, None).await?;
    Ok(output.success(what)?.stdout)
}

/// Runs a container to its end and removes it. Returns its exit code and what it
/// wrote at the end.
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

/// A small text as a command's input.
pub fn bytes_of(text: &str) -> ByteStream {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Box::pin(futures_util::stream::iter([Ok(bytes)]))
}

/// Writes a small file in a container, readable by its owner only.
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
