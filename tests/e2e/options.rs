//! The effects of values on the server, as a user sees them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::harness::Instance;
use crate::server::{User, api_of_page, client, is_api, login_status};
use crate::verify;

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

/// Returns the pods without those that are terminating.
fn pods(instance: &Instance) -> BTreeSet<String> {
    let template = "go-template={{range .items}}{{if not .metadata.deletionTimestamp}}\
         {{.metadata.name}}{{\"\\n\"}}{{end}}{{end}}";
    let names = instance.kubectl(&["get", "pods", "-o", template]);
    names.lines().map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn values_take_effect_on_the_server() {
    values_take_effect("2.3").await;
    if std::env::var_os("E2E_FULL").is_some() {
        values_take_effect("1.5.0").await;
    }
}

async fn values_take_effect(release: &str) {
    let instance = Instance::new("options");
    let release = format!("--release={release}");
    let file = instance.state_dir().with_file_name("values.yaml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, VALUES).unwrap();
    let values = format!("-f={}", file.display());
    let output = instance.up(&[&values, &release]).expect(0);
    for warning in ["`apiserver.service.type` is ClusterIP", "are LoadBalancer"] {
        assert!(output.stderr.contains(warning), "{}", output.stderr);
    }
    if release.ends_with("2.3") {
        // The page finds the API on any port, and the file server could log in to an
        // API server when it started.
        assert!(is_api(&api_of_page(&instance).await).await);
        let (restarts, end) = instance.restarts("fileserver");
        let failed_to_start = |(_, reason): &(i64, String)| reason == "StartError";
        assert!(
            end.as_ref().is_none_or(failed_to_start),
            "{restarts}: {end:?}"
        );
    }

    // Fixed users log in with their passwords, and the cookie has the configured
    // lifetime.
    let api = format!("http://127.0.0.1:{}", instance.api);
    let login = client().post(format!("{api}/auth.login"));
    let login = login.basic_auth("jane", Some("pass $1 word"));
    let response = login.json(&json!({})).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("Max-Age=1234"), "{cookie}");
    assert!(cookie.to_lowercase().contains("httponly"), "{cookie}");
    assert_eq!(login_status(&instance, "jane", "guess").await, 401);
    // In the browser too.
    if let Some(mut browser) = Browser::start() {
        let web = format!("http://localhost:{}", instance.web);
        browser.log_in_as("jane", "guess");
        let refused = browser.visit(&web).problems.join("\n");
        assert!(refused.contains("auth.login: 401"), "{refused}");
        browser.log_in_as("jane", "pass $1 word");
        let api = api_of_page(&instance)
            .await
            .replace("127.0.0.1", "localhost");
        let seen = browser.sees(&web, &api, &["Logged in as Jane"]);
        assert!(seen.asked_for_login, "{seen:#?}");
    }
    // The default user cannot log in; the user that `credentials` prints can.
    let secrets = std::fs::read_to_string(instance.state_dir().join("secrets.json")).unwrap();
    let secrets: Value = serde_json::from_str(&secrets).unwrap();
    let tests = &secrets["credentials"]["tests"];
    let (key, secret) = (tests["access_key"].as_str(), tests["secret_key"].as_str());
    assert_eq!(
        login_status(&instance, key.unwrap(), secret.unwrap()).await,
        401
    );
    let user = User::of(&instance).await;
    verify::works_and_leaves_nothing(&instance).await;

    // Empty databases were filled with examples once.
    let projects = user.call("projects.get_all", json!({})).await;
    let names = projects["projects"].as_array().unwrap().iter();
    let examples = names.filter(|one| one["name"].as_str().unwrap().contains("xample"));
    assert_eq!(examples.count(), 1, "{projects}");

    // The watchdog stops a task that does not report.
    let work = user.work().await;
    let started = Instant::now();
    loop {
        let task = user
            .call("tasks.get_by_id", json!({"task": work.task}))
            .await;
        if task["task"]["status"] == "stopped" {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{task}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    // Redis requires its password, which the servers know.
    let redis = [
        "exec",
        "clearml-redis-master-0",
        "--",
        "bash",
        "-c",
        "env -u REDISCLI_AUTH redis-cli ping",
    ];
    let output = instance.kubectl(&redis);
    assert!(output.contains("NOAUTH"), "{output}");

    // The web app serves the file. When the file changes, only the web app restarts.
    let web = format!("http://127.0.0.1:{}/configuration.json", instance.web);
    // A persistent connection would end with its pod.
    let tips = || async {
        let response = client().get(&web).send().await.unwrap();
        let configuration: Value = response.json().await.unwrap();
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
    let replaced: Vec<&String> = before.difference(&after).collect();
    assert!(
        matches!(&replaced[..], [one] if one.contains("webserver")),
        "{replaced:?}"
    );
    assert_eq!(tips().await, true);
}
