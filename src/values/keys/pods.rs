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
            "Image of {}, without the tag. If empty, the image of the release.",
        )
        .from(Origin::Release);
        image_tag: Option<String> = key(
            "image.tag",
            types::IMAGE_TAG,
            "Image tag of {}. If empty, the tag of the release. It must be the version of the \
             release.",
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
            "Additional environment variables of {}. They replace variables of the same name.",
        );
        pod_annotations: BTreeMap<String, String> = key(
            "podAnnotations",
            types::TEXTS,
            "Annotations of the pods of {}.",
        );
        resources: Value = key(
            "resources",
            types::RESOURCES,
            "Requests and limits of {}.",
        )
        .from(Origin::Profile);
        node_selector: BTreeMap<String, String> = key(
            "nodeSelector",
            types::TEXTS,
            "Labels of the nodes that may run {}.",
        );
        tolerations: Vec<Value> = key(
            "tolerations",
            types::TOLERATIONS,
            "Taints of nodes that {} tolerates.",
        );
        affinity: Value = key(
            "affinity",
            types::AFFINITY,
            "Affinity of the pods of {}.",
        );
    }
}
