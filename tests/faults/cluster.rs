//! Whole commands for a server in an existing cluster, with faults in the requests to its
//! Kubernetes API. The cluster is the node of another instance, whose API `kubectl proxy`
//! offers without TLS.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::harness::{self, Instance};
use super::node::{Numbers, ended_well, is_full, run_until};
use super::proxy::{Fault, Proxy, Times};

/// The port of `kubectl proxy` in the node.
const PORT: u16 = 8099;

/// No port of the node may be used twice.
const VALUES: &str = "
apiserver: {service: {type: ClusterIP}}
webserver: {service: {type: ClusterIP}}
fileserver: {service: {type: ClusterIP}}
";

/// The arguments of a command, whether the server is removed before it, roughly the number of
/// its requests, and how many faults are tried without `E2E_FULL`.
type Row = (&'static [&'static str], bool, usize, usize);

const ROWS: [Row; 8] = [
    (&["up"], true, 280, 1),
    (&["up"], false, 170, 1),
    (&["status"], false, 26, 1),
    (&["logs", "--tail=5"], false, 8, 1),
    (&["doctor"], false, 120, 0),
    (&["support-bundle"], false, 50, 1),
    (&["restart", "redis"], false, 80, 0),
    (&["down"], false, 70, 1),
];

/// With a request that is not answered, and what follows from it.
const DEADLINE: Duration = Duration::from_secs(240);

/// A server in a namespace of a node, whose API is reached through a proxy.
struct InCluster {
    instance: Instance,
    kubeconfig: String,
    values: String,
    proxy: Proxy,
    _dir: TempDir,
}

impl InCluster {
    fn new(node: &Instance) -> InCluster {
        let name = node.node();
        let port = PORT.to_string();
        let start = ["exec", "-d", &name, "kubectl", "proxy", "--address=0.0.0.0"];
        let options = ["--accept-hosts=.*", "--port", &port];
        harness::run("docker", &[&start[..], &options].concat()).expect(0);
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = harness::run("docker", &["inspect", "-f", format, &name]).expect(0);
        let address = format!("{}:{PORT}", address.stdout.trim());
        await_server(&address);
        let dir = tempfile::tempdir().unwrap();
        let proxy = Proxy::with_header(&bridge_to(dir.path(), address), "Connection: close");
        let port = bridge_from(proxy.socket());
        let instance = Instance::new("in-cluster");
        let kubeconfig = instance.write(
            "kubeconfig",
            &format!(
                "contexts: [{{name: there, context: {{cluster: there, user: there}}}}]\n\
                 clusters: [{{name: there, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n\
                 users: [{{name: there, user: {{}}}}]\n"
            ),
        );
        let values = instance.write("values.yaml", VALUES);
        InCluster {
            instance,
            kubeconfig,
            values,
            proxy,
            _dir: dir,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.instance.command();
        command
            .args(arguments)
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .env_remove("CLEARML_LOCAL_NODE_IMAGE");
        if arguments == ["up"] {
            command.args(["--context=there", "--namespace", &self.instance.name]);
            command.args(["--kubeconfig", &self.kubeconfig, "-f", &self.values]);
        }
        command
    }

    /// Runs a command without a fault.
    #[track_caller]
    fn run(&self, arguments: &[&str]) {
        self.instance
            .run_command(&mut self.command(arguments))
            .expect(0);
    }

    /// Runs a command with a fault, and then a healthy `up`. Returns whether the command made
    /// that many requests.
    fn try_fault(&self, (arguments, removed, ..): Row, number: usize, fault: Fault) -> bool {
        if removed {
            self.run(&["down"]);
        }
        let what = format!("{arguments:?} with {fault:?} in request {number} to the cluster");
        self.proxy.inject(number, fault, Times::Once);
        let began = Instant::now();
        let output = run_until(&mut self.command(arguments), DEADLINE);
        let output = output.unwrap_or_else(|problem| panic!("{what}: {problem}"));
        let reached = ended_well(&what, (number, began), &output, &self.proxy);
        if reached {
            self.run(&["up"]);
            self.run(&["status"]);
        }
        reached
    }
}

fn await_server(address: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(error) = TcpStream::connect(address) {
        assert!(Instant::now() < deadline, "{address}: {error}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Returns a socket whose connections lead to an address.
fn bridge_to(dir: &Path, address: String) -> PathBuf {
    let path = dir.join("cluster.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            if let Ok(server) = TcpStream::connect(&address) {
                connect(client, server);
            }
        }
    });
    path
}

/// Returns a port whose connections lead to a socket.
fn bridge_from(socket: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            // During an outage, the connection closes.
            if let Ok(server) = UnixStream::connect(&socket) {
                connect(server, client);
            }
        }
    });
    port
}

/// Copies in both directions. The end of either is passed on.
fn connect(unix: UnixStream, tcp: TcpStream) {
    let (Ok(from_unix), Ok(to_unix)) = (unix.try_clone(), unix.try_clone()) else {
        return;
    };
    let (Ok(from_tcp), Ok(to_tcp)) = (tcp.try_clone(), tcp.try_clone()) else {
        return;
    };
    std::thread::spawn(move || {
        let _ = io::copy(&mut &from_unix, &mut &to_tcp);
        to_tcp.shutdown(Shutdown::Write)
    });
    std::thread::spawn(move || {
        let _ = io::copy(&mut &from_tcp, &mut &to_unix);
        to_unix.shutdown(Shutdown::Write)
    });
}

/// Tries faults in the commands for a server in the cluster of this instance.
pub fn try_all(node: &Instance, numbers: &mut Numbers) {
    let server = InCluster::new(node);
    server.run(&["up"]);
    for row in ROWS {
        if !is_full() {
            for _ in 0..row.3 {
                let number = numbers.below(row.2);
                server.try_fault(row, number, fault(numbers));
            }
            continue;
        }
        let mut number = 0;
        while server.try_fault(row, number, fault(numbers)) {
            number += 1;
        }
        assert!(number > 0, "{:?}", row.0);
    }
}

fn fault(numbers: &mut Numbers) -> Fault {
    Fault::OF_CLUSTER[numbers.below(Fault::OF_CLUSTER.len())]
}
