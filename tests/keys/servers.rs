//! Keys of the API server, the web app and the file server.

use serde_json::{Value, json};

use super::*;

pub fn rows() -> Vec<Row> {
    let mut rows = api();
    rows.extend(servers());
    rows
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
            Effect::Nothing,
        ),
        row(&["apiserver.configDir=/elsewhere"], Effect::Nothing),
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
                &USERS.replace("word,", &format!("{HASHED},")),
                "apiserver.fixedUsers.enabled=true",
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
        let key = |field: &str| format!("{name}.{field}");
        rows.extend([
            change(
                &[&key("replicaCount=2")],
                &workload,
                "/spec/replicas",
                json!(2),
            ),
            row(
                &[&key("service.type=ClusterIP")],
                Effect::Warns("this node publishes its node port anyway"),
            )
            .with_effect_on_cluster(Effect::Changes(
                service.clone(),
                "/spec/type".into(),
                Some(json!("ClusterIP")),
            )),
            change(
                &[&key("service.port=1234")],
                &service,
                "/spec/ports/0/port",
                json!(1234),
            ),
            change(
                &[&key("service.nodePort=32000")],
                &service,
                "/spec/ports/0/nodePort",
                json!(32000),
            ),
        ]);
    }
    rows
}

/// Returns the keys of a component's pods.
pub fn pods(
    name: &str,
    workload: &str,
    container: &str,
    (repository, tag): (&str, &str),
) -> Vec<Row> {
    let in_container = |field: &str| format!("/spec/containers/{container}/{field}");
    let one = |set: &str, pointer: &str, value: Value| {
        pod(&[&format!("{name}.{set}")], workload, pointer, value)
    };
    let anti = "podAntiAffinity";
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let affinity = json!({anti: {required: [{"topologyKey": "zone"}]}});
    vec![
        one(
            "image.repository=r.example.com/ours",
            &in_container("image"),
            json!(format!("r.example.com/ours:{tag}")),
        ),
        one(
            "image.tag=our-build",
            &in_container("image"),
            json!(format!("{repository}:our-build")),
        ),
        one(
            "image.pullPolicy=Never",
            &in_container("imagePullPolicy"),
            json!("Never"),
        ),
        pod(
            &[&format!(
                "{name}.extraEnvs[0].name=A,{name}.extraEnvs[0].value=7"
            )],
            workload,
            &in_container("env/A/value"),
            json!("7"),
        ),
        one("podAnnotations.a=b", "/metadata/annotations/a", json!("b")),
        one(
            "resources.limits.cpu=3",
            &in_container("resources/limits/cpu"),
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
