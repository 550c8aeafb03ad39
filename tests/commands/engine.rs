//! A fake Docker engine on a socket, which responds from a table.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Derives a response from the body of an earlier request.
type Derive = fn(&Value) -> Value;

/// Responses by `METHOD /path`, without the version of the API. Other paths do not
/// exist.
#[derive(Clone, Default)]
pub struct Responses {
    table: Vec<(String, Value)>,
    /// Responses to the second request once the first was made.
    later: Vec<(String, String, Derive)>,
    /// The bodies of the requests that were made.
    bodies: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl Responses {
    /// Returns the responses of an empty engine on a suitable host.
    pub fn empty() -> Responses {
        Responses::default()
            .with(
                "GET /version",
                json!({"ApiVersion": "1.41", "MinAPIVersion": "1.24"}),
            )
            .with("GET /containers/json", json!([]))
            .with("GET /containers/json?publish", json!([]))
            .with("GET /networks", json!([]))
            .with("GET /volumes", json!({"Volumes": [], "Warnings": null}))
            .with("GET /info", host_info(16_000_000_000, 8))
    }

    /// Returns what a real engine answered, of which the node of the instance `demo` is recorded:
    /// a file of tests/fuzz/recorded.
    pub fn recorded(text: &str) -> Responses {
        let all: Value = serde_json::from_str(text).unwrap();
        let answer = |name: &str| all[name].clone();
        let network = all["network"]["Id"].as_str().unwrap();
        let node = all["container"]["Id"].as_str().unwrap();
        Responses::default()
            .with("GET /version", answer("version"))
            .with("GET /info", answer("info"))
            .with("GET /containers/json", answer("containers"))
            .with("GET /containers/json?publish", answer("containers"))
            .with(
                "GET /containers/demo-control-plane/json",
                answer("container"),
            )
            .with(&format!("GET /containers/{node}/json"), answer("container"))
            .with("GET /networks", answer("networks"))
            .with("GET /networks/kind", answer("network"))
            .with(&format!("GET /networks/{network}"), answer("network"))
            .with("GET /volumes", answer("volumes"))
    }

    /// Adds a response, which overrides earlier ones.
    pub fn with(mut self, request: &str, response: Value) -> Responses {
        self.table.insert(0, (request.to_owned(), response));
        self
    }

    /// Adds a response that the engine gives once it has received the request `after`.
    pub fn with_after(mut self, after: &str, request: &str, response: Derive) -> Responses {
        self.later
            .push((after.to_owned(), request.to_owned(), response));
        self
    }

    /// Adds a container.
    pub fn with_container(self, name: &str, container: Value) -> Responses {
        let listed =
            json!([{"Id": name, "Names": [format!("/{name}")], "Ports": container["ListedPorts"]}]);
        let labelled = container["Config"]["Labels"].is_object();
        let all = self
            .with(&format!("GET /containers/{name}/json"), container)
            .with("GET /containers/json?publish", listed.clone());
        if labelled {
            all.with("GET /containers/json", listed)
        } else {
            all
        }
    }

    fn find(&self, request: &str) -> Option<Value> {
        let bodies = self.bodies.lock().unwrap();
        let mut later = self.later.iter().filter(|(_, entry, _)| entry == request);
        let derived = later.find_map(|(after, _, derive)| bodies.get(after).map(derive));
        derived.or_else(|| {
            let found = self.table.iter().find(|(entry, _)| entry == request);
            found.map(|(_, response)| response.clone())
        })
    }

    fn record(&self, request: &str, body: &[u8]) {
        let body = serde_json::from_slice(body).unwrap_or_default();
        self.bodies.lock().unwrap().insert(request.to_owned(), body);
    }
}

/// Returns the response to the start of a command, with its standard output.
pub fn output_of_command(text: &str) -> Value {
    json!({ "command": text })
}

/// Returns the response that is never sent.
pub fn no_response() -> Value {
    json!("silence")
}

/// Returns the engine's description of its host.
pub fn host_info(memory: u64, cpus: u32) -> Value {
    json!({
        "ServerVersion": "28.5.2", "Architecture": "x86_64", "OperatingSystem": "Debian GNU/Linux 13",
        "MemTotal": memory, "NCPU": cpus, "CgroupVersion": "2", "Driver": "overlay2",
        "DockerRootDir": "/", "MemoryLimit": true, "CpuCfsQuota": true, "PidsLimit": true,
    })
}

/// Returns a node as the engine inspects it.
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

/// Starts the engine in a directory and returns its socket. It runs until the test
/// program ends.
pub fn start(dir: &Path, responses: Responses) -> PathBuf {
    let socket = dir.join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let responses = Arc::new(responses);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let responses = Arc::clone(&responses);
            // A closed connection is not an error.
            std::thread::spawn(move || serve(client.try_clone()?, client, &responses));
        }
    });
    socket
}

/// Starts a Kubernetes API over plain HTTP and returns its port.
pub fn start_cluster(responses: Responses) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let responses = Arc::new(responses);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let responses = Arc::clone(&responses);
            std::thread::spawn(move || serve(client.try_clone()?, client, &responses));
        }
    });
    port
}

pub fn serve(
    reader: impl Read,
    mut client: impl Write,
    responses: &Responses,
) -> std::io::Result<()> {
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
        let mut body = Vec::new();
        (&mut reader).take(length).read_to_end(&mut body)?;
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
        responses.record(&request, &body);
        let missing = json!({"message": format!("no such thing: {request}")});
        let (status, body) = match responses.find(&request) {
            // Holds the connection open without a response.
            Some(response) if response == no_response() => {
                std::io::copy(&mut reader, &mut std::io::sink())?;
                return Ok(());
            }
            Some(response) => ("200 OK", response),
            None => ("404 Not Found", missing),
        };
        if let Some(text) = body.get("command").and_then(Value::as_str) {
            client.write_all(
                b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
            )?;
            let mut part = vec![1, 0, 0, 0];
            part.extend(u32::try_from(text.len()).unwrap_or_default().to_be_bytes());
            part.extend(text.as_bytes());
            return client.write_all(&part);
        }
        let body = match body {
            Value::String(text) => text,
            body => body.to_string(),
        };
        write!(
            client,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
}
