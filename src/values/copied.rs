//! Removes defaults that come from a copy of a chart's own values.yaml: published secrets,
//! memory that the host may not have, empty names and ports, and ingresses that are disabled
//! although there is a controller.

use serde_json::{Value, json};

use super::keys::{self, elasticsearch, ingress};
use super::overrides::Overrides;
use super::{Inputs, layers, published};
use crate::component::Component;

/// Removes such defaults from the user's tree; returns the warnings.
pub(super) fn remove_copied(overrides: &mut Overrides, inputs: &Inputs<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let published = remove_published(&mut overrides.tree);
    if let Some(first) = published.first() {
        let place = overrides.place(&keys::path(first)).unwrap_or_default();
        let what = match published.len() {
            1 => format!("`{first}` is a published value: the instance's own is used instead"),
            count => {
                format!("{count} secrets are published values: the instance's own are used instead")
            }
        };
        warnings.push(format!("{place}: {what}"));
    }
    remove_empty(&mut overrides.tree);
    if layers::enables_ingresses(&overrides.tree, inputs) {
        for (_, site) in ingress::SITES {
            site.enabled.remove(&mut overrides.tree);
        }
    }
    let Some(profile) = inputs.target.profile() else {
        return warnings;
    };
    let resources = profile.resources(Component::Elasticsearch);
    let smaller = resources["limits"]["memory"] != "4Gi";
    if smaller && has_chart_memory(&overrides.tree) {
        elasticsearch::PODS.resources.remove(&mut overrides.tree);
        elasticsearch::ES_JAVA_OPTS.remove(&mut overrides.tree);
        warnings.push(format!(
            "the chart's 4Gi for Elasticsearch is too much for this machine: using {} instead; to \
             use 4Gi, write 4096Mi",
            resources["limits"]["memory"].as_str().unwrap_or_default()
        ));
    }
    warnings
}

/// Removes published secrets; returns their keys. Passwords of external databases are kept,
/// because the instance cannot choose those.
pub(super) fn remove_published(overrides: &mut Value) -> Vec<&'static str> {
    let published: Vec<&str> = keys::all()
        .iter()
        .filter(|key| key.definition.origin.is_generated())
        .filter(|key| published::is(key.definition.at(overrides)))
        .map(|key| key.path.as_str())
        .collect();
    for path in &published {
        keys::remove(overrides, &keys::path(path));
    }
    published
}

/// Removes empty image names, image tags and node ports, so that the defaults apply.
fn remove_empty(overrides: &mut Value) {
    for component in Component::ALL {
        let image = [component.name(), "image"];
        if overrides[image[0]]
            .get(image[1])
            .is_some_and(Value::is_null)
        {
            keys::remove(overrides, &image);
        }
        let pods = keys::pods(component);
        let image = [&pods.image_repository, &pods.image_tag].map(|key| &key.definition);
        let node_port = keys::server(component).map(|server| &server.node_port.definition);
        for key in image.into_iter().chain(node_port) {
            let value = key.at(overrides);
            if value.is_null() || value == "" {
                keys::remove(overrides, &key.steps().collect::<Vec<_>>());
            }
        }
    }
}

/// Whether the memory of Elasticsearch is the default of chart 4.0.0 or of a newer one.
fn has_chart_memory(overrides: &Value) -> bool {
    let of_charts = [
        json!({"requests": {"memory": "4Gi"}, "limits": {"memory": "4Gi"}}),
        json!({
            "requests": {"cpu": "100m", "memory": "2Gi"},
            "limits": {"cpu": "2000m", "memory": "4Gi"},
        }),
    ];
    of_charts.contains(elasticsearch::PODS.resources.at(overrides))
        && elasticsearch::ES_JAVA_OPTS.at(overrides) == "-Xmx2g -Xms2g"
}
