//! Answers of the Docker engine, through a real socket.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clearml_local::testing::answers::{CALLS, read_engine};
use clearml_local::testing::docker::{Docker, Endpoint, Limits};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::bounds;
use crate::mutations::Mutations;
use crate::runner::{self, Outcome};

/// Answers of an engine with the storage driver overlay2 (20.10, of Debian), and of one with the
/// image store of containerd, as new installations have it (API 1.56).
const RECORDED: [&str; 2] = [
    include_str!("recorded/engine.json"),
    include_str!("recorded/engine.containerd.json"),
];

/// A status and a body.
type Answer = (u16, Vec<u8>);

/// The answers by name (see [`name`]).
type Answers = Arc<Mutex<HashMap<&'static str, Answer>>>;

/// The engine answers at once, or never.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    answer: Duration::from_millis(300),
    idle: Duration::from_millis(300),
    restart: Duration::ZERO,
    pause: Duration::ZERO,
};

#[test]
fn random_answers_of_an_engine_cause_no_panic_and_need_bounded_memory() {
    let cases = runner::cases();
    // An answer that is cut off costs the limit.
    let parts = (cases / 2500).clamp(1, 16);
    let seconds = 60 + cases / parts / 50;
    bounds::run_in_parts("engine::random_answers", seconds, cases, parts);
}

#[test]
#[ignore = "runs as a child process"]
fn random_answers() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let engines = RECORDED.map(|text| {
        let dir = tempfile::tempdir().unwrap();
        let answers = Answers::default();
        let recorded = recorded(text);
        for (name, answer) in &recorded {
            answers.lock().unwrap().insert(name, answer.plain());
        }
        let engine = runtime.block_on(start(dir.path(), &answers, LIMITS));
        (dir, recorded, answers, engine)
    });
    runner::run(30, |mutations, number| {
        let (_, recorded, answers, engine) = &engines[number / CALLS % RECORDED.len()];
        let changed = change(recorded, answers, mutations, number % CALLS);
        let call = read_engine(engine, number % CALLS);
        let read = runtime.block_on(async { tokio::time::timeout(LIMIT, call).await });
        let read = read.expect("an answer that has ended is read in time");
        for name in changed {
            let (_, answer) = recorded.iter().find(|(one, _)| *one == name).unwrap();
            answers.lock().unwrap().insert(name, answer.plain());
        }
        match read.refused {
            0 => Outcome::Read,
            _ => Outcome::Refused,
        }
    });
}

#[test]
fn a_log_without_end_is_limited() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let answers = Answers::default();
    let frames = vec![(1, "x".repeat(1 << 20)); 32];
    let mut all = answers.lock().unwrap();
    all.insert("version", recorded(RECORDED[0])[0].1.plain());
    all.insert("log", (200, frames_of(&frames)));
    drop(all);
    // The whole answer takes a while on a busy machine.
    let limits = Limits::of(Duration::from_secs(60));
    let engine = runtime.block_on(start(dir.path(), &answers, limits));
    let log = ANSWERS_OF
        .iter()
        .position(|names| *names == ["log"])
        .unwrap();
    // It checks the length.
    let read = runtime.block_on(read_engine(&engine, log));
    assert_eq!(read.read, 1);
}

const LIMIT: Duration = Duration::from_secs(60);

/// What an engine answers.
enum Recorded {
    Json(Value),
    /// Documents, one after the other.
    Stream(Vec<Value>),
    /// The output of a command or container: frames of standard output (1) and error (2).
    Frames(Vec<(u8, String)>),
    Bytes(Vec<u8>),
}

impl Recorded {
    fn plain(&self) -> Answer {
        let body = match self {
            Recorded::Json(value) => value.to_string().into_bytes(),
            Recorded::Stream(all) => all
                .iter()
                .map(|one| format!("{one}\r\n"))
                .collect::<String>()
                .into(),
            Recorded::Frames(frames) => frames_of(frames),
            Recorded::Bytes(bytes) => bytes.clone(),
        };
        (200, body)
    }

    fn changed(&self, mutations: &mut Mutations) -> Vec<u8> {
        match self {
            Recorded::Json(value) => mutations.text(value),
            Recorded::Stream(all) => {
                let mut text = Vec::new();
                for one in all {
                    for _ in 0..=mutations.below(3) {
                        text.extend(mutations.text(one));
                        text.extend(b"\r\n");
                    }
                }
                text
            }
            Recorded::Frames(frames) => {
                let mut bytes = frames_of(frames);
                mutations.bytes(&mut bytes);
                bytes
            }
            Recorded::Bytes(bytes) => {
                let mut bytes = bytes.clone();
                mutations.bytes(&mut bytes);
                bytes
            }
        }
    }
}

fn frames_of(frames: &[(u8, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, text) in frames {
        bytes.extend([*kind, 0, 0, 0]);
        bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn recorded(text: &str) -> Vec<(&'static str, Recorded)> {
    let all: Value = serde_json::from_str(text).unwrap();
    let json = |name: &str| Recorded::Json(all[name].clone());
    let layer = |id: &str, status: &str, current: i64| {
        json!({"status": status, "id": id, "progressDetail": {"current": current, "total": 4_000_000},
            "progress": "[=>    ]"})
    };
    let pull = vec![
        json!({"status": "Pulling from library/redis", "id": "6.2"}),
        layer("a1", "Downloading", 1_000_000),
        layer("b2", "Downloading", 2_000_000),
        layer("c3", "Extracting", 3_000_000),
        json!({"status": "Digest: sha256:a1"}),
    ];
    let lines = || {
        Recorded::Frames(vec![
            (1, "a line\n".repeat(20)),
            (2, "an error\n".to_owned()),
            (1, String::new()),
        ])
    };
    vec![
        ("version", json("version")),
        ("info", json("info")),
        ("containers", json("containers")),
        ("container", json("container")),
        ("image", json("image")),
        ("networks", json("networks")),
        ("network", json("network")),
        ("volumes", json("volumes")),
        ("volume", json("volume")),
        ("exec", json("exec")),
        ("pull", Recorded::Stream(pull)),
        (
            "wait",
            Recorded::Json(json!({"StatusCode": 0, "Error": null})),
        ),
        (
            "create",
            Recorded::Json(json!({"Id": "d448", "Warnings": ["w"]})),
        ),
        (
            "exec-ended",
            Recorded::Json(json!({"ID": "fcec", "Running": false, "ExitCode": 0, "Pid": 7})),
        ),
        ("log", lines()),
        ("output", lines()),
        ("archive", Recorded::Bytes(archive())),
        ("export", Recorded::Bytes(archive())),
        ("done", Recorded::Json(json!({}))),
    ]
}

/// A tar archive with a file.
fn archive() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(7);
    header.set_mode(0o600);
    archive
        .append_data(&mut header, "x", &b"content"[..])
        .unwrap();
    archive.into_inner().unwrap()
}

/// The names of the answers that a call reads.
const ANSWERS_OF: [&[&str]; CALLS] = [
    &["info"],
    &["info"],
    &["container"],
    &["image"],
    &["pull"],
    &["export"],
    &["container"],
    &["containers", "container"],
    &["containers"],
    &["create", "image"],
    &["done"],
    &["wait"],
    &["log"],
    &["exec", "output", "exec-ended"],
    &["exec", "output", "exec-ended"],
    &["archive"],
    &["networks", "network"],
    &["volume"],
    &["volumes"],
    &["network", "create"],
];

/// Changes answers that the call reads. Returns their names.
fn change(
    recorded: &[(&'static str, Recorded)],
    answers: &Answers,
    mutations: &mut Mutations,
    call: usize,
) -> Vec<&'static str> {
    let all: Value = serde_json::from_str(ERRORS).unwrap();
    let mut changed = Vec::new();
    let names = ANSWERS_OF[call];
    for _ in 0..=mutations.below(2) {
        let name = names[mutations.below(names.len())];
        let (_, answer) = recorded.iter().find(|(one, _)| *one == name).unwrap();
        let error = &all[mutations.below(3)];
        let statuses = [400, 401, 403, 404, 409, 500, 503];
        let answer = match mutations.below(10) {
            0 => (statuses[mutations.below(7)], mutations.text(error)),
            _ => (200, answer.changed(mutations)),
        };
        answers.lock().unwrap().insert(name, answer);
        changed.push(name);
    }
    changed
}

const ERRORS: &str = r#"[
    {"message": "no such image: nosuch: No such image: nosuch:latest"},
    {"message": "Get \"https://registry.invalid/v2/\": dial tcp: lookup registry.invalid on 127.0.0.53:53: no such host"},
    {"message": "Conflict. The container name \"/x\" is already in use by container \"d4\". You have to remove (or rename) it."}
]"#;

/// Starts the engine and connects to it.
async fn start(dir: &Path, answers: &Answers, limits: Limits) -> Docker {
    let socket = dir.join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let answers = answers.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let answers = answers.clone();
            // The client may end first.
            tokio::spawn(async move { drop(serve(client, &answers).await) });
        }
    });
    let address = format!("unix://{}", socket.display());
    let endpoint = Endpoint::new(&address, "the test", None).unwrap();
    Docker::connect(endpoint, limits).await.unwrap()
}

/// Answers one request.
async fn serve(client: UnixStream, answers: &Answers) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let (mut first, mut length) = (String::new(), 0);
    client.read_line(&mut first).await?;
    loop {
        let mut line = String::new();
        if client.read_line(&mut line).await? <= 2 {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    client.read_exact(&mut vec![0; length]).await?;
    let name = name(&first);
    let (status, body) = answers.lock().unwrap()[name].clone();
    let head = if name == "output" && status == 200 {
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
         Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
            .to_owned()
    } else {
        let length = body.len();
        format!(
            "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let client = client.get_mut();
    client.write_all(head.as_bytes()).await?;
    client.write_all(&body).await?;
    client.shutdown().await
}

/// Returns the name of the answer to a request line.
fn name(request: &str) -> &'static str {
    let mut words = request.split_whitespace();
    let (method, url) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = url.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && !part.starts_with("v1."))
        .collect();
    match (method, &parts[..]) {
        (_, ["version"]) => "version",
        (_, ["info"]) => "info",
        ("GET", ["containers", "json"]) => "containers",
        ("GET", ["containers", _, "json"]) => "container",
        ("GET", ["containers", _, "logs"]) => "log",
        ("GET", ["containers", _, "archive"]) => "archive",
        ("POST", ["containers", "create"] | ["networks", "create"]) => "create",
        ("POST", ["containers", _, "exec"]) => "exec",
        ("POST", ["containers", _, "wait"]) => "wait",
        ("POST", ["exec", _, "start"]) => "output",
        ("GET", ["exec", _, "json"]) => "exec-ended",
        ("POST", ["images", "create"]) => "pull",
        ("GET", ["images", "get"]) => "export",
        ("GET", ["images", .., "json"]) => "image",
        ("GET", ["networks"]) => "networks",
        ("GET", ["networks", _]) => "network",
        ("GET", ["volumes"]) => "volumes",
        ("GET", ["volumes", _]) => "volume",
        _ => "done",
    }
}
