//! A real registry with authentication (Debian's `docker-registry`), and something
//! in front of it that behaves as registries do on bad days.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::run;

/// The one user, whose password needs care in headers.
pub const USER: &str = "me";
pub const PASSWORD: &str = "p?ss~>word";
/// That user's line, as `htpasswd -nbB` wrote it.
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
    /// A registry on that address with its images in `dir`; with the certificate
    /// and key at `tls` it speaks TLS.
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
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "no registry");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// Gives it an image of the engine's under another name.
    pub fn push(&self, image: &str, name: &str, config: &Config) {
        let target = format!("{}/{name}", self.address);
        run("docker", &["tag", image, &target]).expect(0);
        let dir = config.dir.path().to_str().unwrap();
        run("docker", &["--config", dir, "push", "-q", &target]).expect(0);
        run("docker", &["rmi", &target]).expect(0);
    }
}

/// A folder with Docker's own configuration.
pub struct Config {
    pub dir: TempDir,
}

impl Config {
    /// A configuration with that text.
    pub fn new(text: &str) -> Config {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), text).unwrap();
        Config { dir }
    }

    /// The user is logged in to that registry, with this password.
    pub fn login(address: &SocketAddr, password: &str) -> Config {
        let login = serde_json::json!({"username": USER, "password": password});
        let auths = serde_json::json!({"auths": {address.to_string(): login}});
        Config::new(&auths.to_string())
    }

    /// The user's credentials come from a helper program, which lies in the folder
    /// that is returned.
    pub fn helper(registry: &str) -> (Config, PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        let helpers = serde_json::json!({"credHelpers": {registry: "e2e"}});
        let config = Config::new(&helpers.to_string());
        let program = config.dir.path().join("docker-credential-e2e");
        let answer =
            serde_json::json!({"ServerURL": registry, "Username": USER, "Secret": PASSWORD});
        std::fs::write(
            &program,
            format!("#!/bin/sh\ncat >/dev/null\ncat <<'EOF'\n{answer}\nEOF\n"),
        )
        .unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let folder = config.dir.path().to_owned();
        (config, folder)
    }
}

/// How a registry misbehaves.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The first manifests are answered with 429 and `Retry-After: 1`.
    TooMany(usize),
    /// The first blob ends in its middle.
    Cut,
    /// So many bytes a second.
    Slow(usize),
}

/// Starts something in front of a registry that misbehaves; returns its address.
/// It lives as long as the test program.
pub fn misbehaving(registry: SocketAddr, fault: Fault) -> SocketAddr {
    in_front("127.0.0.1", registry, fault).0
}

/// The same on that address of this machine. Returns also how often it misbehaved, or how
/// many bytes a slow one has sent.
pub fn in_front(host: &str, registry: SocketAddr, fault: Fault) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let counted = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&counted);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let seen = Arc::clone(&seen);
            // A client that goes away is its own affair.
            std::thread::spawn(move || serve(client, registry, fault, &seen).ok());
        }
    });
    (address, counted)
}

/// One request a connection.
fn serve(
    mut client: TcpStream,
    registry: SocketAddr,
    fault: Fault,
    seen: &AtomicUsize,
) -> std::io::Result<()> {
    // Newer engines try TLS first, and know by the answer that there is none.
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
        && seen.fetch_add(1, Ordering::SeqCst) < times
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
        matches!(fault, Fault::Cut) && is("/blobs/") && seen.fetch_add(1, Ordering::SeqCst) == 0;
    if cut {
        // The head of the answer and a little more.
        return std::io::copy(&mut upstream.take(700), &mut client).map(|_| ());
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
        seen.fetch_add(read, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
    }
}
