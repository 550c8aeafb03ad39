//! What values tell the server, as a user meets it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Instance;
use crate::server::{User, api_of_page, client, is_api, login_status};

const VALUES: &str = r#"
apiserver:
  service: {type: ClusterIP, port: 80}
  authCookiesMaxAge: 1234
  fixedUsers:
    enabled: true
    users:
    - {username: jane, password: "pass $1 word", name: Jane}
  watchdog: {thresholdSeconds: 2, intervalSeconds: 1}
  additionalConfigs:
    apiserver.conf: |
      auth { cookies { httponly: true } }
redis:
  usePassword: true
  password: 7f3c0a51e2b94d6688f0c1d2
secret:
  authToken: 0123456789abcdef0123456789abcdef
fileserver: {service: {type: LoadBalancer, port: 80}}
elasticsearch:
  extraEnvs:
  - {name: cluster.routing.allocation.disk.watermark.low, value: 85%}
webserver:
  service: {type: LoadBalancer, port: 8080}
  additionalConfigs:
    configuration.json: '{"displayTips": false}'
"#;

/// The pods that get requests: one that was replaced answers a moment longer.
fn pods(instance: &Instance) -> BTreeSet<String> {
    let template = "go-template={{range .items}}{{if not .metadata.deletionTimestamp}}\
         {{.metadata.name}}{{\"\\n\"}}{{end}}{{end}}";
    let names = instance.kubectl(&["get", "pods", "-o", template]);
    names.lines().map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn what_values_say_reaches_the_server() {
    what_values_say_reaches("2.3").await;
    if std::env::var_os("E2E_FULL").is_some() {
        what_values_say_reaches("1.5.0").await;
    }
}

async fn what_values_say_reaches(release: &str) {
    let instance = Instance::new("options");
    let release = format!("--release={release}");
    let file = instance.state_dir().with_file_name("values.yaml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, VALUES).unwrap();
    let values = format!("-f={}", file.display());
    let said = instance.up(&[&values, &release]).expect(0);
    for told in ["`apiserver.service.type` is ClusterIP", "are LoadBalancer"] {
        assert!(said.stderr.contains(told), "{}", said.stderr);
    }
    if release.ends_with("2.3") {
        // The page finds the API on any port, and the file server had an API server
        // to log in to when it started.
        assert!(is_api(&api_of_page(&instance).await).await);
        let (restarts, end) = instance.restarts("fileserver");
        let stumbled = |(_, reason): &(i64, String)| reason == "StartError";
        assert!(end.as_ref().is_none_or(stumbled), "{restarts}: {end:?}");
    }

    // Fixed users log in with their password, and the cookie lasts as long as said.
    let api = format!("http://127.0.0.1:{}", instance.api);
    let login = client().post(format!("{api}/auth.login"));
    let login = login.basic_auth("jane", Some("pass $1 word"));
    let answer = login.json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("Max-Age=1234"), "{cookie}");
    assert!(cookie.to_lowercase().contains("httponly"), "{cookie}");
    assert_eq!(login_status(&instance, "jane", "guess").await, 401);
    // The default user cannot log in then; what `credentials` prints can.
    let secrets = std::fs::read_to_string(instance.state_dir().join("secrets.json")).unwrap();
    let secrets: Value = serde_json::from_str(&secrets).unwrap();
    let tests = &secrets["credentials"]["tests"];
    let (key, secret) = (tests["access_key"].as_str(), tests["secret_key"].as_str());
    assert_eq!(
        login_status(&instance, key.unwrap(), secret.unwrap()).await,
        401
    );
    let user = User::of(&instance).await;

    // Empty databases were filled with examples, once.
    let projects = user.call("projects.get_all", json!({})).await;
    let names = projects["projects"].as_array().unwrap().iter();
    let examples = names.filter(|one| one["name"].as_str().unwrap().contains("xample"));
    assert_eq!(examples.count(), 1, "{projects}");

    // A task that does not report is stopped by the watchdog.
    let work = user.work().await;
    let began = Instant::now();
    loop {
        let task = user
            .call("tasks.get_by_id", json!({"task": work.task}))
            .await;
        if task["task"]["status"] == "stopped" {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{task}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    // Redis wants its password, which the servers were given.
    let redis = [
        "exec",
        "clearml-redis-master-0",
        "--",
        "bash",
        "-c",
        "env -u REDISCLI_AUTH redis-cli ping",
    ];
    let said = instance.kubectl(&redis);
    assert!(said.contains("NOAUTH"), "{said}");

    // The web app serves the file, and a changed one restarts it alone.
    let web = format!("http://127.0.0.1:{}/configuration.json", instance.web);
    // A connection that is kept would end with the pod behind it.
    let tips = || async {
        let answer = client().get(&web).send().await.unwrap();
        let configuration: Value = answer.json().await.unwrap();
        configuration["displayTips"].clone()
    };
    assert_eq!(tips().await, false);
    let before = pods(&instance);
    std::fs::write(
        &file,
        VALUES.replace("displayTips\": false", "displayTips\": true"),
    )
    .unwrap();
    instance.up(&[&values]).expect(0);
    let after = pods(&instance);
    let gone: Vec<&String> = before.difference(&after).collect();
    assert!(
        matches!(&gone[..], [one] if one.contains("webserver")),
        "{gone:?}"
    );
    assert_eq!(tips().await, true);
}
