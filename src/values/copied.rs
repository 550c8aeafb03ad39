//! What a copy of the chart's own values.yaml says without meaning it: secrets that
//! are published, and memory that this machine may not have.

use serde_json::{Value, json};

use super::{Inputs, keys};
use crate::component::Component;

/// Takes out of the user's tree what is not meant; returns what to say of it.
pub(super) fn unmeant(said: &mut Value, inputs: &Inputs<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    match &forget_published(said)[..] {
        [] => {}
        [one] => warnings.push(format!(
            "`{one}` is the chart's own, which is published: the instance's own is used instead"
        )),
        many => warnings.push(format!(
            "{} secrets are the chart's own, which are published: the instance's own are used instead",
            many.len()
        )),
    }
    let ours = inputs.profile.resources(Component::Elasticsearch);
    let smaller = ours["limits"]["memory"] != "4Gi";
    if smaller && says_the_charts_memory(said) {
        let section = said["elasticsearch"].as_object_mut();
        if let Some(section) = section {
            section.shift_remove("resources");
            section.shift_remove("esJavaOpts");
        }
        warnings.push(format!(
            "the chart's 4Gi for Elasticsearch are those of another machine: {} are used, as fits this one; to have yours, write 4096Mi",
            ours["limits"]["memory"].as_str().unwrap_or_default()
        ));
    }
    warnings
}

/// Takes out the secrets that are the chart's own; returns their keys.
pub(super) fn forget_published(said: &mut Value) -> Vec<&'static str> {
    let published: Vec<&str> = keys::all()
        .iter()
        .filter(|key| key.path.starts_with("secret."))
        .filter(|key| at(said, &key.path).is_some_and(|said| key.chart == Some(said)))
        .map(|key| key.path.as_str())
        .collect();
    for path in &published {
        take(said, path);
    }
    published
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

/// Elasticsearch's memory as the chart has it: a copy of the chart's file carries it
/// without meaning it.
fn says_the_charts_memory(said: &Value) -> bool {
    said["elasticsearch"]["resources"]
        == json!({"requests": {"memory": "4Gi"}, "limits": {"memory": "4Gi"}})
        && said["elasticsearch"]["esJavaOpts"] == "-Xmx2g -Xms2g"
}
