//! Finds the addresses at which the servers answer from here.

use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tokio::net::{TcpListener, TcpStream};

use super::Existing;
use super::access::{Address, SERVERS, Way, addresses};
use crate::component::Component;
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kube::{Exposure, Forward};
use crate::probe::{Endpoints, Targets};
use crate::provider::Access;
use crate::settings::HostPorts;
use crate::words::listed;

/// The timeout of a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// How many addresses of a server are tried at the same time.
const PARALLEL: usize = 16;

/// Returns for each server the best address that accepts connections. A server without one is
/// reached through the Kubernetes API, by users with `forward`.
pub(super) async fn access(existing: &Existing<'_>) -> Result<Access> {
    let cluster = &existing.cluster;
    let exposure = cluster.exposure().await?;
    let found = join_all(SERVERS.map(|server| first(&exposure, server))).await;
    let (mut warnings, mut forwards) = (Vec::new(), Vec::new());
    let mut forwarded = Vec::new();
    let (mut shown, mut probed) = (Vec::new(), Vec::new());
    let Endpoints { web, api, files } = Endpoints::on_loopback(HostPorts::FORWARDED);
    for ((server, found), url) in SERVERS.into_iter().zip(found).zip([web, api, files]) {
        warnings.extend(found.skipped);
        if let Some(url) = found.url {
            shown.push(url.clone());
            probed.push(url);
            continue;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(NoListener)?;
        let address = listener.local_addr().map_err(NoListener)?;
        let forward = Forward::start(listener, server, cluster.clone(), |_| {});
        forwards.push(forward);
        forwarded.push(server.name());
        shown.push(url);
        probed.push(format!("http://{address}"));
    }
    if !forwarded.is_empty() {
        warnings.push(format!(
            "no address of {} answers on this machine: `{}` opens the ports in these URLs",
            listed(&forwarded),
            ours!(Forward).of(existing.name.non_default())
        ));
    }
    Ok(Access {
        endpoints: endpoints(shown),
        targets: Targets::at(endpoints(probed)),
        warnings,
        forwards,
    })
}

fn endpoints(urls: Vec<String>) -> Endpoints {
    let [web, api, files] = urls.try_into().expect("there is one for each server");
    Endpoints { web, api, files }
}

/// The best address of a server.
struct Best {
    url: Option<String>,
    /// Why better ones cannot be used.
    skipped: Vec<String>,
}

/// Returns the first address of a server that accepts connections.
async fn first(exposure: &Exposure, server: Component) -> Best {
    let tries = addresses(exposure, server)
        .into_iter()
        .map(async |address| {
            let answer = connects(&address).await;
            (address, answer)
        });
    let mut answers = stream::iter(tries).buffered(PARALLEL);
    let mut best = Best {
        url: None,
        skipped: Vec::new(),
    };
    while let Some((address, answer)) = answers.next().await {
        match answer {
            Ok(()) => {
                best.url = Some(address.url);
                break;
            }
            // A cluster has many nodes, and a company's network hides most of them.
            Err(_) if address.way == Way::NodePort => {}
            Err(why) => best.skipped.push(format!(
                "{} does not answer through {}: {why}",
                address.url,
                address.way.words()
            )),
        }
    }
    best
}

async fn connects(address: &Address) -> std::result::Result<(), String> {
    let target = (address.host.as_str(), address.port);
    match tokio::time::timeout(CONNECT, TcpStream::connect(target)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// This machine has no free port on loopback.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on a port of 127.0.0.1: {0}")]
struct NoListener(#[source] std::io::Error);

impl Explain for NoListener {
    fn failure(&self) -> Failure {
        Failure::NoFreePort
    }

    fn hints(&self) -> Vec<Hint> {
        self.failure().remedies()
    }
}
