//! Users of a server while something happens to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use crate::server::User;

/// How long a client waits after a failure.
const PAUSE: Duration = Duration::from_millis(100);

/// A client that creates tasks and files one after the other.
pub struct Writer {
    stop: Arc<AtomicBool>,
    writing: JoinHandle<Acknowledged>,
}

/// What the server has acknowledged.
#[derive(Debug, Default)]
pub struct Acknowledged {
    pub tasks: Vec<String>,
    /// Names; the content of a file is its name.
    pub files: Vec<String>,
    pub failures: Vec<String>,
}

impl Writer {
    pub fn start(user: Arc<User>) -> Writer {
        let stop = Arc::new(AtomicBool::new(false));
        let writing = tokio::spawn(write(user, Arc::clone(&stop)));
        Writer { stop, writing }
    }

    pub async fn stop(self) -> Acknowledged {
        self.stop.store(true, Ordering::Relaxed);
        self.writing.await.unwrap()
    }
}

async fn write(user: Arc<User>, stop: Arc<AtomicBool>) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let task = json!({"name": format!("task {number}"), "type": "testing"});
        match user.try_call("tasks.create", task).await {
            Ok(answer) => {
                let task = answer["id"].as_str().unwrap().to_owned();
                acknowledged.tasks.push(task);
            }
            Err(reason) => acknowledged.failures.push(reason),
        }
        let name = format!("e2e/written/{number}.txt");
        match user.try_store(&name, name.clone().into_bytes()).await {
            Ok(()) => acknowledged.files.push(name),
            Err(reason) => acknowledged.failures.push(reason),
        }
        tokio::time::sleep(PAUSE).await;
    }
    acknowledged
}

impl Acknowledged {
    /// Asserts that nothing of it is lost.
    pub async fn assert_kept(&self, user: &User) {
        assert!(
            !self.tasks.is_empty() && !self.files.is_empty(),
            "nothing was written: {:?}",
            self.failures
        );
        for task in &self.tasks {
            let found = user.call("tasks.get_by_id", json!({"task": task})).await;
            assert_eq!(found["task"]["id"], task.as_str());
        }
        for name in &self.files {
            assert!(user.read(name).await == name.as_bytes(), "{name}");
        }
    }
}

/// Clients that send requests without a pause, each with new connections now and then.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Report>>,
}

/// The results of requests.
#[derive(Debug, Default)]
pub struct Report {
    pub requests: usize,
    pub failures: Vec<String>,
}

impl Load {
    /// Starts clients that query the API server.
    pub fn start(user: &Arc<User>, clients: usize) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |_| tokio::spawn(query(Arc::clone(user), Arc::clone(&stop)));
        Load {
            clients: (0..clients).map(client).collect(),
            stop,
        }
    }

    pub async fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Report::default();
        for client in self.clients {
            let one = client.await.unwrap();
            all.requests += one.requests;
            all.failures.extend(one.failures);
        }
        all
    }
}

async fn query(user: Arc<User>, stop: Arc<AtomicBool>) -> Report {
    let mut report = Report::default();
    while !stop.load(Ordering::Relaxed) {
        report.requests += 1;
        let query = json!({"page": 0, "page_size": 1});
        if let Err(reason) = user.try_call("projects.get_all", query).await {
            report.failures.push(reason);
            tokio::time::sleep(PAUSE).await;
        }
    }
    report
}
