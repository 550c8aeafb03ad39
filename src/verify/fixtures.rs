//! A server in memory that keeps what an experiment creates, and injects a fault.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::probe::Endpoints;

/// What happens to the calls of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is refused and has no effect.
    Refused,
    /// It has its effect, but the answer is an error.
    AnswerLost,
    /// It has no answer.
    Hangs,
    /// It succeeds without any effect.
    Ignored,
}

#[derive(Debug, Default)]
struct State {
    documents: BTreeMap<String, (String, Value)>,
    events: Vec<Value>,
    files: BTreeMap<String, Vec<u8>>,
    /// Everything that was ever called, such as `tasks.create` or `POST /`.
    calls: BTreeSet<String>,
    fault: Option<(&'static str, Fault)>,
}

#[derive(Debug, Clone)]
pub(super) struct Fake {
    state: Arc<Mutex<State>>,
    pub(super) at: Endpoints,
}

struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
}

impl Fake {
    pub(super) async fn start(fault: Option<(&'static str, Fault)>) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Fake {
            state: Arc::new(Mutex::new(State {
                fault,
                ..State::default()
            })),
            at: Endpoints {
                web: url.clone(),
                api: url.clone(),
                files: url,
            },
        };
        let server = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(server.clone().answer(stream));
            }
        });
        fake
    }

    /// Returns everything that is left.
    pub(super) fn left(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let documents = state.documents.values().map(|(kind, _)| kind.clone());
        documents.chain(state.files.keys().cloned()).collect()
    }

    pub(super) fn calls(&self) -> BTreeSet<String> {
        self.state.lock().unwrap().calls.clone()
    }

    async fn answer(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let Some(request) = read(&mut stream).await else {
            return;
        };
        let endpoint = match request.path.strip_prefix("/v2.17/") {
            Some(endpoint) => endpoint.to_owned(),
            None if request.path == "/" => "POST /".to_owned(),
            None => format!("{} file", request.method),
        };
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.calls.insert(endpoint.clone());
            let fault = state.fault.filter(|(name, _)| *name == endpoint);
            fault.map(|(_, fault)| fault)
        };
        let (status, body) = match fault {
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::Refused) => (500, refused()),
            Some(Fault::Ignored) => (200, br#"{"data": {}}"#.to_vec()),
            Some(Fault::AnswerLost) => {
                self.state.lock().unwrap().respond(&endpoint, &request);
                (500, refused())
            }
            None => self.state.lock().unwrap().respond(&endpoint, &request),
        };
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&body).await;
    }
}

fn refused() -> Vec<u8> {
    br#"{"meta": {"result_msg": "General data error"}, "data": {}}"#.to_vec()
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first).await.ok()?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let mut words = first.split(' ').map(str::to_owned);
    Some(Request {
        method: words.next()?,
        path: words.next()?,
        body,
    })
}

impl State {
    fn respond(&mut self, endpoint: &str, request: &Request) -> (u16, Vec<u8>) {
        match endpoint {
            "POST /" => {
                let (path, content) = uploaded(&request.body);
                self.files.insert(format!("/{path}"), content);
                (200, b"[]".to_vec())
            }
            "GET file" => match self.files.get(&request.path) {
                Some(content) => (200, content.clone()),
                None => (404, Vec::new()),
            },
            "DELETE file" => match self.files.remove(&request.path) {
                Some(_) => (200, Vec::new()),
                None => (404, Vec::new()),
            },
            "events.add_batch" => {
                let lines = request.body.split(|byte| *byte == b'\n');
                let lines = lines.filter(|line| !line.is_empty());
                let new: Vec<Value> = lines
                    .map(|line| serde_json::from_slice(line).unwrap())
                    .collect();
                let added = new.len();
                self.events.extend(new);
                ok(&json!({"added": added}))
            }
            _ => ok(&self.call(endpoint, &serde_json::from_slice(&request.body).unwrap())),
        }
    }

    fn call(&mut self, endpoint: &str, body: &Value) -> Value {
        let (service, action) = endpoint.split_once('.').unwrap();
        let kind = service.trim_end_matches('s');
        let events = |kind: &str| {
            let all = self.events.iter().filter(|event| event["type"] == kind);
            all.cloned().collect::<Vec<Value>>()
        };
        match (service, action) {
            ("auth", _) => json!({"token": "token"}),
            ("server", _) => json!({"version": "1.5.0"}),
            ("events", "scalar_metrics_iter_histogram") => {
                let scalars = events("training_stats_scalar");
                let axis = |name: &str| -> Vec<Value> {
                    scalars.iter().map(|event| event[name].clone()).collect()
                };
                json!({"loss": {"train": {"x": axis("iter"), "y": axis("value")}}})
            }
            ("events", "get_task_plots") => json!({"plots": events("plot")}),
            ("events", "debug_images") => {
                let images = events("training_debug_image");
                json!({"metrics": [{"iterations": [{"events": images}]}]})
            }
            (_, "create") => {
                let id = format!("{kind}-{}", self.documents.len());
                let mut new = body.clone();
                new["id"] = json!(id);
                self.documents.insert(id.clone(), (kind.to_owned(), new));
                json!({"id": id})
            }
            (_, "get_by_id") => json!({kind: self.document(kind, body).clone()}),
            (_, "get_all" | "get_all_ex") => {
                let name = body["name"].as_str();
                let name = name.map(|name| name.trim_matches(['^', '$']));
                let wanted = |one: &Value| {
                    name.is_none_or(|name| one["name"] == name)
                        && (body["project"].is_null() || one["project"] == body["project"][0])
                };
                let all = self.documents.values();
                let all = all.filter(|(of, one)| of == kind && wanted(one));
                json!({service: all.map(|(_, one)| one).collect::<Vec<_>>()})
            }
            (_, "delete") => {
                let id = body[kind].as_str().unwrap();
                self.documents.remove(id).expect("it exists");
                json!({})
            }
            ("tasks", "started") => self.set(body, "status", json!("in_progress")),
            ("tasks", "completed") => self.set(body, "status", json!("completed")),
            ("tasks", "add_or_update_artifacts") => {
                let artifacts = json!({"artifacts": body["artifacts"]});
                self.set(body, "execution", artifacts)
            }
            ("tasks", "add_or_update_model") => self.set(body, "models", body["model"].clone()),
            _ => panic!("{endpoint}"),
        }
    }

    fn document(&mut self, kind: &str, body: &Value) -> &mut Value {
        &mut self
            .documents
            .get_mut(body[kind].as_str().unwrap())
            .unwrap()
            .1
    }

    fn set(&mut self, body: &Value, field: &str, value: Value) -> Value {
        self.document("task", body)[field] = value;
        json!({"updated": 1})
    }
}

fn ok(data: &Value) -> (u16, Vec<u8>) {
    (200, json!({"data": data}).to_string().into_bytes())
}

/// Returns the path and the content of the only file in a form.
fn uploaded(form: &[u8]) -> (String, Vec<u8>) {
    let find = |from: usize, what: &[u8]| {
        let found = form[from..].windows(what.len()).position(|at| at == what);
        from + found.unwrap()
    };
    let boundary = &form[..find(0, b"\r\n")];
    let name = find(0, b"name=\"") + 6;
    let path = String::from_utf8(form[name..find(name, b"\"")].to_vec()).unwrap();
    let content = find(0, b"\r\n\r\n") + 4;
    // After the content: the boundary between `\r\n` and `--\r\n`.
    let end = form.len() - boundary.len() - 6;
    (path, form[content..end].to_vec())
}
