//! Errors with an entry of the catalogue of failures, details and hints. Each module has its
//! own enum and implements [`Explain`] for it; [`Error`] carries any of them to the command
//! line.

use crate::failures::{Code, Failure};
use crate::hint::{Hint, ours};
use std::fmt;

/// Explains an error to the user, in addition to its message.
pub trait Explain: std::error::Error + Send + Sync + 'static {
    /// Returns the entry of the catalogue, which has the exit code.
    fn failure(&self) -> Failure;

    /// Returns all entries if the error reports several problems, the one with the exit code
    /// first.
    fn failures(&self) -> Vec<Failure> {
        vec![self.failure()]
    }

    fn code(&self) -> Code {
        self.failure().code()
    }

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

    pub fn failure(&self) -> Failure {
        self.what.failure()
    }

    /// See [`Explain::failures`].
    pub fn failures(&self) -> Vec<Failure> {
        self.what.failures()
    }

    /// See [`Explain::hints`]. An invalid option or value says what was expected; every other
    /// error has a hint.
    pub fn hints(&self) -> Vec<Hint> {
        let mut hints = self.what.hints();
        hints.extend(self.hints.iter().cloned());
        if hints.is_empty() && self.code() != Code::Usage {
            let id = self.failure().id();
            hints.push(Hint::run("see what it means", ours!(Explain, "{id}")));
        }
        hints
            .into_iter()
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
