//! Published ports that do not answer although the node serves them: they are not open on
//! this host, and waiting does not change that.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::node::spec;
use crate::docker::{Container, Engine};
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::hint::Hint;
use crate::ports::NodePorts;
use crate::words::listed;

/// How long a port may refuse connections while the node serves it: an engine without a
/// user-space proxy needs a moment to install its firewall rules.
const REFUSED: Duration = Duration::from_secs(4);
/// How long a port may give no answer. A busy server answers late.
const SILENT: Duration = Duration::from_secs(7);
/// The timeout of a connection.
const CONNECT: Duration = Duration::from_secs(1);
/// The timeout of an answer.
const ANSWER: Duration = Duration::from_secs(3);

/// Published ports, and since when they do not answer.
#[derive(Debug)]
pub(super) struct Published {
    /// What serves the ports, such as `the server`.
    service: &'static str,
    ports: Vec<Port>,
}

/// A published port.
#[derive(Debug)]
struct Port {
    at: SocketAddr,
    node_port: u16,
    serves: Serves,
    fault: Option<(Fault, Instant)>,
}

/// What is behind a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Serves {
    /// It answers every request.
    Http,
    /// The Kubernetes API, whose port is open before it is ready.
    KubernetesApi,
    /// Perhaps nothing, such as the port of an ingress controller.
    Unknown,
}

/// What happens at a port instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The connection is refused.
    Refused,
    /// The connection is ignored, or closed without an answer.
    Silent,
}

impl Fault {
    fn grace(self) -> Duration {
        match self {
            Fault::Refused => REFUSED,
            Fault::Silent => SILENT,
        }
    }
}

impl Published {
    /// Watches the port of the node's Kubernetes API.
    pub(super) fn kubernetes(node: &Container) -> Published {
        let ports = published(node, |node_port| match node_port {
            spec::API_SERVER_PORT => Some(Serves::KubernetesApi),
            _ => None,
        });
        Published {
            service: "the Kubernetes API",
            ports,
        }
    }

    /// Watches all other ports that the node publishes.
    pub(super) fn server(node: &Container, servers: NodePorts) -> Published {
        let NodePorts { web, api, files } = servers;
        let ports = published(node, |node_port| match node_port {
            spec::API_SERVER_PORT => None,
            port if [web, api, files].contains(&port) => Some(Serves::Http),
            _ => Some(Serves::Unknown),
        });
        Published {
            service: "the server",
            ports,
        }
    }

    /// Tries each port.
    ///
    /// # Errors
    /// If ports have not answered for longer than the grace period, although what is behind
    /// them runs.
    pub(super) async fn check(&mut self, engine: &dyn Engine, node: &str) -> Result<()> {
        let mut overdue = Vec::new();
        for port in &mut self.ports {
            let began = Instant::now();
            let since = match (port.fault().await, port.fault) {
                (None, _) => None,
                (Some(fault), Some((same, since))) if fault == same => Some((fault, since)),
                (Some(fault), _) => Some((fault, began)),
            };
            port.fault = since;
            if let Some((fault, since)) = since
                && since.elapsed() >= fault.grace()
            {
                overdue.push((&*port, fault));
            }
        }
        let mut silent = Vec::new();
        let mut closed = Vec::new();
        for (port, fault) in overdue {
            match (serves(engine, node, port).await?, port.serves) {
                (true, _) => closed.push((port.at, fault)),
                (false, Serves::Http) => silent.push(port.node_port),
                (false, _) => {}
            }
        }
        if !closed.is_empty() {
            let service = self.service;
            return Err(PortsClosed { service, closed }.into());
        }
        match silent.is_empty() {
            true => Ok(()),
            false => Err(NotForwarded { ports: silent }.into()),
        }
    }
}

impl Port {
    /// Returns what is wrong with the port on this host.
    async fn fault(&self) -> Option<Fault> {
        let mut stream = match timeout(CONNECT, TcpStream::connect(self.at)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => {
                return Some(Fault::Refused);
            }
            Ok(Err(_)) => return None,
            Err(_) => return Some(Fault::Silent).filter(|_| self.serves == Serves::Http),
        };
        if self.serves != Serves::Http {
            return None;
        }
        match timeout(ANSWER, first_byte(&mut stream)).await {
            Ok(Ok(1)) => None,
            _ => Some(Fault::Silent),
        }
    }
}

/// Sends a request, and returns the number of bytes that were read of the answer: 0 or 1.
async fn first_byte(stream: &mut TcpStream) -> io::Result<usize> {
    stream.write_all(b"HEAD / HTTP/1.0\r\n\r\n").await?;
    stream.read(&mut [0]).await
}

/// The node serves ports that do not answer on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PortsClosed {
    /// What serves the ports, such as `the server`.
    service: &'static str,
    /// The published addresses.
    closed: Vec<(SocketAddr, Fault)>,
}

impl fmt::Display for PortsClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at: Vec<String> = self.closed.iter().map(|(at, _)| at.to_string()).collect();
        let refused = self
            .closed
            .iter()
            .all(|(_, fault)| *fault == Fault::Refused);
        let (ports, predicate) = match (at.len(), refused) {
            (1, true) => ("port", "refuses connections"),
            (1, false) => ("port", "does not answer"),
            (_, true) => ("ports", "refuse connections"),
            (_, false) => ("ports", "do not answer"),
        };
        let (service, at) = (self.service, listed(&at));
        write!(
            f,
            "{service} responds in the node, but its published {ports} {at} {predicate}"
        )
    }
}

impl std::error::Error for PortsClosed {}

impl Explain for PortsClosed {
    fn failure(&self) -> Failure {
        Failure::PublishedPortsRefused
    }

    fn hints(&self) -> Vec<Hint> {
        self.failure().remedies()
    }
}

/// The pods are ready, but the ports of the node do not lead to them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NotForwarded {
    /// The node ports.
    ports: Vec<u16>,
}

impl fmt::Display for NotForwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
        let noun = if ports.len() == 1 { "port" } else { "ports" };
        let ports = listed(&ports);
        write!(
            f,
            "all components are ready, but nothing answers in the node at {noun} {ports}: the \
             network of the cluster does not lead to them"
        )
    }
}

impl std::error::Error for NotForwarded {}

impl Explain for NotForwarded {
    fn failure(&self) -> Failure {
        Failure::ClusterNetwork
    }

    fn hints(&self) -> Vec<Hint> {
        self.failure().remedies()
    }
}

fn published(node: &Container, serves: impl Fn(u16) -> Option<Serves>) -> Vec<Port> {
    let port = |(node_port, address, host): &(u16, String, u16)| {
        let address: IpAddr = address.parse().ok()?;
        let address = match address.is_unspecified() {
            true => Ipv4Addr::LOCALHOST.into(),
            false => address,
        };
        Some(Port {
            at: SocketAddr::new(address, *host),
            node_port: *node_port,
            serves: serves(*node_port)?,
            fault: None,
        })
    };
    node.ports.iter().filter_map(port).collect()
}

/// Whether the node serves the port. Connects to the address of the node, on which kube-proxy
/// serves node ports in each of its modes.
async fn serves(engine: &dyn Engine, node: &str, port: &Port) -> Result<bool> {
    const ANSWERS: &str = "curl -sI --noproxy '*' -o /dev/null --max-time 3 http://$HOSTNAME:$0/";
    const OPEN: &str = ": >\"/dev/tcp/$HOSTNAME/$0\"";
    let number = port.node_port.to_string();
    let argv = match port.serves {
        Serves::KubernetesApi => {
            ["kubectl", "get", "--raw=/readyz", "--request-timeout=2s"].to_vec()
        }
        Serves::Http => ["bash", "-c", ANSWERS, &number].to_vec(),
        Serves::Unknown => ["timeout", "2", "bash", "-c", OPEN, &number].to_vec(),
    };
    Ok(engine.exec(node, &argv, None).await?.code == 0)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};

    /// Makes the faults of the ports older than each grace period.
    async fn checked_for_long(ports: &mut Published, engine: &FakeEngine) -> Result<()> {
        ports.check(engine, "n").await?;
        for port in &mut ports.ports {
            if let Some((_, since)) = &mut port.fault {
                *since -= SILENT;
            }
        }
        ports.check(engine, "n").await
    }

    fn node(ports: &[(u16, &str, u16)]) -> Container {
        let ports = ports.iter();
        Container {
            ports: ports
                .map(|(i, at, host)| (*i, (*at).into(), *host))
                .collect(),
            ..Container::default()
        }
    }

    /// A port on which no process listens.
    fn closed() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    }

    /// A port whose connections are closed without an answer, or after one.
    fn listening(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                std::io::Write::write_all(&mut stream.unwrap(), answer).unwrap();
            }
        });
        port
    }

    /// An engine in whose nodes only these ports answer; 6443 is that of the Kubernetes API.
    fn serving(ports: &'static [&'static str]) -> FakeEngine {
        FakeEngine::new(State::default()).with_exec(Box::new(|_, argv| Output {
            code: i64::from(!argv.last().is_some_and(|last| match *last {
                "--request-timeout=2s" => ports.contains(&"6443"),
                port => ports.contains(&port),
            })),
            ..Output::default()
        }))
    }

    #[tokio::test]
    async fn reports_only_a_closed_port_that_the_node_serves() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let node = node(&[(6443, "127.0.0.1", port), (30080, "127.0.0.1", closed())]);
        let ports = || Published::kubernetes(&node);
        let engine = serving(&["6443"]);
        checked_for_long(&mut ports(), &engine).await.unwrap();
        drop(listener);
        let starting = serving(&[]);
        checked_for_long(&mut ports(), &starting).await.unwrap();
        ports().check(&engine, "n").await.unwrap();
        let error = checked_for_long(&mut ports(), &engine).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the Kubernetes API responds in the node, but its published port \
                 127.0.0.1:{port} refuses connections"
            )
        );
    }

    #[tokio::test]
    async fn names_every_refused_port_that_the_node_serves() {
        let open = listening(b"HTTP/1.0 200 OK\r\n\r\n");
        let (web, api, ingress) = (closed(), closed(), closed());
        let node = node(&[
            (30080, "0.0.0.0", web),
            (30008, "127.0.0.1", api),
            (30081, "127.0.0.1", open),
            (30082, "127.0.0.1", ingress),
            (6443, "127.0.0.1", closed()),
        ]);
        // No ingress controller listens in the node.
        let engine = serving(&["30080", "30008", "30081"]);
        let mut ports = Published::server(&node, NodePorts::default());
        let error = checked_for_long(&mut ports, &engine).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the server responds in the node, but its published ports 127.0.0.1:{web} and \
                 127.0.0.1:{api} refuse connections"
            )
        );
    }

    #[tokio::test]
    async fn a_port_without_an_answer_is_named_where_it_is_closed() {
        let silent = listening(b"");
        let node = node(&[(30008, "127.0.0.1", silent), (30082, "127.0.0.1", silent)]);
        let ports = || Published::server(&node, NodePorts::default());
        let error = checked_for_long(&mut ports(), &serving(&["30008", "30082"]))
            .await
            .unwrap_err();
        assert_eq!(error.failure(), Failure::PublishedPortsRefused);
        let expected = format!("its published port 127.0.0.1:{silent} does not answer");
        assert!(error.to_string().ends_with(&expected), "{error}");

        let error = checked_for_long(&mut ports(), &serving(&[]))
            .await
            .unwrap_err();
        assert_eq!(error.failure(), Failure::ClusterNetwork);
        assert!(
            error.to_string().contains("in the node at port 30008:"),
            "{error}"
        );
    }
}
