//! Failures of components, caused one after the other in a running server: each is named in
//! time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Instance, run};
use crate::record;

/// How long it may take from the change until the failure is named: Kubernetes creates a pod,
/// which waits for other components, before anybody can know it.
const NAMED: Duration = Duration::from_secs(30);
/// The same for what Kubernetes notices late: it measures the disk usage of pods every ten
/// seconds or more, and pauses between restarts.
const NOTICED: Duration = Duration::from_secs(120);

/// A change of a component that causes a failure.
struct Injected {
    failure: &'static str,
    component: &'static str,
    /// How it is caused, for the record.
    how: &'static str,
    /// What the container of the component gets.
    container: Value,
    /// What its pod gets.
    pod: Value,
}

fn of_container(
    failure: &'static str,
    component: &'static str,
    how: &'static str,
    container: Value,
) -> Injected {
    let pod = json!({});
    Injected {
        failure,
        component,
        how,
        container,
        pod,
    }
}

/// The container runs a script instead of its program.
fn script(
    failure: &'static str,
    component: &'static str,
    how: &'static str,
    text: &str,
) -> Injected {
    let container = json!({
        "command": ["sh", "-c", text], "args": null,
        "startupProbe": null, "livenessProbe": null, "readinessProbe": null, "lifecycle": null,
    });
    of_container(failure, component, how, container)
}

#[rustfmt::skip]
fn all() -> Vec<Injected> {
    let web = "webserver";
    let pod = |failure, how, pod| Injected { pod, ..of_container(failure, web, how, json!({})) };
    vec![
        of_container("image-missing-in-node", web, "an image that the node lacks, with the pull policy Never",
            json!({"image": "absent.invalid/web:1", "imagePullPolicy": "Never"})),
        of_container("invalid-image-name", web, "an image name with a space",
            json!({"image": "Bad Name:1"})),
        of_container("node-cannot-pull", web, "an image of a registry at an address where nothing listens",
            json!({"image": "127.0.0.1:9/web:1", "imagePullPolicy": "IfNotPresent"})),
        of_container("component-config-missing", web, "variables from a Secret that does not exist",
            json!({"envFrom": [{"secretRef": {"name": "absent"}}]})),
        of_container("container-not-created", web, "a seccomp profile that does not exist",
            json!({"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "absent.json"}}})),
        of_container("component-start-error", web, "a program that does not exist",
            json!({"command": ["/absent"]})),
        Injected {
            pod: json!({"volumes": [{"name": "program", "downwardAPI": {"defaultMode": 493,
                "items": [{"path": "program", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}),
            ..of_container("image-not-for-platform", web, "a program that this CPU cannot execute",
                json!({"command": ["/program/program"], "volumeMounts": [{"name": "program", "mountPath": "/program"}]}))
        },
        of_container("component-out-of-memory", web, "a program that allocates all memory",
            json!({"env": [{"name": "STANDIN_FAIL", "value": "oom"}], "resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "16Mi"}}})),
        Injected {
            pod: json!({"terminationGracePeriodSeconds": 1}),
            ..of_container("component-probe-failed", web, "a startup probe that fails", json!({
                "command": ["sh", "-c", "sleep 600"], "args": null, "lifecycle": null,
                "startupProbe": {"httpGet": null, "exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}}))
        },
        of_container("component-evicted", web, "more files than its limit of ephemeral storage allows", json!({
            "command": ["sh", "-c", "dd if=/dev/zero of=/tmp/file bs=1M count=32; sleep 600"], "args": null, "startupProbe": null,
            "resources": {"limits": {"ephemeral-storage": "1Mi"}, "requests": {"ephemeral-storage": "1Mi"}}})),
        of_container("no-room-for-pod", web, "a request of 4 TiB of memory",
            json!({"resources": {"limits": {"memory": "4Ti"}, "requests": {"memory": "4Ti"}}})),
        pod("node-selector-unmatched", "a node selector that no node matches",
            json!({"nodeSelector": {"disktype": "tape"}})),
        Injected {
            pod: json!({"volumes": [{"name": "file", "hostPath": {"path": "/etc/hostname", "type": "Directory"}}]}),
            ..of_container("volume-not-mounted", web, "a volume whose path is a file",
                json!({"volumeMounts": [{"name": "file", "mountPath": "/file"}]}))
        },
        of_container("name-not-resolved", web, "the address of an API server whose name cannot be resolved; the message is that of the stand-in, with the words of nginx",
            json!({"env": [{"name": "NGINX_APISERVER_ADDRESS", "value": "http://no-such-host.invalid:8008"}]})),
        of_container("dependency-unavailable", "apiserver", "a Redis at an address where nothing listens; the message is that of the stand-in, with the words of the server",
            json!({"env": [{"name": "CLEARML_REDIS_SERVICE_HOST", "value": "127.0.0.1"}]})),
        of_container("component-settings-invalid", "redis", "an option that Redis does not know", json!({"args": ["--no-such-option", "yes"]})),
        script("data-owner", "redis", "a data directory of another user (Redis)",
            "mkdir /tmp/data && chmod 500 /tmp/data && exec redis-server --dir /tmp/data --appendonly yes"),
        script("data-version", "redis", "a dump of a later version of Redis",
            "printf REDIS9999 >/tmp/dump.rdb; exec redis-server --dir /tmp"),
        script("data-corrupt", "redis", "a damaged file of Redis",
            "printf damaged >/tmp/appendonly.aof; exec redis-server --dir /tmp --appendonly yes"),
        Injected {
            pod: json!({"volumes": [{"name": "small", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}]}),
            ..of_container("data-disk-full", "redis", "a full file system below the data of Redis", json!({
                "command": ["sh", "-c", "dd if=/dev/zero of=/small/file bs=64k; exec redis-server --dir /small --appendonly yes"],
                "args": null, "startupProbe": null, "livenessProbe": null,
                "volumeMounts": [{"name": "small", "mountPath": "/small"}]}))
        },
        script("max-map-count-too-low", "elasticsearch", "a container that prints the message of clearml-server#36 and exits as Elasticsearch does",
            "echo 'ERROR: [1] bootstrap checks failed'; echo '[1]: max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]'; exit 78"),
        script("data-locked", "elasticsearch", "a container that prints the message of clearml-server#278 and exits as Elasticsearch does",
            "echo 'java.lang.IllegalStateException: failed to obtain node locks, tried [[/usr/share/elasticsearch/data]] with lock id [0]; maybe these locations are not writable or multiple nodes were started without increasing [node.max_local_storage_nodes] (was [1])?'; exit 1"),
        script("heap-too-small", "elasticsearch", "a container that prints the message of a Java VM without memory and exits as Elasticsearch does",
            "echo 'Terminating due to java.lang.OutOfMemoryError: Java heap space'; exit 3"),
    ]
}

/// Failures that may go away: `up` names them only if they stay until its end, and until then
/// the state of the component shows them.
const MAY_HEAL: [&str; 4] = [
    "component-evicted",
    "component-probe-failed",
    "dependency-unavailable",
    "name-not-resolved",
];
/// Whether a failure is caused by this run: those that take long only with `--full`, and when
/// they are recorded.
fn is_chosen(injected: &Injected) -> bool {
    let is_long = MAY_HEAL.contains(&injected.failure);
    let all = ["E2E_FULL", "E2E_RECORD"];
    !is_long || all.iter().any(|name| std::env::var_os(name).is_some())
}

/// Causes all of them, and undoes each.
pub fn failures_of_components(instance: &Instance) {
    let mut unnamed: Vec<String> = Vec::new();
    unnamed.extend(
        all()
            .iter()
            .filter(|injected| is_chosen(injected))
            .filter_map(|injected| cause(instance, injected)),
    );
    unnamed.extend(a_node_that_accepts_no_pods(instance));
    unnamed.extend(a_quota_without_room(instance));
    unnamed.extend(a_claim_whose_volume_is_gone(instance));
    assert_eq!(unnamed, [""; 0]);
    instance.up(&[]).expect(0);
}

fn cause(instance: &Instance, injected: &Injected) -> Option<String> {
    let workload = workload(instance, injected.component);
    let path = "jsonpath={.spec.template.spec.containers[0].name}";
    let container = instance.kubectl(&["get", &workload, "-o", path]);
    let mut changed = injected.container.clone();
    changed["name"] = json!(container);
    let mut pod = injected.pod.clone();
    pod["containers"] = json!([changed]);
    // It would wait for other components first.
    pod["initContainers"] = Value::Null;
    change(instance, &workload, &pod);
    let unnamed = await_named(instance, injected.failure, injected.component, injected.how);
    undo(instance, &workload, injected.component);
    unnamed
}

/// Returns the workload of a component, such as `deployment.apps/clearml-webserver`.
fn workload(instance: &Instance, component: &str) -> String {
    let label = format!("-lclearml-local.io/component={component}");
    let listed = instance.kubectl(&["get", "deployments,statefulsets", &label, "-o", "name"]);
    listed.trim().to_owned()
}

fn change(instance: &Instance, workload: &str, pod: &Value) {
    let patch = json!({"spec": {"template": {"spec": pod}}}).to_string();
    instance.kubectl(&["patch", workload, "-p", &patch]);
}

/// Waits until `status` names the failure, and records it. Returns the last status if it is
/// not named in time.
#[must_use]
fn await_named(instance: &Instance, failure: &str, component: &str, how: &str) -> Option<String> {
    let began = Instant::now();
    let may_heal = MAY_HEAL.contains(&failure);
    let limit = match may_heal {
        true => NOTICED,
        false => NAMED,
    };
    loop {
        let status = instance.run(&["status", "-o", "json"]);
        let is_shown = || {
            let state = state_of(&status.stdout, component);
            state["restarts"].as_u64() > Some(0) || state["reason"].to_string().contains("evicted")
        };
        if status.stdout.contains(&format!("\"{failure}\"")) || may_heal && is_shown() {
            eprintln!("{failure}: {:.1} s", began.elapsed().as_secs_f64());
            record::component(instance, failure, component, how);
            return None;
        }
        if began.elapsed() >= limit {
            let state = state_of(&status.stdout, component);
            return Some(format!("{failure}: {state}"));
        }
    }
}

/// Returns a component from the output of `status`.
fn state_of(status: &str, component: &str) -> Value {
    let status: Value = serde_json::from_str(status).unwrap_or_default();
    let all = status["components"].as_array().into_iter().flatten();
    let mut of_component = all.filter(|one| one["name"] == component);
    of_component.next().cloned().unwrap_or_default()
}

/// A StatefulSet does not replace a failed pod of an earlier revision.
fn undo(instance: &Instance, workload: &str, component: &str) {
    instance.kubectl(&["rollout", "undo", workload]);
    let label = format!("-lclearml-local.io/component={component}");
    if workload.starts_with("statefulset") {
        instance.kubectl(&["delete", "pod", &label, "--wait=false"]);
    }
}

fn restarted() -> Value {
    json!({"terminationGracePeriodSeconds": 31})
}

#[must_use]
fn a_node_that_accepts_no_pods(instance: &Instance) -> Option<String> {
    let workload = workload(instance, "webserver");
    let taint = [
        "taint",
        "nodes",
        &instance.node(),
        "maintenance=yes:NoSchedule",
    ];
    instance.kubectl(&taint);
    change(instance, &workload, &restarted());
    let how = "a taint of the node";
    let unnamed = await_named(instance, "component-unschedulable", "webserver", how);
    instance.kubectl(&["taint", "nodes", &instance.node(), "maintenance-"]);
    undo(instance, &workload, "webserver");
    unnamed
}

#[must_use]
fn a_quota_without_room(instance: &Instance) -> Option<String> {
    let workload = workload(instance, "webserver");
    instance.kubectl(&["create", "quota", "none", "--hard=pods=0"]);
    change(instance, &workload, &restarted());
    let how = "a quota without room for another pod";
    let unnamed = await_named(instance, "pod-refused", "webserver", how);
    instance.kubectl(&["delete", "quota", "none"]);
    undo(instance, &workload, "webserver");
    unnamed
}

/// A claim that was bound to a volume which does not exist, for a pod that waits.
#[must_use]
fn a_claim_whose_volume_is_gone(instance: &Instance) -> Option<String> {
    let workload = workload(instance, "webserver");
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "lost",
            "labels": {"clearml-local.io/component": "webserver"},
            "annotations": {"pv.kubernetes.io/bind-completed": "yes"},
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": "gone",
            "storageClassName": "standard", "resources": {"requests": {"storage": "1Gi"}}},
    });
    let node = instance.node();
    let apply = format!("kubectl -n clearml apply -f - <<'END'\n{claim}\nEND\n");
    run("docker", &["exec", &node, "sh", "-c", &apply]).expect(0);
    change(
        instance,
        &workload,
        &json!({"nodeSelector": {"disktype": "tape"}}),
    );
    let how = "a claim whose volume was deleted";
    let unnamed = await_named(instance, "claim-lost", "webserver", how);
    instance.kubectl(&["delete", "pvc", "lost"]);
    undo(instance, &workload, "webserver");
    unnamed
}
