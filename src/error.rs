//! How errors speak to people: what failed, why, what to type next, and the
//! exit code. Each room has its own enum and implements [`Explain`] for it;
//! [`Error`] carries any of them up to the command line.

use std::fmt;

/// Exit codes, one band per area. `docs/failures.md` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Something that should not happen.
    Unexpected = 1,
    /// Wrong flags, values or settings.
    Usage = 2,
    /// The engine does not answer.
    DockerUnreachable = 10,
    /// The engine runs on another machine.
    DockerRemote = 11,
    /// The engine answers, but is too old or of another architecture.
    DockerUnsupported = 12,
    /// The engine refused a request.
    DockerRefused = 13,
    /// Too little memory or too few processors.
    HostTooSmall = 20,
    /// A port is in use.
    PortInUse = 21,
    /// Too little disk.
    DiskFull = 22,
    /// An image could not be brought.
    ImageFailed = 30,
    /// An image does not exist, or not for this platform.
    ImageNotFound = 31,
    /// The registry wants other credentials.
    ImageUnauthorized = 32,
    /// The node container could not be made or does not come up.
    NodeFailed = 40,
    /// kubeadm failed.
    KubeadmFailed = 41,
    /// A cluster of that name belongs to somebody else.
    NameTaken = 42,
    /// The Kubernetes API does not answer.
    ClusterUnreachable = 50,
    /// The Kubernetes API refused an object.
    ApplyFailed = 51,
    /// ClearML is not ready in time.
    NotReady = 60,
    /// A component keeps ending by itself.
    ComponentCrashed = 61,
    /// A component was killed for memory.
    ComponentOutOfMemory = 62,
    /// A component's image is missing in the node.
    ComponentImage = 63,
    /// A component cannot be placed on the node.
    ComponentUnschedulable = 64,
    /// A component's configuration is refused.
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
    /// SIGHUP.
    HungUp = 129,
    /// Ctrl-C.
    Interrupted = 130,
    /// SIGTERM.
    Terminated = 143,
}

impl Code {
    /// The process's exit code.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// What a person needs beside an error's message.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    /// The exit code.
    fn code(&self) -> Code;

    /// What to type next, most useful first. Names only commands and flags that
    /// exist; none deletes data.
    fn hints(&self) -> Vec<String> {
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
    /// What commands in hints need to be about the right instance.
    name_flag: String,
    /// Lines to show after the error's own.
    details: Vec<String>,
    /// Hints to show after the error's own.
    hints: Vec<String>,
}

/// A result whose error is any room's.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl<E: Explain> From<E> for Error {
    fn from(error: E) -> Self {
        Error {
            what: Box::new(error),
            name_flag: String::new(),
            details: Vec::new(),
            hints: Vec::new(),
        }
    }
}

impl Error {
    /// The same error, with hints whose commands carry that flag: ` --name X`.
    #[must_use]
    pub fn with_name_flag(self, name_flag: String) -> Error {
        Error { name_flag, ..self }
    }

    /// Returns the same error with one more line below its message.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Error {
        self.details.push(detail.into());
        self
    }

    /// Returns the same error with one more hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Error {
        self.hints.push(hint.into());
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

    /// The error's exit code.
    pub fn code(&self) -> Code {
        self.what.code()
    }

    /// See [`Explain::hints`].
    pub fn hints(&self) -> Vec<String> {
        let hints = self.what.hints().into_iter();
        let hints = hints.chain(self.hints.iter().cloned());
        hints.map(|hint| about(&hint, &self.name_flag)).collect()
    }

    /// See [`Explain::details`].
    pub fn details(&self) -> Vec<String> {
        let mut details = self.what.details();
        details.extend(self.details.iter().cloned());
        details
    }

    /// See [`Explain::all_details`].
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

/// The verbs that act on an instance, as they stand in hints and warnings.
pub const VERBS_OF_INSTANCES: [&str; 12] = [
    "up",
    "down",
    "start",
    "stop",
    "status",
    "logs",
    "credentials",
    "diff",
    "history",
    "rollback",
    "values",
    "render",
];

/// A text in which each `clearml-local VERB` carries the flag, unless that command names
/// an instance already. Other words after the program's name are no commands.
pub fn about(text: &str, name_flag: &str) -> String {
    const PROGRAM: &str = "clearml-local ";
    let mut parts = text.split(PROGRAM);
    let mut about = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_lowercase());
        let (verb, rest) = part.split_at(end.unwrap_or(part.len()));
        // A command ends where the sentence goes on.
        let command = rest.split([',', ';', '`']).next().unwrap_or_default();
        let carries = VERBS_OF_INSTANCES.contains(&verb) && !command.contains("--name");
        about.push_str(PROGRAM);
        about.push_str(verb);
        about.push_str(if carries { name_flag } else { "" });
        about.push_str(rest);
    }
    about
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_about_the_instance_in_question() {
        let flag = " --name demo";
        for (hint, expected) in [
            (
                "see it: clearml-local logs redis",
                "see it: clearml-local logs --name demo redis",
            ),
            (
                "clearml-local down, then clearml-local up",
                "clearml-local down --name demo, then clearml-local up --name demo",
            ),
            (
                "keep both: clearml-local up --name NAME, or see: clearml-local list",
                "keep both: clearml-local up --name NAME, or see: clearml-local list",
            ),
            (
                "a container that clearml-local did not make, see `clearml-local logs`",
                "a container that clearml-local did not make, see `clearml-local logs --name demo`",
            ),
            (
                "clearml-local up --name other",
                "clearml-local up --name other",
            ),
            ("docker info", "docker info"),
        ] {
            assert_eq!(about(hint, flag), expected);
        }
    }
}
