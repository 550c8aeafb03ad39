use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::archive::fixtures::archive;
use crate::docker::Output;
use crate::docker::fake::{FakeEngine, State};
use crate::logs::Logs;
use crate::provider::local::logs::stopped::Stopped;

const REDIS: &str = "/var/log/pods/clearml_clearml-redis-master-0_u1/redis";
const API: &str = "/var/log/pods/clearml_clearml-apiserver-5d9c-x2_u2/clearml";

/// The files of a node, which a test may change.
type NodeFiles = Arc<Mutex<BTreeMap<String, String>>>;

/// An engine whose node has these files and answers the commands that read them.
fn engine(files: &NodeFiles) -> Arc<FakeEngine> {
    let files = Arc::clone(files);
    let answer = move |_: &str, argv: &[&str]| {
        let files = files.lock().unwrap();
        let stdout = match argv {
            ["sh", ..] => files.keys().map(|path| format!("{path}\n")).collect(),
            ["tail", "-n", from, .., path] => {
                let text = &files[*path];
                let lines: Vec<&str> = text.split_inclusive('\n').collect();
                let first = match *from {
                    "+1" => 0,
                    count => lines.len() - count.parse::<usize>().unwrap().min(lines.len()),
                };
                lines[first..].concat()
            }
            other => panic!("{other:?}"),
        };
        Output {
            stdout,
            ..Output::default()
        }
    };
    Arc::new(FakeEngine::new(State::default()).with_exec(Box::new(answer)))
}

fn two() -> NodeFiles {
    let redis = "2026-11-23T10:00:01Z stdout F one\n2026-11-23T10:00:04Z stdout F four\n";
    let api = "2026-11-23T10:00:02Z stderr F two\n2026-11-23T10:00:03Z stdout P th\n\
               2026-11-23T10:00:03Z stdout F ree\n";
    Arc::new(Mutex::new(BTreeMap::from([
        (format!("{REDIS}/0.log"), redis.to_owned()),
        (
            format!("{API}/0.log"),
            "2026-11-23T09:00:00Z stdout F before\n".to_owned(),
        ),
        (format!("{API}/1.log"), api.to_owned()),
        (
            "/var/log/pods/clearml_other-1_u3/x/0.log".to_owned(),
            "?".to_owned(),
        ),
    ])))
}

/// The logs of a running node.
async fn of_running(engine: Arc<FakeEngine>, options: LogOptions) -> Logs {
    let files = Files {
        engine,
        node: "node".to_owned(),
        options: options.clone(),
    };
    Logs::read(Arc::new(files), options).await.unwrap()
}

async fn open(files: &NodeFiles, options: LogOptions) -> Logs {
    of_running(engine(files), options).await
}

/// The logs of a stopped node.
async fn of_stopped(engine: &FakeEngine, node: &str, options: LogOptions) -> Result<Logs> {
    let source = Stopped::copy(engine, node, &options).await?;
    Logs::read(Arc::new(source), options).await
}

async fn some(logs: &mut Logs, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let next = tokio::time::timeout(PERIOD * 20, logs.next()).await;
        match next.expect("a line") {
            Some(line) => texts.push(line.unwrap().text),
            None => break,
        }
    }
    texts
}

#[tokio::test]
async fn merges_the_files_of_the_current_run_by_time() {
    let all = LogOptions::default();
    let mut logs = open(&two(), all.clone()).await;
    assert_eq!(some(&mut logs, 9).await, ["one", "two", "three", "four"]);

    let previous = LogOptions {
        previous: true,
        ..all.clone()
    };
    let mut logs = open(&two(), previous).await;
    assert_eq!(some(&mut logs, 9).await, ["before"]);

    let named = LogOptions {
        components: vec![Component::Apiserver],
        since: Some("2026-11-23T10:00:03Z".parse().unwrap()),
        ..all.clone()
    };
    let mut logs = open(&two(), named).await;
    let line = logs.next().await.unwrap().unwrap();
    assert_eq!(line.component, Some(Component::Apiserver));
    assert_eq!(line.pod, "clearml-apiserver-5d9c-x2");
    assert_eq!(line.text, "three");
    assert!(logs.next().await.is_none());

    let tail = LogOptions {
        tail: Some(1),
        ..all
    };
    let mut logs = open(&two(), tail).await;
    assert_eq!(some(&mut logs, 9).await, ["three", "four"]);
}

/// The files of [`two`], with lines about probes in the log of the API server.
fn with_probes() -> NodeFiles {
    let files = two();
    let ping = |second| {
        format!(
            "2026-11-23T10:00:0{second}Z stdout F [x] [9] [INFO] [clearml.service_repo] Returned 200 for debug.ping in 0ms\n"
        )
    };
    let path = format!("{API}/1.log");
    let text = format!("{}{}{}", ping(1), files.lock().unwrap()[&path], ping(5));
    files.lock().unwrap().insert(path, text);
    files
}

#[tokio::test(start_paused = true)]
async fn probes_are_hidden_in_a_tail_and_while_following() {
    let options = LogOptions {
        components: vec![Component::Apiserver],
        tail: Some(1),
        follow: true,
        ..LogOptions::default()
    };
    let files = with_probes();
    let mut logs = open(&files, options.clone()).await;
    assert_eq!(some(&mut logs, 1).await, ["three"]);
    let more = format!("{}2026-11-23T10:00:07Z stdout F on\n", {
        files.lock().unwrap()[&format!("{API}/1.log")].replace("10:00:05", "10:00:06")
    });
    files.lock().unwrap().insert(format!("{API}/1.log"), more);
    assert_eq!(some(&mut logs, 1).await, ["on"]);

    let all = LogOptions {
        probes: true,
        follow: false,
        ..options
    };
    let mut logs = open(&files, all).await;
    assert_eq!(some(&mut logs, 9).await, ["on"]);
}

#[tokio::test(start_paused = true)]
async fn following_continues_in_the_file_and_in_that_of_a_restart() {
    let files = two();
    let follow = LogOptions {
        follow: true,
        ..LogOptions::default()
    };
    let mut logs = open(&files, follow).await;
    assert_eq!(some(&mut logs, 4).await.len(), 4);
    let add = |path: &str, line: &str| {
        let mut files = files.lock().unwrap();
        files.entry(path.to_owned()).or_default().push_str(line);
    };
    add(
        &format!("{REDIS}/0.log"),
        "2026-11-23T10:00:05Z stdout F five\n",
    );
    assert_eq!(some(&mut logs, 1).await, ["five"]);
    add(
        &format!("{REDIS}/1.log"),
        "2026-11-23T10:00:06Z stdout F again\n",
    );
    assert_eq!(some(&mut logs, 1).await, ["again"]);
}

#[tokio::test(start_paused = true)]
async fn following_with_a_tail_of_zero_skips_existing_lines() {
    let files = two();
    let follow = LogOptions {
        follow: true,
        tail: Some(0),
        ..LogOptions::default()
    };
    let mut logs = open(&files, follow).await;
    let nothing = tokio::time::timeout(PERIOD * 5 / 2, logs.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[test]
fn only_pods_of_the_server_have_components() {
    let found = |path: &str| File::at(path).map(|file| file.component);
    assert_eq!(found(&format!("{API}/0.log")), Some(Component::Apiserver));
    let kubernetes =
        "/var/log/pods/kube-system_kube-apiserver-demo-control-plane_u3/kube-apiserver";
    let agent = "/var/log/pods/clearml_clearml-local-agent-my-redis-queue-0_u4/agent";
    for other in [kubernetes, agent] {
        assert_eq!(found(&format!("{other}/0.log")), None, "{other}");
    }
}

#[test]
fn a_waiting_init_container_is_included_until_the_main_container_has_a_log() {
    let of = |paths: &[String]| {
        let found = runs(
            paths.iter().filter_map(|path| File::at(path)).collect(),
            false,
        );
        found
            .into_iter()
            .map(|file| file.container)
            .collect::<Vec<_>>()
    };
    let wait = "/var/log/pods/clearml_clearml-apiserver-5d9c-x2_u2/wait-for-redis/0.log".to_owned();
    assert_eq!(of(std::slice::from_ref(&wait)), ["wait-for-redis"]);
    assert_eq!(of(&[wait, format!("{API}/0.log")]), ["clearml"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_does_not_hide_the_others() {
    let failing = |_: &str, argv: &[&str]| match argv {
        ["sh", ..] => Output {
            stdout: format!("{REDIS}/0.log\n{API}/0.log\n"),
            ..Output::default()
        },
        [.., path] if path.starts_with(REDIS) => Output {
            argv: vec!["tail".into()],
            code: 1,
            stderr: "tail: input/output error".into(),
            ..Output::default()
        },
        _ => Output {
            stdout: "2026-11-23T10:00:02Z stderr F two\n".into(),
            ..Output::default()
        },
    };
    let engine = FakeEngine::new(State::default()).with_exec(Box::new(failing));
    let options = LogOptions::default();
    let mut logs = of_running(Arc::new(engine), options).await;
    assert!(logs.next().await.unwrap().is_err());
    assert_eq!(logs.next().await.unwrap().unwrap().text, "two");
    assert!(logs.next().await.is_none());
}

#[tokio::test]
async fn a_stopped_node_gives_the_same_lines() {
    let files = with_probes();
    let of_files: Vec<(String, String)> = files.lock().unwrap().clone().into_iter().collect();
    let of_archive: Vec<(&str, &str)> = of_files
        .iter()
        .map(|(path, text)| (path.strip_prefix("/var/log/").unwrap(), text.as_str()))
        .collect();
    let archive = archive(&of_archive);
    let engine = FakeEngine::new(State {
        archives: BTreeMap::from([("node:/var/log/pods".to_owned(), archive)]),
        ..State::default()
    });
    for (tail, previous) in [
        (None, false),
        (Some(1), false),
        (None, true),
        (Some(0), false),
    ] {
        let options = LogOptions {
            tail,
            previous,
            ..LogOptions::default()
        };
        let mut running = open(&files, options.clone()).await;
        let mut stopped = of_stopped(&engine, "node", options).await.unwrap();
        let expected = some(&mut running, 9).await;
        assert_eq!(expected.is_empty(), tail == Some(0));
        assert_eq!(some(&mut stopped, 9).await, expected, "{tail:?} {previous}");
    }
    let gone = of_stopped(&engine, "other", LogOptions::default()).await;
    assert!(gone.unwrap_err().is::<crate::docker::Error>());
}
