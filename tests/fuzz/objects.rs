//! Objects as a cluster with an instance returns them. The statuses are those of a real
//! Kubernetes 1.37.

use std::collections::HashMap;

use serde_json::{Value, json};

/// The answers to lists and reads, by the last part of the path.
pub fn by_resource() -> HashMap<String, Value> {
    let lists = [
        ("pods", pods()),
        ("deployments", json!([workload("apiserver", "Deployment")])),
        ("statefulsets", json!([workload("mongodb", "StatefulSet")])),
        ("daemonsets", json!([daemon_set()])),
        ("replicasets", json!([replica_set()])),
        ("persistentvolumeclaims", json!([claim()])),
        ("persistentvolumes", json!([volume()])),
        ("events", events()),
        ("nodes", json!([node()])),
        ("leases", json!([lease()])),
        ("services", json!([service()])),
        ("ingresses", json!([ingress()])),
        ("secrets", json!([record(), keys_record()])),
        ("configmaps", json!([named("clearml-config")])),
        ("storageclasses", json!([storage_class()])),
        ("csidrivers", json!([named("driver")])),
        ("ingressclasses", json!([named("nginx")])),
        ("resourcequotas", json!([quota()])),
        ("limitranges", json!([limits()])),
    ];
    let list = |items: Value| {
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "7"},
            "items": items})
    };
    let lists = lists.map(|(name, items)| (name.to_owned(), list(items)));
    let version = json!({
        "major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "c",
        "gitTreeState": "clean", "buildDate": "2026-11-01T00:00:00Z", "goVersion": "go1.26",
        "compiler": "gc", "platform": "linux/amd64",
    });
    let log = json!("2026-11-23T13:41:20.5Z password authentication failed\n");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "clearml", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}},
        "status": {"phase": "Active"}});
    let single = [
        ("version", version),
        ("log", log),
        ("clearml", namespace),
        ("selfsubjectaccessreviews", review()),
        ("clearml-apiserver", workload("apiserver", "Deployment")),
        ("clearml-mongodb", workload("mongodb", "StatefulSet")),
        ("clearml-mongodb-data", claim()),
        ("clearml-conf", server_secret()),
    ];
    let single = single.map(|(name, answer)| (name.to_owned(), answer));
    lists.into_iter().chain(single).collect()
}

/// Objects as they are applied.
pub fn applied() -> Vec<Value> {
    let mut deployment = workload("apiserver", "Deployment");
    let mut set = workload("mongodb", "StatefulSet");
    let mut wanted = claim();
    for object in [&mut deployment, &mut set, &mut wanted] {
        object.as_object_mut().unwrap().remove("status");
    }
    deployment["spec"]["replicas"] = json!(2);
    wanted["spec"]["resources"]["requests"]["storage"] = json!("20Gi");
    let mut service = service();
    service["spec"].as_object_mut().unwrap().remove("clusterIP");
    service["kind"] = json!("Service");
    service["apiVersion"] = json!("v1");
    vec![deployment, set, wanted, service]
}

fn daemon_set() -> Value {
    json!({"metadata": {"name": "kube-proxy", "namespace": "kube-system", "generation": 1},
        "status": {"currentNumberScheduled": 1, "desiredNumberScheduled": 1,
            "numberAvailable": 1, "numberMisscheduled": 0, "numberReady": 1,
            "observedGeneration": 1, "updatedNumberScheduled": 1}})
}

/// The answer that something is allowed.
pub fn review() -> Value {
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "metadata": {}, "spec": {}, "status": {"allowed": true, "reason": "RBAC"}})
}

pub fn not_found() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "things \"x\" not found", "reason": "NotFound",
        "details": {"name": "x", "kind": "things", "causes": [{"reason": "a", "message": "b"}],
            "retryAfterSeconds": 1}, "code": 404})
}

fn labels(component: &str) -> Value {
    json!({"clearml-local.io/instance": "demo", "clearml-local.io/component": component,
        "pod-template-hash": "5d", "controller-revision-hash": "5d"})
}

fn named(name: &str) -> Value {
    json!({"metadata": {"name": name, "uid": name, "labels": labels("apiserver")}})
}

fn pods() -> Value {
    let ended = |reason: &str, code: i32| {
        json!({"terminated": {"reason": reason, "exitCode": code, "message": "m",
            "startedAt": "2026-11-23T13:41:10Z", "finishedAt": "2026-11-23T13:41:20Z"}})
    };
    let status = |name: &str, state: Value, last: Value, restarts: i32| {
        json!({"name": name, "image": "registry/image:1", "imageID": "", "ready": false,
            "started": false, "restartCount": restarts, "state": state, "lastState": last})
    };
    let waiting =
        |reason: &str, message: &str| json!({"waiting": {"reason": reason, "message": message}});
    let pod = |component: &str, name: &str, init: Value, main: Value| {
        json!({
            "metadata": {"name": name, "uid": name, "namespace": "clearml",
                "creationTimestamp": "2026-11-23T13:41:00Z", "labels": labels(component)},
            "spec": {
                "nodeName": "n", "volumes": [{"name": "data",
                    "persistentVolumeClaim": {"claimName": "clearml-mongodb-data"}}],
                "initContainers": [{"name": "wait-for-elasticsearch-mongodb", "image": "registry/image:1"}],
                "containers": [{"name": "main", "image": "registry/image:1", "imagePullPolicy": "Always",
                    "ports": [{"containerPort": 8008, "hostPort": 80}],
                    "resources": {"limits": {"memory": "1Gi", "cpu": "500m"}, "requests": {"memory": "512Mi", "cpu": "1"}}}],
            },
            "status": {
                "phase": "Running", "podIP": "10.244.0.7", "startTime": "2026-11-23T13:41:01Z",
                "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady",
                    "message": "m", "lastTransitionTime": "2026-11-23T13:41:01Z"}],
                "initContainerStatuses": [init], "containerStatuses": [main],
            },
        })
    };
    let back_off = "back-off 1m20s restarting failed container=main pod=p_clearml(uid)";
    let pull = "failed to pull and unpack image \"docker.io/library/mongo:4\": failed to resolve \
        reference: pull access denied, authorization failed: 401 Unauthorized";
    let mut pending = pod("redis", "redis-0", Value::Null, Value::Null);
    pending["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled",
        "status": "False", "reason": "Unschedulable", "lastTransitionTime": "2026-11-23T13:41:01Z",
        "message": "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available."}]});
    json!([
        pod(
            "apiserver",
            "apiserver-5d-a",
            status(
                "wait-for-elasticsearch-mongodb",
                ended("Completed", 0),
                json!({}),
                0
            ),
            status(
                "main",
                waiting("CrashLoopBackOff", back_off),
                ended("OOMKilled", 137),
                4
            )
        ),
        pod(
            "mongodb",
            "mongodb-0",
            status(
                "wait-for-elasticsearch-mongodb",
                ended("Completed", 0),
                json!({}),
                0
            ),
            status("main", waiting("ImagePullBackOff", pull), json!({}), 0)
        ),
        pod(
            "webserver",
            "webserver-5d-b",
            status(
                "wait-for-elasticsearch-mongodb",
                json!({"running": {"startedAt": "2026-11-23T13:41:20Z"}}),
                json!({}),
                0
            ),
            status("main", waiting("PodInitializing", ""), json!({}), 0)
        ),
        pod(
            "elasticsearch",
            "elasticsearch-0",
            status(
                "wait-for-elasticsearch-mongodb",
                ended("Completed", 0),
                json!({}),
                0
            ),
            status(
                "main",
                json!({"running": {"startedAt": "2026-11-23T13:41:20Z"}}),
                ended("Error", 1),
                1
            )
        ),
        pending,
    ])
}

fn workload(component: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": format!("clearml-{component}"), "namespace": "clearml", "uid": component,
            "generation": 3, "resourceVersion": "9", "labels": labels(component),
            "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "serviceName": "s",
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "5Gi"}}}}],
            "template": {"metadata": {"labels": labels(component)}, "spec": {"containers": [{"name": "main",
                "image": "registry/image:1", "resources": {"requests": {"memory": "512Mi", "cpu": "250m"}}}]}}},
        "status": {"observedGeneration": 3, "replicas": 1, "readyReplicas": 0, "updatedReplicas": 1,
            "updateRevision": "5d", "currentRevision": "5d", "availableReplicas": 0,
            "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                "message": "m"}]},
    })
}

fn replica_set() -> Value {
    json!({"metadata": {"name": "clearml-apiserver-5d", "labels": labels("apiserver"),
            "annotations": {"deployment.kubernetes.io/revision": "2"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "clearml-apiserver",
                "uid": "apiserver", "controller": true}]},
        "spec": {"selector": {"matchLabels": {"a": "b"}}}, "status": {"replicas": 1}})
}

fn claim() -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "clearml-mongodb-data", "namespace": "clearml", "uid": "c", "labels": labels("mongodb")},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "standard", "volumeName": "v",
            "resources": {"requests": {"storage": "10Gi"}}},
        "status": {"phase": "Pending", "capacity": {"storage": "10Gi"}}})
}

fn volume() -> Value {
    json!({"metadata": {"name": "v", "resourceVersion": "7", "labels": labels("mongodb")},
        "spec": {"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"],
            "claimRef": {"namespace": "clearml", "name": "clearml-mongodb-data", "uid": "c"},
            "hostPath": {"path": "/data/mongodb"}},
        "status": {"phase": "Released"}})
}

fn events() -> Value {
    let about = |kind: &str, name: &str, reason: &str, message: &str| {
        json!({"metadata": {"name": "e", "namespace": "clearml"}, "type": "Warning", "reason": reason,
            "message": message, "count": 7, "lastTimestamp": "2026-11-23T13:41:20Z",
            "eventTime": "2026-11-23T13:41:20.123456Z", "series": {"count": 3, "lastObservedTime": "2026-11-23T13:41:21.5Z"},
            "involvedObject": {"kind": kind, "name": name, "uid": name, "fieldPath": "spec.containers{main}"}})
    };
    json!([
        about(
            "Pod",
            "apiserver-5d-a",
            "Unhealthy",
            "Readiness probe failed: HTTP probe failed with statuscode: 500"
        ),
        about(
            "Pod",
            "mongodb-0",
            "FailedMount",
            "MountVolume.SetUp failed for volume \"v\" : mkdir /data: permission denied"
        ),
        about(
            "Pod",
            "redis-0",
            "FailedScheduling",
            "0/1 nodes are available: 1 node(s) had volume node affinity conflict."
        ),
        about(
            "StatefulSet",
            "clearml-mongodb",
            "FailedCreate",
            "create Pod mongodb-0 failed error: exceeded quota: q, requested: cpu=1, used: cpu=2, limited: cpu=2"
        ),
        about(
            "PersistentVolumeClaim",
            "clearml-mongodb-data",
            "ProvisioningFailed",
            "storageclass.storage.k8s.io \"standard\" not found"
        ),
    ])
}

fn node() -> Value {
    json!({"metadata": {"name": "n", "labels": {"kubernetes.io/arch": "amd64"}},
        "spec": {"taints": [{"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}]},
        "status": {"allocatable": {"cpu": "2", "memory": "4029264Ki", "pods": "110"},
            "capacity": {"cpu": "2", "memory": "4029264Ki", "pods": "110"},
            "addresses": [{"type": "InternalIP", "address": "172.18.0.2"}, {"type": "Hostname", "address": "n"}],
            "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": "v1.37.2",
                "bootID": "b", "containerRuntimeVersion": "containerd://2", "kernelVersion": "6", "kubeProxyVersion": "",
                "machineID": "m", "osImage": "Debian", "systemUUID": "s"},
            "conditions": [{"type": "Ready", "status": "False", "reason": "KubeletNotReady",
                "message": "container runtime network not ready: NetworkReady=false"}]}})
}

fn lease() -> Value {
    json!({"metadata": {"name": "n", "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": "n", "leaseDurationSeconds": 40, "renewTime": "2026-11-23T13:41:20.000000Z"}})
}

fn service() -> Value {
    json!({"metadata": {"name": "clearml-apiserver", "namespace": "clearml", "labels": labels("apiserver")},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 8008,
            "targetPort": 8008, "nodePort": 30008, "protocol": "TCP"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "lb.corp"}]}}})
}

fn ingress() -> Value {
    json!({"metadata": {"name": "clearml", "labels": labels("webserver")},
        "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["app.corp"], "secretName": "tls"}],
            "rules": [{"host": "app.corp", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "clearml-webserver", "port": {"number": 80}}}}]}}]}})
}

/// A Secret with a text.
fn secret(name: &str, record: &str, text: &Value) -> Value {
    let data = k8s_openapi::ByteString(text.to_string().into_bytes());
    json!({"metadata": {"name": name, "labels": {"clearml-local.io/record": record}}, "data": {"record": data}})
}

fn record() -> Value {
    secret("clearml-local.v4", "revision", &crate::state::revision())
}

fn keys_record() -> Value {
    secret("clearml-local.keys", "keys", &crate::state::keys())
}

fn server_secret() -> Value {
    let value = k8s_openapi::ByteString(b"secret".to_vec());
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "clearml-conf"},
        "data": {"apiserver_key": value, "apiserver_secret": value, "secure_auth_token_secret": value,
            "httpsession": value, "test_user_key": value, "test_user_secret": value}})
}

fn storage_class() -> Value {
    json!({"metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "driver", "allowVolumeExpansion": true, "volumeBindingMode": "Immediate"})
}

fn quota() -> Value {
    json!({"metadata": {"name": "q"}, "spec": {"hard": {"requests.memory": "1Gi", "limits.cpu": "2", "pods": "3"}},
        "status": {"hard": {"requests.memory": "1Gi", "limits.cpu": "2", "pods": "3"},
            "used": {"requests.memory": "512Mi", "limits.cpu": "1500m", "pods": "1"}}})
}

fn limits() -> Value {
    json!({"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", "max": {"memory": "1Gi"},
        "min": {"cpu": "10m"}, "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"},
        "maxLimitRequestRatio": {"memory": "2"}}]}})
}
