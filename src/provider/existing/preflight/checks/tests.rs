use serde_json::json;

use super::super::access::{Need, RIGHTS, Scope};
use super::super::facts::Missing;
use super::*;
use crate::kube::{Observed, Survey};

/// A cluster with one node, a default class and an ingress class.
fn facts() -> Facts {
    let survey = Survey {
        version: "1.37.2".to_owned(),
        namespace: known(json!({"metadata": {"name": "ml"}, "status": {"phase": "Active"}})),
        storage_classes: known(json!([class("standard", "rancher.io/local-path", true)])),
        drivers: known(json!([])),
        ingress_classes: known(json!([{"metadata": {"name": "nginx"}}])),
        nodes: known(json!([node("one", "amd64", "4", "8Gi")])),
        pods: known(json!([pod(
            "local-path-provisioner-1",
            "one",
            "100m",
            "1Gi"
        )])),
        ..Survey::default()
    };
    Facts {
        survey,
        ..Facts::default()
    }
}

fn known<T: serde::de::DeserializeOwned>(value: Value) -> Observed<T> {
    Observed::Known(serde_json::from_value(value).unwrap())
}

fn class(name: &str, provisioner: &str, is_default: bool) -> Value {
    let annotations =
        json!({"storageclass.kubernetes.io/is-default-class": is_default.to_string()});
    json!({"metadata": {"name": name, "annotations": annotations}, "provisioner": provisioner})
}

fn node(name: &str, architecture: &str, cpu: &str, memory: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/arch": architecture}},
        "status": {"allocatable": {"cpu": cpu, "memory": memory}},
    })
}

fn pod(name: &str, node: &str, cpu: &str, memory: &str) -> Value {
    let resources = json!({"requests": {"cpu": cpu, "memory": memory}});
    json!({"metadata": {"name": name, "namespace": "other"}, "spec": {
        "nodeName": node, "containers": [{"name": "c", "resources": resources}]}})
}

/// A server with an API server, a database with a claim, and an ingress.
fn objects() -> Vec<Value> {
    let spec = json!({"initContainers": [{"name": "wait"}], "containers": [{
        "name": "clearml",
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    }]});
    let database = json!({"containers": [{
        "name": "mongodb",
        "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
    }]});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml"}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "clearml-apiserver", "labels": {"clearml-local.io/component": "apiserver"}},
            "spec": {"replicas": 2, "template": {"spec": spec}}}),
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "clearml-mongodb", "labels": {"clearml-local.io/component": "mongodb"}},
        "spec": {"replicas": 1, "template": {"spec": database}, "volumeClaimTemplates": [
            {"metadata": {"name": "datadir"}, "spec": {"resources": {"requests": {"storage": "50Gi"}}}},
        ]}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "clearml-fileserver-data"},
            "spec": {"resources": {"requests": {"storage": "20Gi"}}}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "clearml-webserver"},
            "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "clearml-app"}, "spec": {"ingressClassName": "nginx"}}),
    ]
}

fn place() -> ClusterSettings {
    ClusterSettings {
        namespace: "ml".parse().unwrap(),
        ..ClusterSettings::with_defaults("prod".parse().unwrap())
    }
}

fn report(facts: &Facts, objects: &[Value]) -> Checked {
    check(&Input {
        facts,
        objects,
        instance: "clearml",
        place: &place(),
    })
}

/// Returns the findings after a change of the facts; there must be no warnings.
fn findings(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = facts();
    change(&mut facts);
    let report = report(&facts, &objects());
    assert_eq!(report.warnings, [""; 0]);
    report
        .findings
        .into_iter()
        .map(|finding| finding.what)
        .collect()
}

/// Returns the warnings after a change of the facts; there must be no findings.
fn warnings(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = facts();
    change(&mut facts);
    let report = report(&facts, &objects());
    assert_eq!(report.findings, []);
    report.warnings
}

/// Returns the findings after a change of an object.
fn findings_of(index: usize, pointer: &str, value: Value) -> Vec<String> {
    let mut objects = objects();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    objects[index].pointer_mut(parent).unwrap()[key] = value;
    let report = report(&facts(), &objects);
    report
        .findings
        .into_iter()
        .map(|finding| finding.what)
        .collect()
}

fn remedies(change: impl FnOnce(&mut Facts)) -> Vec<String> {
    let mut facts = facts();
    change(&mut facts);
    let findings = report(&facts, &objects()).findings;
    let remedies = findings.into_iter().flat_map(|finding| finding.remedies);
    remedies.map(|hint| hint.to_string()).collect()
}

const API: usize = 1;
const DATABASE: usize = 2;
const CLAIM: usize = 3;
const SERVICE: usize = 4;
const INGRESS: usize = 5;

#[test]
fn a_suitable_cluster_has_no_problems() {
    assert_eq!(report(&facts(), &objects()), Checked::default());
}

#[test]
fn old_and_unknown_versions_of_kubernetes() {
    let version = |version: &str| {
        let version = version.to_owned();
        move |facts: &mut Facts| facts.survey.version = version
    };
    assert_eq!(
        findings(version("1.24.17-eks-5")),
        ["Kubernetes 1.24.17-eks-5 is too old: it must be 1.25 or later"]
    );
    for known in ["1.33.0", "1.37.9-gke.100"] {
        assert_eq!(warnings(version(known)), [""; 0], "{known}");
    }
    for unknown in ["1.31.2+k3s1", "1.38.0", "unknown"] {
        assert_eq!(
            warnings(version(unknown)),
            [format!(
                "Kubernetes {unknown} is not a known version: 1.33 to 1.37 are known, and 1.37 is tested"
            )]
        );
    }
}

#[test]
fn all_missing_permissions_are_one_finding() {
    let missing = |need: Need, take: usize| {
        let rights = RIGHTS
            .iter()
            .filter(move |right| right.need == need)
            .take(take);
        rights.map(|right| Missing {
            right,
            verbs: right.verbs.to_vec(),
        })
    };
    let lacks = |facts: &mut Facts| {
        let mut all: Vec<Missing> = missing(Need::Always, 2).collect();
        all.extend(
            RIGHTS
                .iter()
                .filter(|right| right.group == "apps")
                .take(1)
                .map(|right| Missing {
                    right,
                    verbs: vec!["create", "patch"],
                }),
        );
        // The namespace exists.
        all.extend(missing(Need::NewNamespace, 1));
        facts.missing = Observed::Known(all);
    };
    assert_eq!(
        findings(lacks),
        [
            "permissions are missing in the namespace `ml`: get, list, create, patch and delete `secrets` and `configmaps`; create and patch `deployments.apps`"
        ]
    );
    assert_eq!(
        remedies(lacks),
        [
            "give the Role to an administrator of the cluster: clearml-local render --role --namespace ml"
        ]
    );
    let optional = |facts: &mut Facts| {
        facts.missing = Observed::Known(missing(Need::Optional, 3).collect());
        facts.survey.nodes = Observed::Denied;
    };
    assert_eq!(
        warnings(optional),
        [
            "cannot check quotas of the namespace, limit ranges of the namespace and storage classes: no permission to list `resourcequotas`, `limitranges` and `storageclasses.storage.k8s.io`: see `render --role`"
        ]
    );
    assert_eq!(
        warnings(|facts| facts.missing = Observed::Denied),
        ["cannot check your permissions: the cluster does not tell them"]
    );
}

#[test]
fn every_optional_right_is_only_to_list() {
    for right in RIGHTS.iter().filter(|right| right.need == Need::Optional) {
        assert_eq!(right.verbs, ["list"], "{right:?}");
    }
    let of_cluster = RIGHTS.iter().filter(|right| right.scope == Scope::Cluster);
    for right in of_cluster {
        assert_ne!(right.need, Need::Always, "{right:?}");
    }
}

#[test]
fn a_missing_namespace_must_be_created_by_someone() {
    let denied = |facts: &mut Facts| {
        facts.survey.namespace = Observed::Known(None);
        let rights = RIGHTS
            .iter()
            .filter(|right| right.need == Need::NewNamespace);
        let missing = rights.map(|right| Missing {
            right,
            verbs: vec!["create"],
        });
        facts.missing = Observed::Known(missing.collect());
    };
    assert_eq!(
        findings(denied),
        ["the namespace `ml` does not exist, and you may not create it"]
    );
    assert_eq!(
        findings(|facts| facts.survey.namespace = Observed::Known(None)),
        [""; 0]
    );
    let terminating = json!({"metadata": {"name": "ml"}, "status": {"phase": "Terminating"}});
    assert_eq!(
        findings(|facts| facts.survey.namespace = known(terminating)),
        ["the namespace `ml` is being deleted: nothing can be created in it"]
    );
}

#[test]
fn storage_classes_must_exist() {
    let classes =
        |value: Value| move |facts: &mut Facts| facts.survey.storage_classes = known(value);
    assert_eq!(
        findings(classes(json!([]))),
        [
            "the cluster has no storage class, which the claims `clearml-fileserver-data` and `datadir-clearml-mongodb-0` need"
        ]
    );
    assert_eq!(
        findings(classes(json!([class(
            "fast",
            "rancher.io/local-path",
            false
        )]))),
        [
            "the cluster has no default storage class, and the claims `clearml-fileserver-data` and `datadir-clearml-mongodb-0` name none: expected `fast`"
        ]
    );
    assert_eq!(
        findings_of(CLAIM, "/spec/storageClassName", json!("slow")),
        [
            "the storage class `slow` of the claims `clearml-fileserver-data` does not exist: expected `standard`"
        ]
    );
    for fine in ["standard", ""] {
        assert_eq!(
            findings_of(CLAIM, "/spec/storageClassName", json!(fine)),
            [""; 0]
        );
    }
    // Claims that exist keep their volumes.
    assert_eq!(
        findings(|facts| {
            facts.survey.storage_classes = known(json!([]));
            let claims = ["clearml-fileserver-data", "datadir-clearml-mongodb-0"];
            let claims = claims.map(|name| json!({"metadata": {"name": name}}));
            facts.survey.claims = known(json!(claims));
        }),
        [""; 0]
    );
}

#[test]
fn provisioners_must_be_installed() {
    let provisioner = |name: &str| {
        let classes = json!([class("standard", name, true)]);
        move |facts: &mut Facts| facts.survey.storage_classes = known(classes)
    };
    assert_eq!(
        findings(provisioner("ebs.csi.aws.com")),
        [
            "the provisioner of the storage class `standard` is not installed: the cluster has no driver `ebs.csi.aws.com`"
        ]
    );
    assert_eq!(
        findings(provisioner("kubernetes.io/gce-pd")),
        [
            "the provisioner of the storage class `standard` is not installed: the cluster has no driver `pd.csi.storage.gke.io`"
        ]
    );
    assert_eq!(
        warnings(provisioner("cluster.local/nfs-provisioner")),
        [
            "cannot find the provisioner `cluster.local/nfs-provisioner` of the storage class `standard`: if no pod provides it, claims stay pending"
        ]
    );
    assert_eq!(
        warnings(provisioner("kubernetes.io/no-provisioner")),
        [
            "the storage class `standard` has no provisioner: claims stay pending until an administrator creates volumes for them"
        ]
    );
    let migrated = |facts: &mut Facts| {
        provisioner("kubernetes.io/aws-ebs")(facts);
        facts.survey.drivers =
            known(json!([{"metadata": {"name": "ebs.csi.aws.com"}, "spec": {}}]));
    };
    assert_eq!(findings(migrated), [""; 0]);
}

#[test]
fn ingress_classes_must_exist() {
    assert_eq!(
        findings_of(INGRESS, "/spec/ingressClassName", json!("traefik")),
        ["the ingress class `traefik` does not exist: expected `nginx`"]
    );
    assert_eq!(
        findings(|facts| facts.survey.ingress_classes = known(json!([]))),
        ["the ingress class `nginx` does not exist: the cluster has no ingress class"]
    );
    let mut objects = objects();
    objects[INGRESS]["spec"] = json!({});
    let without_class = report(&facts(), &objects);
    assert_eq!(
        without_class.warnings,
        [
            "`ingress.className` is not set, and the cluster has no default ingress class: only a controller that serves ingresses without a class answers for the host names; the cluster has `nginx`"
        ]
    );
}

#[test]
fn node_ports_must_be_free() {
    let service = |namespace: &str, name: &str, port: u16| {
        json!({"metadata": {"name": name, "namespace": namespace},
            "spec": {"ports": [{"port": 1, "nodePort": port}]}})
    };
    let services = |all: Value| move |facts: &mut Facts| facts.survey.services = known(all);
    assert_eq!(
        findings(services(json!([service("web", "shop", 30080)]))),
        [
            "the node port 30080 of the service `clearml-webserver` is in use by the service `shop` in the namespace `web`"
        ]
    );
    // It is ours.
    let ours = json!([service("ml", "clearml-webserver", 30080)]);
    assert_eq!(findings(services(ours)), [""; 0]);
    let ports = json!([{"port": 80, "nodePort": 8080}]);
    assert_eq!(
        findings_of(SERVICE, "/spec/ports", ports.clone()),
        [
            "the node port 8080 of the service `clearml-webserver` is out of range: expected 30000 to 32767"
        ]
    );
    let mut objects = objects();
    objects[SERVICE]["spec"]["ports"] = ports;
    let mut other_range = facts();
    services(json!([service("web", "shop", 9000)]))(&mut other_range);
    assert_eq!(report(&other_range, &objects), Checked::default());
}

#[test]
fn a_node_must_be_able_to_hold_each_pod() {
    let resources = json!({"requests": {"cpu": "1", "memory": "64Gi"}});
    let pointer = "/spec/template/spec/containers/0/resources";
    assert_eq!(
        findings_of(DATABASE, pointer, resources),
        [
            "no node can hold a pod of StatefulSet/clearml-mongodb: it requests 1 CPU and 64.0 GiB of memory, and the largest node `one` has 4 CPUs and 8.0 GiB of memory"
        ]
    );
    assert_eq!(
        warnings(|facts| facts.survey.pods =
            known(json!([pod("local-path-provisioner", "one", "1", "6.5Gi"),]))),
        [
            "no node has room for a pod of StatefulSet/clearml-mongodb at the moment: it requests 1 CPU and 2.0 GiB of memory"
        ]
    );
}

#[test]
fn pods_must_find_a_node_with_their_architecture() {
    let nodes = |all: Value| move |facts: &mut Facts| facts.survey.nodes = known(all);
    assert_eq!(
        findings(nodes(json!([node("arm", "arm64", "4", "8Gi")]))),
        [
            "the cluster has no node with the architecture amd64, which the images of the server need"
        ]
    );
    let mixed = json!([
        node("one", "amd64", "4", "8Gi"),
        node("arm", "arm64", "4", "8Gi")
    ]);
    assert_eq!(
        findings(nodes(mixed.clone())),
        [
            "pods of Deployment/clearml-apiserver could start on the node `arm`, whose architecture is arm64; their image is only for amd64"
        ]
    );
    let mut objects = objects();
    let selector = json!({"kubernetes.io/arch": "amd64"});
    objects[API]["spec"]["template"]["spec"]["nodeSelector"] = selector;
    let mut facts = facts();
    nodes(mixed)(&mut facts);
    assert_eq!(report(&facts, &objects), Checked::default());
}

#[test]
fn taints_and_selectors_must_leave_a_node() {
    let tainted = |facts: &mut Facts| {
        let mut node = node("one", "amd64", "4", "8Gi");
        node["spec"]["taints"] = json!([{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]);
        facts.survey.nodes = known(json!([node]));
    };
    let expected = [
        "no node can run the pods of Deployment/clearml-apiserver: none has their node selector and only taints that they tolerate, with the architecture amd64",
        "no node can run the pods of StatefulSet/clearml-mongodb: none has their node selector and only taints that they tolerate",
    ];
    assert_eq!(findings(tainted), expected);
    let mut objects = objects();
    for index in [API, DATABASE] {
        objects[index]["spec"]["template"]["spec"]["tolerations"] =
            json!([{"key": "gpu", "operator": "Exists"}]);
    }
    let mut facts = facts();
    tainted(&mut facts);
    assert_eq!(report(&facts, &objects), Checked::default());
    let selector = json!({"pool": "ml"});
    let pointer = "/spec/template/spec/nodeSelector";
    assert_eq!(findings_of(DATABASE, pointer, selector), [expected[1]]);
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
    "nodeSelectorTerms": [{"matchExpressions": [
        {"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]},
    ]}]}}});
    let pointer = "/spec/template/spec/affinity";
    assert_eq!(findings_of(DATABASE, pointer, affinity), [expected[1]]);
}

#[test]
fn pod_security_levels_of_the_namespace() {
    let level = |level: &str| {
        let labels = json!({"pod-security.kubernetes.io/enforce": level});
        let namespace = json!({"metadata": {"name": "ml", "labels": labels}});
        move |facts: &mut Facts| facts.survey.namespace = known(namespace)
    };
    assert_eq!(findings(level("baseline")), [""; 0]);
    let both = "Deployment/clearml-apiserver and StatefulSet/clearml-mongodb";
    assert_eq!(
        findings(level("restricted")),
        [format!(
            "the namespace `ml` enforces the pod security level `restricted`, which refuses \
             a missing `allowPrivilegeEscalation: false` in {both}; \
             a missing `capabilities.drop: [ALL]` in {both}; \
             a missing `runAsNonRoot: true` in {both}; \
             a missing `seccompProfile.type: RuntimeDefault` in {both}"
        )]
    );
    assert_eq!(
        remedies(level("restricted")),
        [
            "use a namespace with the level `baseline`",
            "or change the level of this one: kubectl --context prod --namespace ml label namespace ml pod-security.kubernetes.io/enforce=baseline --overwrite",
        ]
    );
    let mut objects = objects();
    let spec = &mut objects[DATABASE]["spec"]["template"]["spec"];
    spec["hostNetwork"] = json!(true);
    spec["volumes"] = json!([{"name": "v", "hostPath": {"path": "/"}}]);
    spec["containers"][0]["securityContext"] =
        json!({"privileged": true, "capabilities": {"add": ["SYS_ADMIN"]}});
    spec["containers"][0]["ports"] = json!([{"containerPort": 1, "hostPort": 1}]);
    let mut baseline = facts();
    level("baseline")(&mut baseline);
    let database = "StatefulSet/clearml-mongodb";
    assert_eq!(
        report(&baseline, &objects).findings[0].what,
        format!(
            "the namespace `ml` enforces the pod security level `baseline`, which refuses \
             `capabilities.add` in {database}; `hostNetwork: true` in {database}; \
             `hostPath` in {database}; `hostPort` in {database}; `privileged: true` in {database}"
        )
    );
}

#[test]
fn pods_that_pass_restricted_are_accepted() {
    let mut objects = objects();
    for index in [API, DATABASE] {
        let spec = &mut objects[index]["spec"]["template"]["spec"];
        spec["securityContext"] =
            json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
        for list in ["initContainers", "containers"] {
            if let Some(container) = spec.get_mut(list).map(|list| &mut list[0]) {
                container["securityContext"] =
                    json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
            }
        }
    }
    let mut facts = facts();
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    facts.survey.namespace = known(json!({"metadata": {"name": "ml", "labels": labels}}));
    assert_eq!(report(&facts, &objects), Checked::default());
}

#[test]
fn quotas_must_have_room() {
    let quota = |hard: Value, used: Value| {
        let quota = json!([{"metadata": {"name": "team"}, "spec": {"hard": hard}, "status": {"used": used}}]);
        move |facts: &mut Facts| facts.survey.quotas = known(quota)
    };
    assert_eq!(
        findings(quota(
            json!({"persistentvolumeclaims": "2", "requests.storage": "60Gi", "pods": "3"}),
            json!({})
        )),
        ["the quota `team` allows 60.0 GiB of requests.storage: the server needs 70.0 GiB"]
    );
    assert_eq!(
        findings(quota(json!({"pods": "4"}), json!({"pods": "2"}))),
        ["the quota `team` allows 4 of pods: the server needs 3, and others use 2"]
    );
    // What is used may be the server itself.
    assert_eq!(
        findings(|facts| {
            quota(json!({"pods": "4"}), json!({"pods": "3"}))(facts);
            facts.live = vec![
                json!({"kind": "Deployment", "metadata": {"name": "clearml-apiserver",
                "labels": {"clearml-local.io/instance": "clearml"}}}),
            ];
        }),
        [""; 0]
    );
    let missing = quota(
        json!({"limits.memory": "100Gi", "requests.cpu": "100"}),
        json!({}),
    );
    assert_eq!(
        findings(missing),
        [
            "the quota `team` requires `resources.requests.cpu` of every container: the container `wait` of Deployment/clearml-apiserver has none",
            "the quota `team` requires `resources.limits.memory` of every container: the container `wait` of Deployment/clearml-apiserver has none",
        ]
    );
    let with_default = |facts: &mut Facts| {
        quota(json!({"limits.memory": "100Gi"}), json!({}))(facts);
        facts.survey.limits = known(
            json!([{"metadata": {"name": "defaults"}, "spec": {"limits": [
            {"type": "Container", "default": {"memory": "512Mi"}}]}}]),
        );
    };
    assert_eq!(findings(with_default), [""; 0]);
}

#[test]
fn limit_ranges_must_allow_containers_pods_and_claims() {
    let range = |item: Value| {
        let range = json!([{"metadata": {"name": "bounds"}, "spec": {"limits": [item]}}]);
        move |facts: &mut Facts| facts.survey.limits = known(range)
    };
    for (item, expected) in [
        (
            json!({"type": "Container", "max": {"memory": "1Gi"}}),
            &[
                "the limit range `bounds` allows at most 1.0 GiB of memory: the container `clearml` of Deployment/clearml-apiserver has 2.0 GiB",
                "the limit range `bounds` allows at most 1.0 GiB of memory: the container `mongodb` of StatefulSet/clearml-mongodb has 2.0 GiB",
            ][..],
        ),
        (
            json!({"type": "Pod", "min": {"cpu": "1"}}),
            &[
                "the limit range `bounds` allows at least 1 of cpu: a pod of Deployment/clearml-apiserver has 0.5",
            ],
        ),
        (
            json!({"type": "PersistentVolumeClaim", "max": {"storage": "30Gi"}}),
            &[
                "the limit range `bounds` allows at most 30.0 GiB of storage: the claim `datadir-clearml-mongodb-0` has 50.0 GiB",
            ],
        ),
        (
            json!({"type": "Container", "max": {"memory": "2Gi"}, "min": {"cpu": "100m"}}),
            &[],
        ),
    ] {
        assert_eq!(findings(range(item)), expected);
    }
}

fn by_helm(kind: &str, name: &str, release: &str) -> Value {
    json!({"kind": kind, "metadata": {"name": name,
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": release}}})
}

fn release_secret(name: &str) -> Value {
    json!({"name": format!("sh.helm.release.v1.{name}.v1"), "labels": {"owner": "helm", "name": name}})
}

#[test]
fn an_installation_by_helm_is_refused_with_how_to_move_over() {
    let installed = |facts: &mut Facts| {
        facts.live = vec![
            by_helm("Deployment", "clearml-apiserver", "trains"),
            by_helm("PersistentVolumeClaim", "clearml-fileserver-data", "trains"),
        ];
        facts.survey.secrets = known(json!([release_secret("trains"), release_secret("shop")]));
        // The claim of a StatefulSet does not belong to Helm.
        facts.survey.claims = known(json!([
            {"metadata": {"name": "clearml-fileserver-data"}, "spec": {"volumeName": "pv-files"}},
            {"metadata": {"name": "datadir-clearml-mongodb-0"}, "spec": {"volumeName": "pv-mongodb"}},
            {"metadata": {"name": "other"}, "spec": {"volumeName": "pv-other"}},
        ]));
    };
    assert_eq!(
        findings(installed),
        [
            "the namespace `ml` has objects of the Helm release `trains` with the names of this server: \
          deployment/clearml-apiserver and persistentvolumeclaim/clearml-fileserver-data. `helm \
          uninstall` deletes claims with their data; to keep the data, make Helm forget the release \
          instead: claims and volumes stay, everything else is created again from your values"
        ]
    );
    assert_eq!(
        remedies(installed),
        [
            "save the values of the release: helm --kube-context prod --namespace ml get values trains > trains-values.yaml",
            "protect the data of each volume: kubectl --context prod --namespace ml patch persistentvolume pv-files --patch '{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Retain\"}}'",
            "protect the data of each volume: kubectl --context prod --namespace ml patch persistentvolume pv-mongodb --patch '{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Retain\"}}'",
            "make Helm forget the release: kubectl --context prod --namespace ml delete secrets --selector owner=helm,name=trains",
            "delete its objects, but no claims: kubectl --context prod --namespace ml delete deployment/clearml-apiserver",
            "install the server, which finds the claims: clearml-local up -f VALUES",
        ]
    );
    // After these steps, the claim is left.
    let moved = |facts: &mut Facts| {
        facts.live = vec![by_helm(
            "PersistentVolumeClaim",
            "clearml-fileserver-data",
            "trains",
        )];
        facts.survey.secrets = known(json!([release_secret("shop")]));
    };
    assert_eq!(findings(moved), [""; 0]);
    // While Helm still knows it, an uninstallation would delete the claim.
    let known_to_helm = |facts: &mut Facts| {
        moved(facts);
        facts.survey.secrets = known(json!([release_secret("trains")]));
    };
    assert_eq!(findings(known_to_helm).len(), 1);
    for step in remedies(known_to_helm) {
        assert!(!step.contains("delete persistentvolume"), "{step}");
        assert!(!step.contains("uninstall"), "{step}");
    }
}

#[test]
fn objects_of_others_are_refused() {
    let foreign = json!({"kind": "Service", "metadata": {"name": "clearml-webserver"}});
    assert_eq!(
        findings(|facts| facts.live = vec![foreign]),
        [
            "the namespace `ml` has objects with the names of this server that clearml-local did not create: service/clearml-webserver"
        ]
    );
    let of = |instance: &str| json!({"name": "clearml-local.keys", "labels": {"clearml-local.io/instance": instance}});
    let other = |facts: &mut Facts| facts.survey.secrets = known(json!([of("team-b")]));
    assert_eq!(
        findings(other),
        ["the namespace `ml` has the server of the instance `team-b`"]
    );
    assert_eq!(
        remedies(other),
        [
            "use another namespace: `--namespace NAMESPACE`",
            "or work with that instance: clearml-local up --name team-b",
        ]
    );
    let ours = |facts: &mut Facts| facts.survey.secrets = known(json!([of("clearml")]));
    assert_eq!(findings(ours), [""; 0]);
}
