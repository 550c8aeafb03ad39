//! Rules about several values together, the release and the host. A violation is an error or
//! a warning.

mod databases;
mod files;
mod images;
mod ingress;
mod services;
mod unused;
mod users;

use serde_json::Value;

use super::keys::{self, Definition};
use super::overrides::Overrides;
use super::{Target, Values};
use crate::release::Release;
use crate::words::listed;

/// The input of the rules.
pub(super) struct Context<'a> {
    pub(super) values: &'a Values,
    /// The effective values as one tree.
    pub(super) tree: &'a Value,
    /// The effective values without those of the user.
    pub(super) defaults: &'a Value,
    pub(super) overrides: &'a Overrides,
    pub(super) release: &'a Release,
    pub(super) target: Target<'a>,
}

impl Context<'_> {
    /// Whether the user sets a key.
    fn overrides(&self, key: &Definition) -> bool {
        self.overrides.has(&key.steps().collect::<Vec<_>>())
    }

    /// Whether the user sets a key to another value than the default.
    fn changes(&self, key: &Definition) -> bool {
        let normalized = |tree| key.kind.normalized(key.at(tree));
        self.overrides(key) && normalized(self.tree) != normalized(self.defaults)
    }
}

/// A violation of a rule.
#[derive(Debug)]
pub(super) struct Finding {
    /// The keys that it is about. The first one that the user sets determines the place.
    pub(super) keys: Vec<String>,
    pub(super) what: String,
}

/// Violations, in the order of the rules.
pub(super) type Found = Vec<Finding>;

impl Finding {
    fn new(key: impl Into<String>, what: impl Into<String>) -> Finding {
        Finding::of([key.into()], what)
    }

    fn of(keys: impl IntoIterator<Item = String>, what: impl Into<String>) -> Finding {
        Finding {
            keys: keys.into_iter().collect(),
            what: what.into(),
        }
    }

    /// The place where the user sets one of the keys; `None` if the user sets none.
    pub(super) fn place(&self, overrides: &Overrides) -> Option<String> {
        self.keys.iter().find_map(|key| {
            // A key such as `apiserver.fixedUsers.users[0].password`.
            let (key, item) = key.split_at(key.find('[').unwrap_or(key.len()));
            let mut path = keys::path(key);
            let steps = item.split(['[', ']', '.']);
            path.extend(steps.filter(|step| !step.is_empty()));
            overrides.place(&path)
        })
    }

    /// Whether it is about a key or a part of its value.
    pub(super) fn is_about(&self, key: &str) -> bool {
        self.keys.iter().any(|one| {
            let below = one.strip_prefix(key);
            below.is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
        })
    }
}

/// Returns the errors.
pub(super) fn errors(context: &Context<'_>) -> Found {
    let mut found = Found::new();
    services::errors(context, &mut found);
    databases::errors(context, &mut found);
    images::errors(context, &mut found);
    ingress::errors(context, &mut found);
    files::errors(context, &mut found);
    users::errors(context, &mut found);
    found
}

/// Returns the warnings.
pub(super) fn warnings(context: &Context<'_>) -> Found {
    let mut found = Found::new();
    services::warnings(context, &mut found);
    databases::warnings(context, &mut found);
    images::warnings(context, &mut found);
    ingress::warnings(context, &mut found);
    files::warnings(context, &mut found);
    users::warnings(context, &mut found);
    unused::warnings(context, &mut found);
    found
}

/// Formats keys as a list in a sentence.
fn keys_listed(keys: &[String]) -> String {
    let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    listed(&quoted)
}

#[cfg(test)]
mod tests;
