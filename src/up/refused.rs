//! A published port that is refused although the node serves behind it: nobody opens it
//! here, and waiting does not change that.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::Error;
use crate::docker::Engine;
use crate::error::Result;

/// How long a port may be refused while the API in the node answers: engines without
/// a proxy of their own need a moment for their rules.
const BEARABLE: Duration = Duration::from_secs(4);
/// How long a connection may take here.
const CONNECT: Duration = Duration::from_secs(1);
/// Asks the API server inside of the node.
const ASK_INSIDE: [&str; 4] = ["kubectl", "get", "--raw=/readyz", "--request-timeout=2s"];

/// Watches the port of the Kubernetes API.
#[derive(Debug, Default)]
pub(super) struct Refused {
    since: Option<Instant>,
}

impl Refused {
    /// Looks once more.
    ///
    /// # Errors
    /// When the port has been refused for long enough, and the API answers inside.
    pub(super) async fn check(&mut self, port: u16, engine: &dyn Engine, node: &str) -> Result<()> {
        if !is_refused(port).await {
            self.since = None;
            return Ok(());
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() < BEARABLE {
            return Ok(());
        }
        self.since = None;
        if engine.exec(node, &ASK_INSIDE, None).await?.code == 0 {
            return Err(Error::PortRefused { port }.into());
        }
        Ok(())
    }
}

async fn is_refused(port: u16) -> bool {
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
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
    fn long_refused() -> Refused {
        Refused {
            since: Instant::now().checked_sub(BEARABLE * 2),
        }
    }

    #[tokio::test]
    async fn only_a_port_that_nobody_opens_for_a_node_that_answers_is_told() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        let engine = FakeEngine::new(State::default());
        long_refused().check(port, &engine, "n").await.unwrap();
        drop(held);
        let starting = FakeEngine::new(State::default()).with_exec(Box::new(|_, _| Output {
            code: 1,
            ..Output::default()
        }));
        long_refused().check(port, &starting, "n").await.unwrap();
        Refused::default().check(port, &engine, "n").await.unwrap();
        let error = long_refused().check(port, &engine, "n").await.unwrap_err();
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")));
    }
}
