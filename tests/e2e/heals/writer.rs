//! A user who writes to every database and to the file server all the time, records what the
//! server acknowledged, and finds it again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

use crate::harness::{Instance, Output, run};
use crate::server::User;

/// How long a request may take until it counts as not acknowledged.
const REQUEST: Duration = Duration::from_secs(10);
/// How long a server that is ready may take until it acknowledges a write to each place.
const NEXT_WRITE: Duration = Duration::from_secs(60);

/// Where a write ends up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Mongodb,
    Elasticsearch,
    Redis,
    Files,
}

impl Target {
    pub const ALL: [Target; 4] = [
        Target::Mongodb,
        Target::Elasticsearch,
        Target::Redis,
        Target::Files,
    ];
}

/// The acknowledged writes: the tasks, and the numbers of the writes to the other places.
#[derive(Debug, Default)]
struct Acknowledged {
    tasks: Vec<String>,
    scalars: BTreeSet<u32>,
    keys: BTreeSet<u32>,
    files: Vec<u32>,
    /// How many of the files were read again.
    checked_files: usize,
}

impl Acknowledged {
    fn count(&self, target: Target) -> usize {
        match target {
            Target::Mongodb => self.tasks.len(),
            Target::Elasticsearch => self.scalars.len(),
            Target::Redis => self.keys.len(),
            Target::Files => self.files.len(),
        }
    }
}

impl fmt::Display for Acknowledged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [tasks, scalars, keys, files] = Target::ALL.map(|target| self.count(target));
        write!(
            f,
            "{tasks} tasks, {scalars} scalars, {keys} keys in Redis, {files} files"
        )
    }
}

/// The writer, which ends when it is dropped.
pub struct Writer {
    acknowledged: Arc<Mutex<Acknowledged>>,
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// The task of the scalars.
    task: String,
    node: String,
}

/// What each thread of the writer has.
#[derive(Clone)]
struct Context {
    credentials: Value,
    urls: [String; 2],
    node: String,
    task: String,
    pause: Duration,
    acknowledged: Arc<Mutex<Acknowledged>>,
    ends: Arc<AtomicBool>,
}

impl Writer {
    /// Starts to write to a server that is ready, with a pause after each write.
    pub async fn start(instance: &Instance, pause: Duration) -> Writer {
        let credentials = instance.run(&["credentials", "-o", "json"]).expect(0);
        let work = User::of(instance).await.work().await;
        let context = Context {
            credentials: credentials.json(),
            urls: [instance.api, instance.files].map(|port| format!("http://127.0.0.1:{port}")),
            node: instance.node(),
            task: work.task,
            pause,
            acknowledged: Arc::default(),
            ends: Arc::default(),
        };
        let threads = Target::ALL.map(|target| {
            let context = context.clone();
            std::thread::spawn(move || write(&context, target))
        });
        Writer {
            acknowledged: context.acknowledged,
            ends: context.ends,
            threads: threads.into(),
            task: context.task,
            node: context.node,
        }
    }

    fn count(&self, target: Target) -> usize {
        self.acknowledged.lock().unwrap().count(target)
    }

    /// Waits until each place acknowledges this many more writes.
    #[track_caller]
    pub fn await_writes(&self, more: usize) {
        let before = Target::ALL.map(|target| self.count(target));
        let deadline = Instant::now() + NEXT_WRITE;
        for (target, before) in Target::ALL.into_iter().zip(before) {
            while self.count(target) < before + more {
                assert!(Instant::now() < deadline, "no more writes to {target:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Returns what was acknowledged and is lost. Files that were found before are not read
    /// again, except by the `last` check.
    pub async fn losses(&self, instance: &Instance, last: bool) -> Vec<String> {
        let user = User::of(instance).await;
        let mut losses = Vec::new();
        let (tasks, scalars, keys, files) = {
            let mut known = self.acknowledged.lock().unwrap();
            let first = if last { 0 } else { known.checked_files };
            let files = known.files[first..].to_vec();
            known.checked_files = known.files.len();
            let (scalars, keys) = (known.scalars.clone(), known.keys.clone());
            (known.tasks.clone(), scalars, keys, files)
        };
        for some in tasks.chunks(500) {
            let found = user.call(
                "tasks.get_all",
                json!({"id": some, "page_size": 500, "page": 0}),
            );
            let found = found.await;
            let found: BTreeSet<&str> = found["tasks"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|task| task["id"].as_str())
                .collect();
            let lost = some.iter().filter(|task| !found.contains(task.as_str()));
            losses.extend(lost.map(|task| format!("task {task}")));
        }
        let histogram = json!({"task": self.task, "key": "iter"});
        let histogram = user.call("events.scalar_metrics_iter_histogram", histogram);
        let histogram = histogram.await;
        let found: BTreeSet<u64> = histogram["loss"]["train"]["x"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        let lost = scalars
            .iter()
            .filter(|&&iter| !found.contains(&u64::from(iter)));
        losses.extend(lost.map(|iter| format!("scalar {iter}")));
        let found = redis(&self.node, "KEYS 'e2e:*'").expect(0).stdout;
        let found: BTreeSet<u32> = found.lines().filter_map(key_number).collect();
        losses.extend(keys.difference(&found).map(|key| format!("key {key}")));
        for number in &files {
            let content = user.try_read(&file_name(*number)).await;
            if content.as_deref() != Ok(&content_of(*number)) {
                losses.push(format!("file {number}: {content:?}"));
            }
        }
        losses
    }

    /// Returns how much was acknowledged.
    pub fn summary(&self) -> String {
        self.acknowledged.lock().unwrap().to_string()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn file_name(number: u32) -> String {
    format!("e2e/heals/{number}.txt")
}

fn content_of(number: u32) -> Vec<u8> {
    format!("content {number}").into_bytes()
}

fn key_number(key: &str) -> Option<u32> {
    key.strip_prefix("e2e:")?.parse().ok()
}

/// Runs a command of Redis in its pod.
fn redis(node: &str, command: &str) -> Output {
    let pod = "kubectl -n clearml get pods -l clearml-local.io/component=redis -o name";
    let script = format!(
        "exec timeout 10 kubectl -n clearml exec \"$({pod} | head -n 1)\" -- redis-cli --raw {command}"
    );
    run("docker", &["exec", node, "sh", "-c", &script])
}

/// Writes until the writer ends.
fn write(context: &Context, target: Target) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = Client::builder().no_proxy().timeout(REQUEST).build();
        let urls = context.urls.clone();
        let user = User::with(client.unwrap(), urls, &context.credentials).await;
        let project = json!({"name": format!("heals {target:?}")});
        let project = user.call("projects.create", project).await["id"].clone();
        // The first scalars are those of the task.
        let mut number = 10;
        while !context.ends.load(Ordering::Relaxed) {
            number += 1;
            let written = match target {
                Target::Mongodb => {
                    let task = json!({
                        "name": format!("task {number}"), "type": "testing", "project": project,
                    });
                    let task = user.try_call("tasks.create", task).await;
                    task.map(|task| task["id"].as_str().unwrap().to_owned())
                }
                Target::Elasticsearch => {
                    let added = user.try_add_scalars(&context.task, number..number + 1);
                    added.await.map(|()| String::new())
                }
                Target::Files => {
                    let name = file_name(number);
                    let stored = user.try_store(&name, content_of(number));
                    stored.await.map(|()| String::new())
                }
                Target::Redis => {
                    let set = redis(&context.node, &format!("SET e2e:{number} {number}"));
                    match set.stdout.trim() {
                        "OK" => Ok(String::new()),
                        _ => Err(set.stderr),
                    }
                }
            };
            if let Ok(id) = written {
                let mut known = context.acknowledged.lock().unwrap();
                match target {
                    Target::Mongodb => known.tasks.push(id),
                    Target::Elasticsearch => _ = known.scalars.insert(number),
                    Target::Redis => _ = known.keys.insert(number),
                    Target::Files => known.files.push(number),
                }
            }
            std::thread::sleep(context.pause);
        }
    });
}
