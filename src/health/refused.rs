//! A published port that is refused although the node serves behind it: nobody opens it
//! here, and waiting does not change that.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use crate::docker::{Container, Engine};
use crate::error::{Code, Explain, Result};
use crate::hint::Hint;
use crate::node::spec;

/// How long a port may be refused while the node serves behind it: engines without a
/// proxy of their own need a moment for their rules.
const BEARABLE: Duration = Duration::from_secs(4);
/// How long a connection may take here.
const CONNECT: Duration = Duration::from_secs(1);

/// Published ports, and since when they have been refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Who serves behind them, in words.
    who: &'static str,
    ports: Vec<Port>,
}

/// One published port.
#[derive(Debug)]
struct Port {
    at: SocketAddr,
    /// The port in the node.
    inside: u16,
    since: Option<Instant>,
}

impl Refused {
    /// Watches the port of the node's Kubernetes API.
    pub(crate) fn kubernetes(node: &Container) -> Refused {
        Refused {
            who: "the Kubernetes API",
            ports: published(node, |inside| inside == spec::API_SERVER_PORT),
        }
    }

    /// Watches all other ports that the node publishes.
    pub(crate) fn server(node: &Container) -> Refused {
        Refused {
            who: "the server",
            ports: published(node, |inside| inside != spec::API_SERVER_PORT),
        }
    }

    /// Looks once more.
    ///
    /// # Errors
    /// When ports have been refused for long enough, and the node serves behind them.
    pub(crate) async fn check(&mut self, engine: &dyn Engine, node: &str) -> Result<()> {
        let mut refused = Vec::new();
        for port in &mut self.ports {
            if !is_refused(port.at).await {
                port.since = None;
                continue;
            }
            let since = *port.since.get_or_insert_with(Instant::now);
            if since.elapsed() < BEARABLE {
                continue;
            }
            port.since = None;
            if serves(engine, node, port.inside).await? {
                refused.push(port.at);
            }
        }
        match refused.is_empty() {
            true => Ok(()),
            false => Err(PortsRefused {
                who: self.who,
                at: refused,
            }
            .into()),
        }
    }
}

/// The node serves, but its published ports are not open here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortsRefused {
    /// Who answers, such as `the server`.
    who: &'static str,
    /// Where it is published.
    at: Vec<SocketAddr>,
}

impl fmt::Display for PortsRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers in the node, but ", self.who)?;
        let at: Vec<String> = self.at.iter().map(ToString::to_string).collect();
        match &at[..] {
            [one] => write!(f, "{one}, where Docker publishes it, refuses connections"),
            [others @ .., last] => write!(
                f,
                "{} and {last}, where Docker publishes it, refuse connections",
                others.join(", ")
            ),
            [] => Ok(()),
        }
    }
}

impl std::error::Error for PortsRefused {}

impl Explain for PortsRefused {
    fn code(&self) -> Code {
        Code::ClusterUnreachable
    }

    fn hints(&self) -> Vec<Hint> {
        vec![
            Hint::text(
                "run this command on the Docker host, not in a container or through a forwarded \
                 socket",
            ),
            Hint::run(
                "or restart Docker, if it runs on this machine",
                "sudo systemctl restart docker",
            ),
            Hint::run(
                "or check that no firewall rule rejects connections",
                "sudo iptables-save | grep REJECT",
            ),
        ]
    }
}

fn published(node: &Container, wanted: impl Fn(u16) -> bool) -> Vec<Port> {
    let ports = node.ports.iter().filter(|(inside, ..)| wanted(*inside));
    let port = |(inside, address, host): &(u16, String, u16)| {
        let address: IpAddr = address.parse().ok()?;
        let address = match address.is_unspecified() {
            true => Ipv4Addr::LOCALHOST.into(),
            false => address,
        };
        Some(Port {
            at: SocketAddr::new(address, *host),
            inside: *inside,
            since: None,
        })
    };
    ports.filter_map(port).collect()
}

/// Whether the node answers on its port. Its own address is asked: kube-proxy serves
/// node ports there in each of its modes.
async fn serves(engine: &dyn Engine, node: &str, port: u16) -> Result<bool> {
    let connect = format!(": >\"/dev/tcp/$HOSTNAME/{port}\"");
    let argv = match port {
        // Its port is open before it serves.
        spec::API_SERVER_PORT => {
            ["kubectl", "get", "--raw=/readyz", "--request-timeout=2s"].to_vec()
        }
        _ => ["timeout", "2", "bash", "-c", &connect].to_vec(),
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

    /// Refused for longer than is bearable, where that can be told.
    fn long(mut refused: Refused) -> Refused {
        for port in &mut refused.ports {
            port.since = Instant::now().checked_sub(BEARABLE * 2);
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

    /// A port that is free as long as nobody takes it.
    fn closed() -> u16 {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        held.local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn only_a_port_that_nobody_opens_for_a_node_that_answers_is_told() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        let node = node(&[(6443, "127.0.0.1", port), (30080, "127.0.0.1", closed())]);
        let refused = || Refused::kubernetes(&node);
        let engine = FakeEngine::new(State::default());
        long(refused()).check(&engine, "n").await.unwrap();
        drop(held);
        let starting = FakeEngine::new(State::default()).with_exec(Box::new(|_, _| Output {
            code: 1,
            ..Output::default()
        }));
        long(refused()).check(&starting, "n").await.unwrap();
        refused().check(&engine, "n").await.unwrap();
        let error = long(refused()).check(&engine, "n").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the Kubernetes API answers in the node, but 127.0.0.1:{port}, where Docker publishes it, refuses connections"
            )
        );
    }

    #[tokio::test]
    async fn every_refused_port_of_a_server_that_answers_is_named() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = held.local_addr().unwrap().port();
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
            code: i64::from(argv.last().is_some_and(|arg| arg.contains("/30082"))),
            ..Output::default()
        }));
        let mut refused = long(Refused::server(&node));
        let error = refused.check(&engine, "n").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the server answers in the node, but 127.0.0.1:{web} and 127.0.0.1:{api}, where Docker publishes it, refuse connections"
            )
        );
    }
}
