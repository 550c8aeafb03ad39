//! An engine with TLS: it is reached as with Docker's CLI, and each reason for a
//! failure has its own hint. The certificates in `tls/` are only for these tests: an
//! authority's, a server's for loopback, an expired one of the server, and a client's.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::engine::serve;
use super::*;

fn file(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands/tls");
    dir.join(name)
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(name)).unwrap()
}

/// Returns a server configuration that requires client certificates.
fn config(server: &str) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.pem")).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let key = PrivateKeyDer::from_pem_file(file("server-key.pem")).unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(vec![certificate(server)], key)
        .unwrap()
}

/// Both ends of a TLS connection.
#[derive(Clone)]
struct Shared(Rc<RefCell<StreamOwned<ServerConnection, TcpStream>>>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

impl Write for Shared {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// Starts an empty engine with this certificate and returns its port. It responds to
/// plain HTTP as Go's servers do.
fn start(server: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::new(config(server));
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let config = Arc::clone(&config);
            std::thread::spawn(move || respond(client, config));
        }
    });
    port
}

fn respond(mut client: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let mut first = [0];
    client.peek(&mut first)?;
    if first != [22] {
        // The request must be read, or the response is lost when the connection is
        // closed.
        let mut request = [0; 4096];
        let _ = client.read(&mut request)?;
        return client.write_all(
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        );
    }
    let connection = ServerConnection::new(config).unwrap();
    let stream = Shared(Rc::new(RefCell::new(StreamOwned::new(connection, client))));
    serve(stream.clone(), stream, &Responses::empty())
}

/// Creates a directory with these files under the names that Docker uses.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, from) in files {
        std::fs::copy(file(from), dir.path().join(name)).unwrap();
    }
    dir
}

const CLIENT: [(&str, &str); 3] = [
    ("ca.pem", "ca.pem"),
    ("cert.pem", "client.pem"),
    ("key.pem", "client-key.pem"),
];

/// Returns the stderr of `list` with these variables.
fn list(variables: &[(&str, &str)]) -> String {
    let home = Home::new(Responses::empty());
    let mut command = home.command(env!("CARGO_BIN_EXE_clearml-local"));
    command.env_remove("DOCKER_HOST");
    let output = command
        .arg("list")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_engine_with_tls_is_reached_and_each_failure_has_a_hint() {
    let (good, expired) = (start("server.pem"), start("expired.pem"));
    let plain = engine::start_cluster(Responses::empty());
    let complete = directory(&CLIENT);
    let unknown_authority = directory(&[("ca.pem", "client.pem"), CLIENT[1], CLIENT[2]]);
    let no_client = directory(&CLIENT[..1]);
    let no_key = directory(&CLIENT[..2]);
    let at = |host: &str, port: u16, dir: &TempDir| {
        list(&[
            ("DOCKER_HOST", &format!("tcp://{host}:{port}")),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", &dir.path().display().to_string()),
        ])
    };
    let unreachable = "cannot connect to the Docker engine";
    let reached = at("localhost", good, &complete);
    assert!(!reached.contains("error"), "{reached}");
    for host in ["127.0.0.1", "0.0.0.0"] {
        assert_eq!(at(host, good, &complete), reached);
    }
    for (output, reason, hint) in [
        (
            at("127.0.0.1", expired, &complete),
            "its certificate has expired",
            "renew the engine's certificate",
        ),
        (
            at("127.0.0.1", good, &unknown_authority),
            "signed by an unknown authority",
            "/ca.pem",
        ),
        (
            at("127.0.0.1", good, &no_client),
            // The reason arrives before or after the request.
            unreachable,
            "does not accept this client",
        ),
        (
            at("127.0.0.1", plain, &complete),
            unreachable,
            "unset DOCKER_TLS_VERIFY",
        ),
        (
            at("127.0.0.1", good, &no_key),
            "cannot use the TLS certificates",
            "check ca.pem, cert.pem and key.pem",
        ),
        (
            list(&[("DOCKER_HOST", &format!("tcp://127.0.0.1:{good}"))]),
            "it accepts only TLS",
            "DOCKER_TLS_VERIFY=1",
        ),
    ] {
        assert!(output.contains(reason) && output.contains(hint), "{output}");
    }
    // Without verification.
    let unverified = list(&[
        ("DOCKER_HOST", &format!("tcp://127.0.0.1:{expired}")),
        ("DOCKER_TLS", "1"),
        ("DOCKER_CERT_PATH", &complete.path().display().to_string()),
    ]);
    assert_eq!(unverified, reached);
}
