//! Keys of the cluster: names, registry, ingress, secrets and external services.

use serde_json::{Value, json};

use super::*;

pub fn rows() -> Vec<Row> {
    let mut rows = cluster();
    rows.extend(ingress());
    rows.extend(external());
    rows
}

fn login(entry: &Value) -> Value {
    json!(json!({"auths": entry}).to_string())
}

fn cluster() -> Vec<Row> {
    let entry = |user: &str, password: &str, auth: &str, email: &str| json!({"username": user, "password": password, "auth": auth, "email": email});
    vec![
        change(
            &["nameOverride=hub"],
            "Service/clearml-hub-apiserver",
            "/spec/selector/app.kubernetes.io~1name",
            json!("hub"),
        ),
        change(
            &["fullnameOverride=ours"],
            "Service/ours-apiserver",
            "/kind",
            json!("Service"),
        ),
        pod(
            &["imageCredentials.enabled=true"],
            API,
            "/spec/imagePullSecrets/0/name",
            json!("clearml-registry"),
        ),
        pod(
            &[
                "imageCredentials.enabled=true",
                "imageCredentials.existingSecret=mine",
            ],
            API,
            "/spec/imagePullSecrets/0/name",
            json!("mine"),
        ),
        change(
            &[
                "imageCredentials.enabled=true,imageCredentials.username=me",
                "imageCredentials.registry=r.example.com",
            ],
            REGISTRY,
            "/stringData/.dockerconfigjson",
            login(&json!({"r.example.com": entry("me", "pwd", "bWU6cHdk", "someone@host.com")})),
        ),
        change(
            &[
                "imageCredentials.enabled=true",
                "imageCredentials.username=me",
            ],
            REGISTRY,
            "/stringData/.dockerconfigjson",
            login(
                &json!({"https://index.docker.io/v1/": entry("me", "pwd", "bWU6cHdk", "someone@host.com")}),
            ),
        ),
        change(
            &[
                "imageCredentials.enabled=true",
                "imageCredentials.password=word",
            ],
            REGISTRY,
            "/stringData/.dockerconfigjson",
            login(
                &json!({"https://index.docker.io/v1/": entry("someone", "word", "c29tZW9uZTp3b3Jk", "someone@host.com")}),
            ),
        ),
        change(
            &[
                "imageCredentials.enabled=true,imageCredentials.username=me",
                "imageCredentials.email=me@example.com",
            ],
            REGISTRY,
            "/stringData/.dockerconfigjson",
            login(
                &json!({"https://index.docker.io/v1/": entry("me", "pwd", "bWU6cHdk", "me@example.com")}),
            ),
        ),
        env(
            &["clearml.defaultCompany=company1"],
            "CLEARML__APISERVER__DEFAULT_COMPANY",
            json!("company1"),
        ),
        change(
            &["secret.httpSession=abcdefghijklmnopqrstuv"],
            CONF,
            "/stringData/http_session",
            json!("abcdefghijklmnopqrstuv"),
        ),
        change(
            &["secret.authToken=abcdefghijklmnopqrstuv"],
            CONF,
            "/stringData/auth_token",
            json!("abcdefghijklmnopqrstuv"),
        ),
        change(
            &["secret.credentials.apiserver.accessKey=abcdefghijklmnopqrstuv"],
            CONF,
            "/stringData/apiserver_key",
            json!("abcdefghijklmnopqrstuv"),
        ),
        change(
            &["secret.credentials.apiserver.secretKey=abcdefghijklmnopqrstuv"],
            CONF,
            "/stringData/apiserver_secret",
            json!("abcdefghijklmnopqrstuv"),
        ),
        change(
            &["secret.credentials.tests.accessKey=abcdefghijklmnopqrstuv"],
            CONF,
            "/stringData/tests_user_key",
            json!("abcdefghijklmnopqrstuv"),
        ),
        change(
            &["secret.credentials.tests.secretKey=abcdefghijklmnopqrstuv"],
            CONF,
            "/stringData/tests_user_secret",
            json!("abcdefghijklmnopqrstuv"),
        ),
    ]
}

fn ingress() -> Vec<Row> {
    const APP: &str = "Ingress/clearml-app";
    const APIS: &str = "Ingress/clearml-api";
    const FILES: &str = "Ingress/clearml-files";
    let root_only = "works only at `/`";
    vec![
        row(&["ingress.name=mine"], Effect::Nothing),
        change(
            &["ingress.app.enabled=true", "ingress.annotations.a=b"],
            APP,
            "/metadata/annotations/a",
            json!("b"),
        ),
        change(
            &["ingress.app.enabled=true", "ingress.className=nginx"],
            APP,
            "/spec/ingressClassName",
            json!("nginx"),
        ),
        change(
            &["ingress.app.enabled=true"],
            APP,
            "/spec/rules/0/host",
            json!("app.clearml.127-0-0-1.nip.io"),
        ),
        change(
            &["ingress.api.enabled=true"],
            APIS,
            "/spec/rules/0/host",
            json!("api.clearml.127-0-0-1.nip.io"),
        ),
        change(
            &["ingress.files.enabled=true"],
            FILES,
            "/spec/rules/0/host",
            json!("files.clearml.127-0-0-1.nip.io"),
        ),
        change(
            &[
                "ingress.app.enabled=true",
                "ingress.app.hostName=app.example.com",
            ],
            APP,
            "/spec/rules/0/host",
            json!("app.example.com"),
        ),
        change(
            &[
                "ingress.api.enabled=true",
                "ingress.api.hostName=api.example.com",
            ],
            APIS,
            "/spec/rules/0/host",
            json!("api.example.com"),
        ),
        change(
            &[
                "ingress.files.enabled=true",
                "ingress.files.hostName=files.example.com",
            ],
            FILES,
            "/spec/rules/0/host",
            json!("files.example.com"),
        ),
        change(
            &["ingress.app.enabled=true", "ingress.app.tlsSecretName=cert"],
            APP,
            "/spec/tls/0/secretName",
            json!("cert"),
        ),
        change(
            &["ingress.api.enabled=true", "ingress.api.tlsSecretName=cert"],
            APIS,
            "/spec/tls/0/secretName",
            json!("cert"),
        ),
        change(
            &[
                "ingress.files.enabled=true",
                "ingress.files.tlsSecretName=cert",
            ],
            FILES,
            "/spec/tls/0/secretName",
            json!("cert"),
        ),
        change(
            &[
                "ingress.app.enabled=true,ingress.annotations.a=b",
                "ingress.app.annotations.a=c",
            ],
            APP,
            "/metadata/annotations/a",
            json!("c"),
        ),
        change(
            &["ingress.api.enabled=true", "ingress.api.annotations.a=c"],
            APIS,
            "/metadata/annotations/a",
            json!("c"),
        ),
        change(
            &[
                "ingress.files.enabled=true",
                "ingress.files.annotations.a=c",
            ],
            FILES,
            "/metadata/annotations/a",
            json!("c"),
        ),
        row(&["ingress.app.path=/app"], Effect::Rejected(root_only)),
        row(&["ingress.api.path=/api"], Effect::Rejected(root_only)),
        row(&["ingress.files.path=/files"], Effect::Rejected(root_only)),
    ]
}

fn external() -> Vec<Row> {
    const EXTERNAL_ELASTICSEARCH: &str =
        "elasticsearch.enabled=false,externalServices.elasticsearchHost=e.example.com";
    const EXTERNAL_MONGODB: &str =
        "mongodb.enabled=false,externalServices.mongodbHost=m.example.com";
    const EXTERNAL_REDIS: &str = "redis.enabled=false,externalServices.redisHost=r.example.com";
    let path = "/spec/containers/clearml/env";
    vec![
        env(
            &[
                "elasticsearch.enabled=false",
                "externalServices.elasticsearchHost=e.example.com",
            ],
            "CLEARML_ELASTIC_SERVICE_HOST",
            json!("e.example.com"),
        ),
        env(
            &[
                "mongodb.enabled=false",
                "externalServices.mongodbHost=m.example.com",
            ],
            "CLEARML_MONGODB_SERVICE_HOST",
            json!("m.example.com"),
        ),
        env(
            &[
                "redis.enabled=false",
                "externalServices.redisHost=r.example.com",
            ],
            "CLEARML_REDIS_SERVICE_HOST",
            json!("r.example.com"),
        ),
        env(
            &[
                EXTERNAL_ELASTICSEARCH,
                "externalServices.elasticsearchPort=9201",
            ],
            "CLEARML_ELASTIC_SERVICE_PORT",
            json!("9201"),
        ),
        env(
            &[EXTERNAL_MONGODB, "externalServices.mongodbPort=27018"],
            "CLEARML_MONGODB_SERVICE_PORT",
            json!("27018"),
        ),
        env(
            &[EXTERNAL_REDIS, "externalServices.redisPort=6380"],
            "CLEARML_REDIS_SERVICE_PORT",
            json!("6380"),
        ),
        change(
            &[
                "externalServices.elasticsearchHost=e.example.com",
                "elasticsearch.enabled=false",
            ],
            ELASTIC,
            "/kind",
            Value::Null,
        ),
        change(
            &[
                "externalServices.mongodbHost=m.example.com",
                "mongodb.enabled=false",
            ],
            MONGODB,
            "/kind",
            Value::Null,
        ),
        change(
            &[
                "externalServices.redisHost=r.example.com",
                "redis.enabled=false",
            ],
            REDIS,
            "/kind",
            Value::Null,
        ),
        pod(
            &[EXTERNAL_REDIS, "externalServices.existingSecret=mine"],
            API,
            &format!("{path}/CLEARML_REDIS_SERVICE_PASSWORD/valueFrom/secretKeyRef/name"),
            json!("mine"),
        ),
        change(
            &[
                EXTERNAL_ELASTICSEARCH,
                "externalServices.elasticsearchPassword=p",
                "externalServices.elasticsearchUsername=u",
            ],
            EXTERNAL,
            "/stringData/elasticsearch_username",
            json!("u"),
        ),
        change(
            &[
                EXTERNAL_ELASTICSEARCH,
                "externalServices.elasticsearchUsername=u",
                "externalServices.elasticsearchPassword=p",
            ],
            EXTERNAL,
            "/stringData/elasticsearch_password",
            json!("p"),
        ),
        change(
            &[
                EXTERNAL_MONGODB,
                "externalServices.mongodbPassword=p",
                "externalServices.mongodbUsername=u",
            ],
            EXTERNAL,
            "/stringData/mongodb_username",
            json!("u"),
        )
        .in_release("2.3"),
        change(
            &[
                EXTERNAL_MONGODB,
                "externalServices.mongodbUsername=u",
                "externalServices.mongodbPassword=p",
            ],
            EXTERNAL,
            "/stringData/mongodb_password",
            json!("p"),
        )
        .in_release("2.3"),
        env(
            &[
                EXTERNAL_MONGODB,
                "externalServices.mongodbUsername=u,externalServices.mongodbPassword=p",
                "externalServices.mongodbQuery=authSource=clearml",
            ],
            "CLEARML_MONGODB_SERVICE_QUERY",
            json!("authSource=clearml"),
        )
        .in_release("2.3"),
        change(
            &[EXTERNAL_REDIS, "externalServices.redisPassword=p"],
            EXTERNAL,
            "/stringData/redis_password",
            json!("p"),
        ),
    ]
}
