//! A real registry with authentication (Debian's `docker-registry`), and a proxy that
//! simulates faults of registries.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::run;

/// The only user. The password needs escaping in headers.
pub const USER: &str = "me";
pub const PASSWORD: &str = "p?ss~>word";
/// The output of `htpasswd -nbB` for this user.
const HTPASSWD: &str = "me:$2y$05$9MWwqt4dmymj5GFxml7E1OAfVB5dPowPIbHfOfLCZHEIna2bMgsQ2\n";

/// A running registry.
pub struct Registry {
    pub address: SocketAddr,
    process: Child,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// Starts a registry on this address with its images in `dir`. With certificate and
    /// key in `tls` it uses TLS.
    pub fn start(dir: &Path, host: &str, tls: Option<(&Path, &Path)>) -> Registry {
        let free = TcpListener::bind((host, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        std::fs::write(dir.join("htpasswd"), HTPASSWD).unwrap();
        let tls = tls.map_or_else(String::new, |(certificate, key)| {
            format!(
                "\n  tls: {{certificate: {}, key: {}}}",
                certificate.display(),
                key.display()
            )
        });
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {0}/images}}}}\n\
             auth: {{htpasswd: {{realm: e2e, path: {0}/htpasswd}}}}\nhttp:\n  addr: {address}{tls}\n",
            dir.display()
        );
        let file = dir.join(format!("config-{}.yml", address.port()));
        std::fs::write(&file, config).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Registry { address, process };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "no registry");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// Pushes an image of the engine under another name.
    pub fn push(&self, image: &str, name: &str, config: &Config) {
        let target = format!("{}/{name}", self.address);
        run("docker", &["tag", image, &target]).expect(0);
        let dir = config.dir.path().to_str().unwrap();
        run("docker", &["--config", dir, "push", "-q", &target]).expect(0);
        run("docker", &["rmi", &target]).expect(0);
    }
}

/// A directory with a configuration of Docker.
pub struct Config {
    pub dir: TempDir,
}

impl Config {
    pub fn new(text: &str) -> Config {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), text).unwrap();
        Config { dir }
    }

    /// Creates a configuration with a login to this registry.
    pub fn login(address: &SocketAddr, password: &str) -> Config {
        let login = serde_json::json!({"username": USER, "password": password});
        let auths = serde_json::json!({"auths": {address.to_string(): login}});
        Config::new(&auths.to_string())
    }

    /// Creates a configuration with a credential helper, and returns the helper's
    /// directory.
    pub fn helper(registry: &str) -> (Config, PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        let helpers = serde_json::json!({"credHelpers": {registry: "e2e"}});
        let config = Config::new(&helpers.to_string());
        let program = config.dir.path().join("docker-credential-e2e");
        let output =
            serde_json::json!({"ServerURL": registry, "Username": USER, "Secret": PASSWORD});
        std::fs::write(
            &program,
            format!("#!/bin/sh\ncat >/dev/null\ncat <<'EOF'\n{output}\nEOF\n"),
        )
        .unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let directory = config.dir.path().to_owned();
        (config, directory)
    }
}

/// A fault of a registry.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The first requests for manifests return 429 and `Retry-After: 1`.
    TooMany(usize),
    /// The first blob is truncated.
    Cut,
    /// So many blobs have a wrong byte.
    Wrong(usize),
    /// The number of bytes per second is limited.
    Slow(usize),
}

/// Starts a faulty proxy for a registry and returns its address. It runs until the test
/// program ends.
pub fn faulty(registry: SocketAddr, fault: Fault) -> SocketAddr {
    faulty_on("127.0.0.1", registry, fault).0
}

/// Starts a faulty proxy on this address of the host. Also returns the number of
/// faults, or the number of bytes that a slow one has sent.
pub fn faulty_on(host: &str, registry: SocketAddr, fault: Fault) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let counter = Arc::clone(&counter);
            // A closed connection is not an error.
            std::thread::spawn(move || serve(client, registry, fault, &counter).ok());
        }
    });
    (address, count)
}

/// Handles one request per connection.
fn serve(
    mut client: TcpStream,
    registry: SocketAddr,
    fault: Fault,
    counter: &AtomicUsize,
) -> std::io::Result<()> {
    // Newer engines try TLS first, and this response tells them to use plain HTTP.
    let mut first = [0];
    client.peek(&mut first)?;
    if first == [22] {
        return client.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n");
    }
    let mut head = String::new();
    let mut reader = BufReader::new(client.try_clone()?);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let authorized = head.to_lowercase().contains("authorization:");
    let is = |part: &str| head.lines().next().is_some_and(|line| line.contains(part)) && authorized;
    if let Fault::TooMany(times) = fault
        && is("/manifests/")
        && counter.fetch_add(1, Ordering::SeqCst) < times
    {
        let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#;
        return write!(
            client,
            "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 1\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
    }
    let mut upstream = TcpStream::connect(registry)?;
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    upstream.write_all(head.as_bytes())?;
    let cut =
        matches!(fault, Fault::Cut) && is("/blobs/") && counter.fetch_add(1, Ordering::SeqCst) == 0;
    if cut {
        // Sends the headers and a part of the body.
        return std::io::copy(&mut upstream.take(700), &mut client).map(|_| ());
    }
    if let Fault::Wrong(times) = fault
        && head.starts_with("GET ")
        && is("/blobs/")
        && counter.fetch_add(1, Ordering::SeqCst) < times
    {
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        if let Some(last) = answer.last_mut() {
            *last ^= 1;
        }
        return client.write_all(&answer);
    }
    let Fault::Slow(rate) = fault else {
        return std::io::copy(&mut upstream, &mut client).map(|_| ());
    };
    let mut chunk = vec![0; rate / 20];
    loop {
        let read = upstream.read(&mut chunk)?;
        if read == 0 {
            return Ok(());
        }
        client.write_all(&chunk[..read])?;
        counter.fetch_add(read, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
    }
}
