//! A Docker engine on a socket that answers from a table, for whole command lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

/// What it answers: by `METHOD /path`, without the API's version. Paths that are
/// not in the table do not exist.
#[derive(Clone, Default)]
pub struct Answers(Vec<(String, Value)>);

impl Answers {
    /// Those of an engine with nothing in it, on a machine that fits.
    pub fn empty() -> Answers {
        Answers::default()
            .and(
                "GET /version",
                json!({"ApiVersion": "1.41", "MinAPIVersion": "1.24"}),
            )
            .and("GET /containers/json", json!([]))
            .and("GET /containers/json?publish", json!([]))
            .and("GET /networks", json!([]))
            .and("GET /volumes", json!({"Volumes": [], "Warnings": null}))
            .and("GET /info", machine(16_000_000_000, 8))
    }

    /// The same with another answer, which wins over earlier ones.
    pub fn and(mut self, request: &str, answer: Value) -> Answers {
        self.0.insert(0, (request.to_owned(), answer));
        self
    }

    /// The same with a container.
    pub fn container(self, name: &str, container: Value) -> Answers {
        let listed =
            json!([{"Id": name, "Names": [format!("/{name}")], "Ports": container["ListedPorts"]}]);
        let labelled = container["Config"]["Labels"].is_object();
        let all = self
            .and(&format!("GET /containers/{name}/json"), container)
            .and("GET /containers/json?publish", listed.clone());
        if labelled {
            all.and("GET /containers/json", listed)
        } else {
            all
        }
    }

    fn find(&self, request: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| known == request);
        found.map(|(_, answer)| answer)
    }
}

/// No answer, ever.
pub fn silence() -> Value {
    json!("silence")
}

/// What an engine says of its machine.
pub fn machine(memory: u64, cpus: u32) -> Value {
    json!({
        "ServerVersion": "28.5.2", "Architecture": "x86_64", "OperatingSystem": "Debian GNU/Linux 13",
        "MemTotal": memory, "NCPU": cpus, "CgroupVersion": "2", "Driver": "overlay2",
        "DockerRootDir": "/", "MemoryLimit": true, "CpuCfsQuota": true, "PidsLimit": true,
    })
}

/// A node of that instance as the engine inspects it.
pub fn node(instance: &str, running: bool) -> Value {
    json!({
        "Id": "0123", "Name": format!("/{instance}-control-plane"),
        "State": {"Running": running, "ExitCode": 0},
        "Config": {"Labels": {
            "clearml-local.io/instance": instance,
            "io.x-k8s.kind.cluster": instance,
        }},
        "HostConfig": {"RestartPolicy": {"Name": "unless-stopped"}},
    })
}

/// Starts the engine in that folder; returns its socket. It lives as long as the
/// test program.
pub fn start(dir: &Path, answers: Answers) -> PathBuf {
    let socket = dir.join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let answers = Arc::new(answers);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let answers = Arc::clone(&answers);
            // A client that goes away is its own affair.
            std::thread::spawn(move || serve(client.try_clone()?, client, &answers));
        }
    });
    socket
}

/// The same as a Kubernetes API, in plain HTTP; returns its port.
pub fn start_cluster(answers: Answers) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers = Arc::new(answers);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let answers = Arc::clone(&answers);
            std::thread::spawn(move || serve(client.try_clone()?, client, &answers));
        }
    });
    port
}

pub fn serve(reader: impl Read, mut client: impl Write, answers: &Answers) -> std::io::Result<()> {
    let mut reader = BufReader::new(reader);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
        let mut words = first.split_whitespace();
        let method = words.next().unwrap_or_default();
        let path = words.next().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let unversioned = match path.strip_prefix("/v1.") {
            Some(rest) => rest.find('/').map_or(path, |at| &rest[at..]),
            None => path,
        };
        let publish = if query.contains("publish") {
            "?publish"
        } else {
            ""
        };
        let request = format!("{method} {unversioned}{publish}");
        let missing = json!({"message": format!("no such thing: {request}")});
        let (status, body) = match answers.find(&request) {
            // The client waits as long as the test holds its end.
            Some(answer) if *answer == silence() => {
                std::io::copy(&mut reader, &mut std::io::sink())?;
                return Ok(());
            }
            Some(answer) => ("200 OK", answer),
            None => ("404 Not Found", &missing),
        };
        let body = match body {
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        write!(
            client,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
}
