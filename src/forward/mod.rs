//! `forward`: the three servers on ports of this host, through the Kubernetes API.

mod background;

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use listeners::Protocol;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub(crate) use self::background::{Started, detach, lock, stop};
use crate::component::Component;
use crate::error::Result;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kube::{Cluster, Forward, Notice};
use crate::preflight::{Finding, refuse};
use crate::provider::{ClusterState, NoCluster};
use crate::session::Session;
use crate::settings::HostPorts;
use crate::state::Background;

/// How often to look whether the cluster was recreated.
const INTERVAL: Duration = Duration::from_secs(2);

/// Listeners on the ports of the three servers, on loopback.
#[derive(Debug)]
pub(crate) struct Listeners([(Component, TcpListener); 3]);

impl Listeners {
    /// Listens on all three ports.
    ///
    /// # Errors
    /// Ports are in use; all of them are reported.
    pub(crate) async fn bind(ports: HostPorts, background: Option<Background>) -> Result<Self> {
        let (mut bound, mut findings) = (Vec::new(), Vec::new());
        for (flag, port) in ports.each() {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => bound.push(listener),
                Err(error) => findings.push(finding(flag, port, &error, background)),
            }
        }
        refuse(findings)?;
        let Ok([web, api, files]) = <[TcpListener; 3]>::try_from(bound) else {
            unreachable!("each of the three ports is bound, or there are findings");
        };
        Ok(Listeners([
            (Component::Webserver, web),
            (Component::Apiserver, api),
            (Component::Fileserver, files),
        ]))
    }
}

/// Returns the finding of a port that cannot be used.
fn finding(
    flag: &str,
    port: u16,
    error: &std::io::Error,
    background: Option<Background>,
) -> Finding {
    let another = Hint::run("or use another port", ours!(Forward, "{flag} PORT"));
    if error.kind() != ErrorKind::AddrInUse {
        return Finding {
            what: format!("cannot listen on port {port}: {error}"),
            remedies: vec![Hint::run("use another port", ours!(Forward, "{flag} PORT"))],
            failure: Failure::PortInUse,
        };
    }
    let user = listeners::get_process_by_port(port, Protocol::TCP).ok();
    let is_ours = background.is_some_and(|ours| {
        user.as_ref()
            .is_some_and(|process| process.pid == ours.process)
    });
    let (by, remedy) = match user {
        Some(process) if is_ours => (
            format!(
                " by the forward in the background (process {})",
                process.pid
            ),
            Hint::run("stop it", ours!(Forward, "--stop")),
        ),
        Some(process) => (
            format!(" by {} (process {})", process.name, process.pid),
            Hint::run("stop it", format!("kill {}", process.pid)),
        ),
        None => (
            String::new(),
            Hint::run(
                "see who uses it",
                format!("sudo ss -ltnp 'sport = :{port}'"),
            ),
        ),
    };
    Finding {
        what: format!("port {port} on 127.0.0.1 is in use{by}"),
        remedies: vec![remedy, another],
        failure: Failure::PortInUse,
    }
}

/// Forwards of the three servers, until this value is dropped.
pub(crate) struct Forwarding<'a> {
    session: Session<'a>,
    forwards: [Forward; 3],
    notices: mpsc::UnboundedReceiver<Notice>,
    /// The stored kubeconfig of the cluster in use.
    kubeconfig: Option<String>,
}

impl<'a> Forwarding<'a> {
    /// Starts to forward the connections of the listeners.
    pub(crate) fn start(
        listeners: Listeners,
        cluster: &Cluster,
        session: Session<'a>,
    ) -> Result<Self> {
        let (sender, notices) = mpsc::unbounded_channel();
        let forwards = listeners.0.map(|(component, listener)| {
            let sender = sender.clone();
            Forward::start(listener, component, cluster.clone(), move |notice| {
                // Nobody may be interested any more.
                let _ = sender.send(notice);
            })
        });
        Ok(Forwarding {
            session,
            forwards,
            notices,
            kubeconfig: session.state.kubeconfig()?,
        })
    }

    /// Returns the next notice. Meanwhile, follows the instance to a new cluster.
    ///
    /// # Errors
    /// The cluster was removed.
    pub(crate) async fn next(&mut self) -> Result<Notice> {
        loop {
            let notice = tokio::time::timeout(INTERVAL, self.notices.recv()).await;
            if let Ok(Some(notice)) = notice {
                return Ok(notice);
            }
            self.follow().await?;
        }
    }

    async fn follow(&mut self) -> Result<()> {
        let kubeconfig = self.session.state.kubeconfig()?;
        if kubeconfig == self.kubeconfig {
            return Ok(());
        }
        if kubeconfig.is_none() {
            return Err(NoCluster::nothing_to_forward_to(self.session.name).into());
        }
        // A new cluster may need a while.
        if let Ok(ClusterState::Ready(cluster)) = self.session.provider.cluster().await {
            self.kubeconfig = kubeconfig;
            for forward in &self.forwards {
                forward.set_cluster(cluster.clone());
            }
        }
        Ok(())
    }
}

/// Returns the cluster of the instance.
pub(crate) async fn cluster(session: &Session<'_>) -> Result<Cluster> {
    let cluster = session.provider.cluster().await?;
    cluster.ready(NoCluster::nothing_to_forward_to(session.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reports_all_ports_that_are_in_use_and_who_uses_them() {
        let used = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let [web, api] = used.each_ref().map(|it| it.local_addr().unwrap().port());
        let ports = HostPorts { web, api, files: 0 };
        let error = Listeners::bind(ports, None).await.unwrap_err();
        assert_eq!(error.failure(), Failure::PortInUse);
        let me = std::process::id();
        let details = error.details();
        for (detail, port) in details.iter().zip([web, api]) {
            let expected = format!("- port {port} on 127.0.0.1 is in use by ");
            assert!(detail.starts_with(&expected), "{detail}");
            assert!(detail.ends_with(&format!("(process {me})")), "{detail}");
        }
        let hints = error.hints();
        assert_eq!(hints[0].to_string(), format!("stop it: kill {me}"));
        let background = Some(Background { process: me, ports });
        let error = Listeners::bind(ports, background).await.unwrap_err();
        assert_eq!(error.hints()[0], "stop it: clearml-local forward --stop");
        drop(used);
        assert!(Listeners::bind(ports, None).await.is_ok());
    }
}
