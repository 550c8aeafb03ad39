//! Where the server answers: what people type, and what probes use.

use std::net::IpAddr;

use serde::Serialize;

use super::loopback;
use crate::ports::Ports;
use crate::settings::{Host, Instance};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    pub web: String,
    pub api: String,
    pub files: String,
}

impl Endpoints {
    /// The URLs of an instance: by host name where an ingress leads to the service,
    /// else by its port. Ports that are open to all are reached on `localhost` too.
    pub fn of(instance: &Instance) -> Endpoints {
        Endpoints::with(instance, loopback::name())
    }

    /// The same, with what this machine is called.
    fn with(instance: &Instance, loopback: &str) -> Endpoints {
        let listen = instance.listen;
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

    /// The URLs by port and with a literal address: `localhost` may mean `::1` first,
    /// where nothing is published.
    pub(super) fn literal(instance: &Instance) -> Endpoints {
        Endpoints::at(&reached_at(instance).to_string(), instance.ports)
    }

    fn at(host: &str, ports: Ports) -> Endpoints {
        Endpoints {
            web: format!("http://{host}:{}", ports.web),
            api: format!("http://{host}:{}", ports.api),
            files: format!("http://{host}:{}", ports.files),
        }
    }
}

/// The address of this machine that leads to an instance's ports.
pub(super) fn reached_at(instance: &Instance) -> IpAddr {
    instance.listen.reached_at()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(listen: &str) -> Instance {
        Instance {
            listen: listen.parse().unwrap(),
            ..Instance::with_defaults(std::path::PathBuf::from("/data").into())
        }
    }

    fn host(name: &str, tls_secret: Option<&str>) -> Host {
        Host {
            name: name.into(),
            tls_secret: tls_secret.map(str::to_owned),
        }
    }

    #[test]
    fn people_get_names_and_probes_get_addresses() {
        let shown = |listen| Endpoints::with(&instance(listen), "localhost").web;
        assert_eq!(shown("127.0.0.1"), "http://localhost:30080");
        assert_eq!(shown("0.0.0.0"), "http://localhost:30080");
        assert_eq!(shown("192.168.1.2"), "http://192.168.1.2:30080");
        assert_eq!(
            Endpoints::literal(&instance("0.0.0.0")).api,
            "http://127.0.0.1:30008"
        );
    }

    #[test]
    fn an_ingress_decides_the_urls_of_those_who_have_one() {
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
