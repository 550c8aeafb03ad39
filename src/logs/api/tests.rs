use std::sync::{Arc, Mutex};

use futures_util::io::Cursor;
use serde_json::{Value, json};

use super::*;
use crate::kube::COMPONENT_LABEL;
use crate::kube::faulty::{self, Fault, Times};
use crate::kube::mock::{Request, cluster, paths, refusal};
use crate::logs::Logs;

/// Pods by name, which is also the uid, with the number of restarts.
type PodList = Arc<Mutex<Vec<(&'static str, u32)>>>;

fn list(pods: &PodList) -> Value {
    let pods = pods.lock().unwrap();
    let pod = |(name, restarts): &(&str, u32)| {
        let ended = json!({"terminated": {"exitCode": 1, "startedAt": "2026-11-23T09:00:00Z",
            "finishedAt": "2026-11-23T10:00:00Z"}});
        json!({"metadata": {"name": name, "uid": name, "labels": {COMPONENT_LABEL: component(name)}},
            "spec": {"containers": [{"name": "redis"}]},
            "status": {"phase": "Running", "containerStatuses": [{
                "name": "redis", "image": "redis", "imageID": "", "ready": true,
                "restartCount": restarts,
                "lastState": if *restarts > 0 { ended } else { json!({}) },
                "state": {"running": {"startedAt": "2026-11-23T10:00:00Z"}}}]}})
    };
    let items: Vec<Value> = pods.iter().map(pod).collect();
    json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": items})
}

/// Pods named `api…` belong to the API server, all others to Redis.
fn component(pod: &str) -> &'static str {
    match pod.starts_with("api") {
        true => "apiserver",
        false => "redis",
    }
}

/// A server with these pods; `log` returns the lines of each pod, by its name and for the
/// current (`false`) or the previous run (`true`).
fn server(
    pods: &PodList,
    log: impl Fn(&str, bool) -> Option<Vec<(u32, &'static str)>> + Send + 'static,
) -> Cluster {
    let pods = Arc::clone(pods);
    let answer = move |asked: &Request| {
        let path = asked.path.split('?').next().unwrap();
        let Some(path) = path.strip_suffix("/log") else {
            return (200, list(&pods));
        };
        let name = path.rsplit('/').next().unwrap();
        match log(name, asked.path.contains("previous=true")) {
            Some(lines) => {
                let line = |(second, text): &(u32, &str)| {
                    format!("2026-11-23T10:00:{second:02}.5Z {text}\n")
                };
                (200, Value::String(lines.iter().map(line).collect()))
            }
            None => refusal(404, "NotFound", "no such pod"),
        }
    };
    cluster(answer).0
}

async fn read(cluster: Cluster, options: LogOptions) -> Logs {
    let api = Api {
        cluster,
        pods: Pods::Components,
        options: options.clone(),
    };
    Logs::read(Arc::new(api), options).await.unwrap()
}

async fn some(logs: &mut Logs, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let next = tokio::time::timeout(PERIOD * 20, logs.next()).await;
        texts.push(next.expect("a line").unwrap().unwrap().text);
    }
    texts
}

fn following() -> LogOptions {
    LogOptions {
        follow: true,
        ..LogOptions::default()
    }
}

#[tokio::test(start_paused = true)]
async fn following_continues_after_a_restart_without_losing_lines() {
    let pods: PodList = Arc::new(Mutex::new(vec![("r-0", 0)]));
    let restarted = Arc::clone(&pods);
    let cluster = server(&pods, move |_, previous| {
        match (restarted.lock().unwrap()[0].1, previous) {
            (0, false) => Some(vec![(1, "one"), (2, "two")]),
            (1, true) => Some(vec![(1, "one"), (2, "two"), (3, "last words")]),
            (1, false) => Some(vec![(4, "again")]),
            _ => None,
        }
    });
    let mut logs = read(cluster, following()).await;
    assert_eq!(some(&mut logs, 2).await, ["one", "two"]);
    pods.lock().unwrap()[0].1 = 1;
    assert_eq!(some(&mut logs, 2).await, ["last words", "again"]);
    // No line is repeated, even if the connection ends several times.
    let more = tokio::time::timeout(PERIOD * 5, logs.next()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test(start_paused = true)]
async fn a_followed_log_whose_connection_is_dead_is_opened_again() {
    let pods: PodList = Arc::new(Mutex::new(vec![("a", 0)]));
    let (one, two) = (
        "2026-11-23T10:00:01.5Z one\n",
        "2026-11-23T10:00:02.5Z two\n",
    );
    let answer = move |request: &Request| match request.path.contains("/log") {
        true if request.path.contains("follow=true") => (200, json!(format!("{one}{two}"))),
        true => (200, json!(one)),
        false => (200, list(&pods)),
    };
    // The pods and the existing lines are read before, and the pods once more.
    let hangs = Some((3, Fault::Silence, Times::Once));
    for fault in [hangs, Some((3, Fault::SilenceInBody, Times::Once))] {
        let (cluster, record) = faulty::cluster(answer.clone(), fault);
        let mut logs = read(cluster, following()).await;
        assert_eq!(some(&mut logs, 1).await, ["one"]);
        let next = tokio::time::timeout(SILENCE * 2, logs.next()).await;
        assert_eq!(next.expect("a line").unwrap().unwrap().text, "two");
        let followed = |path: &&String| path.contains("follow=true");
        assert_eq!(paths(&record, "GET").iter().filter(followed).count(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn following_continues_with_a_replacement_pod() {
    let pods: PodList = Arc::new(Mutex::new(vec![("old", 0)]));
    let cluster = server(&pods, |name, _| match name {
        "old" => Some(vec![(1, "of the old")]),
        _ => Some(vec![(2, "of the new")]),
    });
    let mut logs = read(cluster, following()).await;
    assert_eq!(some(&mut logs, 1).await, ["of the old"]);
    *pods.lock().unwrap() = vec![("new", 0)];
    assert_eq!(some(&mut logs, 1).await, ["of the new"]);
}

#[tokio::test]
async fn merges_several_logs_by_time() {
    let pods: PodList = Arc::new(Mutex::new(vec![("a", 0), ("b", 0)]));
    let cluster = server(&pods, |name, _| match name {
        "a" => Some(vec![(1, "one"), (4, "four")]),
        _ => Some(vec![(2, "two"), (3, "three")]),
    });
    let mut logs = read(cluster, LogOptions::default()).await;
    assert_eq!(some(&mut logs, 4).await, ["one", "two", "three", "four"]);
    assert!(logs.next().await.is_none());
}

const PING: &str = "[x] [9] [INFO] [clearml.service_repo] Returned 200 for debug.ping in 0ms";

#[tokio::test]
async fn probes_are_hidden_and_not_counted_in_a_tail() {
    let pods: PodList = Arc::new(Mutex::new(vec![("api", 0)]));
    let lines = || {
        Some(vec![
            (1, "one"),
            (2, PING),
            (3, "two"),
            (4, "three"),
            (5, PING),
            (6, PING),
        ])
    };
    let cluster = server(&pods, move |_, _| lines());
    let tail = LogOptions {
        tail: Some(2),
        ..LogOptions::default()
    };
    let mut logs = read(cluster.clone(), tail).await;
    assert_eq!(some(&mut logs, 2).await, ["two", "three"]);
    assert!(logs.next().await.is_none());
    let all = LogOptions {
        probes: true,
        ..LogOptions::default()
    };
    let mut logs = read(cluster, all).await;
    assert_eq!(some(&mut logs, 6).await[4], PING);
}

#[tokio::test(start_paused = true)]
async fn probes_are_hidden_while_following() {
    let pods: PodList = Arc::new(Mutex::new(vec![("api", 0)]));
    let written = Arc::new(Mutex::new(vec![(1, "one"), (2, PING)]));
    let lines = Arc::clone(&written);
    let cluster = server(&pods, move |_, _| Some(lines.lock().unwrap().clone()));
    let mut logs = read(cluster, following()).await;
    assert_eq!(some(&mut logs, 1).await, ["one"]);
    written.lock().unwrap().extend([(3, PING), (4, "two")]);
    assert_eq!(some(&mut logs, 1).await, ["two"]);
    let more = tokio::time::timeout(PERIOD * 5, logs.next()).await;
    assert!(more.is_err(), "{more:?}");
}

#[test]
fn the_rest_of_a_split_line_keeps_its_time() {
    let mut lines = Lines {
        pod: "p".to_owned(),
        reader: Box::pin(Cursor::new(Vec::new())),
        follow: false,
        last: None,
    };
    let first = lines.entry("2026-11-23T13:11:28.123456789Z hello world\r");
    assert_eq!(first.text, "hello world");
    let rest = lines.entry("and so on");
    assert_eq!((rest.time, rest.text.as_str()), (first.time, "and so on"));
}
