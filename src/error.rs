//! How errors speak to people: what failed, why, what to type next, and the
//! exit code. Each room has its own enum and implements [`Explain`] for it;
//! [`Error`] carries any of them up to the command line.

use crate::hint::Hint;
use std::fmt;

/// Exit codes, one band per area. `docs/failures.md` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    Unexpected = 1,
    /// Wrong flags, values or settings.
    Usage = 2,
    DockerUnreachable = 10,
    DockerRemote = 11,
    /// The engine answers, but is too old or of another architecture.
    DockerUnsupported = 12,
    DockerRefused = 13,
    /// Too little memory or too few processors.
    HostTooSmall = 20,
    PortInUse = 21,
    DiskFull = 22,
    /// An image could not be brought.
    ImageFailed = 30,
    /// An image does not exist, or not for this platform.
    ImageNotFound = 31,
    ImageUnauthorized = 32,
    /// The node container could not be made or does not come up.
    NodeFailed = 40,
    KubeadmFailed = 41,
    /// A cluster of that name belongs to somebody else.
    NameTaken = 42,
    ClusterUnreachable = 50,
    ApplyFailed = 51,
    /// ClearML is not ready in time.
    NotReady = 60,
    ComponentCrashed = 61,
    ComponentOutOfMemory = 62,
    ComponentImage = 63,
    ComponentUnschedulable = 64,
    ComponentConfig = 65,
    /// The server runs, but does not do what a user needs.
    ProbeFailed = 66,
    /// A database outside of the cluster cannot be used.
    OutsideFailed = 67,
    /// The data directory is somebody else's.
    DataForeign = 70,
    /// The data are of a database version that does not fit the release.
    DataVersion = 71,
    /// A state file is broken or cannot be written.
    StateBroken = 72,
    /// The data directory cannot be written, or its file system keeps no owners.
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

/// What a person needs beside an error's message.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    fn code(&self) -> Code;

    /// What to do next, most useful first. None deletes data.
    fn hints(&self) -> Vec<Hint> {
        Vec::new()
    }

    /// Lines to show under the message, such as the end of a log.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }

    /// The same for whoever wants all of them, however many there are.
    fn all_details(&self) -> Vec<String> {
        self.details()
    }
}

/// Any room's error on its way to the command line.
#[derive(Debug)]
pub struct Error {
    what: Box<dyn Explain>,
    /// The instance that commands in hints act on; `None` is the default one.
    instance: Option<String>,
    details: Vec<String>,
    /// Hints to show after the error's own.
    hints: Vec<Hint>,
}

/// A result whose error is any room's.
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
    /// The same error, with hints whose commands act on that instance; `None` is the
    /// default one.
    #[must_use]
    pub fn about(self, instance: Option<&str>) -> Error {
        let instance = instance.map(str::to_owned);
        Error { instance, ..self }
    }

    /// Returns the same error with one more line below its message.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Error {
        self.details.push(detail.into());
        self
    }

    /// Returns the same error with one more hint.
    #[must_use]
    pub fn with_hint(mut self, hint: Hint) -> Error {
        self.hints.push(hint);
        self
    }

    /// Whether it is that one.
    pub fn is<E: Explain>(&self) -> bool {
        let what: &(dyn std::error::Error + 'static) = &*self.what;
        what.is::<E>()
    }

    /// It as that one, if it is.
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

    /// The messages of the causes, nearest first, without what the message above
    /// already says.
    pub fn causes(&self) -> Vec<String> {
        let mut said = self.to_string();
        let mut causes = Vec::new();
        let mut source = self.what.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !said.contains(&text) {
                said.push_str(&text);
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
