//! The way in by host names: who takes it, and what a user has to do for it that
//! `up` cannot do.

use std::collections::BTreeSet;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use super::{Error, Plan};
use crate::component::NAMESPACE;
use crate::error::Result;
use crate::event::Events;
use crate::kube::Cluster;
use crate::node::spec::INGRESS_NODE_PORTS;
use crate::settings::{Host, Hosts, Instance};
use crate::state::StateDir;
use crate::values::Values;

/// How long names may take to be looked up.
const LOOKUP: Duration = Duration::from_secs(2);

/// The instance, with who is reached through its ingress controller.
///
/// # Errors
/// When a server has one of the controller's node ports.
pub(super) fn lead(mut instance: Instance, values: &Values) -> Result<Instance, Error> {
    if instance.ingress.enabled {
        let taken = values.servers().into_iter().find_map(|(key, server)| {
            let port = server.service.node_port;
            INGRESS_NODE_PORTS.contains(&port).then_some((key, port))
        });
        if let Some((key, port)) = taken {
            return Err(Error::NodePortOfIngress { key, port });
        }
    }
    instance.ingress.hosts = hosts(values);
    Ok(instance)
}

fn hosts(_: &Values) -> Hosts {
    let host = |name: &str| {
        Some(Host {
            name: format!("{name}.clearml.127-0-0-1.nip.io"),
            tls_secret: None,
        })
    };
    Hosts {
        web: host("app"),
        api: host("api"),
        files: host("files"),
    }
}

/// Warns of names that do not lead here.
pub(super) async fn announce(plan: &Plan, events: &Events) {
    let instance = &plan.instance;
    if !instance.ingress.enabled {
        return;
    }
    let hosts = instance.ingress.hosts.each();
    let names: Vec<String> = hosts.map(|(_, host)| host.name.clone()).collect();
    let (listen, asked) = (instance.listen, names.clone());
    let look = tokio::task::spawn_blocking(move || astray(asked, listen, addresses));
    let astray = match tokio::time::timeout(LOOKUP, look).await {
        Ok(Ok(astray)) => astray,
        // A name server that is silent knows none of them.
        _ => names,
    };
    if let Some(warning) = lost(&astray, listen) {
        events.warn(warning);
    }
}

/// The addresses of a name on this machine.
fn addresses(name: &str) -> Vec<IpAddr> {
    let found = (name, 0).to_socket_addrs();
    found
        .map(|all| all.map(|address| address.ip()).collect())
        .unwrap_or_default()
}

/// The names that do not lead to the address that is listened on. Where it is every
/// address of this machine, any will do.
fn astray(
    names: Vec<String>,
    listen: IpAddr,
    addresses: impl Fn(&str) -> Vec<IpAddr>,
) -> Vec<String> {
    let leads_here = |name: &str| {
        let found = addresses(name);
        found.contains(&listen) || (listen.is_unspecified() && !found.is_empty())
    };
    let names = names.into_iter();
    names.filter(|name| !leads_here(name)).collect()
}

fn lost(names: &[String], listen: IpAddr) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let address = if listen.is_unspecified() {
        "127.0.0.1".to_owned()
    } else {
        listen.to_string()
    };
    let names = names.join(" ");
    Some(format!(
        "no name server known here leads these names to {address}; a line in /etc/hosts does: {address} {names}"
    ))
}

/// Warns of certificates that are not there: the controller has one of its own, which
/// no browser trusts.
pub(super) async fn certificates(
    plan: &Plan,
    state: &StateDir,
    cluster: &Cluster,
    events: &Events,
) -> Result<()> {
    let ingress = &plan.instance.ingress;
    let mut asked = BTreeSet::new();
    for (key, host) in ingress.hosts.each().filter(|_| ingress.enabled) {
        let Some(secret) = host.tls_secret.as_ref().filter(|name| asked.insert(*name)) else {
            continue;
        };
        if !cluster.has_secret(secret).await? {
            let kubeconfig = state.kubeconfig_path();
            events.warn(format!(
                "there is no Secret for `ingress.{key}.tlsSecretName`: browsers will not trust Traefik's own certificate; make it: kubectl --kubeconfig {} -n {NAMESPACE} create secret tls {secret} --cert FILE --key FILE",
                kubeconfig.display()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_or_nowhere_are_told() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let known = |name: &str| match name {
            "app.test" => vec!["::1".parse().unwrap(), here],
            "api.test" => vec!["10.0.0.1".parse().unwrap()],
            _ => Vec::new(),
        };
        let names = ["app.test", "api.test", "files.test"].map(str::to_owned);
        let names = names.to_vec();
        let found = astray(names.clone(), here, known);
        assert_eq!(
            lost(&found, here).unwrap(),
            "no name server known here leads these names to 127.0.0.1; a line in /etc/hosts does: 127.0.0.1 api.test files.test"
        );
        assert_eq!(lost(&[], here), None);
        let everywhere = astray(names, "0.0.0.0".parse().unwrap(), known);
        assert_eq!(everywhere, ["files.test"]);
    }
}
