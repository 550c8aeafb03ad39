//! What must be true of several values together, of the release they are for, and of
//! the machine; and what a user should know that stops nothing.

mod databases;
mod files;
mod idle;
mod images;
mod ingress;
mod services;
mod users;

use serde_json::Value;

use super::keys::{self, Definition};
use super::overrides::Overrides;
use super::{Controller, Values};
use crate::release::Release;
use crate::words::listed;

/// What rules look at.
pub(super) struct Context<'a> {
    pub(super) values: &'a Values,
    /// The same as one tree.
    pub(super) tree: &'a Value,
    /// The values in force without those of the user.
    pub(super) defaults: &'a Value,
    pub(super) overrides: &'a Overrides,
    pub(super) release: &'a Release,
    /// The instance's ingress controller, where it has one.
    pub(super) controller: Option<&'a Controller>,
}

impl Context<'_> {
    /// Whether the user's value of a key counts.
    fn overrides(&self, key: &Definition) -> bool {
        self.overrides.has(&key.steps().collect::<Vec<_>>())
    }

    /// Whether the user chose something else than the default.
    fn changes(&self, key: &Definition) -> bool {
        let meaning = |tree| key.kind.meaning(key.at(tree));
        self.overrides(key) && meaning(self.tree) != meaning(self.defaults)
    }
}

/// What a rule found.
#[derive(Debug)]
pub(super) struct Finding {
    /// The keys that it is about. The first one that the user sets gives the place.
    pub(super) keys: Vec<String>,
    pub(super) what: String,
}

/// What rules found, in their order.
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
            // Such as `apiserver.fixedUsers.users[0].password`.
            let (key, item) = key.split_at(key.find('[').unwrap_or(key.len()));
            let mut path = keys::path(key);
            let steps = item.split(['[', ']', '.']);
            path.extend(steps.filter(|step| !step.is_empty()));
            overrides.place(&path)
        })
    }

    /// Whether it is about a key, or about something below it.
    pub(super) fn is_about(&self, key: &str) -> bool {
        self.keys.iter().any(|one| {
            let below = one.strip_prefix(key);
            below.is_some_and(|below| below.is_empty() || below.starts_with(['.', '[']))
        })
    }
}

/// Everything that is wrong.
pub(super) fn broken(context: &Context<'_>) -> Found {
    let mut found = Found::new();
    services::broken(context, &mut found);
    databases::broken(context, &mut found);
    images::broken(context, &mut found);
    ingress::broken(context, &mut found);
    files::broken(context, &mut found);
    users::broken(context, &mut found);
    found
}

/// What a user should know, and that stops nothing.
pub(super) fn doubtful(context: &Context<'_>) -> Found {
    let mut found = Found::new();
    services::doubtful(context, &mut found);
    databases::doubtful(context, &mut found);
    images::doubtful(context, &mut found);
    ingress::doubtful(context, &mut found);
    files::doubtful(context, &mut found);
    users::doubtful(context, &mut found);
    idle::doubtful(context, &mut found);
    found
}

/// Keys as a sentence lists them.
fn keys_listed(keys: &[String]) -> String {
    let quoted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    listed(&quoted)
}

#[cfg(test)]
mod tests;
