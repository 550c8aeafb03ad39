//! The values that commands need to access an instance without its release and host.

use helm_values::coalesce_values;

use super::{PullSecret, Values, copied, keys, overrides};
use crate::component::Component;
use crate::inputs::{KeptFile, SetArgument};
use crate::namespace::Namespace;
use crate::release::Catalogue;
use crate::secrets::{Credentials, Secrets};

/// The values that determine how an instance is accessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessValues(Values);

impl AccessValues {
    /// Reads the values, which `up` has accepted.
    pub fn of(files: &[KeptFile], sets: &[SetArgument]) -> AccessValues {
        let mut tree = keys::defaults();
        let merged = overrides::merge(files, sets);
        if let Ok(mut overrides) = merged.into_result() {
            copied::remove_published(&mut overrides);
            coalesce_values(&mut tree, &overrides);
        }
        // The images are not used.
        let release = Catalogue::default_release();
        AccessValues(Values::read(&tree, &release, Namespace::DEFAULT))
    }

    pub fn installed(&self) -> Vec<Component> {
        self.0.installed()
    }

    /// The names of the users that log in with a password; none if no password is needed.
    pub fn users(&self) -> Vec<String> {
        let users = self.0.api.fixed_users.iter().flat_map(|fixed| &fixed.users);
        users.map(|user| user.username.clone()).collect()
    }

    /// The credentials with which pods pull images.
    pub fn pull_secret(&self) -> Option<&PullSecret> {
        self.0.pull_secret.as_ref()
    }

    /// The key pair for programs.
    pub fn login(&self, secrets: &Secrets) -> Credentials {
        self.0.login(secrets)
    }
}
