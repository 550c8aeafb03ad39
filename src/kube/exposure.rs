//! How the servers are exposed: their services and ingresses, and the addresses of nodes.

use std::collections::BTreeSet;

use ::kube::Api;
use ::kube::api::ListParams;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::networking::v1::Ingress;

use super::calls::with_retries;
use super::{COMPONENT_LABEL, Cluster, Error, INSTANCE_LABEL};
use crate::component::Component;

/// How the servers of an instance can be reached, as the cluster says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Exposure {
    pub(crate) services: Vec<ExposedService>,
    pub(crate) routes: Vec<Route>,
    /// The addresses of the nodes, those for other networks first; empty if reading nodes is
    /// not allowed.
    pub(crate) nodes: Vec<String>,
}

/// The service of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExposedService {
    pub(crate) component: Component,
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) node_port: Option<u16>,
    /// The address of the load balancer, once it has one.
    pub(crate) load_balancer: Option<String>,
}

/// A host name that an ingress routes to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) host: String,
    pub(crate) tls: bool,
    pub(crate) service: String,
}

impl Cluster {
    /// Reads how the servers of the namespace are exposed.
    pub(crate) async fn exposure(&self) -> Result<Exposure, Error> {
        let labelled = ListParams::default().labels(COMPONENT_LABEL);
        let all = ListParams::default();
        let services: Api<Service> = self.namespaced();
        let ingresses: Api<Ingress> = self.namespaced();
        let nodes: Api<Node> = Api::all(self.client());
        let (services, ingresses, nodes) = tokio::try_join!(
            with_retries("list services", || services.list(&labelled)),
            with_retries("list ingresses", || ingresses.list(&all)),
            async {
                match with_retries("list nodes", || nodes.list(&all)).await {
                    Ok(nodes) => Ok(nodes.items),
                    Err(Error::Refused { status: 403, .. }) => Ok(Vec::new()),
                    Err(error) => Err(error),
                }
            },
        )?;
        Ok(Exposure {
            services: services.items.iter().filter_map(exposed_service).collect(),
            routes: ingresses.items.iter().flat_map(routes).collect(),
            nodes: addresses(&nodes),
        })
    }
}

impl Cluster {
    /// Returns the names of the Secrets with the certificates of the ingresses, each once.
    pub(crate) async fn tls_secrets(&self) -> Result<BTreeSet<String>, Error> {
        let ingresses: Api<Ingress> = self.namespaced();
        let all = ListParams::default().labels(INSTANCE_LABEL);
        let found = with_retries("list ingresses", || ingresses.list(&all)).await?;
        let specs = found.items.into_iter().filter_map(|ingress| ingress.spec);
        let tls = specs.flat_map(|spec| spec.tls.unwrap_or_default());
        Ok(tls.filter_map(|tls| tls.secret_name).collect())
    }
}

fn exposed_service(service: &Service) -> Option<ExposedService> {
    let labels = service.metadata.labels.as_ref()?;
    let component = Component::from_name(labels.get(COMPONENT_LABEL)?)?;
    let spec = service.spec.as_ref()?;
    let port = spec.ports.as_ref()?.first()?;
    let status = service.status.as_ref();
    let balancer = status.and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
    let balancer = balancer.and_then(|all| all.first());
    Some(ExposedService {
        component,
        name: service.metadata.name.clone()?,
        port: port.port.try_into().ok()?,
        node_port: port.node_port.and_then(|port| port.try_into().ok()),
        load_balancer: balancer.and_then(|one| one.hostname.clone().or(one.ip.clone())),
    })
}

fn routes(ingress: &Ingress) -> Vec<Route> {
    let Some(spec) = &ingress.spec else {
        return Vec::new();
    };
    let tls = spec.tls.iter().flatten();
    let secured: Vec<&String> = tls.flat_map(|tls| tls.hosts.iter().flatten()).collect();
    let mut routes = Vec::new();
    for rule in spec.rules.iter().flatten() {
        let Some(host) = &rule.host else { continue };
        for path in rule.http.iter().flat_map(|http| &http.paths) {
            if let Some(service) = &path.backend.service {
                routes.push(Route {
                    host: host.clone(),
                    tls: secured.contains(&host),
                    service: service.name.clone(),
                });
            }
        }
    }
    routes
}

fn addresses(nodes: &[Node]) -> Vec<String> {
    let of_type = |wanted: &'static str| {
        let statuses = nodes.iter().filter_map(|node| node.status.as_ref());
        let addresses = statuses.flat_map(|status| status.addresses.iter().flatten());
        addresses
            .filter(move |address| address.type_ == wanted)
            .map(|address| address.address.clone())
    };
    of_type("ExternalIP").chain(of_type("InternalIP")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kube::mock::{Request, cluster, refusal};

    fn answer(request: &Request) -> (u16, Value) {
        let list = |kind: &str, items: Value| {
            (
                200,
                json!({"kind": kind, "apiVersion": "v1", "metadata": {}, "items": items}),
            )
        };
        match request.path.split('?').next().unwrap() {
            "/api/v1/namespaces/clearml/services" => list(
                "ServiceList",
                json!([{
                    "metadata": {"name": "clearml-webserver", "labels": {COMPONENT_LABEL: "webserver"}},
                    "spec": {"ports": [{"port": 8080, "nodePort": 30080}]},
                    "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}},
                }]),
            ),
            path if path.ends_with("/ingresses") => list(
                "IngressList",
                json!([{"metadata": {"name": "app"}, "spec": {
                    "tls": [{"hosts": ["app.corp.test"], "secretName": "tls"}],
                    "rules": [{"host": "app.corp.test", "http": {"paths": [{
                        "path": "/", "pathType": "Prefix",
                        "backend": {"service": {"name": "clearml-webserver", "port": {"number": 8080}}},
                    }]}}],
                }}]),
            ),
            _ => refusal(403, "Forbidden", "nodes is forbidden"),
        }
    }

    #[tokio::test]
    async fn reads_services_and_routes_and_does_without_nodes() {
        let (cluster, _) = cluster(answer);
        let exposure = cluster.exposure().await.unwrap();
        assert_eq!(
            exposure.services,
            [ExposedService {
                component: Component::Webserver,
                name: "clearml-webserver".into(),
                port: 8080,
                node_port: Some(30080),
                load_balancer: Some("192.0.2.9".into()),
            }]
        );
        assert_eq!(
            exposure.routes,
            [Route {
                host: "app.corp.test".into(),
                tls: true,
                service: "clearml-webserver".into(),
            }]
        );
        assert!(exposure.nodes.is_empty());
    }
}
