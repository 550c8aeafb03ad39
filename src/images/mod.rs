//! The images of a release: what is needed, where it is pulled from, and why it is not there.

mod refusal;
mod source;

use std::collections::BTreeMap;

use tokio::sync::watch;

pub use self::refusal::Refusal;
pub use self::source::Sources;
use crate::docker;
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::image_ref::{Digest, ImageRef};

/// Identifies the content of each image, by its reference. A changed identity restarts
/// the pods that run the image.
pub type Identities = BTreeMap<ImageRef, String>;

/// An image that must be in the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredImage {
    /// The reference in the pods.
    pub reference: ImageRef,
    /// Digests by platform (`linux/amd64`), if the release has them. Then exactly this
    /// content is pulled.
    pub digests: BTreeMap<String, Digest>,
}

impl RequiredImage {
    /// Creates a required image without known digests.
    pub fn of(reference: ImageRef) -> RequiredImage {
        RequiredImage {
            reference,
            digests: BTreeMap::new(),
        }
    }

    /// Returns the reference to pull for a platform, with the digest if it is known.
    pub(crate) fn exact(&self, platform: &str) -> ImageRef {
        match self.digests.get(platform) {
            Some(digest) => self.reference.with_digest(digest),
            None => self.reference.clone(),
        }
    }
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub identities: Identities,
    /// The number of images that were loaded.
    pub count: usize,
}

/// Sends which images are in the node so far. Dropped when all are loaded.
pub type ArrivalSender = watch::Sender<Identities>;
/// Receives which images are in the node so far.
pub type Arrivals = watch::Receiver<Identities>;

/// Creates the channel that reports which images are in the node.
pub fn arrivals() -> (ArrivalSender, Arrivals) {
    watch::channel(Identities::new())
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Docker(#[from] docker::Error),
    #[error("cannot pull {reference}: no such image: {message}")]
    NotFound {
        reference: ImageRef,
        message: String,
    },
    /// The registry does not have the image for this platform.
    #[error("cannot pull {reference}: not published for {platform}")]
    NoPlatform {
        reference: ImageRef,
        /// Such as `linux/arm64`.
        platform: String,
    },
    #[error("cannot pull {reference}: access denied by {}: {message}", reference.registry())]
    Unauthorized {
        reference: ImageRef,
        message: String,
    },
    #[error("cannot read the credentials for {registry}: {reason}")]
    Credentials { registry: String, reason: String },
    /// The registry's limit of pulls is reached.
    #[error("cannot pull {reference}: pull rate limit reached at {}: {message}", reference.registry())]
    RateLimited {
        reference: ImageRef,
        message: String,
    },
    /// The registry is unreachable, or the connection broke.
    #[error("cannot pull {reference}: {message}")]
    Pull {
        reference: ImageRef,
        message: String,
    },
    /// containerd in the node refused the image.
    #[error("cannot load {} into the node: {reason}", listed(references))]
    Import {
        references: Vec<ImageRef>,
        /// The line with the error.
        reason: String,
        /// The last lines of the output.
        tail: Vec<String>,
    },
}

fn listed(references: &[ImageRef]) -> String {
    let texts: Vec<String> = references.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

impl Error {
    /// Returns the registry's message, without the request.
    pub(crate) fn message(&self) -> String {
        match self {
            Error::NotFound { message, .. }
            | Error::Unauthorized { message, .. }
            | Error::RateLimited { message, .. }
            | Error::Pull { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Docker(error) => error.failure(),
            Error::NotFound { .. } => Failure::ImageNotFound,
            Error::NoPlatform { .. } => Failure::ImagePlatform,
            Error::Unauthorized { .. } => Failure::ImageUnauthorized,
            Error::Credentials { .. } => Failure::RegistryCredentials,
            Error::RateLimited { .. } => Failure::ImageRateLimited,
            Error::Pull { reference, message } => Refusal::of(message, Some(reference)).failure(),
            Error::Import { tail, .. } if tail.iter().any(|line| docker::is_disk_full(line)) => {
                Failure::DockerDiskFull
            }
            Error::Import { .. } => Failure::ImageLoadFailed,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let registry = |reference: &ImageRef| match reference.registry() {
            "docker.io" => String::new(),
            host => format!(" {host}"),
        };
        match self {
            Error::Docker(error) => error.hints(),
            Error::NotFound { reference, .. } | Error::NoPlatform { reference, .. } => vec![
                Hint::run(
                    "see the error of Docker",
                    format!("docker pull {reference}"),
                ),
                Hint::run(
                    "use another tag",
                    ours!(Up, "--set COMPONENT.image.tag=TAG"),
                ),
            ],
            Error::Unauthorized { reference, .. } | Error::RateLimited { reference, .. } => {
                let host = registry(reference);
                vec![Hint::run(
                    "log in, then run the command again",
                    format!("docker login{host}"),
                )]
            }
            Error::Credentials { registry, .. } => vec![Hint::run(
                "log in again, then run the command again",
                format!("docker login {registry}"),
            )],
            Error::Pull { reference, message } => match Refusal::of(message, Some(reference)) {
                Refusal::Certificate => vec![Hint::run(
                    "trust the registry's or proxy's certificate",
                    ours!(Up, "--ca-file FILE"),
                )],
                refusal @ (Refusal::PlainHttp | Refusal::WrongContent) => {
                    refusal.failure().remedies()
                }
                Refusal::Proxy => vec![
                    Hint::text(
                        "check the address, user and password of the proxy: the engine's are in `docker info`, the node's in HTTPS_PROXY",
                    ),
                    Hint::run("pull it manually", format!("docker pull {reference}")),
                ],
                _ => vec![
                    Hint::run("pull it manually", format!("docker pull {reference}")),
                    Hint::run(
                        "behind a proxy, set HTTPS_PROXY and recreate the node",
                        ours!(Down),
                    )
                    .then(ours!(Up)),
                    Hint::run(
                        "or pull from another registry",
                        ours!(Up, "--registry-mirror HOST"),
                    ),
                ],
            },
            Error::Import { .. } => vec![Hint::run("see what fills the disk", "docker system df")],
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Error::Docker(error) => error.details(),
            Error::Import { tail, .. } => tail.clone(),
            _ => Vec::new(),
        }
    }
}
