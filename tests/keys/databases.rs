//! Keys of Redis, MongoDB and Elasticsearch.

use serde_json::{Value, json};

use super::servers::pods;
use super::*;

/// Returns the keys of a claim with this prefix.
fn claim(prefix: &str, claim: &str) -> Vec<Row> {
    let one = |set: &str, pointer: &str, value: Value| {
        change(&[&format!("{prefix}.{set}")], claim, pointer, value)
    };
    vec![
        one("enabled=false", "/kind", Value::Null),
        one(
            "accessModes={ReadWriteMany}",
            "/spec/accessModes/0",
            json!("ReadWriteMany"),
        ),
        one("size=7Gi", "/spec/resources/requests/storage", json!("7Gi")),
        one("storageClass=fast", "/spec/storageClassName", json!("fast")),
    ]
}

pub fn rows() -> Vec<Row> {
    let mut rows = redis();
    rows.extend(mongodb());
    rows.extend(elasticsearch());
    rows
}

fn redis() -> Vec<Row> {
    let mut rows = pods("redis", REDIS, "redis", ("redis", "6.2"));
    rows.extend(claim("redis.master.persistence", REDIS_CLAIM));
    rows.extend([
        pod(
            &["redis.usePassword=true"],
            REDIS,
            "/spec/containers/redis/env/0/name",
            json!("REDISCLI_AUTH"),
        ),
        change(
            &["redis.usePassword=true", "redis.password=word"],
            CONF,
            "/stringData/redis_password",
            json!("word"),
        ),
        row(&["redis.databaseNumber=3"], Effect::Nothing),
        env(
            &["redis.master.name=\\{\\{ .Release.Name \\}\\}-other"],
            "CLEARML_REDIS_SERVICE_HOST",
            json!("clearml-other"),
        ),
        env(
            &["redis.master.service.port=6380", "redis.master.port=6380"],
            "CLEARML_REDIS_SERVICE_PORT",
            json!("6380"),
        ),
        change(
            &["redis.master.port=6380", "redis.master.service.port=6380"],
            "Service/clearml-redis-master",
            "/spec/ports/0/port",
            json!(6380),
        ),
        row(
            &["redis.cluster.enabled=true"],
            Effect::Rejected("an external Redis"),
        ),
        pod(
            &["redis.extraFlags={--maxmemory,1gb}"],
            REDIS,
            "/spec/containers/redis/args/7",
            json!("1gb"),
        ),
    ]);
    rows
}

fn mongodb() -> Vec<Row> {
    const SET: &str = "StatefulSet/clearml-mongodb";
    const SERVICE: &str = "Service/clearml-mongodb";
    let mut rows = pods("mongodb", MONGODB, "mongodb", ("mongo", "4.4.29"));
    rows.extend(claim("mongodb.persistence", MONGODB_CLAIM));
    rows.extend([
        change(
            &["mongodb.architecture=replicaset"],
            SET,
            "/kind",
            json!("StatefulSet"),
        )
        .in_release("2.3"),
        pod(
            &["mongodb.auth.enabled=true"],
            MONGODB,
            "/spec/containers/mongodb/env/MONGO_INITDB_ROOT_USERNAME/value",
            json!("root"),
        )
        .in_release("2.3"),
        change(
            &[
                "mongodb.auth.enabled=true",
                "mongodb.auth.rootPassword=word",
            ],
            CONF,
            "/stringData/mongodb_password",
            json!("word"),
        )
        .in_release("2.3"),
        change(
            &["mongodb.architecture=replicaset", "mongodb.replicaCount=3"],
            SET,
            "/spec/replicas",
            json!(3),
        )
        .in_release("2.3"),
        env(
            &["mongodb.service.name=\\{\\{ .Release.Name \\}\\}-other"],
            "CLEARML_MONGODB_SERVICE_HOST",
            json!("clearml-other"),
        ),
        change(
            &["mongodb.service.type=NodePort"],
            SERVICE,
            "/spec/type",
            json!("NodePort"),
        ),
        change(
            &["mongodb.service.port=27018"],
            SERVICE,
            "/spec/ports/0/port",
            json!(27018),
        ),
        change(
            &["mongodb.service.portName=db"],
            SERVICE,
            "/spec/ports/0/name",
            json!("db"),
        ),
        pod(
            &["mongodb.extraFlags={--quiet}"],
            MONGODB,
            "/spec/containers/mongodb/args/3",
            json!("--quiet"),
        ),
    ]);
    rows
}

fn elasticsearch() -> Vec<Row> {
    let in_container = |field: &str| format!("/spec/containers/elasticsearch/{field}");
    let elasticsearch_pod = |set: &str, pointer: &str, value: Value| {
        pod(
            &[&format!("elasticsearch.{set}")],
            ELASTIC,
            &in_container(pointer),
            value,
        )
    };
    let claim = |set: &str, pointer: &str, value: Value| {
        let set = format!("elasticsearch.volumeClaimTemplate.{set}");
        change(&[&set], ELASTIC_CLAIM, pointer, value)
    };
    let image = ("docker.elastic.co/elasticsearch/elasticsearch", "7.17.29");
    let mut rows = pods("elasticsearch", ELASTIC, "elasticsearch", image);
    rows.extend([
        env(
            &["elasticsearch.httpPort=9201"],
            "CLEARML_ELASTIC_SERVICE_PORT",
            json!("9201"),
        ),
        row(
            &["elasticsearch.roles.master=false"],
            Effect::Rejected("no node becomes master"),
        ),
        row(
            &["elasticsearch.roles.data=false"],
            Effect::Rejected("no node holds data"),
        ),
        elasticsearch_pod(
            "roles.ingest=false",
            "env/node.roles/value",
            json!("master,data,remote_cluster_client"),
        ),
        elasticsearch_pod(
            "roles.remote_cluster_client=false",
            "env/node.roles/value",
            json!("master,ingest,data"),
        ),
        change(
            &["elasticsearch.replicas=3"],
            ELASTIC,
            "/spec/replicas",
            json!(3),
        ),
        elasticsearch_pod(
            "clusterHealthCheckParams=wait_for_status=green",
            "startupProbe/httpGet/path",
            json!("/_cluster/health?wait_for_status=green"),
        ),
        row(&["elasticsearch.minimumMasterNodes=2"], Effect::Nothing),
        change(
            &["elasticsearch.clusterName=search"],
            "StatefulSet/search-master",
            "/kind",
            json!("StatefulSet"),
        ),
        elasticsearch_pod(
            "esJavaOpts=-Xmx256m",
            "env/ES_JAVA_OPTS/value",
            json!("-Xmx256m"),
        ),
        elasticsearch_pod(
            "resources.requests.memory=600Mi",
            "resources/requests/memory",
            json!("600Mi"),
        ),
        elasticsearch_pod(
            "resources.limits.memory=3Gi",
            "resources/limits/memory",
            json!("3Gi"),
        )
        // Nothing adjusts the chart's request there.
        .with_effect_on_cluster(Effect::Rejected("is above its limit of 3Gi")),
        change(
            &["elasticsearch.persistence.enabled=false"],
            ELASTIC_CLAIM,
            "/kind",
            Value::Null,
        ),
        claim(
            "accessModes={ReadWriteMany}",
            "/spec/accessModes/0",
            json!("ReadWriteMany"),
        ),
        claim(
            "storageClassName=fast",
            "/spec/storageClassName",
            json!("fast"),
        ),
        claim(
            "resources.requests.storage=7Gi",
            "/spec/resources/requests/storage",
            json!("7Gi"),
        ),
        change(
            &["elasticsearch.esConfig.elasticsearch\\.yml=a: b"],
            "ConfigMap/clearml-elastic-master-config",
            "/data/elasticsearch.yml",
            json!("a: b"),
        ),
        elasticsearch_pod(
            "imageTag=our-build",
            "image",
            json!(format!("{}:our-build", image.0)),
        ),
    ]);
    rows
}
