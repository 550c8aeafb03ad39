//! Options: one struct for each group, which is used for the command line, the environment and
//! `clearml-local.yaml`, in that order of precedence. [`Options::apply`] changes the settings
//! of an instance.

/// Defines a group of options and its method `or`, which merges options of two sources.
macro_rules! options {
    (
        $(#[$($attribute:tt)*])*
        pub struct $name:ident {
            $($(#[$($field_attribute:tt)*])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$($attribute)*])*
        pub struct $name {
            $($(#[$($field_attribute)*])* pub $field: $type,)*
        }

        impl $name {
            /// Takes options that are not set from `fallback`.
            #[must_use]
            pub fn or(self, fallback: $name) -> $name {
                $name { $($field: self.$field.or(fallback.$field),)* }
            }
        }
    };
}

mod arguments;
mod error;
mod file;
mod files;
mod network;
mod node;
mod output;
mod read;
mod timeout;
mod values;

use serde::Deserialize;

pub use self::error::Error;
pub use self::file::SettingsFile;
pub use self::files::InputFile;
pub use self::network::NetworkOptions;
pub use self::node::{NODE, NodeOptions};
pub use self::output::{Format, OUTPUT, OutputOptions, ProgressChoice};
pub use self::timeout::{Timeout, WaitOptions};
pub use self::values::{SetOptions, ValuesOptions};
use crate::settings::{Instance, InstanceName};

options! {
    /// The instance that a command acts on.
    #[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
    #[serde(default)]
    pub struct InstanceOptions {
        /// Name of the instance [default: clearml]
        #[arg(
            long,
            value_name = "NAME",
            env = "CLEARML_LOCAL_NAME",
            global = true,
            display_order = 100
        )]
        pub name: Option<InstanceName>,
    }
}

options! {
    /// Options of `up` and of the commands that preview it.
    #[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
    pub struct Options {
        /// Values.
        #[command(flatten)]
        pub values: ValuesOptions,
        /// Network.
        #[command(flatten)]
        pub network: NetworkOptions,
        /// Node.
        #[command(flatten)]
        pub node: NodeOptions,
        /// Timeout.
        #[command(flatten)]
        pub wait: WaitOptions,
    }
}

impl Options {
    /// Returns options that only set the timeout.
    pub fn only(wait: WaitOptions) -> Options {
        Options {
            wait,
            ..Options::default()
        }
    }

    /// Applies the options to the settings of an instance.
    ///
    /// # Errors
    /// A file cannot be read, or two ports are the same.
    pub fn apply(&self, to: Instance) -> Result<Instance, Error> {
        let Options {
            values,
            network,
            node,
            wait: _,
        } = self;
        values.apply(node.apply(network.apply(to)?))
    }
}
