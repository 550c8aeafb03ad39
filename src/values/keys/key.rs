//! The definition of a key and the type of its value.

use std::fmt;

use serde_json::{Value, json};

use super::types::{self, Type};
use crate::redact::Secrecy;
use crate::values::kind::Kind;

/// Whether a key has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::values) enum Effect {
    Supported,
    /// It is accepted without effect, as in chart 4.0.0: the reason.
    None(&'static str),
    /// Only its default is accepted: what to use instead.
    Unsupported(&'static str),
}

/// Where the default of a key comes from.
#[derive(Clone, Copy)]
pub(in crate::values) enum Origin {
    /// The chart; empty if the chart does not have the key.
    Chart,
    /// This program.
    Program(Literal),
    /// The image of a component.
    Release,
    /// The memory of the host.
    Profile,
    /// A secret of the instance.
    Generated,
    /// A secret of the instance, if this key is true.
    GeneratedWith(&'static Key<bool>),
}

/// A default of this program.
#[derive(Debug, Clone, Copy)]
pub(in crate::values) enum Literal {
    Text(&'static str),
    Whole(u64),
    Flag(bool),
}

impl Origin {
    /// Describes a default that is not constant.
    pub(in crate::values) fn varies(self) -> Option<&'static str> {
        match self {
            Origin::Release => Some("from the release"),
            Origin::Profile => {
                Some("depends on the memory of the machine; in an existing cluster, the chart's")
            }
            Origin::Generated => Some("generated for each instance"),
            Origin::Chart | Origin::Program(_) | Origin::GeneratedWith(_) => None,
        }
    }

    /// Reports whether an empty value is replaced by a secret of the instance.
    pub(in crate::values) fn is_generated(self) -> bool {
        matches!(self, Origin::Generated | Origin::GeneratedWith(_))
    }
}

/// Everything about a key except the type of its value.
pub(in crate::values) struct Definition {
    /// The common prefix of the keys of a group; empty outside of groups.
    section: &'static str,
    name: &'static str,
    doc: &'static str,
    /// Replaces `{}` in the doc.
    subject: &'static str,
    pub(in crate::values) kind: Kind,
    pub(in crate::values) effect: Effect,
    pub(in crate::values) origin: Origin,
    pub(in crate::values) secrecy: Secrecy,
    /// Whether other keys only have an effect if this one is true or if it is false.
    pub(in crate::values) is_switch: bool,
}

impl Definition {
    /// The names of the maps that lead to the value, followed by its own.
    pub(in crate::values) fn steps(&self) -> impl Iterator<Item = &'static str> + use<> {
        let parts = [self.section, self.name].into_iter();
        let parts = parts.filter(|part| !part.is_empty());
        parts.flat_map(|part| part.split('.'))
    }

    /// Returns the value in a tree; null if it has none.
    pub(in crate::values) fn at<'a>(&self, tree: &'a Value) -> &'a Value {
        self.steps().fold(tree, |tree, step| &tree[step])
    }

    pub(super) fn doc(&self) -> String {
        self.doc.replace("{}", self.subject)
    }

    /// The default without a release, a host and an instance.
    pub(super) fn default(&self, chart: Option<&Value>) -> Value {
        match self.origin {
            Origin::Chart | Origin::Profile => chart.cloned().unwrap_or_else(|| self.kind.empty()),
            Origin::Program(Literal::Text(text)) => json!(text),
            Origin::Program(Literal::Whole(number)) => json!(number),
            Origin::Program(Literal::Flag(flag)) => json!(flag),
            Origin::Release | Origin::Generated | Origin::GeneratedWith(_) => json!(""),
        }
    }
}

/// Writes the path, such as `apiserver.service.nodePort`.
impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.section {
            "" => f.write_str(self.name),
            section => write!(f, "{section}.{}", self.name),
        }
    }
}

/// A key whose value is read as a `T`.
pub(crate) struct Key<T> {
    pub(in crate::values) definition: Definition,
    read: fn(&Value) -> T,
}

/// Defines a key.
pub(super) const fn key<T>(name: &'static str, of: Type<T>, doc: &'static str) -> Key<T> {
    Key {
        definition: Definition {
            section: "",
            name,
            doc,
            subject: "",
            secrecy: of.kind.secrecy(),
            kind: of.kind,
            effect: Effect::Supported,
            origin: Origin::Chart,
            is_switch: false,
        },
        read: of.read,
    }
}

/// Defines a key that other keys depend on.
pub(super) const fn switch(name: &'static str, doc: &'static str) -> Key<bool> {
    let mut key = key(name, types::FLAG, doc);
    key.definition.is_switch = true;
    key
}

impl<T> Key<T> {
    /// Puts the key into a group: `section` is the prefix of its path, and `subject` is
    /// inserted into its doc.
    pub(super) const fn of(mut self, section: &'static str, subject: &'static str) -> Key<T> {
        self.definition.section = section;
        self.about(subject)
    }

    pub(super) const fn about(mut self, subject: &'static str) -> Key<T> {
        self.definition.subject = subject;
        self
    }

    pub(super) const fn default(self, default: Literal) -> Key<T> {
        self.from(Origin::Program(default))
    }

    pub(super) const fn from(mut self, origin: Origin) -> Key<T> {
        self.definition.origin = origin;
        self
    }

    pub(super) const fn no_effect(mut self, why: &'static str) -> Key<T> {
        self.definition.effect = Effect::None(why);
        self
    }

    pub(super) const fn unsupported(mut self, instead: &'static str) -> Key<T> {
        self.definition.effect = Effect::Unsupported(instead);
        self
    }
}

impl<T> Key<T> {
    /// Reads the value in a tree whose values are valid.
    pub(in crate::values) fn read(&self, tree: &Value) -> T {
        (self.read)(self.at(tree))
    }

    /// See [`Definition::at`].
    pub(in crate::values) fn at<'a>(&self, tree: &'a Value) -> &'a Value {
        self.definition.at(tree)
    }

    /// Sets the value in a tree.
    pub(in crate::values) fn set(&self, tree: &mut Value, value: Value) {
        let steps: Vec<&str> = self.steps().collect();
        super::put(tree, &steps, value);
    }

    /// Returns the value in a tree, if it has one.
    pub(in crate::values) fn find_mut<'a>(&self, tree: &'a mut Value) -> Option<&'a mut Value> {
        self.steps().try_fold(tree, |tree, step| tree.get_mut(step))
    }

    /// Removes the value from a tree.
    pub(in crate::values) fn remove(&self, tree: &mut Value) {
        super::remove(tree, &self.steps().collect::<Vec<_>>());
    }

    /// See [`Definition::steps`].
    pub(in crate::values) fn steps(&self) -> impl Iterator<Item = &'static str> + use<T> {
        self.definition.steps()
    }

    /// Returns the path of a part of the value, such as a file.
    pub(in crate::values) fn below(&self, name: &str) -> String {
        format!("{self}.{name}")
    }

    /// Returns the path of a field of an item, such as `apiserver.fixedUsers.users[0].password`.
    pub(in crate::values) fn field(&self, index: usize, name: &str) -> String {
        format!("{self}[{index}].{name}")
    }
}

/// Writes the path.
impl<T> fmt::Display for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.definition.fmt(f)
    }
}

impl<T> From<&Key<T>> for String {
    fn from(key: &Key<T>) -> String {
        key.to_string()
    }
}

/// Defines keys as statics, and `ALL` of them in this order.
macro_rules! keys {
    ($($name:ident: $type:ty = $key:expr;)*) => {
        $(pub(crate) static $name: $crate::values::keys::Key<$type> = $key;)*

        /// In the order in which they are shown.
        pub(in crate::values) static ALL: &[&$crate::values::keys::Definition] =
            &[$(&$name.definition),*];
    };
}

/// Defines a group of keys that exists several times, in different sections.
macro_rules! group {
    (
        $(#[$meta:meta])*
        $group:ident($section:ident, $subject:ident) {
            $($field:ident: $type:ty = $key:expr;)*
        }
    ) => {
        $(#[$meta])*
        pub(crate) struct $group {
            $(pub(crate) $field: $crate::values::keys::Key<$type>,)*
        }

        impl $group {
            pub(super) const fn new($section: &'static str, $subject: &'static str) -> $group {
                $group {
                    $($field: $key.of($section, $subject),)*
                }
            }

            /// In the order in which they are shown.
            pub(in crate::values) fn all(
                &'static self,
            ) -> Vec<&'static $crate::values::keys::Definition> {
                vec![$(&self.$field.definition),*]
            }
        }
    };
}

pub(super) use {group, keys};
