//! The host ports are free, or it is known who holds them.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use listeners::Protocol;

use super::Finding;
use crate::docker::{Container, Engine};
use crate::error::{Code, Result};
use crate::node::spec;
use crate::up::Plan;

/// The ports that are in use by somebody else than `node`, which runs.
pub(super) async fn ports(
    plan: &Plan,
    engine: &dyn Engine,
    node: Option<&Container>,
) -> Result<Vec<Finding>> {
    let ports = plan.instance.ports;
    let listen = plan.instance.listen;
    let mut findings = Vec::new();
    let mut wanted = vec![
        ("--web-port", ports.web),
        ("--api-port", ports.api),
        ("--files-port", ports.files),
    ];
    wanted.extend(plan.instance.ingress.ports());
    for (flag, port) in wanted {
        let ours = node.is_some_and(|node| node.ports.iter().any(|(_, _, host)| *host == port));
        if ours || is_free(listen.ip(), port) {
            continue;
        }
        let (holder, remedy) = holder(engine, port).await?;
        findings.push(Finding {
            what: format!("port {port} on {listen} is in use{holder}"),
            remedies: vec![
                remedy,
                format!("or use another: clearml-local up {flag} PORT"),
            ],
            code: Code::PortInUse,
        });
    }
    Ok(findings)
}

/// Returns the finding where somebody took the port of a stopped node's Kubernetes API,
/// which is fixed in its container.
pub(super) async fn of_kubernetes(
    node: &Container,
    engine: &dyn Engine,
) -> Result<Option<Finding>> {
    let Some(port) = spec::api_server_port(node) else {
        return Ok(None);
    };
    if is_free(Ipv4Addr::LOCALHOST.into(), port) {
        return Ok(None);
    }
    let (holder, remedy) = holder(engine, port).await?;
    Ok(Some(Finding {
        what: format!(
            "port {port} on 127.0.0.1, which is the Kubernetes API's of {}, is in use{holder}",
            node.name
        ),
        remedies: vec![
            remedy,
            "or recreate the node with another, the data are kept: clearml-local down, then up"
                .into(),
        ],
        code: Code::PortInUse,
    }))
}

/// Low ports are for root, which the engine usually is: whether one is free shows
/// in that nobody answers.
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

/// Who holds a port, in words, and what to type about it. Processes of other users
/// are seen by root alone.
async fn holder(engine: &dyn Engine, port: u16) -> Result<(String, String)> {
    if let Some(name) = engine.container_publishing(port).await? {
        return Ok((
            format!(" by the container {name}"),
            format!("stop it: docker stop {name}"),
        ));
    }
    let see = format!("see who uses it: sudo ss -ltnp 'sport = :{port}'");
    Ok(match listeners::get_process_by_port(port, Protocol::TCP) {
        Ok(process) => (
            format!(" by {} (process {})", process.name, process.pid),
            format!("end it: kill {}", process.pid),
        ),
        Err(_) => (String::new(), see),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap();
        assert!(!is_free(taken.ip(), taken.port()));
        drop(listener);
        assert!(is_free(taken.ip(), taken.port()));
    }

    #[tokio::test]
    async fn who_holds_a_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let engine = FakeEngine::new(State::default());
        let (who, remedy) = holder(&engine, port).await.unwrap();
        let me = std::process::id();
        assert!(who.contains(&format!("(process {me})")), "{who}");
        assert_eq!(remedy, format!("end it: kill {me}"));
        let container = Container {
            name: "web".into(),
            running: true,
            ports: vec![(80, "0.0.0.0".into(), port)],
            ..Container::default()
        };
        engine.state().containers.insert("web".into(), container);
        let (who, _) = holder(&engine, port).await.unwrap();
        assert_eq!(who, " by the container web");
    }
}
