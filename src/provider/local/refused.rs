//! Published ports that refuse connections although the node serves them: they are not open
//! on this host, and waiting does not change that.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::net::TcpStream;

use super::node::spec;
use crate::docker::{Container, Engine};
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::health::Stuck;
use crate::hint::Hint;

/// How long a port may refuse connections while the node serves it: an engine without a
/// user-space proxy needs a moment to install its firewall rules.
const GRACE: Duration = Duration::from_secs(4);
/// The timeout of a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// Published ports, and since when they refuse connections.
#[derive(Debug)]
pub(super) struct Refused {
    /// What serves the ports, such as `the server`.
    service: &'static str,
    ports: Vec<Port>,
}

/// A published port.
#[derive(Debug)]
struct Port {
    at: SocketAddr,
    node_port: u16,
    since: Option<Instant>,
}

impl Refused {
    /// Watches the port of the node's Kubernetes API.
    pub(super) fn kubernetes(node: &Container) -> Refused {
        Refused {
            service: "the Kubernetes API",
            ports: published(node, |node_port| node_port == spec::API_SERVER_PORT),
        }
    }

    /// Watches all other ports that the node publishes.
    pub(super) fn server(node: &Container) -> Refused {
        Refused {
            service: "the server",
            ports: published(node, |node_port| node_port != spec::API_SERVER_PORT),
        }
    }

    /// Tries to connect to each port.
    ///
    /// # Errors
    /// If ports have refused connections for longer than the grace period, and the node
    /// serves them.
    pub(super) async fn check(&mut self, engine: &dyn Engine, node: &str) -> Result<()> {
        let mut refused = Vec::new();
        for port in &mut self.ports {
            if !is_refused(port.at).await {
                port.since = None;
                continue;
            }
            let since = *port.since.get_or_insert_with(Instant::now);
            if since.elapsed() < GRACE {
                continue;
            }
            port.since = None;
            if serves(engine, node, port.node_port).await? {
                refused.push(port.at);
            }
        }
        match refused.is_empty() {
            true => Ok(()),
            false => Err(PortsRefused {
                service: self.service,
                at: refused,
            }
            .into()),
        }
    }
}

/// The published ports of a node's server.
pub(super) struct PublishedPorts<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) node: &'a str,
    pub(super) refused: Refused,
}

#[async_trait(?Send)]
impl Stuck for PublishedPorts<'_> {
    async fn check(&mut self) -> Result<()> {
        self.refused.check(self.engine, self.node).await
    }
}

/// The node serves ports that are not open on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortsRefused {
    /// What serves the ports, such as `the server`.
    service: &'static str,
    /// The published addresses.
    at: Vec<SocketAddr>,
}

impl fmt::Display for PortsRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} responds in the node, but its published ",
            self.service
        )?;
        let at: Vec<String> = self.at.iter().map(ToString::to_string).collect();
        match &at[..] {
            [one] => write!(f, "port {one} refuses connections"),
            [others @ .., last] => write!(
                f,
                "ports {} and {last} refuse connections",
                others.join(", ")
            ),
            [] => Ok(()),
        }
    }
}

impl std::error::Error for PortsRefused {}

impl Explain for PortsRefused {
    fn failure(&self) -> Failure {
        Failure::PublishedPortsRefused
    }

    fn hints(&self) -> Vec<Hint> {
        self.failure().remedies()
    }
}

fn published(node: &Container, is_watched: impl Fn(u16) -> bool) -> Vec<Port> {
    let ports = node
        .ports
        .iter()
        .filter(|(node_port, ..)| is_watched(*node_port));
    let port = |(node_port, address, host): &(u16, String, u16)| {
        let address: IpAddr = address.parse().ok()?;
        let address = match address.is_unspecified() {
            true => Ipv4Addr::LOCALHOST.into(),
            false => address,
        };
        Some(Port {
            at: SocketAddr::new(address, *host),
            node_port: *node_port,
            since: None,
        })
    };
    ports.filter_map(port).collect()
}

/// Whether the node serves the port. Connects to the address of the node, on which kube-proxy
/// serves node ports in each of its modes.
async fn serves(engine: &dyn Engine, node: &str, port: u16) -> Result<bool> {
    const OPEN: &str = ": >\"/dev/tcp/$HOSTNAME/$0\"";
    let number = port.to_string();
    let argv = match port {
        // The port is open before the API server is ready.
        spec::API_SERVER_PORT => {
            ["kubectl", "get", "--raw=/readyz", "--request-timeout=2s"].to_vec()
        }
        _ => ["timeout", "2", "bash", "-c", OPEN, &number].to_vec(),
    };
    Ok(engine.exec(node, &argv, None).await?.code == 0)
}

async fn is_refused(at: SocketAddr) -> bool {
    match tokio::time::timeout(CONNECT, TcpStream::connect(at)).await {
        Ok(Err(error)) => error.kind() == ErrorKind::ConnectionRefused,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};

    /// Makes the ports refused for longer than the grace period.
    fn refused_for_long(mut refused: Refused) -> Refused {
        for port in &mut refused.ports {
            port.since = Instant::now().checked_sub(GRACE * 2);
        }
        refused
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

    #[tokio::test]
    async fn reports_only_a_closed_port_that_the_node_serves() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let node = node(&[(6443, "127.0.0.1", port), (30080, "127.0.0.1", closed())]);
        let refused = || Refused::kubernetes(&node);
        let engine = FakeEngine::new(State::default());
        refused_for_long(refused())
            .check(&engine, "n")
            .await
            .unwrap();
        drop(listener);
        let starting = FakeEngine::new(State::default()).with_exec(Box::new(|_, _| Output {
            code: 1,
            ..Output::default()
        }));
        refused_for_long(refused())
            .check(&starting, "n")
            .await
            .unwrap();
        refused().check(&engine, "n").await.unwrap();
        let error = refused_for_long(refused())
            .check(&engine, "n")
            .await
            .unwrap_err();
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().port();
        let (web, api, ingress) = (closed(), closed(), closed());
        let node = node(&[
            (30080, "0.0.0.0", web),
            (30008, "127.0.0.1", api),
            (30081, "127.0.0.1", open),
            (30082, "127.0.0.1", ingress),
            (6443, "127.0.0.1", closed()),
        ]);
        // No ingress controller listens in the node.
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(|_, argv| Output {
            code: i64::from(argv.last().is_some_and(|arg| *arg == "30082")),
            ..Output::default()
        }));
        let mut refused = refused_for_long(Refused::server(&node));
        let error = refused.check(&engine, "n").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the server responds in the node, but its published ports 127.0.0.1:{web} and \
                 127.0.0.1:{api} refuse connections"
            )
        );
    }
}
