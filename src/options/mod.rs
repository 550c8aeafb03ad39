//! The options of the user: from the command line, the environment and `clearml-local.yaml`, in
//! that order of precedence. `settings/` defines those that are saved, and [`Options::apply`]
//! changes the settings of an instance.

mod file;
mod output;
mod place;
mod timeout;

use serde::Deserialize;

pub use self::file::SettingsFile;
pub use self::output::{Format, OUTPUT, OutputOptions, ProgressChoice};
pub use self::timeout::{Timeout, WaitOptions};
use crate::settings::{
    ClusterOptions, ClusterSettings, Error, IngressOptions, Instance, InstanceName, NetworkOptions,
    NodeOptions, PortsOptions, ValuesOptions, check_ports, options,
};

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
        /// Existing cluster.
        #[command(flatten)]
        pub cluster: ClusterOptions,
        /// Network.
        #[command(flatten)]
        pub network: NetworkOptions,
        /// Ports.
        #[command(flatten)]
        pub ports: PortsOptions,
        /// Ingress controller.
        #[command(flatten)]
        pub ingress: IngressOptions,
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
        let ports = self.ports.apply(to.ports)?;
        let ingress = self.ingress.apply(to.ingress)?;
        check_ports(ports, &ingress)?;
        Ok(Instance {
            network: self.network.apply(to.network)?,
            ports,
            ingress,
            node: self.node.apply(to.node)?,
            values: self.values.apply(to.values)?,
            cluster: match (&self.cluster.context, to.cluster) {
                (_, Some(cluster)) => Some(self.cluster.apply(cluster)?),
                (Some(context), None) => {
                    let new = ClusterSettings::with_defaults(context.clone());
                    Some(self.cluster.apply(new)?)
                }
                (None, None) => None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn refused(file: &str) -> Option<String> {
        let instance = Instance::with_defaults(Path::new("/data").to_owned().into());
        let error = Options::of(file).apply(instance).err();
        error.map(|error| error.to_string())
    }

    #[test]
    fn refuses_the_same_port_for_two_servers() {
        assert_eq!(
            refused("webPort: 30008").as_deref(),
            Some("the ports of web, API and files must be different, got 30008, 30008 and 30081")
        );
    }

    #[test]
    fn refuses_an_ingress_port_that_is_in_use_by_a_server() {
        assert_eq!(
            refused("webPort: 80"),
            None,
            "without an ingress controller"
        );
        assert_eq!(
            refused("{webPort: 80, withIngress: true}").as_deref(),
            Some("--http-port and --web-port cannot both be 80")
        );
        assert_eq!(
            refused("{withIngress: true, httpPort: 443}").as_deref(),
            Some("--https-port and --http-port cannot both be 443")
        );
    }
}
