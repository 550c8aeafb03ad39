//! Options: one struct for each group of them, which serves the command line, the environment
//! and `clearml-local.yaml`, in that order of precedence. [`Options::apply`] changes the
//! settings of an instance by them.

/// Defines a group of options and its `or`, which takes what is not set from a source that
/// gives way.
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
            /// Merges with options that give way to these.
            #[must_use]
            pub fn or(self, weaker: $name) -> $name {
                $name { $($field: self.$field.or(weaker.$field),)* }
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
    /// Which instance a command is about.
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
    /// Options of `up`, and of the commands that show what it would do.
    #[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
    pub struct Options {
        /// Which values.
        #[command(flatten)]
        pub values: ValuesOptions,
        /// How the server is reached.
        #[command(flatten)]
        pub network: NetworkOptions,
        /// What it runs on.
        #[command(flatten)]
        pub node: NodeOptions,
        /// How long to wait for it.
        #[command(flatten)]
        pub wait: WaitOptions,
    }
}

impl Options {
    /// Returns options that say only how long to wait.
    pub fn only(wait: WaitOptions) -> Options {
        Options {
            wait,
            ..Options::default()
        }
    }

    /// Returns the settings as these options change them.
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
