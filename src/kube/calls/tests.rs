//! Each call of a cluster with each fault in each of its requests: it succeeds, or it ends in
//! time with an error that says why.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::AsyncReadExt;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::with_retries;
use crate::component::Component;
use crate::error::Explain;
use crate::failures::Failure;
use crate::kube::faulty::{self, Fault, Injected, Times};
use crate::kube::mock::{self, Request, object, refusal};
use crate::kube::plan::{Action, PlannedChange};
use crate::kube::{COMPONENT_LABEL, Cluster, Error, LogRequest, Permission};
use crate::namespace::Namespace;

/// The limit of a request and the repetitions of others after it, with a margin.
const LIMIT: Duration = Duration::from_secs(60);

type Run = fn(Cluster) -> LocalBoxFuture<'static, Result<String, Error>>;

macro_rules! calls {
    ($($name:ident($cluster:ident) $body:expr;)+) => {
        /// Every call, by name. A call returns what its caller learns.
        const CALLS: &[(&str, Run)] = &[$((
            stringify!($name),
            |$cluster| Box::pin(async move { Ok(format!("{:?}", $body.await?)) }),
        ),)+];
    };
}

calls! {
    ready(cluster) cluster.ready();
    version(cluster) cluster.version();
    clock_skew(cluster) cluster.clock_skew(Timestamp::now());
    pods(cluster) cluster.pods();
    open_log(cluster) async {
        let request = LogRequest {
            container: "main".to_owned(), previous: false, follow: false, tail: None, since: None,
        };
        let mut text = String::new();
        if let Some(mut log) = cluster.open_log("demo", request).await? {
            let read = log.read_to_string(&mut text);
            // The limit of the reader, which is that of its caller.
            let read = tokio::time::timeout(Duration::from_secs(10), read).await;
            let read = read.unwrap_or(Err(std::io::ErrorKind::TimedOut.into()));
            read.map_err(|source| Error::Log { pod: "demo".to_owned(), source })?;
        }
        Ok::<_, Error>(text)
    };
    observe(cluster) async { Ok::<_, Error>(cluster.observe().await?.len()) };
    observe_nodes(cluster) cluster.observe_nodes();
    node_labels(cluster) cluster.node_labels();
    addons(cluster) cluster.addons();
    dump(cluster) async {
        // Each list has its own result.
        let dumped = cluster.dump("demo").await.into_iter();
        dumped.map(|one| Ok((one.plural, one.objects?.len()))).collect::<Result<Vec<_>, Error>>()
    };
    exposure(cluster) async { cluster.exposure().await.map(drop) };
    tls_secrets(cluster) cluster.tls_secrets();
    survey(cluster) async { Ok::<_, Error>(cluster.survey("demo").await?.version) };
    review(cluster) cluster.review(&[Permission {
        verb: "list", group: "", resource: "pods/log", namespace: Some("demo"),
    }]);
    live_objects(cluster) cluster.live_objects(&[object("Service", "v1", "demo")], "demo");
    live(cluster) cluster.live(&object("Service", "v1", "demo"));
    apply(cluster) cluster.apply(&[
        object("Namespace", "v1", "new"),
        object("Service", "v1", "new"),
        object("Widget", "example.com/v1", "new"),
    ]);
    prune(cluster) cluster.prune("demo", &[]);
    remove_server(cluster) cluster.remove_server("demo");
    plan(cluster) cluster.plan("demo", &[object("Service", "v1", "demo")]);
    compare(cluster) cluster.compare("demo", &[object("Service", "v1", "demo")], &[]);
    execute_plan(cluster) async {
        let planned = |kind: &str, how| PlannedChange {
            kind: kind.to_owned(), name: "demo".to_owned(), namespace: None, how,
            why: "it must".to_owned(),
        };
        let claim = "new".to_owned();
        let rebind = Action::Rebind { volume: "gone".to_owned(), claim: claim.clone() };
        let plan = [
            planned("Deployment", Action::ScaleToZero),
            planned("StatefulSet", Action::DeleteWithItsPods),
            planned("PersistentVolumeClaim", rebind),
        ];
        let rendered = [object("PersistentVolumeClaim", "v1", &claim)];
        cluster.execute_plan(&plan, &rendered, |_| ()).await
    };
    records(cluster) cluster.records("revision");
    store_record(cluster) cluster.store_record("revision", "demo", "demo", "text");
    delete_record(cluster) cluster.delete_record("demo");
    has_secret(cluster) cluster.has_secret("demo");
    secret(cluster) cluster.secret("demo");
    ensure_namespace(cluster) async {
        let new: Namespace = "new".parse().unwrap();
        cluster.within(new).ensure_namespace("demo").await
    };
    has_objects_of(cluster) cluster.has_objects_of("demo");
    claims_of(cluster) cluster.claims_of("demo");
    delete_data(cluster) cluster.delete_data("demo");
    restart(cluster) cluster.restart(Component::Redis);
    delete_pods(cluster) cluster.delete_pods(&["demo"]);
    delete_old_leader_leases(cluster) async {
        let started = "2026-11-27T10:00:00Z".parse().unwrap();
        cluster.with_node_started(Some(started)).delete_old_leader_leases().await
    };
    observe_agents(cluster) async {
        let observed = cluster.observe_agents().await?.into_iter();
        Ok::<_, Error>(observed.map(|agent| agent.workload).collect::<Vec<_>>())
    };
    agent_pods(cluster) cluster.agent_pods("demo", None);
    agent_records(cluster) cluster.agent_records("demo");
    delete_agents(cluster) cluster.delete_agents("demo", Some("demo"));
    allocatable(cluster) cluster.allocatable("nvidia.com/gpu");
    release_volumes(cluster) cluster.release_volumes("demo");
    run_pod(cluster) cluster.run_pod(&[object("Pod", "v1", "new")], Duration::from_secs(30));
}

/// The kinds of which the server has no objects. Some others are enough for the deletions.
const EMPTY: [&str; 9] = [
    "/configmaps",
    "/serviceaccounts",
    "/daemonsets",
    "/jobs",
    "/cronjobs",
    "/roles",
    "/rolebindings",
    "/clusterroles",
    "/clusterrolebindings",
];

/// Answers as a server that keeps what is created and deleted.
fn server() -> impl Fn(&Request) -> (u16, Value) + Send + Sync {
    // The objects that changed, by path; `None` if they are deleted.
    let changed: Mutex<HashMap<String, Option<Value>>> = Mutex::default();
    move |request| {
        let path = request.path.split('?').next().unwrap_or_default();
        let mut changed = changed.lock().unwrap();
        match (request.method.as_str(), path) {
            (_, "/readyz") => (200, json!("ok")),
            (_, "/version") => (200, version()),
            (_, "/apis/example.com/v1") => (200, resources()),
            (_, log) if log.ends_with("/log") => (200, json!("one line\nanother line\n")),
            ("POST", review) if review.ends_with("reviews") => {
                let mut review = request.body.clone();
                review["status"] = json!({"allowed": true});
                (201, review)
            }
            ("POST", list) => {
                let name = request.body["metadata"]["name"]
                    .as_str()
                    .unwrap_or_default();
                let path = format!("{list}/{name}");
                match changed.get(&path) {
                    Some(Some(_)) => refusal(409, "AlreadyExists", "it exists"),
                    _ => {
                        changed.insert(path, Some(request.body.clone()));
                        (201, request.body.clone())
                    }
                }
            }
            ("GET", path) if is_list(path) => {
                let known = changed.get(&format!("{path}/demo"));
                let is_empty = EMPTY.iter().any(|kind| path.ends_with(kind));
                let items: Vec<Value> = match known {
                    None if is_empty => Vec::new(),
                    Some(None) => Vec::new(),
                    Some(Some(object)) => vec![object.clone()],
                    None => vec![item(path)],
                };
                (200, json!({"metadata": {}, "items": items}))
            }
            ("GET", path) => match changed.get(path) {
                Some(Some(object)) => (200, object.clone()),
                Some(None) => refusal(404, "NotFound", "it is deleted"),
                None if ["/new", "/gone"].iter().any(|end| path.ends_with(end)) => {
                    refusal(404, "NotFound", "it does not exist")
                }
                None => (
                    200,
                    item(path.rsplit_once('/').map_or("", |(list, _)| list)),
                ),
            },
            ("DELETE", path) => match changed.insert(path.to_owned(), None) {
                Some(None) => refusal(404, "NotFound", "it is deleted"),
                _ => (200, json!({"kind": "Status", "status": "Success"})),
            },
            ("PATCH", path) => {
                let list = path.rsplit_once('/').map_or("", |(list, _)| list);
                if path.ends_with("/gone") {
                    return refusal(404, "NotFound", "it does not exist");
                }
                let mut object = item(list);
                object["metadata"]["name"] = path.rsplit('/').next().into();
                // It has no pods any more.
                if path.ends_with("/deployments/demo") {
                    changed.insert(
                        path.replace("apis/apps/v1", "api/v1")
                            .replace("deployments", "pods"),
                        None,
                    );
                }
                changed.insert(path.to_owned(), Some(object.clone()));
                (200, object)
            }
            _ => refusal(405, "MethodNotAllowed", "unexpected"),
        }
    }
}

fn is_list(path: &str) -> bool {
    let kinds = crate::kube::kinds::KINDS.iter().map(|kind| kind.plural);
    let others = [
        "nodes",
        "leases",
        "events",
        "replicasets",
        "csidrivers",
        "resourcequotas",
        "limitranges",
    ];
    let last = path.rsplit('/').next().unwrap_or_default();
    kinds.chain(others).any(|plural| plural == last)
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "", "gitTreeState": "",
        "buildDate": "", "goVersion": "", "compiler": "", "platform": "",
    })
}

fn resources() -> Value {
    json!({
        "kind": "APIResourceList", "groupVersion": "example.com/v1",
        "resources": [{
            "name": "widgets", "singularName": "", "namespaced": true, "kind": "Widget",
            "verbs": ["get", "list", "patch"],
        }],
    })
}

/// An object of any kind that a list contains.
fn item(list: &str) -> Value {
    let kind = list.rsplit('/').next().unwrap_or_default();
    let mut object = json!({
        "metadata": {
            "name": "demo", "uid": "1", "resourceVersion": "1",
            "labels": {COMPONENT_LABEL: "redis"},
        },
    });
    match kind {
        "pods" => {
            object["spec"] = json!({"containers": [{"name": "main"}]});
            object["status"] = json!({"phase": "Succeeded", "containerStatuses": [{
                "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"terminated": {"exitCode": 0, "message": "done"}},
            }]});
        }
        "leases" => object["spec"] = json!({"renewTime": "2026-11-27T09:00:00.000000Z"}),
        "persistentvolumeclaims" => object["status"] = json!({"phase": "Bound"}),
        "persistentvolumes" => {
            object["spec"] = json!({"claimRef": {"uid": "1", "name": "demo"}});
            object["status"] = json!({"phase": "Released"});
        }
        "csidrivers" | "ingresses" | "services" => object["spec"] = json!({}),
        "storageclasses" => object["provisioner"] = json!("local-path"),
        "deployments" | "statefulsets" | "daemonsets" | "replicasets" => {
            object["spec"] = json!({"selector": {"matchLabels": {"app": "demo"}}, "template": {}});
        }
        "secrets" => object["data"] = json!({"record": "dGV4dA=="}),
        "limitranges" => object["spec"] = json!({"limits": []}),
        "events" => object["involvedObject"] = json!({}),
        _ => {}
    }
    object
}

/// Returns the numbers of requests: of each row of requests with one method, the first two and
/// the last.
fn sample(requests: &[Request]) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    let mut start = 0;
    for row in requests.chunk_by(|one, next| one.method == next.method) {
        let end = start + row.len();
        chosen.extend([start, (start + 1).min(end - 1), end - 1]);
        start = end;
    }
    chosen
}

struct Outcome {
    result: Result<String, Error>,
    took: Duration,
    requests: Vec<Request>,
}

async fn run(call: Run, fault: Option<Injected>) -> Outcome {
    let (cluster, record) = faulty::cluster(server(), fault);
    let began = Instant::now();
    let result = tokio::time::timeout(LIMIT * 10, call(cluster)).await;
    let requests = record.lock().unwrap().clone();
    Outcome {
        result: result.expect("it does not hang"),
        took: began.elapsed(),
        requests,
    }
}

/// Returns what is wrong with the outcome of a call.
fn judge(
    name: &str,
    (_, fault, times): Injected,
    outcome: &Outcome,
    healthy: &str,
) -> Option<String> {
    if outcome.took > LIMIT && fault != Fault::Slow {
        return Some(format!("took {:?}", outcome.took));
    }
    // What has been read of a log cannot be taken back.
    let is_cut_log =
        name == "open_log" && matches!(fault, Fault::CloseInBody | Fault::TruncatedChunks);
    let hangs = matches!(fault, Fault::Silence | Fault::SilenceInBody);
    let is_late = fault == Fault::Slow && name == "ready";
    let is_final = hangs || is_cut_log || is_late || fault == Fault::OtherContent;
    let must_succeed = fault == Fault::Slow && !is_late || times == Times::Once && !is_final;
    match &outcome.result {
        // Any text is one.
        Ok(_) if fault == Fault::OtherContent && ["ready", "open_log"].contains(&name) => None,
        Ok(learned) if learned == healthy => None,
        Ok(learned) => Some(format!("{learned} instead of {healthy}")),
        Err(error) if must_succeed => Some(error.to_string()),
        Err(error) => {
            let is_clear = error.failure() == Failure::ApiUnreachable && !error.hints().is_empty();
            (!is_clear).then(|| format!("{:?}: {error}", error.failure()))
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_survives_each_fault_or_ends_with_a_clear_error() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, call) in CALLS {
        let healthy = run(*call, None).await;
        let learned = healthy
            .result
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!healthy.requests.is_empty(), "{name}");
        let once = sample(&healthy.requests).into_iter();
        let once = once.map(|number| (number, Times::Once));
        for (number, times) in once.chain([(0, Times::Always)]) {
            for fault in Fault::ALL {
                count += 1;
                let injected = (number, fault, times);
                let outcome = run(*call, Some(injected)).await;
                if let Some(problem) = judge(name, injected, &outcome, &learned) {
                    let request = &healthy.requests[number];
                    wrong.push(format!(
                        "{name} with {fault:?} {times:?} in {} {}: {problem}",
                        request.method, request.path
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A new call needs a row in the table.
#[test]
fn every_call_of_a_cluster_is_tested() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kube");
    let mut expected = BTreeSet::new();
    for name in crate::files::list(&directory).unwrap() {
        let Ok(Some(text)) = crate::files::read(&directory.join(name)) else {
            // A directory with parts of a module.
            continue;
        };
        let functions = text.lines().filter_map(|line| {
            let line = line.strip_prefix("    pub")?;
            let (_, rest) = line.split_once("async fn ")?;
            let is_inner = line.starts_with("(super)");
            rest.split('(')
                .next()
                .filter(|_| !is_inner)
                .map(str::to_owned)
        });
        expected.extend(functions);
    }
    // It makes no request; and what others do with the kinds of the table.
    for without in ["connect", "resolve"] {
        assert!(expected.remove(without), "{without}");
    }
    let tested: BTreeSet<String> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(tested, expected);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_unavailable_is_tried_for_30_s() {
    let (cluster, record) =
        mock::cluster(|_| refusal(503, "ServiceUnavailable", "etcdserver: no leader"));
    let started = Instant::now();
    let api: ::kube::Api<Node> = ::kube::Api::all(cluster.client());
    let error = with_retries("read Node/n", || api.get("n"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Refused { status: 503, .. }),
        "{error:?}"
    );
    let seconds = started.elapsed().as_secs_f32();
    assert_eq!((record.lock().unwrap().len(), seconds.round()), (19, 29.0));
}
