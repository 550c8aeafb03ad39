//! Network options.

use serde::Deserialize;

use super::arguments::{ArgExt, Port};
use super::{Error, read};
use crate::path::HostPath;
use crate::ports::Ports;
use crate::settings::{Ingress, Instance, Listen};

options! {
    /// Network options.
    #[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    #[command(next_help_heading = "Network")]
    pub struct NetworkOptions {
        /// Address to listen on [default: 127.0.0.1]
        ///
        /// An IPv4 address of this machine, or 0.0.0.0 for all of them.
        #[arg(long, value_name = "ADDRESS", env = "CLEARML_LOCAL_LISTEN")]
        pub listen: Option<Listen>,
        /// Port of the web app [default: 30080]
        #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_WEB_PORT")]
        pub web_port: Option<Port>,
        /// Port of the API server [default: 30008]
        #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_API_PORT")]
        pub api_port: Option<Port>,
        /// Port of the file server [default: 30081]
        #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_FILES_PORT")]
        pub files_port: Option<Port>,
        /// Install an ingress controller for host names
        ///
        /// Traefik runs in the node and serves the host names of `ingress.*` in the values. If
        /// the values enable no ingress, it serves all three servers under the chart's names.
        #[arg(long, switch(), env = "CLEARML_LOCAL_WITH_INGRESS")]
        pub with_ingress: Option<bool>,
        /// HTTP port of the ingress controller [default: 80]
        #[arg(
            long,
            value_name = "PORT",
            env = "CLEARML_LOCAL_HTTP_PORT",
            hide_short_help = true
        )]
        pub http_port: Option<Port>,
        /// HTTPS port of the ingress controller [default: 443]
        #[arg(
            long,
            value_name = "PORT",
            env = "CLEARML_LOCAL_HTTPS_PORT",
            hide_short_help = true
        )]
        pub https_port: Option<Port>,
        /// PEM file with CA certificates for the node
        ///
        /// The node trusts them. Needed behind a proxy that inspects TLS, and for a registry
        /// whose certificate is signed by a private CA. Public CAs stay trusted. An empty file
        /// removes the certificates.
        #[arg(
            long,
            value_name = "FILE",
            env = "CLEARML_LOCAL_CA_FILE",
            value_hint = clap::ValueHint::FilePath
        )]
        pub ca_file: Option<HostPath>,
    }
}

impl NetworkOptions {
    pub(super) fn apply(&self, to: Instance) -> Result<Instance, Error> {
        let NetworkOptions {
            listen,
            web_port,
            api_port,
            files_port,
            with_ingress,
            http_port,
            https_port,
            ca_file,
        } = self;
        let port = |port: &Option<Port>, before| port.map_or(before, u16::from);
        let ports = Ports {
            web: port(web_port, to.ports.web),
            api: port(api_port, to.ports.api),
            files: port(files_port, to.ports.files),
        };
        // The host names come from the values.
        let ingress = Ingress {
            enabled: with_ingress.unwrap_or(to.ingress.enabled),
            http_port: port(http_port, to.ingress.http_port),
            https_port: port(https_port, to.ingress.https_port),
            ..to.ingress
        };
        check_ports(ports, &ingress)?;
        Ok(Instance {
            listen: listen.unwrap_or(to.listen),
            ports,
            ca: match ca_file {
                Some(path) => read::certificates(path)?,
                None => to.ca,
            },
            ingress,
            ..to
        })
    }
}

/// Checks that no port is used twice.
fn check_ports(ports: Ports, ingress: &Ingress) -> Result<(), Error> {
    if ports.web == ports.api || ports.api == ports.files || ports.web == ports.files {
        return Err(Error::SamePort { ports });
    }
    let mut used = vec![
        ("--web-port", ports.web),
        ("--api-port", ports.api),
        ("--files-port", ports.files),
    ];
    for (one, port) in ingress.ports() {
        if let Some((other, _)) = used.iter().find(|(_, used)| *used == port) {
            return Err(Error::IngressPort { one, other, port });
        }
        used.push((one, port));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Options;
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
