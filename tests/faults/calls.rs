//! Each call of the interface to the engine with each fault in each of its requests.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clearml_local::testing::docker::{
    ContainerSpec, Docker, Endpoint, Engine, Error, Limits, Subject, bytes_of,
};
use clearml_local::testing::error::Explain;
use clearml_local::testing::failures::Failure;
use clearml_local::testing::image_ref::ImageRef;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::engine::{self, Responses, output_of_command};
use super::proxy::{Fault, Proxy, Times};

/// Longer than the delay and the outage.
const LIMIT: Duration = Duration::from_secs(5);
const LIMITS: Limits = Limits {
    connect: LIMIT,
    answer: LIMIT,
    idle: LIMIT,
    restart: Duration::from_secs(4),
    pause: Duration::from_millis(100),
};
/// For the pauses between attempts, on a busy machine.
const MARGIN: Duration = Duration::from_secs(8);

/// The changes that may be requested again after a broken connection: their second execution
/// changes nothing, or starts from the beginning.
const REPEATABLE: [&str; 13] = [
    "POST /images/create",
    "POST /images/demo/tag",
    "POST /containers/demo/start",
    "POST /containers/demo/stop",
    "POST /containers/demo/update",
    "POST /containers/demo/wait",
    "DELETE /containers/demo",
    // Creates a command that does nothing before it is started.
    "POST /containers/demo/exec",
    "POST /networks/demo/disconnect",
    "POST /networks/demo/connect",
    "DELETE /networks/demo",
    "POST /volumes/create",
    "DELETE /volumes/demo",
];

/// The start of a command, which must not run twice: it ends with an error.
const START_OF_COMMAND: &str = "POST /exec/1/start";

type Run = fn(Arc<Docker>) -> BoxFuture<'static, Result<(), Error>>;

macro_rules! calls {
    ($($name:ident($engine:ident) $body:expr;)+) => {
        /// Every call of `Engine`, by name.
        const CALLS: &[(&str, Run)] = &[$((
            stringify!($name),
            |$engine| Box::pin(async move { $body.await?; Ok(()) }),
        ),)+];
    };
}

fn image(text: &str) -> ImageRef {
    text.parse().unwrap()
}

calls! {
    info(engine) engine.info();
    describe(engine) engine.describe(Subject::Container("demo"));
    image(engine) engine.image(&image("demo"));
    pull(engine) engine.pull(&image("demo"), "linux/amd64", None, &|_| ());
    tag(engine) engine.tag(&image("demo"), &image("other:1"));
    export(engine) engine.export(&[&image("demo")], "linux/amd64").try_collect::<Vec<_>>();
    container(engine) engine.container("demo");
    containers(engine) engine.containers("label");
    container_publishing(engine) engine.container_publishing(80);
    create(engine) engine.create(&ContainerSpec::new("new", image("demo")));
    start(engine) engine.start("demo");
    unpause(engine) engine.unpause("demo");
    stop(engine) engine.stop("demo", 1);
    set_restart_policy(engine) engine.set_restart_policy("demo", "no");
    remove(engine) engine.remove("demo");
    wait(engine) engine.wait("demo");
    log(engine) engine.log("demo", 5);
    exec(engine) async move {
        let output = engine.exec("demo", &["cat"], Some(bytes_of("input"))).await?;
        assert_eq!(output.stdout, OUTPUT, "an incomplete output is an error");
        Ok::<_, Error>(())
    };
    exec_stream(engine) async move {
        let parts = engine.exec_stream("demo", "list files", &["ls"], None).await?;
        let parts: Vec<_> = parts.try_collect().await?;
        assert_eq!(parts.concat(), OUTPUT.as_bytes(), "an incomplete output is an error");
        Ok::<_, Error>(())
    };
    archive(engine) engine.archive("demo", "/file").try_collect::<Vec<_>>();
    networks(engine) engine.networks("demo");
    create_network(engine) engine.create_network("new");
    remove_network(engine) engine.remove_network("demo");
    reconnect(engine) engine.reconnect("demo", "demo");
    ensure_volume(engine) engine.ensure_volume("demo", &BTreeMap::new());
    volume_labels(engine) engine.volume_labels("demo");
    volumes(engine) engine.volumes("label");
    remove_volume(engine) engine.remove_volume("demo");
}

const OUTPUT: &str = "the output of the command\n";

fn responses() -> Responses {
    let container = |paused: bool| {
        json!({
            "Id": "1", "Name": "/demo", "Config": {"Labels": {}},
            "State": {"Running": true, "Paused": paused},
        })
    };
    let network = json!({"Id": "demo", "Name": "demo", "Driver": "bridge"});
    Responses::empty()
        .with("GET /images/demo:latest/json", json!({"Id": "sha256:1"}))
        .with("GET /images/demo/json", json!({"Id": "sha256:1"}))
        .with("POST /images/create", json!({"status": "Pull complete"}))
        .with("POST /images/demo/tag", json!(""))
        .with("POST /images/demo:latest/tag", json!(""))
        .with("GET /images/get", json!("an archive"))
        .with("GET /containers/demo/json", container(true))
        .with(
            "GET /containers/json",
            json!([{"Id": "demo", "Names": ["/demo"]}]),
        )
        .with(
            "POST /containers/create",
            json!({"Id": "2", "Warnings": []}),
        )
        .with("POST /containers/demo/start", json!(""))
        .with("POST /containers/demo/unpause", json!(""))
        .with("POST /containers/demo/stop", json!(""))
        .with("POST /containers/demo/update", json!({"Warnings": []}))
        .with("DELETE /containers/demo", json!(""))
        .with("POST /containers/demo/wait", json!({"StatusCode": 0}))
        .with("GET /containers/demo/logs", json!("a line\n"))
        .with("POST /containers/demo/exec", json!({"Id": "1"}))
        .with("POST /exec/1/start", output_of_command(OUTPUT))
        .with("GET /exec/1/json", json!({"Running": false, "ExitCode": 0}))
        .with("GET /containers/demo/archive", json!("an archive"))
        .with("GET /networks", json!([network.clone()]))
        .with("GET /networks/demo", network.clone())
        .with("GET /networks/bridge", network)
        .with("POST /networks/create", json!({"Id": "2", "Warning": ""}))
        .with("DELETE /networks/demo", json!(""))
        .with("POST /networks/demo/disconnect", json!(""))
        .with("POST /networks/demo/connect", json!(""))
        .with("POST /volumes/create", volume())
        .with("GET /volumes/demo", volume())
        .with("DELETE /volumes/demo", json!(""))
        // What the engine knows after a change whose answer was lost.
        .with_after(
            "POST /containers/create",
            "GET /containers/new/json",
            |body| json!({"Id": "2", "Name": "/new", "Config": {"Labels": body["Labels"]}}),
        )
        .with_after(
            "POST /containers/demo/unpause",
            "GET /containers/demo/json",
            |_| json!({"Id": "1", "Name": "/demo", "State": {"Running": true, "Paused": false}}),
        )
        .with_after(
            "POST /networks/create",
            "GET /networks",
            |body| json!([{"Id": "demo", "Name": body["Name"], "Driver": "bridge"}]),
        )
}

fn volume() -> Value {
    json!({
        "Name": "demo", "Driver": "local", "Mountpoint": "/demo", "Labels": {}, "Scope": "local",
        "Options": {},
    })
}

/// A call with a fault in one of its requests.
#[derive(Clone, Copy)]
struct Case {
    call: (&'static str, Run),
    number: usize,
    fault: Fault,
    times: Times,
}

/// What happened in a case.
struct Outcome {
    result: Result<(), Error>,
    took: Duration,
    requests: Vec<String>,
}

async fn connect(socket: &Path) -> Arc<Docker> {
    let address = format!("unix://{}", socket.display());
    let endpoint = Endpoint::new(&address, "the test", None).unwrap();
    Arc::new(Docker::connect(endpoint, LIMITS).await.unwrap())
}

/// Makes a call through a proxy, with or without a fault.
async fn run(call: Run, fault: Option<(usize, Fault, Times)>) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(&engine::start(dir.path(), responses()));
    let docker = connect(&proxy.socket()).await;
    match fault {
        Some((number, fault, times)) => proxy.inject(number, fault, times),
        None => proxy.heal(),
    }
    let began = Instant::now();
    let result = tokio::time::timeout(LIMIT * 10, call(docker)).await;
    Outcome {
        result: result.expect("it does not hang"),
        took: began.elapsed(),
        requests: proxy.requests(),
    }
}

impl Case {
    /// Returns what is wrong with an outcome.
    fn judge(&self, outcome: &Outcome, healthy: &[String]) -> Option<String> {
        let Outcome {
            result,
            took,
            requests,
        } = outcome;
        // Two requests of one call may hang: that for the MTU of a network is optional.
        if *took > LIMIT * 2 + MARGIN {
            return Some(format!("took {took:?}"));
        }
        let faulty = healthy[self.number].as_str();
        let must_succeed = match self.fault {
            Fault::Delay(_) | Fault::Outage => true,
            Fault::Silence => false,
            Fault::ServerError => faulty.starts_with("GET ") && self.times == Times::Once,
            // The parts of a stream that have arrived cannot be taken back.
            Fault::CloseInBody | Fault::TruncatedChunks => {
                let streams = ["export", "archive", "pull"];
                faulty != START_OF_COMMAND && !streams.contains(&self.call.0)
            }
            _ => faulty != START_OF_COMMAND && self.times == Times::Once,
        };
        if let Err(error) = result {
            let failure = error.failure();
            let expected = match self.fault {
                Fault::Silence => failure == Failure::DockerNoAnswer,
                Fault::ServerError => failure == Failure::DockerRefused,
                _ => failure == Failure::DockerConnectionLost,
            };
            if must_succeed || !expected || error.hints().is_empty() {
                return Some(format!("{failure:?}: {error}"));
            }
        }
        let changes = requests
            .iter()
            .filter(|request| !request.starts_with("GET "));
        let mut seen = BTreeSet::new();
        for change in changes {
            let is_repeatable = REPEATABLE.contains(&change.as_str());
            let arrives = matches!(
                self.fault,
                Fault::CloseBeforeAnswer
                    | Fault::CloseInHeaders
                    | Fault::CloseInBody
                    | Fault::TruncatedChunks
            );
            if !seen.insert(change) && !is_repeatable && arrives {
                return Some(format!("requested twice: {change}"));
            }
        }
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_survives_each_fault_or_ends_with_a_clear_error() {
    let mut cases = Vec::new();
    let mut healthy = BTreeMap::new();
    for call in CALLS {
        let outcome = run(call.1, None).await;
        outcome
            .result
            .unwrap_or_else(|error| panic!("{}: {error}", call.0));
        assert!(!outcome.requests.is_empty(), "{}", call.0);
        for number in 0..outcome.requests.len() {
            let case = |fault, times| Case {
                call: *call,
                number,
                fault,
                times,
            };
            cases.extend(Fault::ALL.map(|fault| case(fault, Times::Once)));
            let endless = [Fault::CloseBeforeAnswer, Fault::Garbage, Fault::ServerError];
            cases.extend(endless.map(|fault| case(fault, Times::Always)));
        }
        healthy.insert(call.0, outcome.requests);
    }
    let count = cases.len();
    let wrong: Vec<String> = stream::iter(cases)
        .map(|case| {
            let healthy = healthy[case.call.0].clone();
            async move {
                let fault = Some((case.number, case.fault, case.times));
                let outcome = run(case.call.1, fault).await;
                let problem = case.judge(&outcome, &healthy)?;
                Some(format!(
                    "{} with {:?} {:?} in request {} of {healthy:?}: {problem}\n  {:?}",
                    case.call.0, case.fault, case.times, case.number, outcome.requests
                ))
            }
        })
        .buffer_unordered(64)
        .filter_map(|problem| async { problem })
        .collect()
        .await;
    assert!(
        wrong.is_empty(),
        "{} of {count} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The same error as at the start of a command: it names the socket and says how to start the
/// engine.
#[tokio::test(flavor = "multi_thread")]
async fn each_call_says_that_an_engine_which_has_ended_is_unreachable() {
    let ended = stream::iter(CALLS).map(|(name, call)| async move {
        let dir = tempfile::tempdir().unwrap();
        let proxy = Proxy::start(&engine::start(dir.path(), responses()));
        let docker = connect(&proxy.socket()).await;
        // What is left of an engine that was killed.
        std::fs::remove_file(proxy.socket()).unwrap();
        drop(UnixListener::bind(proxy.socket()).unwrap());
        let error = call(docker).await.unwrap_err();
        assert_eq!(
            error.failure(),
            Failure::DockerUnreachable,
            "{name}: {error}"
        );
        let text = error.to_string();
        assert!(text.ends_with("connection refused"), "{name}: {text}");
        assert!(!error.hints().is_empty(), "{name}");
    });
    ended.buffer_unordered(CALLS.len()).collect::<()>().await;
}

/// A new call of the interface needs a row in the table.
#[test]
fn every_call_of_the_interface_is_tested() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/docker/mod.rs");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, text) = text.split_once("pub trait Engine: Send + Sync {").unwrap();
    let (text, _) = text.split_once("\n}\n").unwrap();
    let lines = text.lines().map(str::trim);
    let functions = lines.filter_map(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")?.split('(').next()
    });
    let expected: BTreeSet<&str> = functions.collect();
    let tested: BTreeSet<&str> = CALLS.iter().map(|(name, _)| *name).collect();
    assert_eq!(tested, expected);
}
