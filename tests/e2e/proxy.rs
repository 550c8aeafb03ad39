//! A forward proxy that records requests and does not respond to them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::harness::run;
use crate::images::gateway;

/// The proxy, which runs until the test program ends.
pub struct RecordingProxy {
    /// Its address for nodes.
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RecordingProxy {
    /// Starts a proxy on all addresses of the host.
    pub fn start() -> RecordingProxy {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut client in listener.incoming().map_while(Result::ok) {
                let mut line = String::new();
                let mut reader = BufReader::new(&client);
                let read = reader.read_line(&mut line);
                // Closing a connection with unread data would reset it.
                let head = reader.lines().map_while(Result::ok);
                head.take_while(|line| !line.is_empty()).for_each(drop);
                if read.is_ok() && !line.is_empty() {
                    recorded.lock().unwrap().push(line.trim().to_owned());
                }
                if line.contains(".invalid:") {
                    // A closed connection is not an error.
                    let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
                } else {
                    open.push(client);
                }
            }
        });
        RecordingProxy {
            address: format!("{}:{port}", gateway()),
            requests,
        }
    }

    /// Returns its URL as users write it, with a domain and an `@` in the password.
    pub fn url(&self) -> String {
        format!(r"http://CORP\jane:a%40b@{}", self.address)
    }

    /// Returns its URL as containerd needs it.
    pub fn strict_url(&self) -> String {
        format!("http://CORP%5Cjane:a%40b@{}", self.address)
    }

    /// Waits for a request for this host.
    pub fn await_request(&self, host: &str) {
        let started = Instant::now();
        let was_requested = || {
            self.requests
                .lock()
                .unwrap()
                .iter()
                .any(|r| r.contains(host))
        };
        while !was_requested() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "no request for {host}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the requests since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// Sends a request from a node, which shows that requests would be recorded.
    pub fn request_from(&self, node: &str) {
        let (host, port) = self.address.split_once(':').unwrap();
        let script = format!(
            "exec 3<>/dev/tcp/{host}/{port}; printf 'CONNECT asked.invalid:443 HTTP/1.1\\r\\n\\r\\n' >&3; cat <&3"
        );
        run("docker", &["exec", node, "bash", "-c", &script]).expect(0);
    }
}
