//! Errors with exit codes, details and hints. Each module has its own enum and implements
//! [`Explain`] for it; [`Error`] carries any of them to the command line.

use crate::hint::Hint;
use std::fmt;

/// Exit codes, grouped by area. `docs/failures.md` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    Unexpected = 1,
    /// Invalid options, values or settings.
    Usage = 2,
    DockerUnreachable = 10,
    DockerRemote = 11,
    /// The engine is too old or has an unsupported architecture.
    DockerUnsupported = 12,
    DockerRefused = 13,
    /// Too little memory or too few CPUs.
    HostTooSmall = 20,
    PortInUse = 21,
    DiskFull = 22,
    /// An image could not be pulled or loaded.
    ImageFailed = 30,
    /// An image does not exist, or not for this platform.
    ImageNotFound = 31,
    ImageUnauthorized = 32,
    /// The node container could not be created or does not start.
    NodeFailed = 40,
    KubeadmFailed = 41,
    /// The name is in use by a cluster that clearml-local did not create.
    NameTaken = 42,
    ClusterUnreachable = 50,
    ApplyFailed = 51,
    /// The cluster refused the user's credentials, or a permission is missing.
    ClusterDenied = 52,
    /// The cluster lacks a requirement, such as a storage class.
    ClusterUnsuitable = 53,
    /// ClearML was not ready in time.
    NotReady = 60,
    ComponentCrashed = 61,
    ComponentOutOfMemory = 62,
    ComponentImage = 63,
    ComponentUnschedulable = 64,
    ComponentConfig = 65,
    /// The server is running, but a check through its ports failed.
    ProbeFailed = 66,
    /// An external database cannot be used.
    ExternalFailed = 67,
    /// The data directory belongs to another instance or program.
    DataForeign = 70,
    /// The data were written by a database version that the release cannot read.
    DataVersion = 71,
    /// A state file is invalid or cannot be written.
    StateBroken = 72,
    /// The data directory cannot be written, or its file system does not store owners.
    DataUnusable = 73,
    HungUp = 129,
    /// Ctrl-C.
    Interrupted = 130,
    Terminated = 143,
}

impl Code {
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// Explains an error to the user, in addition to its message.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    fn code(&self) -> Code;

    /// Returns what the user can do next, most useful first. No hint deletes data.
    fn hints(&self) -> Vec<Hint> {
        Vec::new()
    }

    /// Returns lines to show below the message, such as the end of a log.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns all details, without the limit of [`Explain::details`].
    fn all_details(&self) -> Vec<String> {
        self.details()
    }
}

/// The error of any module.
#[derive(Debug)]
pub struct Error {
    what: Box<dyn Explain>,
    /// The instance for the commands in hints; `None` is the default one.
    instance: Option<String>,
    details: Vec<String>,
    /// Hints to show after the error's own.
    hints: Vec<Hint>,
}

/// A result with the error of any module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl<E: Explain> From<E> for Error {
    fn from(error: E) -> Self {
        Error {
            what: Box::new(error),
            instance: None,
            details: Vec::new(),
            hints: Vec::new(),
        }
    }
}

impl Error {
    /// Sets the instance for the commands in hints; `None` is the default one.
    #[must_use]
    pub fn about(self, instance: Option<&str>) -> Error {
        let instance = instance.map(str::to_owned);
        Error { instance, ..self }
    }

    /// Appends a line below the message.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Error {
        self.details.push(detail.into());
        self
    }

    /// Appends a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: Hint) -> Error {
        self.hints.push(hint);
        self
    }

    /// Returns whether the error is an `E`.
    pub fn is<E: Explain>(&self) -> bool {
        let what: &(dyn std::error::Error + 'static) = &*self.what;
        what.is::<E>()
    }

    /// Returns the error as an `E`, if it is one.
    pub fn downcast_ref<E: Explain>(&self) -> Option<&E> {
        let what: &(dyn std::error::Error + 'static) = &*self.what;
        what.downcast_ref()
    }

    pub fn code(&self) -> Code {
        self.what.code()
    }

    /// See [`Explain::hints`].
    pub fn hints(&self) -> Vec<Hint> {
        let hints = self.what.hints().into_iter();
        let hints = hints.chain(self.hints.iter().cloned());
        hints
            .map(|hint| hint.about(self.instance.as_deref()))
            .collect()
    }

    pub fn details(&self) -> Vec<String> {
        let mut details = self.what.details();
        details.extend(self.details.iter().cloned());
        details
    }

    pub fn all_details(&self) -> Vec<String> {
        self.what.all_details()
    }

    /// Returns the messages of the causes, nearest first, without those that an earlier message
    /// contains.
    pub fn causes(&self) -> Vec<String> {
        let mut shown = self.to_string();
        let mut causes = Vec::new();
        let mut source = self.what.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !shown.contains(&text) {
                shown.push_str(&text);
                causes.push(text);
            }
            source = cause.source();
        }
        causes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.fmt(f)
    }
}
