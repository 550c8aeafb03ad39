//! Keys of Redis, MongoDB and Elasticsearch.

use serde_json::json;

use super::servers::pods;
use super::{Key, key};
use crate::component::Component;
use crate::values::kind::Kind;

pub(super) fn keys() -> Vec<Key> {
    let mut keys = redis();
    keys.extend(pods(Component::Redis, "Redis"));
    keys.extend(mongodb());
    keys.extend(pods(Component::Mongodb, "MongoDB"));
    keys.extend(elasticsearch());
    keys.extend(pods(Component::Elasticsearch, "Elasticsearch"));
    keys
}

/// Keys of a claim below `prefix`.
fn claim(prefix: &str, what: &str) -> [Key; 4] {
    let path = |name: &str| format!("{prefix}.{name}");
    [
        key(
            path("enabled"),
            Kind::Flag,
            format!(
                "Whether {what} keeps its data in a volume. Without one they are gone with the pod."
            ),
        )
        .default(json!(true)),
        key(
            path("accessModes"),
            Kind::AccessModes,
            format!("How {what}'s volume may be mounted."),
        ),
        key(
            path("size"),
            Kind::Quantity,
            format!("Size of {what}'s claim."),
        ),
        key(
            path("storageClass"),
            Kind::Name,
            format!("Storage class of {what}'s claim; none is the instance's own volume."),
        ),
    ]
}

fn enabled(component: Component, what: &str) -> Key {
    key(
        format!("{component}.enabled"),
        Kind::Flag,
        format!("Whether {what} is installed; `false` where `externalServices` names one outside."),
    )
}

fn extra_flags(component: Component, program: &str) -> Key {
    key(
        format!("{component}.extraFlags"),
        Kind::Arguments,
        format!("Arguments of {program} beside its own."),
    )
}

fn redis() -> Vec<Key> {
    let path = |name: &str| format!("redis.{name}");
    let mut keys = vec![
        enabled(Component::Redis, "Redis"),
        key(
            path("usePassword"),
            Kind::Flag,
            "Whether Redis wants a password, which the servers are then given.",
        ),
        key(
            path("password"),
            Kind::OwnPassword,
            "The password, with `usePassword`; without one it is made for the instance and kept.",
        ),
        key(path("databaseNumber"), Kind::Whole(0..=15), "Number of the database in Redis.")
            .nothing("the server's own configuration decides which databases it uses"),
        key(
            path("master.name"),
            Kind::Template,
            "The host name of Redis that the servers are told.",
        ),
        key(
            path("master.port"),
            Kind::Whole(1..=65535),
            "The port of Redis that the servers are told; Redis' own is `redis.master.service.port`.",
        ),
        key(
            path("master.service.port"),
            Kind::Whole(1..=65535),
            "The port of Redis inside the cluster.",
        )
        .default(json!(6379)),
        key(
            path("cluster.enabled"),
            Kind::Flag,
            "Replicas of Redis beside the master.",
        )
        .refused("the servers write to the master alone and never read from replicas; leave it false, or use a Redis of your own: `redis.enabled: false` and `externalServices.redisHost`"),
        extra_flags(Component::Redis, "redis-server"),
    ];
    keys.extend(claim("redis.master.persistence", "Redis"));
    keys
}

fn mongodb() -> Vec<Key> {
    let path = |name: &str| format!("mongodb.{name}");
    let mut keys = vec![
        enabled(Component::Mongodb, "MongoDB"),
        key(
            path("architecture"),
            Kind::OneOf(&["standalone", "replicaset"]),
            "One MongoDB, or a replica set of `replicaCount` members (server 2.0 and newer).",
        ),
        key(
            path("auth.enabled"),
            Kind::Flag,
            "Whether MongoDB wants a login, which the server is then given (server 2.0 and newer, on empty data).",
        ),
        key(
            path("auth.rootPassword"),
            Kind::OwnPassword,
            "The password of MongoDB's user `root`, with `auth.enabled`; without one it is made for the instance and kept.",
        ),
        key(
            path("replicaCount"),
            Kind::Whole(1..=50),
            "Members of the replica set; a standalone MongoDB is one.",
        ),
        key(
            path("service.name"),
            Kind::Template,
            "The host name of MongoDB that the server is told.",
        ),
        key(
            path("service.type"),
            Kind::OneOf(&["NodePort", "ClusterIP", "LoadBalancer"]),
            "How MongoDB is reached.",
        ),
        key(
            path("service.port"),
            Kind::Whole(1..=65535),
            "The port of MongoDB inside the cluster.",
        ),
        key(
            path("service.portName"),
            Kind::Name,
            "The name of that port.",
        ),
        extra_flags(Component::Mongodb, "mongod"),
    ];
    keys.extend(claim("mongodb.persistence", "MongoDB"));
    keys
}

fn elasticsearch() -> Vec<Key> {
    let path = |name: &str| format!("elasticsearch.{name}");
    let mut keys = vec![
        enabled(Component::Elasticsearch, "Elasticsearch"),
        key(
            path("httpPort"),
            Kind::Whole(1..=65535),
            "The port of Elasticsearch.",
        ),
    ];
    for (role, what) in [
        ("master", "may become master"),
        ("ingest", "run ingest pipelines"),
        ("data", "hold data"),
        ("remote_cluster_client", "may ask other clusters"),
    ] {
        keys.push(key(
            format!("elasticsearch.roles.{role}"),
            Kind::Flag,
            format!("Whether its nodes {what}."),
        ));
    }
    keys.extend([
        key(
            path("replicas"),
            Kind::Whole(1..=50),
            "How many nodes Elasticsearch has.",
        ),
        key(
            path("clusterHealthCheckParams"),
            Kind::Query,
            "What Elasticsearch is asked for before it counts as started.",
        ),
        key(
            path("minimumMasterNodes"),
            Kind::Whole(0..=50),
            "Master nodes that must agree.",
        )
        .nothing("Elasticsearch has not known it since 7.0"),
        key(
            path("clusterName"),
            Kind::Name,
            "Name of the Elasticsearch cluster, with which its objects' names begin.",
        ),
        key(
            path("esJavaOpts"),
            Kind::JavaOptions,
            "Java's options: the heap.",
        ),
        key(
            path("persistence.enabled"),
            Kind::Flag,
            "Whether Elasticsearch keeps its data in a volume. Without one they are gone with the pod.",
        ),
        key(
            path("volumeClaimTemplate.accessModes"),
            Kind::AccessModes,
            "How Elasticsearch's volume may be mounted.",
        ),
        key(
            path("volumeClaimTemplate.storageClassName"),
            Kind::Name,
            "Storage class of Elasticsearch's claim; none is the instance's own volume.",
        ),
        key(
            path("volumeClaimTemplate.resources.requests.storage"),
            Kind::Quantity,
            "Size of Elasticsearch's claim.",
        ),
        key(
            path("esConfig"),
            Kind::Files(&[]),
            "Files of Elasticsearch's folder `config`, such as `elasticsearch.yml`.",
        ),
        key(
            path("imageTag"),
            Kind::ImageTag,
            "The Elastic chart's name for `elasticsearch.image.tag`.",
        ),
    ]);
    keys
}
