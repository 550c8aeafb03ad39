//! Hints: what the user can do next, as a sentence and the commands for it.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

/// A hint, such as `see its logs: clearml-local logs redis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    text: Cow<'static, str>,
    /// The commands, in this order. May be empty.
    commands: Vec<Command>,
}

impl Hint {
    /// Creates a hint without a command.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Hint {
        Hint {
            text: text.into(),
            commands: Vec::new(),
        }
    }

    /// Creates a hint from the purpose of a command and the command.
    pub fn run(text: impl Into<Cow<'static, str>>, command: impl Into<Command>) -> Hint {
        Hint {
            text: text.into(),
            commands: vec![command.into()],
        }
    }

    /// Appends a command.
    #[must_use]
    pub fn then(mut self, command: impl Into<Command>) -> Hint {
        self.commands.push(command.into());
        self
    }

    /// Sets the instance of all commands that have none yet; `None` is the default one.
    #[must_use]
    pub fn about(mut self, instance: Option<&str>) -> Hint {
        for command in &mut self.commands {
            if let Command::Ours(ours) = command {
                ours.name = ours.name.take().or_else(|| instance.map(str::to_owned));
            }
        }
        self
    }

    /// Returns the sentence, and the commands as one line for a shell.
    pub(crate) fn parts(&self) -> (&str, Option<String>) {
        let commands: Vec<String> = self.commands.iter().map(Command::to_string).collect();
        let line = (!commands.is_empty()).then(|| commands.join(" && "));
        (&self.text, line)
    }

    /// Returns whether the hint consists of this command without arguments.
    pub fn is_only(&self, command: CommandName) -> bool {
        matches!(&self.commands[..], [Command::Ours(ours)] if ours.command == command && ours.args.is_empty())
    }
}

/// Returns the hints in their order, each of them once.
pub(crate) fn distinct(hints: impl IntoIterator<Item = Hint>) -> Vec<Hint> {
    let mut distinct = Vec::new();
    for hint in hints {
        if !distinct.contains(&hint) {
            distinct.push(hint);
        }
    }
    distinct
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (text, None) => f.write_str(text),
            (text, Some(commands)) => write!(f, "{text}: {commands}"),
        }
    }
}

impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Tests compare hints with their text.
#[cfg(test)]
impl PartialEq<&str> for Hint {
    fn eq(&self, other: &&str) -> bool {
        let text = self.to_string();
        text == *other
    }
}

/// A command of a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Ours(Ours),
    /// A command of another program, such as `docker info`.
    Other(Cow<'static, str>),
}

impl From<Ours> for Command {
    fn from(ours: Ours) -> Command {
        Command::Ours(ours)
    }
}

impl From<&'static str> for Command {
    fn from(line: &'static str) -> Command {
        Command::Other(line.into())
    }
}

impl From<String> for Command {
    fn from(line: String) -> Command {
        Command::Other(line.into())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Ours(ours) => ours.fmt(f),
            Command::Other(line) => f.write_str(line),
        }
    }
}

/// A command of this program, made with [`ours!`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    command: CommandName,
    /// Quoted for a shell if necessary.
    args: String,
    /// The instance. [`Hint::about`] replaces `None`.
    name: Option<String>,
    /// An environment variable to unset for the command.
    without: Option<String>,
}

impl Ours {
    pub fn new(command: CommandName, args: String) -> Ours {
        Ours {
            command,
            args,
            name: None,
            without: None,
        }
    }

    /// Sets the instance; `None` is the default one.
    #[must_use]
    pub fn of(self, instance: Option<&str>) -> Ours {
        Ours {
            name: instance.map(str::to_owned),
            ..self
        }
    }

    /// Unsets an environment variable for the command.
    #[must_use]
    pub fn without(self, variable: String) -> Ours {
        Ours {
            without: Some(variable),
            ..self
        }
    }
}

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(variable) = &self.without {
            write!(f, "env -u {variable} ")?;
        }
        write!(f, "clearml-local {}", self.command.name())?;
        if let Some(name) = self
            .name
            .as_deref()
            .filter(|_| self.command.acts_on_instance())
        {
            write!(f, " --name {name}")?;
        }
        if !self.args.is_empty() {
            write!(f, " {}", self.args)?;
        }
        Ok(())
    }
}

/// The commands in hints. All but `list` and `explain` act on one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandName {
    Up,
    Agent,
    Down,
    Start,
    Restart,
    Stop,
    Status,
    Logs,
    Forward,
    Credentials,
    Configure,
    Diff,
    History,
    Rollback,
    Render,
    SupportBundle,
    List,
    Explain,
    Doctor,
    Verify,
}

impl CommandName {
    fn acts_on_instance(self) -> bool {
        !matches!(self, CommandName::List | CommandName::Explain)
    }

    fn name(self) -> &'static str {
        match self {
            CommandName::Up => "up",
            CommandName::Agent => "agent",
            CommandName::Down => "down",
            CommandName::Start => "start",
            CommandName::Restart => "restart",
            CommandName::Stop => "stop",
            CommandName::Status => "status",
            CommandName::Logs => "logs",
            CommandName::Forward => "forward",
            CommandName::Credentials => "credentials",
            CommandName::Configure => "configure",
            CommandName::Diff => "diff",
            CommandName::History => "history",
            CommandName::Rollback => "rollback",
            CommandName::Render => "render",
            CommandName::SupportBundle => "support-bundle",
            CommandName::List => "list",
            CommandName::Explain => "explain",
            CommandName::Doctor => "doctor",
            CommandName::Verify => "verify",
        }
    }
}

/// Creates a command of this program: `ours!(Up)`, `ours!(Logs, "{component} --tail 100")`.
/// The arguments are a literal with named placeholders, so that `tests/hints.rs` can parse
/// every command that the program may print.
macro_rules! ours {
    ($command:ident) => {
        $crate::hint::Ours::new($crate::hint::CommandName::$command, String::new())
    };
    ($command:ident, $args:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::hint::Ours::new($crate::hint::CommandName::$command, format!($args $(, $name = $value)*))
    };
}
pub(crate) use ours;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_sets_the_instance_of_each_command() {
        let for_demo = |hint: Hint| hint.about(Some("demo")).to_string();
        let component = "redis";
        for (hint, expected) in [
            (
                Hint::run("see its logs", ours!(Logs, "{component}")),
                "see its logs: clearml-local logs --name demo redis",
            ),
            (
                Hint::run("recreate it", ours!(Down)).then(ours!(Up)),
                "recreate it: clearml-local down --name demo && clearml-local up --name demo",
            ),
            (
                Hint::run("keep both", ours!(Up, "--web-port 1").of(Some("NAME"))),
                "keep both: clearml-local up --name NAME --web-port 1",
            ),
            (
                Hint::run("log in", "docker login").then(ours!(Up)),
                "log in: docker login && clearml-local up --name demo",
            ),
            (
                Hint::run(
                    "run without it",
                    ours!(Up).without("HTTPS_PROXY".to_owned()),
                ),
                "run without it: env -u HTTPS_PROXY clearml-local up --name demo",
            ),
            (
                Hint::run("list the instances", ours!(List)),
                "list the instances: clearml-local list",
            ),
            (Hint::text("update Docker"), "update Docker"),
        ] {
            assert_eq!(for_demo(hint), expected);
        }
    }

    #[test]
    fn the_default_instance_needs_no_name() {
        let hint = Hint::run("try again", ours!(Up)).about(None);
        assert_eq!(hint.to_string(), "try again: clearml-local up");
    }
}
