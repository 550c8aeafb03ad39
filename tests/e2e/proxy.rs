//! A proxy on the way out that notes what it is asked for, and lets it wait.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::harness::run;
use crate::images::gateway;

/// The proxy, which lives as long as the test program.
pub struct RecordingProxy {
    /// Where nodes reach it.
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RecordingProxy {
    /// A proxy on all addresses of this machine.
    pub fn start() -> RecordingProxy {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for mut client in listener.incoming().map_while(Result::ok) {
                let mut line = String::new();
                let mut reader = BufReader::new(&client);
                let read = reader.read_line(&mut line);
                // A connection that is closed with something unread is reset.
                let head = reader.lines().map_while(Result::ok);
                head.take_while(|line| !line.is_empty()).for_each(drop);
                if read.is_ok() && !line.is_empty() {
                    noted.lock().unwrap().push(line.trim().to_owned());
                }
                if line.contains(".invalid:") {
                    // A client that goes away is its own affair.
                    let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
                } else {
                    held.push(client);
                }
            }
        });
        RecordingProxy {
            address: format!("{}:{port}", gateway()),
            requests,
        }
    }

    /// Its URL as a user writes it who has a domain, and a password with an `@`.
    pub fn url(&self) -> String {
        format!(r"http://CORP\jane:a%40b@{}", self.address)
    }

    /// Its URL as it must arrive at containerd.
    pub fn strict_url(&self) -> String {
        format!("http://CORP%5Cjane:a%40b@{}", self.address)
    }

    /// Waits until it is asked for that host.
    pub fn await_request(&self, host: &str) {
        let began = Instant::now();
        let asked = || {
            self.requests
                .lock()
                .unwrap()
                .iter()
                .any(|r| r.contains(host))
        };
        while !asked() {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "nobody asked for {host}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it was asked for since the last time.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// Asks it for something from a node, so that silence means something.
    pub fn ask_from(&self, node: &str) {
        let (host, port) = self.address.split_once(':').unwrap();
        let script = format!(
            "exec 3<>/dev/tcp/{host}/{port}; printf 'CONNECT asked.invalid:443 HTTP/1.1\\r\\n\\r\\n' >&3; cat <&3"
        );
        run("docker", &["exec", node, "bash", "-c", &script]).expect(0);
    }
}
