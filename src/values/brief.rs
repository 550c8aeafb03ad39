//! What commands need of an instance's values that work on it without its release
//! and its machine.

use helm_values::coalesce_values;

use super::{Values, copied, keys, overrides};
use crate::component::Component;
use crate::inputs::{KeptFile, SetArgument};
use crate::release::Catalogue;
use crate::secrets::{Credentials, Secrets};

/// The few values that decide how an instance is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief(Values);

impl Brief {
    /// Reads them, from values that `up` accepted.
    pub fn of(files: &[KeptFile], sets: &[SetArgument]) -> Brief {
        let mut tree = keys::defaults();
        let merged = overrides::merge(files, sets);
        if let Ok(mut overrides) = merged.into_result() {
            copied::forget_published(&mut overrides);
            coalesce_values(&mut tree, &overrides);
        }
        // Nobody asks for images here.
        let release = Catalogue::default_release();
        Brief(Values::read(&tree, &release))
    }

    pub fn installed(&self) -> Vec<Component> {
        self.0.installed()
    }

    /// The key pair with which programs log in.
    pub fn login(&self, secrets: &Secrets) -> Credentials {
        self.0.login(secrets)
    }
}
