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
                "Keep the data of {what} in a volume. Without one, they are lost when the pod is replaced."
            ),
        )
        .default(json!(true)),
        key(
            path("accessModes"),
            Kind::AccessModes,
            format!("Access modes of {what}'s claim."),
        ),
        key(
            path("size"),
            Kind::Quantity,
            format!("Size of {what}'s claim."),
        ),
        key(
            path("storageClass"),
            Kind::Name,
            format!("Storage class of {what}'s claim. Without one, the claim uses the volume of the instance."),
        ),
    ]
}

fn enabled(component: Component, what: &str) -> Key {
    key(
        format!("{component}.enabled"),
        Kind::Flag,
        format!("Install {what}. Set it to `false` to use an external one (`externalServices`)."),
    )
}

fn extra_flags(component: Component, program: &str) -> Key {
    key(
        format!("{component}.extraFlags"),
        Kind::Arguments,
        format!("Additional arguments of {program}."),
    )
}

fn redis() -> Vec<Key> {
    let path = |name: &str| format!("redis.{name}");
    let mut keys = vec![
        enabled(Component::Redis, "Redis"),
        key(
            path("usePassword"),
            Kind::Flag,
            "Protect Redis with a password. The servers get it too.",
        ),
        key(
            path("password"),
            Kind::OwnPassword,
            "Password of Redis, with `usePassword`. Without one, a password is generated for the instance and kept.",
        ),
        key(path("databaseNumber"), Kind::Whole(0..=15), "Number of the database in Redis.")
            .nothing("the server's own configuration decides which databases it uses"),
        key(
            path("master.name"),
            Kind::Template,
            "Host name of Redis in the configuration of the servers.",
        ),
        key(
            path("master.port"),
            Kind::Whole(1..=65535),
            "Port of Redis in the configuration of the servers. The port of Redis itself is `redis.master.service.port`.",
        ),
        key(
            path("master.service.port"),
            Kind::Whole(1..=65535),
            "Port of Redis inside the cluster.",
        )
        .default(json!(6379)),
        key(
            path("cluster.enabled"),
            Kind::Flag,
            "Run replicas of Redis beside the master.",
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
            "A single MongoDB, or a replica set of `replicaCount` members (server 2.0 and newer).",
        ),
        key(
            path("auth.enabled"),
            Kind::Flag,
            "Protect MongoDB with a password. The servers get it too (server 2.0 and newer, on empty data).",
        ),
        key(
            path("auth.rootPassword"),
            Kind::OwnPassword,
            "Password of MongoDB's user `root`, with `auth.enabled`. Without one, a password is generated for the instance and kept.",
        ),
        key(
            path("replicaCount"),
            Kind::Whole(1..=50),
            "Members of the replica set. A standalone MongoDB has one.",
        ),
        key(
            path("service.name"),
            Kind::Template,
            "Host name of MongoDB in the configuration of the servers.",
        ),
        key(
            path("service.type"),
            Kind::OneOf(&["NodePort", "ClusterIP", "LoadBalancer"]),
            "Type of MongoDB's Service.",
        ),
        key(
            path("service.port"),
            Kind::Whole(1..=65535),
            "Port of MongoDB inside the cluster.",
        ),
        key(path("service.portName"), Kind::Name, "Name of that port."),
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
            "Port of Elasticsearch.",
        ),
    ];
    for (role, what) in [
        ("master", "be elected as master"),
        ("ingest", "run ingest pipelines"),
        ("data", "hold data"),
        ("remote_cluster_client", "connect to other clusters"),
    ] {
        keys.push(key(
            format!("elasticsearch.roles.{role}"),
            Kind::Flag,
            format!("Elasticsearch nodes can {what}."),
        ));
    }
    keys.extend([
        key(
            path("replicas"),
            Kind::Whole(1..=50),
            "Number of Elasticsearch nodes.",
        ),
        key(
            path("clusterHealthCheckParams"),
            Kind::Query,
            "Parameters of the cluster health request that decides whether Elasticsearch has started.",
        ),
        key(
            path("minimumMasterNodes"),
            Kind::Whole(0..=50),
            "Number of master nodes that must agree.",
        )
        .nothing("Elasticsearch has not known it since 7.0"),
        key(
            path("clusterName"),
            Kind::Name,
            "Name of the Elasticsearch cluster, and prefix of the names of its objects.",
        ),
        key(
            path("esJavaOpts"),
            Kind::JavaOptions,
            "Options of Java, such as the heap.",
        ),
        key(
            path("persistence.enabled"),
            Kind::Flag,
            "Keep the data of Elasticsearch in a volume. Without one, they are lost when the pod is replaced.",
        ),
        key(
            path("volumeClaimTemplate.accessModes"),
            Kind::AccessModes,
            "Access modes of Elasticsearch's claim.",
        ),
        key(
            path("volumeClaimTemplate.storageClassName"),
            Kind::Name,
            "Storage class of Elasticsearch's claim. Without one, the claim uses the volume of the instance.",
        ),
        key(
            path("volumeClaimTemplate.resources.requests.storage"),
            Kind::Quantity,
            "Size of Elasticsearch's claim.",
        ),
        key(
            path("esConfig"),
            Kind::Files(&[]),
            "Files in Elasticsearch's directory `config`, such as `elasticsearch.yml`.",
        ),
        key(
            path("imageTag"),
            Kind::ImageTag,
            "The Elastic chart's name for `elasticsearch.image.tag`.",
        ),
    ]);
    keys
}
