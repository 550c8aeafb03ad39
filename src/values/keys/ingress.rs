//! Keys below `ingress`.

use std::collections::BTreeMap;

use super::Definition;
use super::key::{group, key, keys, switch};
use super::types;

keys! {
    NAME: String = key("ingress.name", types::TEXT, "Name of the ingress.")
        .no_effect("the chart names its ingresses by component");
    ANNOTATIONS: BTreeMap<String, String> = key(
        "ingress.annotations",
        types::TEXTS,
        "Annotations of all three ingresses. Those of a single ingress take precedence.",
    );
    CLASS_NAME: String = key(
        "ingress.className",
        types::NAME,
        "Class of the ingresses, which selects the controller. Without one, the default class of the cluster.",
    );
}

group! {
    /// The ingress of one server.
    Site(section, server) {
        enabled: bool = switch("enabled", "Create an ingress for the {}.");
        host_name: String = key(
            "hostName",
            types::INGRESS_HOST,
            "Host name of the {}. The web app finds the other two servers if the names are `app.`, `api.` and `files.` of one domain.",
        );
        tls_secret_name: Option<String> = key(
            "tlsSecretName",
            types::NAME.optional(),
            "Secret of type kubernetes.io/tls with the certificate of the {}. With one, its URL is https.",
        );
        annotations: BTreeMap<String, String> = key(
            "annotations",
            types::TEXTS,
            "Annotations of the ingress of the {} only.",
        );
        path: String = key(
            "path",
            types::ROOT_PATH,
            "Path of the ingress. It must be `/`: the web app does not work below another path.",
        );
    }
}

pub(in crate::values) static APP: Site = Site::new("ingress.app", "web app");
pub(in crate::values) static API: Site = Site::new("ingress.api", "API server");
pub(in crate::values) static FILES: Site = Site::new("ingress.files", "file server");

/// The ingresses by their names in the values.
pub(in crate::values) static SITES: [(&str, &Site); 3] =
    [("app", &APP), ("api", &API), ("files", &FILES)];

pub(super) fn all() -> Vec<&'static Definition> {
    [ALL.to_vec(), APP.all(), API.all(), FILES.all()].concat()
}
