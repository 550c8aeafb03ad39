//! The URLs of the server, as users type them and as probes use them.

use std::net::IpAddr;

use serde::Serialize;

use super::loopback;
use crate::settings::{Host, HostPorts, Instance};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    pub web: String,
    pub api: String,
    pub files: String,
}

impl Endpoints {
    /// Returns the URLs for users: with a host name if the service has an ingress,
    /// otherwise with its port. Ports on all addresses are shown with `localhost`.
    pub fn of(instance: &Instance) -> Endpoints {
        Endpoints::with(instance, loopback::name())
    }

    /// Returns the URLs for users as far as the settings determine them: those of an existing
    /// cluster must be asked for.
    pub fn known(instance: &Instance) -> Option<Endpoints> {
        let is_local = instance.cluster.is_none();
        is_local.then(|| Endpoints::of(instance))
    }

    /// Returns the URLs for users, with this name of the host.
    fn with(instance: &Instance, loopback: &str) -> Endpoints {
        let listen = instance.network.listen;
        let host = match listen.is_loopback() || listen.is_all() {
            true => loopback.to_owned(),
            false => listen.to_string(),
        };
        let by_port = Endpoints::at(&host, instance.ports);
        let ingress = &instance.ingress;
        if !ingress.enabled {
            return by_port;
        }
        let url = |host: &Option<Host>, by_port| match host {
            Some(host) => ingress.url(host),
            None => by_port,
        };
        let hosts = &ingress.hosts;
        Endpoints {
            web: url(&hosts.web, by_port.web),
            api: url(&hosts.api, by_port.api),
            files: url(&hosts.files, by_port.files),
        }
    }

    /// Returns the URLs with ports and an IP address: `localhost` may resolve to `::1`
    /// first, where no port is published.
    fn literal(instance: &Instance) -> Endpoints {
        let address = instance.network.listen.connect_address();
        Endpoints::at(&address.to_string(), instance.ports)
    }

    /// Returns the URLs of ports on loopback.
    pub fn on_loopback(ports: HostPorts) -> Endpoints {
        Endpoints::at(loopback::name(), ports)
    }

    fn at(host: &str, ports: HostPorts) -> Endpoints {
        Endpoints {
            web: format!("http://{host}:{}", ports.web),
            api: format!("http://{host}:{}", ports.api),
            files: format!("http://{host}:{}", ports.files),
        }
    }
}

/// The addresses at which probes reach the server.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    pub(super) servers: Endpoints,
    /// Services that must also be reached by host name: their key in the values, and their URL.
    pub(super) by_name: Vec<(&'static str, String)>,
    /// The address that all host names stand for, if they need not resolve.
    pub(super) names_at: Option<IpAddr>,
    /// Whether the addresses are on this host, so that only this host can answer.
    pub(super) is_local: bool,
}

impl Targets {
    /// Returns the addresses of the server in a local node.
    pub(crate) fn of(instance: &Instance) -> Targets {
        let address = instance.network.listen.connect_address();
        let ingress = &instance.ingress;
        let by_name = ingress.hosts.each().filter(|_| ingress.enabled);
        Targets {
            servers: Endpoints::literal(instance),
            by_name: by_name
                .map(|(service, host)| (service, ingress.url(host)))
                .collect(),
            names_at: Some(address),
            is_local: address.is_loopback(),
        }
    }

    /// Returns the addresses of the three servers.
    pub(crate) fn servers(&self) -> &Endpoints {
        &self.servers
    }

    /// Returns these addresses, whose certificates must be valid.
    pub(crate) fn at(servers: Endpoints) -> Targets {
        Targets {
            servers,
            by_name: Vec::new(),
            names_at: None,
            is_local: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(listen: &str) -> Instance {
        let mut instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
        instance.network.listen = listen.parse().unwrap();
        instance
    }

    fn host(name: &str, tls_secret: Option<&str>) -> Host {
        Host {
            name: name.into(),
            tls_secret: tls_secret.map(str::to_owned),
        }
    }

    #[test]
    fn users_get_names_and_probes_get_addresses() {
        let shown = |listen| Endpoints::with(&instance(listen), "localhost").web;
        assert_eq!(shown("127.0.0.1"), "http://localhost:30080");
        assert_eq!(shown("0.0.0.0"), "http://localhost:30080");
        assert_eq!(shown("192.168.1.2"), "http://192.168.1.2:30080");
        assert_eq!(
            Targets::of(&instance("0.0.0.0")).servers.api,
            "http://127.0.0.1:30008"
        );
    }

    #[test]
    fn services_with_an_ingress_have_urls_with_its_host_name() {
        let mut instance = instance("127.0.0.1");
        instance.ingress.hosts.web = Some(host("app.here.test", Some("tls")));
        instance.ingress.hosts.api = Some(host("api.here.test", None));
        let of = |instance: &Instance| Endpoints::with(instance, "localhost");
        assert_eq!(of(&instance).web, "http://localhost:30080");
        instance.ingress.enabled = true;
        let expected = Endpoints {
            web: "https://app.here.test".into(),
            api: "http://api.here.test".into(),
            files: "http://localhost:30081".into(),
        };
        assert_eq!(of(&instance), expected);
    }
}
