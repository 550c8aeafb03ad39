//! The addresses at which the servers of a cluster are reached: by host name through an
//! ingress, at a load balancer, or at a port of a node. Pure.

use crate::component::Component;
use crate::kube::{ExposedService, Exposure};

/// The servers that users reach.
pub(super) const SERVERS: [Component; 3] = [
    Component::Webserver,
    Component::Apiserver,
    Component::Fileserver,
];

/// An address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) url: String,
    /// The host and the port that must accept connections.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) way: Way,
}

/// The way that an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Ingress,
    LoadBalancer,
    NodePort,
}

impl Way {
    /// The way in words, such as `the ingress`.
    pub(super) fn words(self) -> &'static str {
        match self {
            Way::Ingress => "the ingress",
            Way::LoadBalancer => "the load balancer",
            Way::NodePort => "the node port",
        }
    }
}

/// Returns the possible addresses of a component, the best first.
pub(super) fn addresses(exposure: &Exposure, component: Component) -> Vec<Address> {
    let services = exposure.services.iter();
    let Some(service) = services
        .into_iter()
        .find(|service| service.component == component)
    else {
        return Vec::new();
    };
    let mut addresses: Vec<Address> = exposure
        .routes
        .iter()
        .filter(|route| route.service == service.name)
        .map(|route| {
            let (scheme, port) = match route.tls {
                true => ("https", 443),
                false => ("http", 80),
            };
            Address {
                url: format!("{scheme}://{}", route.host),
                host: route.host.clone(),
                port,
                way: Way::Ingress,
            }
        })
        .collect();
    addresses.extend(load_balancer(service));
    addresses.extend(exposure.nodes.iter().filter_map(|node| {
        let port = service.node_port?;
        Some(at(node, port, Way::NodePort))
    }));
    addresses
}

fn load_balancer(service: &ExposedService) -> Option<Address> {
    let host = service.load_balancer.as_ref()?;
    Some(at(host, service.port, Way::LoadBalancer))
}

fn at(host: &str, port: u16, way: Way) -> Address {
    let in_url = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    Address {
        url: format!("http://{in_url}:{port}"),
        host: host.to_owned(),
        port,
        way,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::Route;

    #[test]
    fn an_ingress_comes_before_a_load_balancer_and_a_node_port() {
        let exposure = Exposure {
            services: vec![ExposedService {
                component: Component::Apiserver,
                name: "clearml-apiserver".into(),
                port: 8008,
                node_port: Some(30008),
                load_balancer: Some("lb.corp.test".into()),
            }],
            routes: vec![Route {
                host: "api.corp.test".into(),
                tls: true,
                service: "clearml-apiserver".into(),
            }],
            nodes: vec!["2001:db8::1".into()],
        };
        let urls = |component| {
            let addresses = addresses(&exposure, component).into_iter();
            addresses.map(|address| address.url).collect::<Vec<_>>()
        };
        assert_eq!(
            urls(Component::Apiserver),
            [
                "https://api.corp.test",
                "http://lb.corp.test:8008",
                "http://[2001:db8::1]:30008",
            ]
        );
        assert!(urls(Component::Webserver).is_empty());
    }
}
