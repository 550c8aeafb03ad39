//! The table: for each key what is said, and what it does.

use serde_json::{Value, json};

/// What a key does.
pub enum Does {
    /// In the object `Kind/name`, at that place, this stands then; `None` is nothing.
    Changes(String, String, Option<Value>),
    /// It warns that it has no effect.
    Nothing,
    /// It is refused with these words.
    Refused(&'static str),
}

/// One key.
pub struct Row {
    /// Its full name, or that of something below it.
    pub key: String,
    /// The release with which it acts.
    pub release: &'static str,
    /// What is said; the last is the key's own, the others are what it needs.
    pub sets: Vec<String>,
    /// What comes of it.
    pub does: Does,
}

impl Row {
    fn on(self, release: &'static str) -> Row {
        Row { release, ..self }
    }
}

fn row(sets: &[&str], does: Does) -> Row {
    let last = sets.last().expect("a row says something");
    let key = last.split(['=', '[']).next().unwrap_or_default();
    Row {
        key: key.replace("\\.", "."),
        release: "1.5.0",
        sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        does,
    }
}

fn change(sets: &[&str], object: &str, pointer: &str, value: Value) -> Row {
    let value = Some(value).filter(|value| !value.is_null());
    row(sets, Does::Changes(object.into(), pointer.into(), value))
}

/// What pods of a server or a database run: `/spec/template/spec` stands for `pod`.
fn pod(sets: &[&str], workload: &str, pointer: &str, value: Value) -> Row {
    change(sets, workload, &format!("/spec/template{pointer}"), value)
}

/// A variable of the API server.
fn env(sets: &[&str], name: &str, value: Value) -> Row {
    let pointer = format!("/spec/containers/clearml/env/{name}/value");
    pod(sets, API, &pointer, value)
}

/// What stands for bcrypt of a word.
const HASHED: &str = "JDJiJDEyJGhhc2g=";

const API: &str = "Deployment/clearml-apiserver";
const REDIS: &str = "StatefulSet/clearml-redis-master";
const MONGODB: &str = "Deployment/clearml-mongodb";
const ELASTIC: &str = "StatefulSet/clearml-elastic-master";
const REDIS_CLAIM: &str = "PersistentVolumeClaim/redis-data-clearml-redis-master-0";
const MONGODB_CLAIM: &str = "PersistentVolumeClaim/clearml-mongodb";
const ELASTIC_CLAIM: &str = "PersistentVolumeClaim/clearml-elastic-master-clearml-elastic-master-0";
const FILES_CLAIM: &str = "PersistentVolumeClaim/clearml-fileserver-data";
const CONF: &str = "Secret/clearml-conf";
const OUTSIDE: &str = "Secret/clearml-outside";
const REGISTRY: &str = "Secret/clearml-registry";

/// Every key.
pub fn table() -> Vec<Row> {
    let mut rows = cluster();
    rows.extend(ingress());
    rows.extend(outside());
    rows.extend(api());
    rows.extend(servers());
    rows.extend(databases());
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
    let below_root = "works at `/` alone";
    vec![
        row(&["ingress.name=mine"], Does::Nothing),
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
        row(&["ingress.app.path=/app"], Does::Refused(below_root)),
        row(&["ingress.api.path=/api"], Does::Refused(below_root)),
        row(&["ingress.files.path=/files"], Does::Refused(below_root)),
    ]
}

fn outside() -> Vec<Row> {
    const ELASTIC_OUT: &str =
        "elasticsearch.enabled=false,externalServices.elasticsearchHost=e.example.com";
    const MONGODB_OUT: &str = "mongodb.enabled=false,externalServices.mongodbHost=m.example.com";
    const REDIS_OUT: &str = "redis.enabled=false,externalServices.redisHost=r.example.com";
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
            &[ELASTIC_OUT, "externalServices.elasticsearchPort=9201"],
            "CLEARML_ELASTIC_SERVICE_PORT",
            json!("9201"),
        ),
        env(
            &[MONGODB_OUT, "externalServices.mongodbPort=27018"],
            "CLEARML_MONGODB_SERVICE_PORT",
            json!("27018"),
        ),
        env(
            &[REDIS_OUT, "externalServices.redisPort=6380"],
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
            &[REDIS_OUT, "externalServices.existingSecret=mine"],
            API,
            &format!("{path}/CLEARML_REDIS_SERVICE_PASSWORD/valueFrom/secretKeyRef/name"),
            json!("mine"),
        ),
        change(
            &[
                ELASTIC_OUT,
                "externalServices.elasticsearchPassword=p",
                "externalServices.elasticsearchUsername=u",
            ],
            OUTSIDE,
            "/stringData/elasticsearch_username",
            json!("u"),
        ),
        change(
            &[
                ELASTIC_OUT,
                "externalServices.elasticsearchUsername=u",
                "externalServices.elasticsearchPassword=p",
            ],
            OUTSIDE,
            "/stringData/elasticsearch_password",
            json!("p"),
        ),
        change(
            &[
                MONGODB_OUT,
                "externalServices.mongodbPassword=p",
                "externalServices.mongodbUsername=u",
            ],
            OUTSIDE,
            "/stringData/mongodb_username",
            json!("u"),
        )
        .on("2.3"),
        change(
            &[
                MONGODB_OUT,
                "externalServices.mongodbUsername=u",
                "externalServices.mongodbPassword=p",
            ],
            OUTSIDE,
            "/stringData/mongodb_password",
            json!("p"),
        )
        .on("2.3"),
        env(
            &[
                MONGODB_OUT,
                "externalServices.mongodbUsername=u,externalServices.mongodbPassword=p",
                "externalServices.mongodbQuery=authSource=clearml",
            ],
            "CLEARML_MONGODB_SERVICE_QUERY",
            json!("authSource=clearml"),
        )
        .on("2.3"),
        change(
            &[REDIS_OUT, "externalServices.redisPassword=p"],
            OUTSIDE,
            "/stringData/redis_password",
            json!("p"),
        ),
    ]
}

fn api() -> Vec<Row> {
    const USERS: &str = "apiserver.fixedUsers.users[0].username=me,apiserver.fixedUsers.users[0].password=word,apiserver.fixedUsers.users[0].name=Me";
    const WATCHDOG: &str = "CLEARML__SERVICES__TASKS__NON_RESPONSIVE_TASKS_WATCHDOG__";
    let probe = |which: &str| format!("/spec/containers/clearml/{which}/initialDelaySeconds");
    let fixed = |hashed: bool| {
        let users = json!({"auth": {"fixed_users": {"enabled": true, "pass_hashed": hashed, "users": [
            {"username": "me", "password": if hashed { HASHED } else { "word" }, "name": "Me"}]}}});
        json!(users.to_string())
    };
    vec![
        env(
            &["apiserver.prepopulateEnabled=false"],
            "CLEARML__APISERVER__PRE_POPULATE__ENABLED",
            json!("false"),
        ),
        env(
            &["apiserver.prepopulateZipFiles=/mnt/examples"],
            "CLEARML__APISERVER__PRE_POPULATE__ZIP_FILES",
            json!("/mnt/examples"),
        ),
        row(
            &["apiserver.prepopulateArtifactsPath=/elsewhere"],
            Does::Nothing,
        ),
        row(&["apiserver.configDir=/elsewhere"], Does::Nothing),
        env(
            &["apiserver.authCookiesMaxAge=60"],
            "CLEARML__APISERVER__AUTH__COOKIES__MAX_AGE",
            json!("60"),
        ),
        change(
            &["apiserver.additionalConfigs.services\\.conf=a: 1"],
            "ConfigMap/clearml-apiserver-configmap",
            "/data/services.conf",
            json!("a: 1"),
        ),
        change(
            &[USERS, "apiserver.fixedUsers.enabled=true"],
            "Secret/clearml-fixed-users",
            "/stringData/apiserver.conf",
            fixed(false),
        ),
        change(
            &["apiserver.fixedUsers.enabled=true", USERS],
            "Secret/clearml-fixed-users",
            "/stringData/apiserver.conf",
            fixed(false),
        ),
        change(
            &[
                "apiserver.fixedUsers.enabled=true,apiserver.fixedUsers.users[0].username=me,apiserver.fixedUsers.users[0].password=JDJiJDEyJGhhc2g=,apiserver.fixedUsers.users[0].name=Me",
                "apiserver.fixedUsers.passHashed=true",
            ],
            "Secret/clearml-fixed-users",
            "/stringData/apiserver.conf",
            fixed(true),
        ),
        env(
            &["apiserver.watchdog.enabled=false"],
            &format!("{WATCHDOG}ENABLED"),
            json!("false"),
        ),
        env(
            &["apiserver.watchdog.thresholdSeconds=60"],
            &format!("{WATCHDOG}THRESHOLD_SEC"),
            json!("60"),
        ),
        env(
            &["apiserver.watchdog.intervalSeconds=60"],
            &format!("{WATCHDOG}WATCH_INTERVAL_SEC"),
            json!("60"),
        ),
        pod(
            &["apiserver.livenessDelay=90"],
            API,
            &probe("livenessProbe"),
            json!(90),
        ),
        pod(
            &["apiserver.readinessDelay=90"],
            API,
            &probe("readinessProbe"),
            json!(90),
        ),
        change(
            &["webserver.additionalConfigs.configuration\\.json=\\{\\}"],
            "ConfigMap/clearml-webserver-configmap",
            "/data/configuration.json",
            json!("{}"),
        ),
        change(
            &["fileserver.storage.data.class=fast"],
            FILES_CLAIM,
            "/spec/storageClassName",
            json!("fast"),
        ),
        change(
            &["fileserver.storage.data.size=7Gi"],
            FILES_CLAIM,
            "/spec/resources/requests/storage",
            json!("7Gi"),
        ),
    ]
}

fn servers() -> Vec<Row> {
    let mut rows = Vec::new();
    for name in ["apiserver", "fileserver", "webserver"] {
        let service = format!("Service/clearml-{name}");
        let workload = format!("Deployment/clearml-{name}");
        rows.extend(pods(
            name,
            &workload,
            "clearml",
            ("allegroai/clearml", "1.5.0"),
        ));
        let of = |what: &str| format!("{name}.{what}");
        rows.extend([
            change(
                &[&of("replicaCount=2")],
                &workload,
                "/spec/replicas",
                json!(2),
            ),
            change(
                &[&of("service.type=ClusterIP")],
                &service,
                "/spec/type",
                json!("ClusterIP"),
            ),
            change(
                &[&of("service.port=1234")],
                &service,
                "/spec/ports/0/port",
                json!(1234),
            ),
            change(
                &[&of("service.nodePort=32000")],
                &service,
                "/spec/ports/0/nodePort",
                json!(32000),
            ),
        ]);
    }
    rows
}

/// Keys of all components' pods.
fn pods(name: &str, workload: &str, container: &str, (repository, tag): (&str, &str)) -> Vec<Row> {
    let inside = |what: &str| format!("/spec/containers/{container}/{what}");
    let one = |set: &str, pointer: &str, value: Value| {
        pod(&[&format!("{name}.{set}")], workload, pointer, value)
    };
    let anti = "podAntiAffinity";
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let affinity = json!({anti: {required: [{"topologyKey": "zone"}]}});
    vec![
        one(
            "image.repository=r.example.com/ours",
            &inside("image"),
            json!(format!("r.example.com/ours:{tag}")),
        ),
        one(
            "image.tag=our-build",
            &inside("image"),
            json!(format!("{repository}:our-build")),
        ),
        one(
            "image.pullPolicy=Never",
            &inside("imagePullPolicy"),
            json!("Never"),
        ),
        pod(
            &[&format!(
                "{name}.extraEnvs[0].name=A,{name}.extraEnvs[0].value=7"
            )],
            workload,
            &inside("env/A/value"),
            json!("7"),
        ),
        one("podAnnotations.a=b", "/metadata/annotations/a", json!("b")),
        one(
            "resources.limits.cpu=3",
            &inside("resources/limits/cpu"),
            json!(3),
        ),
        one(
            "nodeSelector.disk=fast",
            "/spec/nodeSelector/disk",
            json!("fast"),
        ),
        one(
            "tolerations[0].operator=Exists",
            "/spec/tolerations/0/operator",
            json!("Exists"),
        ),
        one(
            &format!("affinity.{anti}.{required}[0].topologyKey=zone"),
            "/spec/affinity",
            affinity,
        ),
    ]
}

/// Keys of a claim below a prefix.
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

fn databases() -> Vec<Row> {
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
            "/spec/containers/redis/args/6",
            json!("--requirepass"),
        ),
        change(
            &["redis.usePassword=true", "redis.password=word"],
            CONF,
            "/stringData/redis_password",
            json!("word"),
        ),
        row(&["redis.databaseNumber=3"], Does::Nothing),
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
            Does::Refused("a Redis of your own"),
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
        .on("2.3"),
        pod(
            &["mongodb.auth.enabled=true"],
            MONGODB,
            "/spec/containers/mongodb/env/MONGO_INITDB_ROOT_USERNAME/value",
            json!("root"),
        )
        .on("2.3"),
        change(
            &[
                "mongodb.auth.enabled=true",
                "mongodb.auth.rootPassword=word",
            ],
            CONF,
            "/stringData/mongodb_password",
            json!("word"),
        )
        .on("2.3"),
        change(
            &["mongodb.architecture=replicaset", "mongodb.replicaCount=3"],
            SET,
            "/spec/replicas",
            json!(3),
        )
        .on("2.3"),
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
    let inside = |what: &str| format!("/spec/containers/elasticsearch/{what}");
    let own = |set: &str, pointer: &str, value: Value| {
        pod(
            &[&format!("elasticsearch.{set}")],
            ELASTIC,
            &inside(pointer),
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
            Does::Refused("no node becomes master"),
        ),
        row(
            &["elasticsearch.roles.data=false"],
            Does::Refused("no node holds data"),
        ),
        own(
            "roles.ingest=false",
            "env/node.roles/value",
            json!("master,data,remote_cluster_client"),
        ),
        own(
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
        own(
            "clusterHealthCheckParams=wait_for_status=green",
            "startupProbe/httpGet/path",
            json!("/_cluster/health?wait_for_status=green"),
        ),
        row(&["elasticsearch.minimumMasterNodes=2"], Does::Nothing),
        change(
            &["elasticsearch.clusterName=search"],
            "StatefulSet/search-master",
            "/kind",
            json!("StatefulSet"),
        ),
        own(
            "esJavaOpts=-Xmx256m",
            "env/ES_JAVA_OPTS/value",
            json!("-Xmx256m"),
        ),
        own(
            "resources.requests.memory=600Mi",
            "resources/requests/memory",
            json!("600Mi"),
        ),
        own(
            "resources.limits.memory=3Gi",
            "resources/limits/memory",
            json!("3Gi"),
        ),
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
        own(
            "imageTag=our-build",
            "image",
            json!(format!("{}:our-build", image.0)),
        ),
    ]);
    rows
}
