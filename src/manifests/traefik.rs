//! The ingress controller of a local node: Traefik, configured only for ingresses. Other
//! clusters already have a controller.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::labels::CLUSTER_SCOPED;
use super::{Error, Object, templates};
use crate::component::RELEASE_NAME;
use crate::image_ref::ImageRef;
use crate::kube::INSTANCE_LABEL;
use crate::namespace::Namespace;

/// The image of the controller. Pinned to the version in the node of the end-to-end
/// tests, which `tests/rig/traefik` builds from its Go module; later versions need
/// another configuration and other permissions.
pub static IMAGE: LazyLock<ImageRef> = LazyLock::new(|| {
    let image = "traefik:v3.0.4";
    image.parse().expect("the reference is part of the program")
});
/// The class of its ingresses, and of ingresses without a class.
pub const CLASS: &str = "traefik";
/// The name of its service, and of its other objects.
pub const NAME: &str = "clearml-traefik";

/// Renders the objects of the controller. `identity` identifies the content of its image,
/// `node_ports` are for HTTP and HTTPS.
pub fn traefik(
    instance: &str,
    identity: Option<&String>,
    node_ports: [u16; 2],
) -> Result<Vec<Object>, Error> {
    let mut annotations = json!({});
    if let Some(identity) = identity {
        annotations["clearml-local.io/image"] = json!(identity);
    }
    let values = json!({
        "name": NAME,
        "namespace": Namespace::DEFAULT,
        "class": CLASS,
        "image": *IMAGE,
        "annotations": annotations,
        "node_ports": node_ports,
    });
    let mut objects = templates::render("traefik.yaml", &values)?;
    for object in &mut objects {
        label(object, instance);
    }
    Ok(objects.into_iter().map(Object).collect())
}

/// Adds the namespace and labels, including the label that prune selects by.
fn label(object: &mut Value, instance: &str) {
    if !CLUSTER_SCOPED.contains(&object["kind"].as_str().unwrap_or_default()) {
        object["metadata"]["namespace"] = json!(Namespace::DEFAULT);
    }
    let version = IMAGE.tag().map(|tag| tag.trim_start_matches('v'));
    object["metadata"]["labels"] = json!({
        "app.kubernetes.io/name": "traefik",
        "app.kubernetes.io/instance": NAME,
        "app.kubernetes.io/version": version,
        "app.kubernetes.io/part-of": RELEASE_NAME,
        "app.kubernetes.io/managed-by": "clearml-local",
        INSTANCE_LABEL: instance,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::to_yaml;

    #[test]
    fn the_controllers_objects() {
        let identity = "sha256:1".to_owned();
        let objects = traefik("demo", Some(&identity), [30082, 30083]).unwrap();
        insta::assert_snapshot!(to_yaml(&objects, true));
    }
}
