use serde_json::{Value, json};

use super::*;

fn volume(name: &str, claim: &str, size: &str) -> Value {
    json!({"kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
        "capacity": {"storage": size},
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"name": claim},
        "hostPath": {"path": format!("/data/{name}")},
    }})
}

fn claim(name: &str, volume: &str, class: &str, size: &str) -> Value {
    json!({"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": class,
        "volumeName": volume,
        "resources": {"requests": {"storage": size}},
    }})
}

fn deployment(name: &str, app: &str, claim: &str) -> Value {
    json!({"kind": "Deployment", "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": app}},
        "template": {"metadata": {"labels": {"app": app}}, "spec": {
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}],
        }},
    }})
}

fn stateful_set(size: &str) -> Value {
    json!({"kind": "StatefulSet", "metadata": {"name": "redis"}, "spec": {
        "replicas": 1,
        "serviceName": "redis-headless",
        "selector": {"matchLabels": {"app": "redis"}},
        "template": {"metadata": {"labels": {"app": "redis", "role": "master"}}, "spec": {}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
        }}],
    }})
}

/// Adds the fields that the server sets.
fn set_by_server(mut object: Value) -> Value {
    if object["kind"] == "StatefulSet" {
        object["spec"]["podManagementPolicy"] = json!("OrderedReady");
        let template = &mut object["spec"]["volumeClaimTemplates"][0];
        template["kind"] = json!("PersistentVolumeClaim");
        template["spec"]["volumeMode"] = json!("Filesystem");
        template["status"] = json!({"phase": "Pending"});
    }
    object
}

fn planned(live: &[Value], rendered: &[Value]) -> Vec<String> {
    let planned = plan(live, rendered).unwrap();
    planned.iter().map(PlannedChange::to_string).collect()
}

fn refused(live: &[Value], rendered: &[Value]) -> String {
    plan(live, rendered).unwrap_err().to_string()
}

#[test]
fn fields_that_the_server_adds_or_rewrites_need_no_plan() {
    let rendered = [
        stateful_set("1024Mi"),
        claim("a", "a", "", "1024Mi"),
        volume("a", "a", "1024Mi"),
        deployment("m", "m", "a"),
    ];
    let live = [
        set_by_server(stateful_set("1Gi")),
        claim("a", "a", "", "1Gi"),
        volume("a", "a", "1Gi"),
        deployment("m", "m", "a"),
    ];
    assert_eq!(planned(&live, &rendered), [""; 0]);
    assert_eq!(planned(&[], &rendered), [""; 0]);
}

#[test]
fn a_stateful_set_is_recreated_around_pods_that_it_can_adopt() {
    let live = [set_by_server(stateful_set("5Gi"))];
    assert_eq!(
        planned(&live, &[stateful_set("6Gi")]),
        [
            "StatefulSet/redis is recreated, its pods keep running: claim template data changes from 5Gi to 6Gi"
        ]
    );
    let mut narrower = stateful_set("5Gi");
    narrower["spec"]["selector"]["matchLabels"] = json!({"role": "master"});
    narrower["spec"]["serviceName"] = json!("other");
    narrower["spec"]["podManagementPolicy"] = json!("Parallel");
    assert_eq!(
        planned(&live, &[narrower]),
        [
            "StatefulSet/redis is recreated, its pods keep running: service changes \
             from redis-headless to other, pod management changes from OrderedReady to Parallel, \
             selector changes from app=redis to role=master"
        ]
    );
    let mut strange = stateful_set("5Gi");
    strange["spec"]["selector"]["matchLabels"] = json!({"app": "cache"});
    assert_eq!(
        planned(&live, &[strange]),
        [
            "StatefulSet/redis is recreated after its pods have stopped: selector changes from app=redis to app=cache"
        ]
    );
}

#[test]
fn a_claim_is_rebound_while_no_pod_uses_it() {
    let live = [
        set_by_server(stateful_set("5Gi")),
        claim("data-redis-0", "redis", "", "5Gi"),
        volume("redis", "data-redis-0", "5Gi"),
        deployment("mongodb", "m", "mongodb"),
        claim("mongodb", "mongodb", "", "50Gi"),
        volume("mongodb", "mongodb", "50Gi"),
    ];
    let rendered = [
        stateful_set("5Gi"),
        claim("data-redis-0", "redis", "", "5Gi"),
        volume("redis", "data-redis-0", "5Gi"),
        deployment("mongodb", "m", "mongodb"),
        claim("mongodb", "mongodb", "", "20Gi"),
        volume("mongodb", "mongodb", "20Gi"),
    ];
    assert_eq!(
        planned(&live, &rendered),
        [
            "Deployment/mongodb is scaled to zero meanwhile: it uses the claim",
            "PersistentVolumeClaim/mongodb is bound to mongodb again, the data are kept: size changes from 50Gi to 20Gi",
        ]
    );
    // The claim of a StatefulSet: its template changes too, and its pods must stop.
    let rendered = [
        stateful_set("6Gi"),
        claim("data-redis-0", "redis", "", "6Gi"),
        volume("redis", "data-redis-0", "6Gi"),
    ];
    assert_eq!(
        planned(&live[..3], &rendered),
        [
            "StatefulSet/redis is recreated after its pods have stopped: claim template data changes from 5Gi to 6Gi",
            "PersistentVolumeClaim/data-redis-0 is bound to redis again, the data are kept: size changes from 5Gi to 6Gi",
        ]
    );
}

#[test]
fn two_databases_never_share_a_volume_after_a_change_of_names() {
    let live = [
        deployment("clearml-mongodb", "m", "clearml-mongodb"),
        claim("clearml-mongodb", "mongodb", "", "50Gi"),
        volume("mongodb", "clearml-mongodb", "50Gi"),
        deployment("clearml-web", "w", ""),
    ];
    let rendered = [
        deployment("demo-mongodb", "m", "demo-mongodb"),
        claim("demo-mongodb", "mongodb", "", "50Gi"),
        volume("mongodb", "demo-mongodb", "50Gi"),
    ];
    assert_eq!(
        planned(&live, &rendered),
        [
            "Deployment/clearml-mongodb is deleted with its pods: it is no longer rendered, and the data of clearml-mongodb are still used",
            "PersistentVolumeClaim/clearml-mongodb is replaced by demo-mongodb, bound to mongodb, the data are kept: its name changes to demo-mongodb",
        ]
    );
    // If no other workload uses the data, it is pruned like any other object.
    assert_eq!(planned(&live, &[]), [""; 0]);
}

#[test]
fn workloads_without_data_stop_first() {
    let live = [deployment("db", "a", "data"), deployment("web", "a", "")];
    let rendered = [deployment("db", "b", "data"), deployment("web", "b", "")];
    let planned = plan(&live, &rendered).unwrap();
    let names: Vec<&str> = planned.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["web", "db"]);
    assert!(
        planned
            .iter()
            .all(|one| one.how == Action::RecreateAfterItsPods)
    );
}

#[test]
fn a_provisioned_claim_may_only_grow_and_only_if_its_class_allows_it() {
    let class = |grows: bool| json!({"kind": "StorageClass", "metadata": {"name": "fast"}, "allowVolumeExpansion": grows});
    let live = |grows| {
        let mut volume = volume("pvc-1", "db", "5Gi");
        volume["spec"]["persistentVolumeReclaimPolicy"] = json!("Delete");
        [class(grows), claim("db", "pvc-1", "fast", "5Gi"), volume]
    };
    let wanted = |class: &str, size: &str| {
        let mut claim = claim("db", "", class, size);
        claim["spec"].as_object_mut().unwrap().remove("volumeName");
        [claim]
    };
    assert_eq!(planned(&live(true), &wanted("fast", "6Gi")), [""; 0]);
    for (grows, class, size, why) in [
        (
            false,
            "fast",
            "6Gi",
            "size changes from 5Gi to 6Gi; the class `fast` does not allow volumes to grow",
        ),
        (
            true,
            "fast",
            "4Gi",
            "size changes from 5Gi to 4Gi; a volume cannot shrink",
        ),
        (
            true,
            "slow",
            "5Gi",
            "class changes from fast to slow; the class `fast` provisioned its volume, and its data would be left behind",
        ),
    ] {
        assert_eq!(
            refused(&live(grows), &wanted(class, size)),
            format!("cannot change the claim db: {why}")
        );
    }
    // The server checks it if the classes are unknown.
    assert_eq!(planned(&live(false)[1..], &wanted("fast", "6Gi")), [""; 0]);
    // A volume with data is not replaced by one of ours.
    let rendered = [claim("db", "ours", "", "5Gi"), volume("ours", "db", "5Gi")];
    assert!(refused(&live(true), &rendered).contains("volume changes from pvc-1 to ours"));
}

#[test]
fn a_claim_that_waits_for_a_volume_is_recreated() {
    let provided = |class: &str| {
        let mut claim = claim("data-redis-0", "", class, "5Gi");
        claim["spec"].as_object_mut().unwrap().remove("volumeName");
        claim
    };
    let set = |class: &str| {
        let mut set = stateful_set("5Gi");
        set["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] = json!(class);
        set
    };
    let live = [set_by_server(set("fsat")), provided("fsat")];
    assert_eq!(
        planned(&live, &[set("fast"), provided("fast")]),
        [
            "StatefulSet/redis is recreated after its pods have stopped: claim template data changes",
            "PersistentVolumeClaim/data-redis-0 is recreated: class changes from fsat to fast",
        ]
    );
}

/// The claims of all of them would need 100 GB.
#[test]
fn an_absurd_number_of_pods_needs_no_memory() {
    let mut current = set_by_server(stateful_set("1Gi"));
    current["spec"]["replicas"] = json!(4_294_967_297_u64);
    let rendered = [claim("data-redis-0", "redis", "", "1Gi")];
    assert_eq!(
        planned(&[current], &rendered),
        [
            "StatefulSet/redis is deleted with its pods: it is no longer rendered, and the data of \
             data-redis-0 are still used"
        ]
    );
}

#[test]
fn a_service_that_gets_an_address_is_recreated() {
    let service = |address: Value| json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": address}});
    let live = [service(json!("10.96.0.7"))];
    assert_eq!(planned(&live, &[service(Value::Null)]), [""; 0]);
    assert_eq!(
        planned(&live, &[service(json!("None"))]),
        ["Service/s is recreated: it loses its cluster address"]
    );
}

#[test]
fn a_service_is_deleted_before_another_one_gets_its_node_port() {
    let service = |name: &str, port: u32| json!({"kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"nodePort": port}]}});
    let live = [service("web", 30080), service("api", 30008)];
    assert_eq!(
        planned(&live, &[service("demo-web", 30080), service("api", 30008)]),
        ["Service/web is deleted first: demo-web needs node port 30080"]
    );
    assert_eq!(
        planned(&live, &[service("web", 30008), service("api", 30080)]),
        [
            "Service/web is recreated: api needs node port 30080",
            "Service/api is recreated: web needs node port 30008",
        ]
    );
    assert_eq!(planned(&live, &[service("web", 30081)]), [""; 0]);
}
