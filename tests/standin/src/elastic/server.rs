//! The Elasticsearch node.

use crate::elastic::security::Security;
use crate::elastic::settings::{Refusal, Settings};
use crate::elastic::{checks, cluster, data, heap, log};
use crate::support::http::{self, Request, Response};
use crate::support::store::{self, Store};
use crate::support::version::Version;
use crate::support::{cgroup, signals, switches};
use serde_json::json;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const HOME: &str = "/usr/share/elasticsearch";

/// Runs until SIGTERM and returns the exit code.
pub fn run() -> u8 {
    let version = Version::of_image();
    let data_directory = Path::new(HOME).join("data");
    match switches::misbehave(Some(&data_directory)) {
        0 => {}
        code => return code,
    }
    let options = std::env::var("ES_JAVA_OPTS").unwrap_or_default();
    let heap = match heap::parse(&options) {
        Ok(heap) => heap,
        Err(error) => {
            eprintln!("{error}");
            return 1;
        }
    };
    // The heap is touched at start (AlwaysPreTouch): the kernel immediately notices one
    // that does not fit.
    let heap_size = heap.initial.max(heap.maximum);
    if let (Some(heap_size), Some(limit)) = (heap_size, cgroup::memory_limit())
        && heap_size >= limit
    {
        cgroup::run_out_of_memory();
    }
    match start(version, &data_directory, &heap) {
        Ok(()) => 0,
        Err(Stop::Refused(refusal)) => {
            log::fatal(version, refusal.kind, &refusal.message);
            1
        }
        Err(Stop::Checks(failures)) => {
            let count = failures.len();
            eprintln!(
                "ERROR: [{count}] bootstrap checks failed. You must address the points described in the following [{count}] lines before starting Elasticsearch."
            );
            for (index, failure) in failures.iter().enumerate() {
                eprintln!(
                    "bootstrap check failure [{}] of [{count}]: {failure}",
                    index + 1
                );
            }
            78
        }
    }
}

enum Stop {
    Refused(Refusal),
    Checks(Vec<String>),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn refused(kind: &'static str, message: String) -> Stop {
    Stop::Refused(Refusal { kind, message })
}

fn start(version: Version, data_directory: &Path, heap: &heap::Heap) -> Result<(), Stop> {
    if rustix::process::geteuid().is_root() {
        return Err(refused(
            "java.lang.RuntimeException",
            "can not run elasticsearch as root".into(),
        ));
    }
    let file = std::fs::read_to_string(Path::new(HOME).join("config/elasticsearch.yml"));
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = Settings::read(&file.unwrap_or_default(), variables, version)?;
    let name = settings.get("node.name").unwrap_or("standin").to_owned();
    let component = "o.e.n.Node";
    log::info(
        version,
        component,
        &format!("version[{version}], node name [{name}]"),
    );

    let directory = settings
        .get("path.data")
        .map_or_else(|| data_directory.to_owned(), PathBuf::from);
    let data = data::open(&directory, version)?;
    let failures = checks::failures(&settings, heap, checks::max_map_count());
    if !failures.is_empty() {
        return Err(Stop::Checks(failures));
    }
    signals::on_terminate(move || {
        log::info(version, component, "stopping ...");
        log::info(version, component, "closed");
        // The exit code of Java after SIGTERM.
        143
    });
    if switches::real_times() {
        std::thread::sleep(Duration::from_secs(6));
    }

    let host = match checks::listen_address(&settings) {
        "_local_" | "localhost" => "127.0.0.1",
        "_site_" | "_global_" => "0.0.0.0",
        host => host,
    };
    let bind_error = |error: std::io::Error| {
        refused(
            "org.elasticsearch.http.BindHttpException",
            format!("Failed to bind to {host}: {error}"),
        )
    };
    let transport = settings.get("transport.port").unwrap_or("9300");
    let _transport = TcpListener::bind(format!("{host}:{transport}")).map_err(bind_error)?;
    log::info(version, component, "started");
    let address = format!("{host}:{}", settings.get("http.port").unwrap_or("9200"));
    let waiting = cluster::missing_master(&settings, &name, data.formed);
    match &waiting {
        Some(reason) => log::info(version, "o.e.c.c.ClusterFormationFailureHelper", reason),
        None => data.mark_formed().map_err(bind_error)?,
    }
    let password = std::env::var("ELASTIC_PASSWORD").ok();
    let node = Node {
        version,
        name,
        waiting: waiting.is_some(),
        cluster: settings
            .get("cluster.name")
            .unwrap_or("elasticsearch")
            .to_owned(),
        security: Security::of(&settings, version, password),
        recovered_at: Instant::now() + Duration::from_secs(1),
        store: data.store,
    };
    http::serve(&address, move |request| node.handle(&request)).map_err(bind_error)
}

struct Node {
    version: Version,
    name: String,
    cluster: String,
    /// Whether it has no master, and waits for other nodes.
    waiting: bool,
    security: Option<Security>,
    /// The cluster is red until then, as after every start.
    recovered_at: Instant,
    store: Store,
}

impl Node {
    fn handle(&self, request: &Request) -> Response {
        let refusal = self.security.as_ref();
        if let Some(refusal) = refusal.and_then(|security| security.refusal(request)) {
            return refusal;
        }
        if self.waiting && request.path != "/" {
            return error(503, "master_not_discovered_exception", "no master");
        }
        if request.path.starts_with(store::PREFIX) {
            return self.store.handle(request);
        }
        match request.path.trim_end_matches('/') {
            "" => Response::json(
                200,
                &json!({
                    "name": self.name,
                    "cluster_name": self.cluster,
                    "cluster_uuid": "standin",
                    "version": {"number": self.version.to_string(), "build_flavor": "default", "build_type": "docker"},
                    "tagline": "You Know, for Search",
                }),
            ),
            "/_cluster/health" => self.health(request),
            path => error(
                404,
                "index_not_found_exception",
                &format!("no such index [{}]", path.trim_matches('/')),
            ),
        }
    }

    fn health(&self, request: &Request) -> Response {
        let requested = request.parameter("wait_for_status").unwrap_or_default();
        let Some(rank) = ["", "red", "yellow", "green"]
            .iter()
            .position(|word| *word == requested)
        else {
            return error(
                400,
                "illegal_argument_exception",
                &format!("unknown cluster health status [{requested}]"),
            );
        };
        let timeout = request
            .parameter("timeout")
            .unwrap_or_else(|| "30s".to_owned());
        let Some(timeout) = timeout
            .trim_end_matches('s')
            .parse()
            .ok()
            .map(Duration::from_secs)
        else {
            return error(
                400,
                "illegal_argument_exception",
                &format!("failed to parse setting [timeout] with value [{timeout}]"),
            );
        };
        let deadline = Instant::now() + timeout;
        loop {
            let (status, current) = self.status();
            let timed_out = current < rank;
            if !timed_out || Instant::now() >= deadline {
                let body = json!({
                    "cluster_name": self.cluster,
                    "status": status,
                    "timed_out": timed_out,
                    "number_of_nodes": 1,
                    "number_of_data_nodes": 1,
                });
                return Response::json(if timed_out { 408 } else { 200 }, &body);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns red at first, then yellow with data, whose replicas need a second node,
    /// and green without data.
    fn status(&self) -> (&'static str, usize) {
        if Instant::now() < self.recovered_at {
            ("red", 1)
        } else if self.store.is_empty() {
            ("green", 3)
        } else {
            ("yellow", 2)
        }
    }
}

fn error(status: u16, kind: &str, reason: &str) -> Response {
    let cause = json!({"type": kind, "reason": reason});
    Response::json(
        status,
        &json!({"error": {"root_cause": [cause], "type": kind, "reason": reason}, "status": status}),
    )
}
