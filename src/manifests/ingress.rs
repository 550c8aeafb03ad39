//! The ingresses of the web app, the API server and the file server.

use serde_json::{Value, json};

use super::Inputs;
use crate::component::Component;
use crate::values::Site;

/// Allows artifacts larger than ingress-nginx's default of 1 MB. Other controllers ignore
/// it.
const BODY_SIZE: (&str, &str) = ("nginx.ingress.kubernetes.io/proxy-body-size", "0");

/// Renders an ingress for each server that has a host name.
pub(super) fn objects(inputs: &Inputs<'_>) -> Vec<(Component, Value)> {
    let sites = inputs.values.ingress.sites.all();
    sites
        .map(|(name, site)| {
            let component = match name {
                "app" => Component::Webserver,
                "api" => Component::Apiserver,
                _ => Component::Fileserver,
            };
            (component, object(inputs, name, component, site))
        })
        .collect()
}

fn object(inputs: &Inputs<'_>, name: &str, component: Component, site: &Site) -> Value {
    let values = inputs.values;
    let server = values
        .servers()
        .into_iter()
        .find(|(server, _)| *server == component);
    let port = server.map_or(80, |(_, server)| server.service.port);
    let mut annotations = json!({BODY_SIZE.0: BODY_SIZE.1});
    for (name, value) in &site.annotations {
        annotations[name] = json!(value);
    }
    let backend =
        json!({"service": {"name": values.names.server(component), "port": {"number": port}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let mut spec = json!({"rules": [{"host": site.host, "http": {"paths": [path]}}]});
    if let Some(secret) = &site.tls_secret {
        spec["tls"] = json!([{"hosts": [site.host], "secretName": secret}]);
    }
    if !values.ingress.class.is_empty() {
        spec["ingressClassName"] = json!(values.ingress.class);
    }
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": format!("{}-{name}", values.names.full), "annotations": annotations},
        "spec": spec,
    })
}
