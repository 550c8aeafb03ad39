//! How the URLs of the server are made to mean the same in the pods of an agent as for its users.
//! Pure.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::component::Component;
use crate::kube::ExposedService;
use crate::probe::Endpoints;

/// The address of an ingress controller for TLS, if the program knows it.
pub(super) type Secured = Option<(&'static str, u16)>;

/// What a pod needs so that the URLs for users lead to the services.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Routes {
    /// Names and the addresses that they stand for in the pod.
    pub(super) aliases: Vec<(String, Ipv4Addr)>,
    /// The ports that the pod forwards, such as `127.0.0.1:30081=clearml-fileserver:8081`.
    pub(super) forwards: Vec<String>,
}

/// Returns the routes of URLs that lead elsewhere in a pod, or nowhere: those with loopback
/// addresses and with host names, which may resolve only for users. Addresses of a network are
/// the same everywhere, and only an ingress controller can serve a certificate.
pub(super) fn routes(at: &Endpoints, services: &[ExposedService], secured: Secured) -> Routes {
    let mut routes = Routes::default();
    let servers = [
        (Component::Webserver, &at.web),
        (Component::Apiserver, &at.api),
        (Component::Fileserver, &at.files),
    ];
    for (component, url) in servers {
        let Some(place) = Place::of(url) else {
            continue;
        };
        let service = services.iter().find(|one| one.component == component);
        let target = match place.is_secured {
            true => secured.map(|(name, port)| (name.to_owned(), port)),
            false => service.map(|service| (service.name.clone(), service.port)),
        };
        if let Some(target) = target {
            routes.add(&place, &target);
        }
    }
    routes
}

/// Returns the host names that the routes leave to the name server of the cluster. It may not know
/// them: this machine may have them in a file.
pub(super) fn left_names(at: &Endpoints, routes: &Routes) -> BTreeSet<String> {
    let urls = [&at.web, &at.api, &at.files];
    let mut hosts: BTreeSet<String> = urls
        .into_iter()
        .filter_map(|url| Some(Place::of(url)?.host))
        .collect();
    hosts.retain(|host| {
        let is_routed = routes.aliases.iter().any(|(name, _)| name == host);
        !is_routed && host != "localhost" && host.parse::<IpAddr>().is_err()
    });
    hosts
}

/// The parts of a URL.
struct Place {
    host: String,
    port: u16,
    is_secured: bool,
}

impl Place {
    fn of(url: &str) -> Option<Place> {
        let url: http::Uri = url.parse().ok()?;
        let is_secured = url.scheme_str() == Some("https");
        Some(Place {
            host: url.host()?.trim_matches(['[', ']']).to_owned(),
            port: url.port_u16().unwrap_or(if is_secured { 443 } else { 80 }),
            is_secured,
        })
    }
}

impl Routes {
    fn add(&mut self, place: &Place, (service, service_port): &(String, u16)) {
        let listen = match place.host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) if address.is_loopback() => vec![address.to_string()],
            Ok(IpAddr::V6(address)) if address.is_loopback() => vec![format!("[{address}]")],
            Ok(_) => return,
            Err(_) if place.host == "localhost" => vec!["127.0.0.1".into(), "[::1]".into()],
            Err(_) => vec![self.alias(&place.host).to_string()],
        };
        let forwards = listen
            .iter()
            .map(|host| format!("{host}:{}={service}:{service_port}", place.port));
        for forward in forwards {
            // Several names may share the port of an ingress controller.
            if !self.forwards.contains(&forward) {
                self.forwards.push(forward);
            }
        }
    }

    /// Returns the address of a name in the pod. Each name has its own, because the names of an
    /// ingress share a port.
    fn alias(&mut self, name: &str) -> Ipv4Addr {
        let mut known = self.aliases.iter();
        if let Some((_, address)) = known.find(|(known, _)| known == name) {
            return *address;
        }
        let number = u8::try_from(self.aliases.len()).unwrap_or(u8::MAX);
        let address = Ipv4Addr::new(127, 0, 0, number.saturating_add(2));
        self.aliases.push((name.to_owned(), address));
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> Vec<ExposedService> {
        let service = |component, name: &str, port| ExposedService {
            component,
            name: name.to_owned(),
            port,
            node_port: None,
            load_balancer: None,
        };
        vec![
            service(Component::Webserver, "clearml-webserver", 80),
            service(Component::Apiserver, "clearml-apiserver", 8008),
            service(Component::Fileserver, "clearml-fileserver", 8081),
        ]
    }

    fn of(urls: [&str; 3], secured: Secured) -> Routes {
        let [web, api, files] = urls.map(str::to_owned);
        routes(&Endpoints { web, api, files }, &services(), secured)
    }

    #[test]
    fn ports_of_this_machine_lead_to_the_services() {
        let urls = [
            "http://localhost:31080",
            "http://127.0.0.1:31008",
            "http://localhost:31081",
        ];
        let found = of(urls, None);
        assert_eq!(found.aliases, []);
        assert_eq!(
            found.forwards,
            [
                "127.0.0.1:31080=clearml-webserver:80",
                "[::1]:31080=clearml-webserver:80",
                "127.0.0.1:31008=clearml-apiserver:8008",
                "127.0.0.1:31081=clearml-fileserver:8081",
                "[::1]:31081=clearml-fileserver:8081",
            ]
        );
    }

    #[test]
    fn each_host_name_has_its_own_address() {
        let urls = [
            "http://app.corp.test",
            "http://api.corp.test",
            "http://files.corp.test",
        ];
        let found = of(urls, None);
        let names: Vec<&str> = found.aliases.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["app.corp.test", "api.corp.test", "files.corp.test"]);
        assert_eq!(
            found.forwards,
            [
                "127.0.0.2:80=clearml-webserver:80",
                "127.0.0.3:80=clearml-apiserver:8008",
                "127.0.0.4:80=clearml-fileserver:8081",
            ]
        );
    }

    #[test]
    fn tls_needs_the_ingress_controller() {
        let urls = [
            "https://app.corp.test",
            "https://api.corp.test:8443",
            "http://192.168.1.2:30081",
        ];
        assert_eq!(of(urls, None), Routes::default());
        let found = of(urls, Some(("clearml-traefik", 443)));
        assert_eq!(
            found.forwards,
            [
                "127.0.0.2:443=clearml-traefik:443",
                "127.0.0.3:8443=clearml-traefik:443"
            ]
        );
    }

    #[test]
    fn names_that_are_not_routed_are_left_to_the_cluster() {
        let urls = [
            "https://app.corp.test",
            "http://api.corp.test",
            "https://192.168.1.2:30081",
        ];
        let [web, api, files] = urls.map(str::to_owned);
        let at = Endpoints { web, api, files };
        let left = |secured| left_names(&at, &routes(&at, &services(), secured));
        assert_eq!(left(None), BTreeSet::from(["app.corp.test".to_owned()]));
        assert_eq!(left(Some(("clearml-traefik", 443))), BTreeSet::new());
    }
}
