//! What was chosen is kept, compared and gone back to; what Kubernetes cannot change in
//! place is recreated, and no data are lost.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Instance, run};
use crate::server::User;

const CLAIM_SIZE: &str = "redis.master.persistence.size";

/// kubectl in the node, with something to read.
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
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The identity of the pod of each component.
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

/// The components whose pods are others than before.
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

/// Makes a workload anew with another fixed field, as an older version might have.
fn with_another(instance: &Instance, workload: &str, cascade: &str, change: impl Fn(&mut Value)) {
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
async fn what_was_chosen_is_kept_compared_and_gone_back_to() {
    let instance = Instance::new("revise");
    let size = |size: &str| format!("{CLAIM_SIZE}={size}");

    // Before there is a cluster.
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
        let rendered = instance.ran(render.arg("render").args(secrets)).expect(0);
        let accepted = kubectl_with(
            &instance,
            &["apply", "--dry-run=server", "-f", "-"],
            &rendered.stdout,
        );
        assert!(accepted.contains("secret/clearml-conf"), "{accepted}");
    }

    // Another size: told before, done without touching the data or the others.
    let before = (instance.versions(), pods(&instance));
    let compared = instance
        .run(&["diff", "--set", &size("6Gi"), "-o", "json"])
        .expect(3)
        .json();
    let told: Vec<&Value> = compared["planned"].as_array().unwrap().iter().collect();
    assert_eq!(told[0]["how"], "anew-after-its-pods", "{compared}");
    assert_eq!(told[1]["how"], "bound-again", "{compared}");
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

    // The same again is no revision, and changes nothing.
    let versions = instance.versions();
    instance.up(&[]).expect(0);
    assert_eq!(instance.versions(), versions);
    assert_eq!(results(&instance), ["superseded", "ready"]);

    // A StatefulSet of another service is recreated around its pods.
    with_another(
        &instance,
        "statefulset/clearml-redis-master",
        "--cascade=orphan",
        |set| set["spec"]["serviceName"] = json!("former"),
    );
    let running = pods(&instance);
    let told = instance.run(&["diff"]).expect(3).stdout;
    assert!(
        told.contains("is recreated, its pods keep running: service changes from former"),
        "{told}"
    );
    let changed = instance.up(&[]).expect(0).stderr;
    assert_eq!(restarted(&instance, &running), [""; 0], "{told}\n{changed}");
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
    with_another(
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

    renamed(&instance);
    User::of(&instance).await.finds(&work).await;

    failures_and_losses(&instance).await;
    User::of(&instance).await.finds(&work).await;
}

/// A database and its claim had other names: the former one ends before the other
/// begins, on the same volume.
fn renamed(instance: &Instance) {
    let read = |what: &str| -> Value {
        serde_json::from_str(&instance.kubectl(&["get", what, "-o", "json"])).unwrap()
    };
    let name = json!("former-mongodb");
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
    let freed =
        r#"{"spec":{"claimRef":{"name":"former-mongodb","uid":null,"resourceVersion":null}}}"#;
    instance.kubectl(&["patch", "pv/clearml-mongodb", "--type=merge", "-p", freed]);
    for object in [claim, deployment] {
        kubectl_with(instance, &["create", "-f", "-"], &object.to_string());
    }
    instance.kubectl(&[
        "rollout",
        "status",
        "deployment/former-mongodb",
        "--timeout=90s",
    ]);

    let changed = instance.up(&[]).expect(0).stderr;
    for words in [
        "Deployment/former-mongodb is deleted with its pods",
        "PersistentVolumeClaim/former-mongodb is replaced by clearml-mongodb, bound to clearml-mongodb",
    ] {
        assert!(changed.contains(words), "{changed}");
    }
    let left = instance.kubectl(&["get", "deployments,pvc", "-o", "name"]);
    assert!(!left.contains("former"), "{left}");
}

/// What is tried and fails, what cannot be gone back to, and what is lost of the
/// history. Revision 2 is in force at the begin, 1 at the end.
async fn failures_and_losses(instance: &Instance) {
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

    // Data that another release wrote: nothing is changed.
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

    // Lost here, it comes from the cluster; with that gone as well, from here.
    std::fs::remove_dir_all(instance.state_dir().join("revisions")).unwrap();
    assert_eq!(history(instance), entries);
    instance.up(&[]).expect(0);
    instance.run(&["down"]).expect(0);
    assert_eq!(history(instance), entries);
    instance.up(&[]).expect(0);
    assert_eq!(history(instance), entries);
    let kept = instance.kubectl(&["get", "secrets", "-o", "name"]);
    assert!(kept.contains("secret/clearml-local.v5"), "{kept}");

    // A signal is a failure as well: what was begun is undone.
    let mut up = instance.up_command();
    let mut up = up
        .args(["--atomic", "--set", memory, "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    let applied = |line: std::io::Result<String>| line.unwrap().contains(r#""step":"ready""#);
    assert!(lines.any(applied), "it never came to wait");
    let process = up.id().to_string();
    run("kill", &["-s", "TERM", &process]).expect(0);
    // Its reader stays: it says more.
    assert!(lines.count() > 0);
    let ended = up.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(143), "{said}");
    assert!(said.contains("rolled back to revision"), "{said}");
    assert!(!said.contains("what was created so far is kept"), "{said}");
    assert_eq!(
        results(instance).iter().rev().take(2).collect::<Vec<_>>(),
        ["ready", "interrupted"]
    );
    instance.run(&["status"]).expect(0);
}
