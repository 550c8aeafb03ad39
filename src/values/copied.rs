//! What a copy of a chart's own values.yaml says without meaning it: secrets that are
//! published, memory that this machine may not have, names and ports that are empty.

use serde_json::{Value, json};

use super::overrides::Overrides;
use super::{Inputs, keys, published};
use crate::component::Component;

/// Takes out of the user's tree what is not meant; returns the warnings.
pub(super) fn unmeant(overrides: &mut Overrides, inputs: &Inputs<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let published = forget_published(&mut overrides.tree);
    if let Some(first) = published.first() {
        let place = overrides.place(&keys::path(first)).unwrap_or_default();
        let what = match published.len() {
            1 => format!("`{first}` is a published value: the instance's own is used instead"),
            many => {
                format!("{many} secrets are published values: the instance's own are used instead")
            }
        };
        warnings.push(format!("{place}: {what}"));
    }
    forget_empty(&mut overrides.tree);
    let ours = inputs.profile.resources(Component::Elasticsearch);
    let smaller = ours["limits"]["memory"] != "4Gi";
    if smaller && has_the_charts_memory(&overrides.tree) {
        let section = overrides.tree["elasticsearch"].as_object_mut();
        if let Some(section) = section {
            section.shift_remove("resources");
            section.shift_remove("esJavaOpts");
        }
        warnings.push(format!(
            "the chart's 4Gi for Elasticsearch is too much for this machine: using {} instead; to \
             use 4Gi, write 4096Mi",
            ours["limits"]["memory"].as_str().unwrap_or_default()
        ));
    }
    warnings
}

/// Takes out the secrets that everybody knows; returns their keys. The passwords of
/// external databases are what they are.
pub(super) fn forget_published(overrides: &mut Value) -> Vec<&'static str> {
    let published: Vec<&str> = keys::all()
        .iter()
        .filter(|key| key.is_made_if_empty())
        .filter(|key| at(overrides, &key.path).is_some_and(published::is))
        .map(|key| key.path.as_str())
        .collect();
    for path in &published {
        take(overrides, path);
    }
    published
}

/// An image without a name or a tag is the release's, a node port of none the usual one.
fn forget_empty(overrides: &mut Value) {
    for component in Component::ALL {
        let image = format!("{component}.image");
        if at(overrides, &image).is_some_and(Value::is_null) {
            take(overrides, &image);
        }
        for part in ["image.repository", "image.tag", "service.nodePort"] {
            let path = format!("{component}.{part}");
            if keys::find(&path).is_some()
                && at(overrides, &path).is_some_and(|value| value.is_null() || value == "")
            {
                take(overrides, &path);
            }
        }
    }
}

fn take(tree: &mut Value, path: &str) {
    let mut path = keys::path(path);
    let last = path.pop();
    let parent = path
        .into_iter()
        .try_fold(tree, |tree, name| tree.get_mut(name));
    if let (Some(Value::Object(map)), Some(last)) = (parent, last) {
        map.shift_remove(last);
    }
}

fn at<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    keys::path(path)
        .into_iter()
        .try_fold(tree, |tree, name| tree.get(name))
}

/// Elasticsearch's memory as chart 4.0.0 or a newer one has it: a copy of the chart's
/// file carries it without meaning it.
fn has_the_charts_memory(overrides: &Value) -> bool {
    let of_charts = [
        json!({"requests": {"memory": "4Gi"}, "limits": {"memory": "4Gi"}}),
        json!({
            "requests": {"cpu": "100m", "memory": "2Gi"},
            "limits": {"cpu": "2000m", "memory": "4Gi"},
        }),
    ];
    of_charts.contains(&overrides["elasticsearch"]["resources"])
        && overrides["elasticsearch"]["esJavaOpts"] == "-Xmx2g -Xms2g"
}
