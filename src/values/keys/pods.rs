//! Keys that all components have.

use std::collections::BTreeMap;

use serde_json::Value;

use super::key::{Literal, Origin, group, key};
use super::types;

group! {
    /// The pods of a component.
    Pods(section, component) {
        image_repository: Option<String> = key(
            "image.repository",
            types::REPOSITORY,
            "Image of the {}, without its tag. If empty, the release's.",
        )
        .from(Origin::Release);
        image_tag: Option<String> = key(
            "image.tag",
            types::IMAGE_TAG,
            "Tag of the {}'s image. If empty, the release's. Another version than the release's is refused.",
        )
        .from(Origin::Release);
        image_pull_policy: String = key(
            "image.pullPolicy",
            types::one_of(&["Always", "IfNotPresent", "Never"]),
            "When Kubernetes pulls the image.",
        )
        .default(Literal::Text("IfNotPresent"));
        extra_envs: Vec<Value> = key(
            "extraEnvs",
            types::ENVIRONMENT,
            "Additional environment variables of the {}. A variable of the same name is replaced.",
        );
        pod_annotations: BTreeMap<String, String> = key(
            "podAnnotations",
            types::TEXTS,
            "Annotations of the {}'s pods.",
        );
        resources: Value = key(
            "resources",
            types::RESOURCES,
            "Requests and limits of the {}.",
        )
        .from(Origin::Profile);
        node_selector: BTreeMap<String, String> = key(
            "nodeSelector",
            types::TEXTS,
            "Labels of the nodes that may run the {}.",
        );
        tolerations: Vec<Value> = key(
            "tolerations",
            types::TOLERATIONS,
            "Taints of nodes that the {} tolerates.",
        );
        affinity: Value = key(
            "affinity",
            types::AFFINITY,
            "Affinity of the {}'s pods.",
        );
    }
}
