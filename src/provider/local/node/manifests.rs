//! Reads the node's own manifests for its pod network and storage class.

use serde_json::{Value, json};

use super::Error;
use super::spec::{POD_SUBNET, name};
use crate::docker::exec_ok;
use crate::provider::local::Local;
use crate::yaml;

/// Marks a manifest as a template with one field.
const TEMPLATE_MARK: &str = "would you kindly template this file";
/// Marks a manifest whose DaemonSet needs the address of the API server.
const PATCH_MARK: &str = "would you kindly patch this file";

/// Returns the objects of the node's network plug-in.
pub async fn network_objects(local: &Local<'_>) -> Result<Vec<Value>, Error> {
    let node = name(local.name);
    let argv = ["cat", "/kind/manifests/default-cni.yaml"];
    let what = "read the network manifest of the node";
    let text = exec_ok(local.engine(), &node, what, &argv).await?;
    fill_in(&text, &node)
}

pub async fn storage_objects(local: &Local<'_>) -> Result<Vec<Value>, Error> {
    let argv = ["cat", "/kind/manifests/default-storage.yaml"];
    let what = "read the storage manifest of the node";
    let text = exec_ok(local.engine(), &name(local.name), what, &argv).await?;
    Ok(yaml::documents(&text).map_err(|error| ("storage manifest", error))?)
}

fn fill_in(text: &str, node: &str) -> Result<Vec<Value>, Error> {
    let mut filled = text.to_owned();
    if text.contains(TEMPLATE_MARK) {
        for field in ["{{ .PodSubnet }}", "{{.PodSubnet}}"] {
            filled = filled.replace(field, POD_SUBNET);
        }
    }
    let mut objects = yaml::documents(&filled).map_err(|error| ("network manifest", error))?;
    if text.contains(PATCH_MARK) {
        for object in objects.iter_mut().filter(|o| o["kind"] == "DaemonSet") {
            let env = &mut object["spec"]["template"]["spec"]["containers"][0]["env"];
            if env.is_null() {
                *env = json!([]);
            }
            if let Some(env) = env.as_array_mut() {
                let endpoint = format!("{node}:6443");
                env.push(json!({"name": "CONTROL_PLANE_ENDPOINT", "value": endpoint}));
            }
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_manifests_are_filled_in() {
        let text = "# would you kindly template this file\n# would you kindly patch this file\n\
            kind: DaemonSet\nspec: {template: {spec: {containers: [{name: c, env: [{name: POD_SUBNET, value: \"{{ .PodSubnet }}\"}]}]}}}\n";
        let objects = fill_in(text, "demo-control-plane").unwrap();
        let env = &objects[0]["spec"]["template"]["spec"]["containers"][0]["env"];
        assert_eq!(env[0]["value"], "10.244.0.0/16");
        assert_eq!(env[1]["value"], "demo-control-plane:6443");
    }

    #[test]
    fn a_manifest_without_marks_is_not_changed() {
        let objects = fill_in("kind: ServiceAccount\nmetadata: {name: x}\n", "n").unwrap();
        assert_eq!(objects[0]["metadata"]["name"], "x");
    }
}
