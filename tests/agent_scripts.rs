//! The scripts in the pods of agents, run by a real shell and a real Python. Without Python,
//! only the messages about that are tested.

#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "programs of the test's own")]
#![expect(clippy::print_stderr, reason = "says that a test is skipped")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const START: &str = include_str!("../templates/agent/start.sh");
const REACH: &str = include_str!("../templates/agent/reach.py");
const FORWARD: &str = include_str!("../templates/agent/forward.py");

/// The programs of Debian that the scripts need besides Python.
const PROGRAMS: [&str; 7] = ["sh", "cat", "mkdir", "rm", "sleep", "touch", "flock"];

fn find(program: &str) -> Option<std::path::PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&paths).map(|path| path.join(program));
    found.find(|path| path.exists())
}

fn program(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A pod with these programs of its own, and a cache.
struct Pod(TempDir);

impl Pod {
    fn new(own: &[(&str, &str)]) -> Pod {
        let pod = Pod(tempfile::tempdir().unwrap());
        let programs = pod.0.path().join("bin");
        std::fs::create_dir(&programs).unwrap();
        for name in PROGRAMS {
            if let Some(found) = find(name) {
                symlink(found, programs.join(name)).unwrap();
            }
        }
        for (name, text) in own {
            program(&programs, name, text);
        }
        pod
    }

    fn start(&self) -> Output {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", START, "/scripts/start.sh", "3.0.3"])
            .args(["http://localhost:1", "http://localhost:2"])
            .args(["--queue", "my queue", "--foreground"])
            .env("PATH", self.0.path().join("bin"))
            .env("CLEARML_LOCAL_CACHE", self.0.path().join("cache"));
        command.output().unwrap()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A Python that answers the script's questions: the API server responds, and a new virtual
/// environment gets a `pip` that does this.
fn python(pip: &str) -> String {
    format!(
        "case $2 in *hashlib*) echo abc ;; venv)\n\
         mkdir -p \"$3/bin\"\n\
         cat >\"$3/bin/pip\" <<'PIP'\n#!/bin/sh\n{pip}\nPIP\n\
         /bin/chmod +x \"$3/bin/pip\" ;; esac"
    )
}

const AGENT: &str = "for one; do echo \"[$one]\"; done";

#[test]
fn an_agent_of_the_image_is_started_with_its_arguments() {
    let pod = Pod::new(&[("python3", "exit 0"), ("clearml-agent", AGENT)]);
    let started = pod.start();
    assert!(started.status.success(), "{started:?}");
    let arguments = "[daemon]\n[--queue]\n[my queue]\n[--foreground]\n";
    assert!(text(&started).ends_with(arguments), "{started:?}");
}

#[test]
fn a_missing_agent_is_installed_once() {
    let pip = format!(
        "echo \"pip $*\"; printf '#!/bin/sh\\n%s\\n' '{AGENT}' >\"${{0%pip}}clearml-agent\"; \
         /bin/chmod +x \"${{0%pip}}clearml-agent\""
    );
    let pod = Pod::new(&[("python3", &python(&pip))]);
    let first = pod.start();
    assert!(first.status.success(), "{first:?}");
    let installed = "pip install --quiet clearml-agent==3.0.3";
    assert!(text(&first).contains(installed), "{first:?}");
    assert!(text(&first).contains("[daemon]"), "{first:?}");
    let second = pod.start();
    assert!(!text(&second).contains("pip"), "{second:?}");
    assert!(text(&second).contains("[daemon]"), "{second:?}");
}

#[test]
fn the_last_line_says_why_an_agent_does_not_start() {
    let last = |pod: &Pod| {
        let failed = pod.start();
        assert_eq!(failed.status.code(), Some(69), "{failed:?}");
        text(&failed).lines().last().unwrap().to_owned()
    };
    let without_network = Pod::new(&[("python3", &python("echo 'no network' >&2; exit 1"))]);
    let why = last(&without_network);
    assert!(why.contains("cannot install clearml-agent 3.0.3"), "{why}");
    // The next start does not take what is unfinished.
    assert_eq!(last(&without_network), why);
    let why = last(&Pod::new(&[]));
    assert!(why.contains("the image has no python3"), "{why}");
}

/// A server with a private certificate, which prints its port.
const SERVER: &str = "\
import http.server, ssl, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
server = http.server.HTTPServer(('127.0.0.1', 0), Answer)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(*sys.argv[1:])
server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";

#[test]
fn a_pod_reaches_a_server_whose_certificate_it_gets_and_says_why_not_another() {
    if find("python3").is_none() || find("openssl").is_none() {
        eprintln!("SKIPPED: there is no python3 or no openssl");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (certificate, key, known) = (path("tls.crt"), path("tls.key"), path("known"));
    std::fs::create_dir(&known).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=server",
    ]);
    openssl.args([
        "-addext",
        "subjectAltName=DNS:localhost",
        "-out",
        &certificate,
    ]);
    assert!(
        openssl
            .args(["-keyout", &key])
            .output()
            .unwrap()
            .status
            .success()
    );
    let mut server = Command::new("python3");
    server.args(["-c", SERVER, &certificate, &key]);
    server.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Process(server.spawn().unwrap());
    let mut port = String::new();
    let printed = server.0.stdout.take().unwrap();
    BufReader::new(printed).read_line(&mut port).unwrap();

    let reach = |url: &str| {
        let mut command = Command::new("python3");
        command.args(["-c", REACH, url, url, &known, &path("trusted.pem")]);
        command.env_clear().env("CLEARML_LOCAL_GRACE", "0");
        let output = command.env("PATH", std::env::var("PATH").unwrap()).output();
        let output = output.unwrap();
        let last = text(&output).lines().last().unwrap_or_default().to_owned();
        (output.status.code().unwrap(), last)
    };
    let url = format!("https://localhost:{}", port.trim());
    let (code, why) = reach(&url);
    let untrusted = "clearml-local: its pods do not trust the certificate of localhost: self";
    assert!(code == 77 && why.starts_with(untrusted), "{code}: {why}");
    std::fs::copy(&certificate, format!("{known}/ca.pem")).unwrap();
    assert_eq!(reach(&url), (0, String::new()));
    // The public ones stay trusted, where there are any.
    let trusted = std::fs::read_to_string(path("trusted.pem")).unwrap();
    if let Ok(public) = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt") {
        assert!(trusted.contains(&public), "{} bytes", trusted.len());
    }
    let (code, why) = reach("https://absent.invalid");
    let unknown = "the name absent.invalid does not resolve in its pods";
    assert_eq!((code, why), (68, format!("clearml-local: {unknown}")));
}

/// A process, which ends with it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_port_is_forwarded_in_both_directions_until_both_have_ended() {
    if find("python3").is_none() {
        eprintln!("SKIPPED: there is no python3");
        return;
    }
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = service.local_addr().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = port.local_addr().unwrap();
    drop(port);
    let served = std::thread::spawn(move || {
        let (mut connection, _) = service.accept().unwrap();
        let mut request = Vec::new();
        // The end of the request arrives while the answer is still to come.
        connection.read_to_end(&mut request).unwrap();
        connection.write_all(&request).unwrap();
    });
    let forward = format!("{listen}={to}");
    let mut command = Command::new("python3");
    let _running = Process(command.args(["-c", FORWARD, &forward]).spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut connection = loop {
        match TcpStream::connect(listen) {
            Ok(connection) => break connection,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    let sent = vec![7; 1 << 20];
    connection.write_all(&sent).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    let mut received = Vec::new();
    connection.read_to_end(&mut received).unwrap();
    assert!(received == sent, "{} bytes", received.len());
    served.join().unwrap();
}
