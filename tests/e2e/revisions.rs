//! Revisions are stored, compared and rolled back to. Objects that Kubernetes cannot
//! change in place are recreated, and no data are lost.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Instance, run};
use crate::server::User;

const CLAIM_SIZE: &str = "redis.master.persistence.size";

/// Runs kubectl in the node with input.
#[track_caller]
fn kubectl_with(instance: &Instance, arguments: &[&str], input: &str) -> String {
    let mut kubectl = Command::new("docker")
        .args(["exec", "-i", &instance.node(), "kubectl"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = kubectl.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = kubectl.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the UID of the pod of each component.
fn pods(instance: &Instance) -> BTreeMap<String, String> {
    let listed = instance.kubectl(&["get", "pods", "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let pods = listed["items"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
        .map(|pod| {
            let labels = &pod["metadata"]["labels"];
            (
                text(&labels["clearml-local.io/component"]),
                text(&pod["metadata"]["uid"]),
            )
        })
        .collect()
}

/// Returns the components whose pods were replaced.
fn restarted(instance: &Instance, before: &BTreeMap<String, String>) -> Vec<String> {
    let now = pods(instance);
    let other = |(name, uid): &(&String, &String)| now.get(*name) != Some(*uid);
    before
        .iter()
        .filter(other)
        .map(|(name, _)| name.clone())
        .collect()
}

fn history(instance: &Instance) -> Vec<Value> {
    let read = instance.run(&["history", "-o", "json"]).expect(0);
    read.json().as_array().unwrap().clone()
}

fn results(instance: &Instance) -> Vec<String> {
    let entries = history(instance);
    let results = entries
        .iter()
        .map(|entry| entry["result"].as_str().unwrap());
    results.map(str::to_owned).collect()
}

/// Recreates a workload with another immutable field, as an older version might have
/// created it.
fn recreate_with(instance: &Instance, workload: &str, cascade: &str, change: impl Fn(&mut Value)) {
    let mut object: Value =
        serde_json::from_str(&instance.kubectl(&["get", workload, "-o", "json"])).unwrap();
    change(&mut object);
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        metadata.remove(field);
    }
    instance.kubectl(&["delete", workload, cascade]);
    kubectl_with(instance, &["create", "-f", "-"], &object.to_string());
    instance.kubectl(&["rollout", "status", workload, "--timeout=90s"]);
}

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn revisions_are_stored_compared_and_rolled_back_to() {
    let instance = Instance::new("revise");
    let size = |size: &str| format!("{CLAIM_SIZE}={size}");

    // There is no cluster yet.
    let nothing = instance.run(&["diff"]).expect(3);
    assert!(
        nothing.stdout.contains("+ Deployment/clearml-apiserver"),
        "{}",
        nothing.stdout
    );
    assert!(nothing.stderr.contains("There is no cluster"));
    instance.run(&["history"]).expect(0);

    instance.up(&[]).expect(0);
    let work = User::of(&instance).await.work().await;
    assert_eq!(instance.run(&["diff"]).expect(0).stdout, "");
    assert_eq!(results(&instance), ["ready"]);
    for secrets in [None, Some("--show-secrets")] {
        let mut render = instance.command();
        let rendered = instance
            .run_command(render.arg("render").args(secrets))
            .expect(0);
        let accepted = kubectl_with(
            &instance,
            &["apply", "--dry-run=server", "-f", "-"],
            &rendered.stdout,
        );
        assert!(accepted.contains("secret/clearml-conf"), "{accepted}");
    }

    // Another size is planned, and applied without changing the data or other
    // components.
    let before = (instance.versions(), pods(&instance));
    let compared = instance
        .run(&["diff", "--set", &size("6Gi"), "-o", "json"])
        .expect(3)
        .json();
    let planned: Vec<&Value> = compared["planned"].as_array().unwrap().iter().collect();
    assert_eq!(planned[0]["how"], "recreate-after-its-pods", "{compared}");
    assert_eq!(planned[1]["how"], "rebind", "{compared}");
    let dry = instance.run(&["up", "--set", &size("6Gi"), "--dry-run"]);
    let dry = dry.expect(0);
    assert!(dry.stdout.contains("+    storage: 6Gi"), "{}", dry.stdout);
    assert_eq!((instance.versions(), pods(&instance)), before);
    assert_eq!(results(&instance), ["ready"]);

    let changed = instance.up(&["--set", &size("6Gi")]).expect(0);
    assert!(
        changed
            .stderr
            .contains("is bound to clearml-redis again, the data are kept"),
        "{}",
        changed.stderr
    );
    assert_eq!(restarted(&instance, &before.1), ["redis"]);
    User::of(&instance).await.finds(&work).await;
    let entries = history(&instance);
    assert_eq!(
        entries[1]["changes"],
        json!([{"key": CLAIM_SIZE, "old": "5Gi", "new": "6Gi"}])
    );

    // Applying the same values again creates no revision and changes nothing.
    let versions = instance.versions();
    instance.up(&[]).expect(0);
    assert_eq!(instance.versions(), versions);
    assert_eq!(results(&instance), ["superseded", "ready"]);

    // A StatefulSet with another service is recreated while its pods keep running.
    recreate_with(
        &instance,
        "statefulset/clearml-redis-master",
        "--cascade=orphan",
        |set| set["spec"]["serviceName"] = json!("previous"),
    );
    let running = pods(&instance);
    let planned = instance.run(&["diff"]).expect(3).stdout;
    assert!(
        planned.contains("is recreated, its pods keep running: service changes from previous"),
        "{planned}"
    );
    let changed = instance.up(&[]).expect(0).stderr;
    assert_eq!(
        restarted(&instance, &running),
        [""; 0],
        "{planned}\n{changed}"
    );
    let owner = |kind: &str, path: &str| {
        let path = format!("jsonpath={{{path}}}");
        instance.kubectl(&["get", kind, "-o", &path])
    };
    assert_eq!(
        owner(
            "pod/clearml-redis-master-0",
            ".metadata.ownerReferences[0].uid"
        ),
        owner("statefulset/clearml-redis-master", ".metadata.uid")
    );

    // A Deployment with another selector is recreated after its pods have stopped.
    recreate_with(
        &instance,
        "deployment/clearml-mongodb",
        "--cascade=foreground",
        |deployment| {
            let spec = &mut deployment["spec"];
            spec["selector"]["matchLabels"]["former"] = json!("yes");
            spec["template"]["metadata"]["labels"]["former"] = json!("yes");
        },
    );
    let running = pods(&instance);
    let changed = instance.up(&[]).expect(0).stderr;
    assert!(
        changed.contains("Deployment/clearml-mongodb is recreated after its pods have stopped"),
        "{changed}"
    );
    assert_eq!(restarted(&instance, &running), ["mongodb"]);
    User::of(&instance).await.finds(&work).await;
    assert_eq!(instance.run(&["diff"]).expect(0).stdout, "");

    renamed_database(&instance);
    User::of(&instance).await.finds(&work).await;

    failed_changes_and_lost_history(&instance).await;
    User::of(&instance).await.finds(&work).await;
}

/// A database and its claim had other names: the old pod stops before the new one
/// starts on the same volume.
fn renamed_database(instance: &Instance) {
    let read = |object: &str| -> Value {
        serde_json::from_str(&instance.kubectl(&["get", object, "-o", "json"])).unwrap()
    };
    let name = json!("old-mongodb");
    let mut deployment = read("deployment/clearml-mongodb");
    let mut claim = read("pvc/clearml-mongodb");
    let labels = claim["metadata"]["labels"].clone();
    claim["metadata"] = json!({"name": name, "namespace": "clearml", "labels": labels});
    let labels = deployment["metadata"]["labels"].clone();
    deployment["metadata"] = json!({"name": name, "namespace": "clearml", "labels": labels});
    let volumes = deployment["spec"]["template"]["spec"]["volumes"].as_array_mut();
    for volume in volumes.unwrap() {
        if let Some(source) = volume.get_mut("persistentVolumeClaim") {
            source["claimName"] = name.clone();
        }
    }
    instance.kubectl(&[
        "delete",
        "deployment/clearml-mongodb",
        "--cascade=foreground",
    ]);
    instance.kubectl(&["delete", "pvc/clearml-mongodb"]);
    let freed = r#"{"spec":{"claimRef":{"name":"old-mongodb","uid":null,"resourceVersion":null}}}"#;
    instance.kubectl(&["patch", "pv/clearml-mongodb", "--type=merge", "-p", freed]);
    for object in [claim, deployment] {
        kubectl_with(instance, &["create", "-f", "-"], &object.to_string());
    }
    instance.kubectl(&[
        "rollout",
        "status",
        "deployment/old-mongodb",
        "--timeout=90s",
    ]);

    let changed = instance.up(&[]).expect(0).stderr;
    for words in [
        "Deployment/old-mongodb is deleted with its pods",
        "PersistentVolumeClaim/old-mongodb is replaced by clearml-mongodb, bound to clearml-mongodb",
    ] {
        assert!(changed.contains(words), "{changed}");
    }
    let names = instance.kubectl(&["get", "deployments,pvc", "-o", "name"]);
    assert!(!names.contains("old-mongodb"), "{names}");
}

/// A failed `up`, an impossible rollback, and a partly lost history. Revision 2 is
/// applied at the start, and 1 at the end.
async fn failed_changes_and_lost_history(instance: &Instance) {
    let memory =
        "apiserver.resources.requests.memory=900Gi,apiserver.resources.limits.memory=900Gi";
    let failed = instance.up(&["--atomic", "--set", memory]).expect(64);
    for words in ["rolling back to revision 2", "rolled back to revision 2"] {
        assert!(failed.stderr.contains(words), "{}", failed.stderr);
    }
    let entries = history(instance);
    assert_eq!(
        results(instance),
        ["superseded", "superseded", "failed", "ready"]
    );
    assert_eq!(
        (&entries[2]["code"], &entries[3]["backTo"]),
        (&json!(64), &json!(2))
    );
    instance.run(&["status"]).expect(0);

    // The data were written by another release: nothing changes.
    let marker = instance.state_dir().join("data/.clearml-local.json");
    let written = std::fs::read_to_string(&marker).unwrap();
    std::fs::write(&marker, written.replace("\"4.4\"", "\"7.0\"")).unwrap();
    let refused = instance.run(&["rollback", "1"]).expect(71);
    assert!(
        refused.stderr.contains(" 1 --keep-release"),
        "{}",
        refused.stderr
    );
    std::fs::write(&marker, written).unwrap();
    assert_eq!(results(instance).len(), 4);
    assert!(
        instance
            .run(&["rollback", "9"])
            .expect(2)
            .stderr
            .contains("revisions 1 to 4 are kept")
    );

    instance.run(&["rollback", "1"]).expect(0);
    let entries = history(instance);
    assert_eq!(
        (&entries[4]["result"], &entries[4]["backTo"]),
        (&json!("ready"), &json!(1))
    );
    let claim = "pvc/redis-data-clearml-redis-master-0";
    let size = instance.kubectl(&["get", claim, "-o", "jsonpath={.status.capacity.storage}"]);
    assert_eq!(size, "5Gi");

    // A history that the home has lost is loaded from the cluster, and vice versa.
    std::fs::remove_dir_all(instance.state_dir().join("revisions")).unwrap();
    assert_eq!(history(instance), entries);
    instance.up(&[]).expect(0);
    instance.run(&["down"]).expect(0);
    assert_eq!(history(instance), entries);
    instance.up(&[]).expect(0);
    assert_eq!(history(instance), entries);
    let secrets = instance.kubectl(&["get", "secrets", "-o", "name"]);
    assert!(secrets.contains("secret/clearml-local.v5"), "{secrets}");

    // A signal is a failure as well, and causes a rollback.
    let mut up = instance.up_command();
    let mut up = up
        .args(["--atomic", "--set", memory, "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    let applied = |line: std::io::Result<String>| line.unwrap().contains(r#""step":"ready""#);
    assert!(lines.any(applied), "it never reached the step `ready`");
    let process = up.id().to_string();
    run("kill", &["-s", "TERM", &process]).expect(0);
    // The remaining lines must be read.
    assert!(lines.count() > 0);
    let output = up.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(143), "{stderr}");
    assert!(stderr.contains("rolled back to revision"), "{stderr}");
    assert!(
        !stderr.contains("what was created so far is kept"),
        "{stderr}"
    );
    assert_eq!(
        results(instance).iter().rev().take(2).collect::<Vec<_>>(),
        ["ready", "interrupted"]
    );
    instance.run(&["status"]).expect(0);
}
