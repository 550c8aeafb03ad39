//! Where the server listens.

use super::arguments::Port;
use super::listen::{self, Listen};
use super::{Error, Ingress};

/// The heading in `--help`.
pub(super) const NETWORK: &str = "Network";

settings! {
    /// The address of the server.
    #[command(next_help_heading = NETWORK)]
    pub struct NetworkOptions => NetworkSettings() {
        /// Address to listen on [default: 127.0.0.1]
        ///
        /// An IPv4 address of this machine, or 0.0.0.0 for all of them.
        #[arg(long, value_name = "ADDRESS", env = "CLEARML_LOCAL_LISTEN")]
        #[saved(deserialize_with = "listen::deserialize_saved")]
        pub listen: Listen = Listen::LOOPBACK,
    }
}

settings! {
    /// The host ports of the three servers.
    #[command(next_help_heading = NETWORK)]
    pub struct PortsOptions => #[derive(Copy)] HostPorts() {
        /// Port of the web app [default: 30080]
        #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_WEB_PORT")]
        pub web_port: Port => web: u16 = 30080,
        /// Port of the API server [default: 30008]
        #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_API_PORT")]
        pub api_port: Port => api: u16 = 30008,
        /// Port of the file server [default: 30081]
        #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_FILES_PORT")]
        pub files_port: Port => files: u16 = 30081,
    }
}

impl HostPorts {
    /// The default ports of `forward`, which the web app knows.
    pub const FORWARDED: HostPorts = HostPorts {
        web: 8080,
        api: 8008,
        files: 8081,
    };

    /// Returns the ports with their options.
    pub fn each(self) -> [(&'static str, u16); 3] {
        [
            ("--web-port", self.web),
            ("--api-port", self.api),
            ("--files-port", self.files),
        ]
    }

    /// Returns whether the web app can derive the URLs of the API server and the file server
    /// from these ports: its code contains only two sets of ports.
    pub fn known_to_web_app(self) -> bool {
        let known = |web, api, files| self == HostPorts { web, api, files };
        known(30080, 30008, 30081) || known(8080, 8008, 8081)
    }
}

/// Checks that no port is used twice.
pub fn check_ports(ports: HostPorts, ingress: &Ingress) -> Result<(), Error> {
    if ports.web == ports.api || ports.api == ports.files || ports.web == ports.files {
        return Err(Error::SamePort { ports });
    }
    let mut used = ports.each().to_vec();
    for (one, port) in ingress.ports() {
        if let Some((other, _)) = used.iter().find(|(_, used)| *used == port) {
            return Err(Error::IngressPort { one, other, port });
        }
        used.push((one, port));
    }
    Ok(())
}
