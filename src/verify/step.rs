//! The steps of the experiment, in their order, and which of them need which.

use std::fmt;

/// A step of the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Login,
    Project,
    Task,
    Scalars,
    Plot,
    DebugImage,
    Artifact,
    Model,
    Search,
    /// Comes last and removes what the others created, whether or not they succeeded.
    Delete,
}

impl Step {
    pub(crate) const ALL: [Step; 10] = [
        Step::Login,
        Step::Project,
        Step::Task,
        Step::Scalars,
        Step::Plot,
        Step::DebugImage,
        Step::Artifact,
        Step::Model,
        Step::Search,
        Step::Delete,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Login => "login",
            Step::Project => "project",
            Step::Task => "task",
            Step::Scalars => "scalars",
            Step::Plot => "plot",
            Step::DebugImage => "debug image",
            Step::Artifact => "artifact",
            Step::Model => "model",
            Step::Search => "search",
            Step::Delete => "delete",
        }
    }

    /// Returns the step without whose result this one is impossible.
    pub(super) fn needs(self) -> Option<Step> {
        match self {
            Step::Login => None,
            Step::Project | Step::Delete => Some(Step::Login),
            Step::Task => Some(Step::Project),
            Step::Scalars
            | Step::Plot
            | Step::DebugImage
            | Step::Artifact
            | Step::Model
            | Step::Search => Some(Step::Task),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
