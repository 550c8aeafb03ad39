//! What the objects for an existing cluster must have: nothing outside of the namespace, and
//! pods that the pod security standard `baseline` admits.

mod common;

use std::path::Path;

use clearml_local::testing::files;
use clearml_local::testing::manifests::Object;
use clearml_local::testing::namespace::Namespace;
use clearml_local::testing::values::{self, Target};
use serde_json::{Value, json};

use self::common::Rendered;

const INSTANCE: &str = "clearml-local.io/instance";

fn render(release: &str, file: &str) -> Result<Rendered, values::Error> {
    let namespace: &Namespace = &"team-a".parse().unwrap();
    common::render_for(Target::Cluster { namespace }, release, file, &[])
}

/// Renders the defaults of two releases, and all values files of real installations.
fn all() -> Vec<(String, Vec<Value>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values");
    let names = files::list(&directory).unwrap();
    let names = names
        .into_iter()
        .filter(|name| !name.starts_with("refused-"));
    let mut all: Vec<(String, String, String)> = names
        .map(|name| {
            let text = files::read(&directory.join(&name)).unwrap().unwrap();
            let release = text
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("# release: "));
            (name, release.unwrap_or("1.5.0").to_owned(), text)
        })
        .collect();
    all.extend(["1.5.0", "2.3"].map(|release| (release.into(), release.into(), String::new())));
    all.into_iter()
        .map(|(name, release, text)| {
            let rendered = render(&release, &text).unwrap_or_else(|error| {
                panic!("{name}: {error} {:?}", error.problems);
            });
            let objects = rendered.objects.iter().map(Object::as_value).cloned();
            (name, objects.collect())
        })
        .collect()
}

#[test]
fn all_objects_are_in_the_namespace_and_have_the_instances_label() {
    for (name, objects) in all() {
        assert!(objects.len() >= 8, "{name}");
        for object in objects {
            let metadata = &object["metadata"];
            let title = format!("{name}: {}/{}", object["kind"], metadata["name"]);
            assert_eq!(metadata["namespace"], "team-a", "{title}");
            assert_eq!(metadata["labels"][INSTANCE], "clearml", "{title}");
            let kind = object["kind"].as_str().unwrap();
            assert!(NAMESPACED.contains(&kind), "{title}");
            let keeps = metadata["labels"]["clearml-local.io/keep"] == "true";
            assert_eq!(keeps, kind == "PersistentVolumeClaim", "{title}");
        }
    }
}

/// The kinds of the objects, none of which is cluster-scoped.
const NAMESPACED: [&str; 9] = [
    "PersistentVolumeClaim",
    "Secret",
    "ConfigMap",
    "Service",
    "Deployment",
    "StatefulSet",
    "Job",
    "PodDisruptionBudget",
    "Ingress",
];

#[test]
fn no_claim_names_a_volume_and_only_a_class_of_the_values() {
    for (name, objects) in all() {
        let claims = objects
            .iter()
            .filter(|object| object["kind"] == "PersistentVolumeClaim");
        let templates = objects.iter().flat_map(|object| {
            let templates = object["spec"]["volumeClaimTemplates"].as_array();
            templates.into_iter().flatten()
        });
        for claim in claims.chain(templates) {
            assert!(claim["spec"].get("volumeName").is_none(), "{name}");
            let class = claim["spec"].get("storageClassName");
            assert!(class.is_none_or(|class| class != ""), "{name}");
        }
    }
    let file = "redis: {master: {persistence: {storageClass: fast, accessModes: [ReadWriteOncePod], size: 9Gi}}}";
    let objects = render("1.5.0", file).unwrap().objects;
    let claim = |object: &&Object| {
        object.as_value()["metadata"]["name"] == "redis-data-clearml-redis-master-0"
    };
    let claim = objects.iter().find(claim).unwrap().as_value();
    assert_eq!(
        claim["spec"],
        json!({
            "accessModes": ["ReadWriteOncePod"],
            "storageClassName": "fast",
            "resources": {"requests": {"storage": "9Gi"}},
        })
    );
}

#[test]
fn baseline_pod_security_admits_all_pods() {
    for (name, objects) in all() {
        let mut pods = 0;
        for object in &objects {
            if let Some(spec) = object.pointer("/spec/template/spec") {
                pods += 1;
                let violations = violations(spec);
                assert!(violations.is_empty(), "{name}: {violations:?}");
            }
        }
        assert!(pods >= 3, "{name}");
    }
    // A local node has volumes that are not in pods, and nothing else.
    let node = common::render("2.3", PRODUCTION, &[]).unwrap().objects;
    let specs = node.iter().map(Object::as_value);
    let mut specs = specs.filter_map(|object| object.pointer("/spec/template/spec"));
    assert!(specs.all(|spec| violations(spec).is_empty()));
    // The check finds violations.
    let refused = json!({
        "hostNetwork": true,
        "securityContext": {"sysctls": [{"name": "vm.max_map_count", "value": "262144"}]},
        "volumes": [{"name": "v", "hostPath": {"path": "/"}}],
        "initContainers": [{"securityContext": {"privileged": true}}],
        "containers": [{"ports": [{"hostPort": 80}], "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}],
    });
    assert_eq!(violations(&refused).len(), 6);
}

/// The capabilities that `baseline` allows to add.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Returns what `baseline` forbids in a pod, as the Pod Security Standards list it.
fn violations(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec[field] == true {
            found.push(field.to_owned());
        }
    }
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        if volume.get("hostPath").is_some() {
            found.push(format!("hostPath {}", volume["name"]));
        }
    }
    found.extend(context(&spec["securityContext"]));
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec[list].as_array().into_iter().flatten() {
            let security = &container["securityContext"];
            found.extend(context(security));
            if security["privileged"] == true {
                found.push("privileged".to_owned());
            }
            let added = security["capabilities"]["add"].as_array();
            for capability in added.into_iter().flatten() {
                if !CAPABILITIES.iter().any(|allowed| capability == allowed) {
                    found.push(format!("capability {capability}"));
                }
            }
            if !matches!(security["procMount"].as_str(), None | Some("Default")) {
                found.push("procMount".to_owned());
            }
            for port in container["ports"].as_array().into_iter().flatten() {
                if port["hostPort"].as_u64().is_some_and(|port| port > 0) {
                    found.push("hostPort".to_owned());
                }
            }
        }
    }
    found
}

/// Returns what is forbidden in the security context of a pod and of a container. None of our
/// pods has sysctls, SELinux options or settings for Windows.
fn context(context: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for field in ["sysctls", "seLinuxOptions", "windowsOptions"] {
        if context.get(field).is_some() {
            found.push(field.to_owned());
        }
    }
    for field in ["seccompProfile", "appArmorProfile"] {
        if context[field]["type"] == "Unconfined" {
            found.push(field.to_owned());
        }
    }
    found
}

/// The values of a team with several nodes, an ingress controller and storage classes.
const PRODUCTION: &str = include_str!("values/production-on-several-nodes.yaml");

#[test]
fn several_pods_survive_updates_and_drained_nodes() {
    let Rendered { objects, warnings } = render("2.3", PRODUCTION).unwrap();
    assert_eq!(warnings, [""; 0]);
    let find = |kind: &str, name: &str| {
        let found = objects.iter().map(Object::as_value).find(|object| {
            object["kind"] == kind && object["metadata"]["name"] == format!("clearml-{name}")
        });
        found.cloned()
    };
    for name in ["apiserver", "webserver"] {
        let deployment = find("Deployment", name).unwrap();
        let spec = &deployment["spec"];
        assert_eq!(spec["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
        let pod = &spec["template"]["spec"];
        let spread = "/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution";
        assert_eq!(
            pod.pointer(spread).unwrap()[0]["podAffinityTerm"]["topologyKey"],
            "kubernetes.io/hostname"
        );
        let stop = &pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][2];
        assert_eq!(stop, "sleep 10; kill -TERM -1");
        assert!(pod["terminationGracePeriodSeconds"].as_u64() > Some(10));
        let budget = find("PodDisruptionBudget", name).unwrap();
        assert_eq!(budget["apiVersion"], "policy/v1");
        assert_eq!(budget["spec"]["selector"], spec["selector"]);
        assert_eq!(budget["spec"]["maxUnavailable"], 1);
    }
    // Only one node can mount its volume.
    let files = find("Deployment", "fileserver").unwrap();
    assert_eq!(files["spec"]["strategy"], json!({"type": "Recreate"}));
    assert_eq!(find("PodDisruptionBudget", "fileserver"), None);
    let budgets = objects.iter().map(Object::as_value);
    let budgets = budgets.filter(|object| object["kind"] == "PodDisruptionBudget");
    let of_elasticsearch = budgets.filter(|budget| {
        budget["metadata"]["labels"]["clearml-local.io/component"] == "elasticsearch"
    });
    assert_eq!(of_elasticsearch.count(), 1);
}

#[test]
fn the_namespace_is_that_of_the_target() {
    let file = "mongodb: {service: {name: 'db.{{ .Release.Namespace }}.svc'}}";
    let objects = render("1.5.0", file).unwrap().objects;
    let server = objects.iter().map(Object::as_value).find(|object| {
        object["kind"] == "Deployment" && object["metadata"]["name"] == "clearml-apiserver"
    });
    let environment = &server.unwrap()["spec"]["template"]["spec"]["containers"][0]["env"];
    let host = environment.as_array().unwrap().iter();
    let mut host = host.filter(|env| env["name"] == "CLEARML_MONGODB_SERVICE_HOST");
    assert_eq!(host.next().unwrap()["value"], "db.team-a.svc");
}
