//! Keys below `elasticsearch`.

use std::collections::BTreeMap;

use super::Definition;
use super::database::enabled;
use super::key::{Origin, key, keys, switch};
use super::pods::Pods;
use super::types;

keys! {
    ENABLED: bool = enabled("elasticsearch.enabled", "Elasticsearch");
    HTTP_PORT: u16 = key("elasticsearch.httpPort", types::PORT, "Port of Elasticsearch.");
    ROLE_MASTER: bool = key(
        "elasticsearch.roles.master",
        types::FLAG,
        "Elasticsearch nodes can be elected as master.",
    );
    ROLE_INGEST: bool = key(
        "elasticsearch.roles.ingest",
        types::FLAG,
        "Elasticsearch nodes can run ingest pipelines.",
    );
    ROLE_DATA: bool = key(
        "elasticsearch.roles.data",
        types::FLAG,
        "Elasticsearch nodes can hold data.",
    );
    ROLE_REMOTE_CLUSTER_CLIENT: bool = key(
        "elasticsearch.roles.remote_cluster_client",
        types::FLAG,
        "Elasticsearch nodes can connect to other clusters.",
    );
    REPLICAS: u32 = key(
        "elasticsearch.replicas",
        types::count(1..=50),
        "Number of Elasticsearch nodes.",
    );
    CLUSTER_HEALTH_CHECK_PARAMS: String = key(
        "elasticsearch.clusterHealthCheckParams",
        types::QUERY,
        "Parameters of the cluster health request that decides whether Elasticsearch has started.",
    );
    MINIMUM_MASTER_NODES: u64 = key(
        "elasticsearch.minimumMasterNodes",
        types::whole(0..=50),
        "Number of master nodes that must agree.",
    )
    .no_effect("Elasticsearch 7.0 and newer do not use it");
    CLUSTER_NAME: String = key(
        "elasticsearch.clusterName",
        types::NAME,
        "Name of the Elasticsearch cluster, and prefix of the names of its objects.",
    );
    ES_JAVA_OPTS: String = key(
        "elasticsearch.esJavaOpts",
        types::JAVA_OPTIONS,
        "Options of Java, such as the heap.",
    )
    .from(Origin::Profile);
    PERSISTENCE_ENABLED: bool = switch(
        "elasticsearch.persistence.enabled",
        "Keep the data of Elasticsearch in a volume. Without one, they are lost when the pod is replaced.",
    );
    CLAIM_ACCESS_MODES: Vec<String> = key(
        "elasticsearch.volumeClaimTemplate.accessModes",
        types::ACCESS_MODES,
        "Access modes of Elasticsearch's claim.",
    );
    CLAIM_STORAGE_CLASS: String = key(
        "elasticsearch.volumeClaimTemplate.storageClassName",
        types::NAME,
        "Storage class of Elasticsearch's claim. Without one, the claim uses the volume of a local node, or the default class of an existing cluster.",
    );
    CLAIM_SIZE: String = key(
        "elasticsearch.volumeClaimTemplate.resources.requests.storage",
        types::QUANTITY,
        "Size of Elasticsearch's claim.",
    );
    ES_CONFIG: BTreeMap<String, String> = key(
        "elasticsearch.esConfig",
        types::files(&[]),
        "Files in Elasticsearch's directory `config`, such as `elasticsearch.yml`.",
    );
    IMAGE_TAG: Option<String> = key(
        "elasticsearch.imageTag",
        types::IMAGE_TAG,
        "The Elastic chart's name for `elasticsearch.image.tag`.",
    );
}

pub(in crate::values) static PODS: Pods = Pods::new("elasticsearch", "Elasticsearch");

pub(super) fn all() -> Vec<&'static Definition> {
    [ALL.to_vec(), PODS.all()].concat()
}

/// The keys of its claim except `elasticsearch.persistence.enabled`.
pub(super) fn claim() -> Vec<&'static Definition> {
    vec![
        &CLAIM_ACCESS_MODES.definition,
        &CLAIM_STORAGE_CLASS.definition,
        &CLAIM_SIZE.definition,
    ]
}
