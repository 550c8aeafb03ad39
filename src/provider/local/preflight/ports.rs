//! The checks of the host ports.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use listeners::Protocol;

use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::failures::Failure;
use crate::files;
use crate::hint::{Hint, ours};
use crate::preflight::Finding;
use crate::provider::local::node::spec;
use crate::settings::{Instance, Listen};

/// Returns the ports that are in use, except by the running `node`.
pub(super) async fn ports(
    settings: &Instance,
    engine: &dyn Engine,
    node: Option<&Container>,
) -> Result<Vec<Finding>> {
    let (ports, listen) = (settings.ports, settings.network.listen);
    let mut findings = Vec::new();
    let mut wanted = ports.each().to_vec();
    wanted.extend(settings.ingress.ports());
    for (flag, port) in wanted {
        let ours = node.and_then(|node| node.ports.iter().find(|(_, _, host)| *host == port));
        if let Some((_, ours, _)) = ours {
            findings.extend(other_listener(listen, port, ours).map(|at| Finding {
                what: format!("port {port} on {at} is in use"),
                remedies: vec![
                    see(port),
                    Hint::run("or use another port", ours!(Up, "{flag} PORT")),
                ],
                failure: Failure::PortInUse,
            }));
            continue;
        }
        if is_free(listen.ip(), port) {
            continue;
        }
        let (user, remedy) = user_of(engine, port).await?;
        findings.push(Finding {
            what: format!("port {port} on {listen} is in use{user}"),
            remedies: vec![
                remedy,
                Hint::run("or use another port", ours!(Up, "{flag} PORT")),
            ],
            failure: Failure::PortInUse,
        });
    }
    Ok(findings)
}

/// Returns a finding if the port of a stopped node's Kubernetes API, which is fixed in its
/// container, is in use.
pub(super) async fn kubernetes(node: &Container, engine: &dyn Engine) -> Result<Option<Finding>> {
    let Some(port) = spec::api_server_port(node) else {
        return Ok(None);
    };
    if is_free(Ipv4Addr::LOCALHOST.into(), port) {
        return Ok(None);
    }
    let (user, remedy) = user_of(engine, port).await?;
    Ok(Some(Finding {
        what: format!(
            "port {port} on 127.0.0.1, which the Kubernetes API of {} needs, is in use{user}",
            node.name
        ),
        remedies: vec![
            remedy,
            Hint::run(
                "or recreate the node with another port, the data are kept",
                ours!(Down),
            )
            .then(ours!(Up)),
        ],
        failure: Failure::PortInUse,
    }))
}

/// Returns another address on which a port of the running node is in use, if the settings
/// require the port there. Binding to it cannot be tried while the node is running, but Linux
/// lists all listeners.
fn other_listener(listen: Listen, port: u16, ours: &str) -> Option<Ipv4Addr> {
    let table = files::read(Path::new("/proc/net/tcp")).ok()??;
    let mut addresses = listening(&table, port);
    addresses.find(|at| at.to_string() != ours && (listen.is_all() || *at == listen.ip()))
}

/// Returns the addresses of the listeners on a port from `/proc/net/tcp`: `0: 0100007F:1F90
/// 00000000:0000 0A …`, where 0A is a listener and the address is in memory byte order.
fn listening(table: &str, port: u16) -> impl Iterator<Item = Ipv4Addr> {
    table.lines().filter_map(move |line| {
        let [_, local, _, "0A", ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return None;
        };
        let (address, at) = local.split_once(':')?;
        let address = u32::from_str_radix(address, 16).ok()?;
        let same = u16::from_str_radix(at, 16) == Ok(port);
        same.then(|| Ipv4Addr::from(address.to_ne_bytes()))
    })
}

/// Only root, as which the engine usually runs, can bind to a low port. Such a port counts as
/// free if it does not accept connections.
fn is_free(address: IpAddr, port: u16) -> bool {
    let at = SocketAddr::new(address, port);
    match TcpListener::bind(at) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            TcpStream::connect_timeout(&at, Duration::from_millis(300)).is_err()
        }
        Err(_) => false,
    }
}

/// Describes the container or process that uses a port, with a hint. Only root can see
/// processes of other users.
async fn user_of(engine: &dyn Engine, port: u16) -> Result<(String, Hint)> {
    if let Some(name) = engine.container_publishing(port).await? {
        return Ok((
            format!(" by the container {name}"),
            Hint::run("stop it", format!("docker stop {name}")),
        ));
    }
    Ok(match listeners::get_process_by_port(port, Protocol::TCP) {
        Ok(process) => (
            format!(" by {} (process {})", process.name, process.pid),
            Hint::run("stop it", format!("kill {}", process.pid)),
        ),
        Err(_) => (String::new(), see(port)),
    })
}

fn see(port: u16) -> Hint {
    Hint::run(
        "see who uses it",
        format!("sudo ss -ltnp 'sport = :{port}'"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};

    #[test]
    fn a_port_with_a_listener_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap();
        assert!(!is_free(taken.ip(), taken.port()));
        drop(listener);
        assert!(is_free(taken.ip(), taken.port()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn finds_other_listeners_on_a_port_of_the_running_node() {
        let node = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = node.local_addr().unwrap().port();
        let found = |listen: &str| other_listener(listen.parse().unwrap(), port, "127.0.0.1");
        assert_eq!(found("0.0.0.0"), None);
        let other = TcpListener::bind(("127.0.0.9", port)).unwrap();
        assert_eq!(found("0.0.0.0"), Some(Ipv4Addr::new(127, 0, 0, 9)));
        assert_eq!(found("127.0.0.9"), Some(Ipv4Addr::new(127, 0, 0, 9)));
        assert_eq!(found("127.0.0.1"), None);
        drop(other);
        assert_eq!(found("0.0.0.0"), None);
    }

    #[tokio::test]
    async fn names_the_user_of_a_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let engine = FakeEngine::new(State::default());
        let (who, remedy) = user_of(&engine, port).await.unwrap();
        let me = std::process::id();
        assert!(who.contains(&format!("(process {me})")), "{who}");
        assert_eq!(remedy.to_string(), format!("stop it: kill {me}"));
        let container = Container {
            name: "web".into(),
            running: true,
            ports: vec![(80, "0.0.0.0".into(), port)],
            ..Container::default()
        };
        engine.state().containers.insert("web".into(), container);
        let (who, _) = user_of(&engine, port).await.unwrap();
        assert_eq!(who, " by the container web");
    }
}
