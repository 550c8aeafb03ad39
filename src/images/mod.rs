//! Loading a release's images into the node: what is there already, what Docker has,
//! as files or as a stream, and what the node or Docker must pull.

mod copy;
mod deliver;
mod in_node;
mod layers;
mod manifest;
mod obtain;
mod pull;
mod refusal;
mod source;
mod store;
mod stream;
mod unpacked;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::copy::layers_container;
pub use self::deliver::{Arriving, Delivery, arrivals, deliver, fetch, known};
pub use self::pull::pull;
pub use self::refusal::Refusal;
pub use self::source::Sources;
use crate::docker;
use crate::error::{Code, Explain};
use crate::hint::{Hint, ours};
use crate::image_ref::{Digest, ImageRef};

/// What identifies the content of each image, by the reference that was asked
/// for. A changed identity restarts the pods that run the image.
pub type Identities = BTreeMap<ImageRef, String>;

/// An image that the node needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its reference, by which pods name it.
    pub reference: ImageRef,
    /// Digest per platform (`linux/amd64`), where the release knows it: then that
    /// very content is pulled.
    pub digests: BTreeMap<String, Digest>,
}

impl Wanted {
    /// An image of which the reference alone is known.
    pub fn of(reference: ImageRef) -> Wanted {
        Wanted {
            reference,
            digests: BTreeMap::new(),
        }
    }

    /// What is pulled for a platform: exactly the content that the release knows.
    fn exact(&self, platform: &str) -> ImageRef {
        match self.digests.get(platform) {
            Some(digest) => self.reference.with_digest(digest),
            None => self.reference.clone(),
        }
    }
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
    /// The registry has the image, but not for this machine.
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
    /// The registry counts pulls.
    #[error("cannot pull {reference}: pull rate limit reached at {}: {message}", reference.registry())]
    TooMany {
        reference: ImageRef,
        message: String,
    },
    /// The registry could not be reached, or broke off.
    #[error("cannot pull {reference}: {message}")]
    Pull {
        reference: ImageRef,
        message: String,
    },
    /// containerd in the node refused the image.
    #[error("cannot load {} into the node: {reason}", listed(references))]
    Import {
        references: Vec<ImageRef>,
        /// The line that matters.
        reason: String,
        /// The last lines that it wrote.
        tail: Vec<String>,
    },
}

fn listed(references: &[ImageRef]) -> String {
    let texts: Vec<String> = references.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

impl Error {
    /// What a registry said, without what was asked of it.
    fn said(&self) -> String {
        match self {
            Error::NotFound { message, .. }
            | Error::Unauthorized { message, .. }
            | Error::TooMany { message, .. }
            | Error::Pull { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Error::Docker(error) => error.code(),
            Error::NotFound { .. } | Error::NoPlatform { .. } => Code::ImageNotFound,
            Error::Unauthorized { .. } | Error::Credentials { .. } => Code::ImageUnauthorized,
            Error::Import { tail, .. } if tail.iter().any(|line| docker::is_disk_full(line)) => {
                Code::DiskFull
            }
            Error::TooMany { .. } | Error::Pull { .. } | Error::Import { .. } => Code::ImageFailed,
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
            Error::Unauthorized { reference, .. } | Error::TooMany { reference, .. } => {
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
                Refusal::PlainHttp => vec![Hint::run(
                    "give the scheme of a mirror without TLS",
                    ours!(Up, "--registry-mirror http://HOST"),
                )],
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
