//! A proxy on a socket in front of a server, an engine or a Kubernetes API, which injects one
//! fault. Each request has its own connection: the program does not keep those to an engine,
//! and the proxy asks an API to close them.

use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

/// How long the engine refuses connections: at first its socket is missing, then nothing
/// listens on it.
const OUTAGE: Duration = Duration::from_secs(2);

/// How many bytes of an input arrive before its connection breaks.
const INPUT: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request is accepted and never answered.
    Silence,
    /// The answer comes late.
    Delay(Duration),
    /// The engine executes the request, and the connection closes without its answer.
    CloseBeforeAnswer,
    CloseInHeaders,
    CloseInBody,
    /// The answer is not HTTP.
    Garbage,
    /// The answer has the status 500.
    ServerError,
    /// The answer has the status 429, and says when to ask again.
    TooManyRequests,
    /// No connection is possible for some time.
    Outage,
    /// A chunked answer ends without its last chunk.
    TruncatedChunks,
    /// The connection of a command breaks in the middle of its input.
    CloseInInput,
}

impl Fault {
    /// All faults that any request can have.
    pub const ALL: [Fault; 9] = [
        Fault::Silence,
        Fault::Delay(Duration::from_millis(2100)),
        Fault::CloseBeforeAnswer,
        Fault::CloseInHeaders,
        Fault::CloseInBody,
        Fault::Garbage,
        Fault::ServerError,
        Fault::Outage,
        Fault::TruncatedChunks,
    ];

    /// All faults that a request to a Kubernetes API can have.
    pub const OF_CLUSTER: [Fault; 10] = [
        Fault::Silence,
        Fault::Delay(Duration::from_millis(2100)),
        Fault::CloseBeforeAnswer,
        Fault::CloseInHeaders,
        Fault::CloseInBody,
        Fault::Garbage,
        Fault::ServerError,
        Fault::Outage,
        Fault::TruncatedChunks,
        Fault::TooManyRequests,
    ];
}

/// Which requests have the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    Once,
    /// This one and all later ones.
    Always,
}

/// Where a fault is injected.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// The request with this number.
    Number(usize),
    /// The first start of a command after a request that contains a text.
    CommandAfter(&'static str),
    /// The same, once that request was made.
    NextCommand,
}

#[derive(Default)]
struct State {
    fault: Option<(Target, Fault, Times)>,
    /// Whether the fault was injected.
    reached: bool,
    /// The requests since the fault was chosen, such as `POST /containers/create`.
    requests: Vec<String>,
}

pub struct Proxy {
    dir: TempDir,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Starts a proxy for the engine at a socket. It runs until the test program ends.
    pub fn start(engine: &Path) -> Proxy {
        Proxy::with_header(engine, "")
    }

    /// Starts a proxy that adds a header to each request.
    pub fn with_header(engine: &Path, header: &'static str) -> Proxy {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("proxy.sock")).unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, engine, socket) = (
            Arc::clone(&state),
            engine.to_owned(),
            dir.path().join("proxy.sock"),
        );
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let fault = accept(&shared, &client, &socket);
                let engine = engine.clone();
                // A connection that closes early is not an error.
                std::thread::spawn(move || {
                    let (mut head, fault) = fault?;
                    insert(&mut head, header);
                    serve(head, client, &engine, fault)
                });
            }
        });
        Proxy { dir, state }
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("proxy.sock")
    }

    /// Injects a fault into the request with this number, counted from 0 and from now.
    pub fn inject(&self, number: usize, fault: Fault, times: Times) {
        let mut state = self.state.lock().unwrap();
        *state = State {
            fault: Some((Target::Number(number), fault, times)),
            ..State::default()
        };
        if number == 0 && fault == Fault::Outage {
            state.reached = true;
            take_down(&self.socket());
        }
    }

    /// Injects a fault into the first start of a command after a request whose head or body
    /// contains a text.
    pub fn inject_into_command(&self, after: &'static str, fault: Fault) {
        *self.state.lock().unwrap() = State {
            fault: Some((Target::CommandAfter(after), fault, Times::Once)),
            ..State::default()
        };
    }

    /// Returns whether the fault was injected.
    pub fn was_reached(&self) -> bool {
        self.state.lock().unwrap().reached
    }

    /// Injects no fault from now on, and waits for the end of an outage.
    pub fn heal(&self) {
        while hidden(&self.socket()).exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        *self.state.lock().unwrap() = State::default();
    }

    /// Returns the requests since the last fault was chosen, without the version of the API
    /// and without the query, except that of exports.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

/// Reads the head of a request and returns it with its fault.
fn accept(
    state: &Mutex<State>,
    mut client: &UnixStream,
    socket: &Path,
) -> io::Result<(Vec<u8>, Option<Fault>)> {
    client.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = read_head(&mut client)?;
    let missing =
        (end_of_head(&head).unwrap_or_default() + length_of_body(&head)).saturating_sub(head.len());
    client.take(missing as u64).read_to_end(&mut head)?;
    client.set_read_timeout(None)?;
    let mut state = state.lock().unwrap();
    let number = state.requests.len();
    let name = name_of(&head);
    let starts_command = name.starts_with("POST /exec/") && name.ends_with("/start");
    state.requests.push(name);
    let Some((target, fault, times)) = state.fault else {
        return Ok((head, None));
    };
    let hit = match target {
        Target::Number(at) if fault == Fault::Outage => {
            if number + 1 == at {
                state.reached = true;
                take_down(socket);
            }
            false
        }
        Target::Number(at) => number == at || number > at && times == Times::Always,
        Target::CommandAfter(text) => {
            if String::from_utf8_lossy(&head).contains(text) {
                state.fault = Some((Target::NextCommand, fault, times));
            }
            false
        }
        Target::NextCommand => {
            if starts_command {
                state.fault = None;
            }
            starts_command
        }
    };
    state.reached |= hit;
    Ok((head, hit.then_some(fault)))
}

/// Inserts a header into a request, unless it asks for another protocol.
fn insert(head: &mut Vec<u8>, header: &str) {
    let is_upgrade = String::from_utf8_lossy(head)
        .to_lowercase()
        .contains("\r\nupgrade:");
    let line = head.windows(2).position(|window| window == b"\r\n");
    if let Some(at) = line.filter(|_| !is_upgrade && !header.is_empty()) {
        let line = format!("\r\n{header}");
        head.splice(at..at, line.into_bytes());
    }
}

/// Returns such as `GET /containers/demo/json`.
fn name_of(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let mut words = text.split_whitespace();
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    let path = match path.contains("/images/get?") {
        true => path,
        false => path.split('?').next().unwrap_or_default(),
    };
    let unversioned = match path.strip_prefix("/v1.") {
        Some(rest) => rest.find('/').map_or(path, |at| &rest[at..]),
        None => path,
    };
    format!("{method} {unversioned}")
}

/// Returns where the socket is during an outage.
fn hidden(socket: &Path) -> PathBuf {
    socket.with_extension("hidden")
}

/// Makes the socket unusable for a while.
fn take_down(socket: &Path) {
    let (socket, hidden) = (socket.to_owned(), hidden(socket));
    fs::rename(&socket, &hidden).unwrap();
    std::thread::spawn(move || {
        std::thread::sleep(OUTAGE / 2);
        // Nothing listens on a socket whose listener is gone.
        drop(UnixListener::bind(&socket)?);
        std::thread::sleep(OUTAGE / 2);
        fs::rename(&hidden, &socket)
    });
}

/// Reads up to the end of the headers, and what arrived with it.
fn read_head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 16 << 10];
    while end_of_head(&head).is_none() {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(head)
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let end = b"\r\n\r\n";
    let at = bytes.windows(end.len()).position(|window| window == end);
    at.map(|at| at + end.len())
}

fn serve(
    head: Vec<u8>,
    mut client: UnixStream,
    engine: &Path,
    fault: Option<Fault>,
) -> io::Result<()> {
    let canned: Option<&[u8]> = match fault {
        Some(Fault::Silence) => Some(b""),
        Some(Fault::Garbage) => Some(b"\x16\x03\x01 this is not HTTP\r\n\r\n"),
        Some(Fault::ServerError) => Some(
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
              Content-Length: 25\r\n\r\n{\"message\":\"out of luck\"}",
        ),
        Some(Fault::TooManyRequests) => Some(
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nConnection: close\r\n\
              Content-Length: 17\r\n\r\nToo many requests",
        ),
        _ => None,
    };
    if let Some(answer) = canned {
        if !answer.is_empty() {
            client.write_all(answer)?;
            client.shutdown(Shutdown::Write)?;
        }
        io::copy(&mut client, &mut io::sink())?;
        return Ok(());
    }
    let mut engine = UnixStream::connect(engine)?;
    engine.write_all(&head)?;
    let (mut from, mut to) = (client.try_clone()?, engine.try_clone()?);
    let cut = fault == Some(Fault::CloseInInput);
    std::thread::spawn(move || {
        if cut {
            io::copy(&mut (&mut from).take(INPUT), &mut to)?;
            from.shutdown(Shutdown::Both)?;
            return to.shutdown(Shutdown::Both);
        }
        let _ = io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    });
    let answered = answer(&mut engine, &mut client, fault);
    match fault {
        None | Some(Fault::Delay(_) | Fault::CloseInInput) => client.shutdown(Shutdown::Write)?,
        Some(_) => {
            client.shutdown(Shutdown::Both)?;
            engine.shutdown(Shutdown::Both)?;
        }
    }
    answered
}

fn length_of_body(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_lowercase();
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    length.unwrap_or_default()
}

/// Returns whether a body follows these headers.
fn has_body(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_lowercase();
    length_of_body(head) > 0 || ["chunked", " 101 "].iter().any(|word| text.contains(word))
}

/// Passes the engine's answer on, with a fault.
fn answer(
    engine: &mut UnixStream,
    client: &mut UnixStream,
    fault: Option<Fault>,
) -> io::Result<()> {
    let fault = match fault {
        None | Some(Fault::CloseInInput) => return io::copy(engine, client).map(drop),
        Some(fault) => fault,
    };
    let mut answer = read_head(engine)?;
    let body_at = end_of_head(&answer).unwrap_or_default();
    if let Fault::Delay(delay) = fault {
        std::thread::sleep(delay);
        client.write_all(&answer)?;
        return io::copy(engine, client).map(drop);
    }
    if answer.len() == body_at && has_body(&answer) {
        let mut more = [0; 4096];
        // A command may print nothing for a long time.
        engine.set_read_timeout(Some(Duration::from_secs(3)))?;
        let count = engine.read(&mut more).unwrap_or_default();
        answer.extend_from_slice(&more[..count]);
    }
    let (head, body) = answer.split_at(body_at);
    let half = &body[..body.len() / 2];
    match fault {
        Fault::CloseInHeaders => client.write_all(&head[..head.len().min(12)]),
        Fault::CloseInBody => client.write_all(&[head, half].concat()),
        Fault::TruncatedChunks => {
            let text = String::from_utf8_lossy(head).into_owned();
            let lines = text.trim_end().lines();
            let framing = |line: &&str| {
                let line = line.to_lowercase();
                !line.starts_with("content-length:") && !line.starts_with("transfer-encoding:")
            };
            if text.contains(" 101 ") || text.contains(" 204 ") {
                return client.write_all(&[head, half].concat());
            }
            let head = lines.filter(framing).collect::<Vec<_>>().join("\r\n");
            write!(client, "{head}\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            if !half.is_empty() {
                write!(client, "{:x}\r\n", half.len())?;
                client.write_all(half)?;
                client.write_all(b"\r\n")?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
