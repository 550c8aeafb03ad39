//! The host names of the ingress controller, and warnings about the parts that the user must
//! set up: name resolution and certificates.

use std::collections::BTreeSet;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use super::run::Run;
use crate::error::Result;
use crate::kube::Cluster;
use crate::plan::Plan;
use crate::settings::Listen;

/// Timeout of name resolution.
const LOOKUP: Duration = Duration::from_secs(2);

/// Returns a warning about names that do not resolve to this machine.
pub(super) async fn unresolved_names(plan: &Plan) -> Option<String> {
    let instance = &plan.instance;
    if !instance.ingress.enabled {
        return None;
    }
    let hosts = instance.ingress.hosts.each();
    let names: Vec<String> = hosts.map(|(_, host)| host.name.clone()).collect();
    let (listen, all) = (instance.network.listen, names.clone());
    let lookup = tokio::task::spawn_blocking(move || unresolved(all, listen, resolve));
    let unresolved = match tokio::time::timeout(LOOKUP, lookup).await {
        Ok(Ok(unresolved)) => unresolved,
        // A name server that does not answer resolves none of them.
        _ => names,
    };
    warning(&unresolved, listen)
}

/// Returns the addresses of a name as this machine resolves it.
fn resolve(name: &str) -> Vec<IpAddr> {
    let found = (name, 0).to_socket_addrs();
    found
        .map(|all| all.map(|address| address.ip()).collect())
        .unwrap_or_default()
}

/// Returns the names that do not resolve to the listen address. If that is all addresses of
/// this machine, any address is accepted.
fn unresolved(
    names: Vec<String>,
    listen: Listen,
    resolve: impl Fn(&str) -> Vec<IpAddr>,
) -> Vec<String> {
    let resolves_here = |name: &str| {
        let found = resolve(name);
        found.contains(&listen.ip()) || (listen.is_all() && !found.is_empty())
    };
    let names = names.into_iter();
    names.filter(|name| !resolves_here(name)).collect()
}

fn warning(names: &[String], listen: Listen) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let address = listen.connect_address();
    let names = names.join(" ");
    Some(format!(
        "these names do not resolve to {address} on this machine; add a line to /etc/hosts: \
         {address} {names}"
    ))
}

/// Warns about missing certificates: without them, the controller uses its default certificate,
/// which no browser trusts.
pub(super) async fn check_certificates(run: &Run<'_>, cluster: &Cluster) -> Result<()> {
    let local = run.local;
    let ingress = &run.plan.instance.ingress;
    let mut checked = BTreeSet::new();
    for (key, host) in ingress.hosts.each().filter(|_| ingress.enabled) {
        let Some(secret) = host
            .tls_secret
            .as_ref()
            .filter(|name| checked.insert(*name))
        else {
            continue;
        };
        if !cluster.has_secret(secret).await? {
            let (kubeconfig, namespace) = (local.state.kubeconfig_path(), cluster.namespace());
            local.events.warn(format!(
                "the Secret of `ingress.{key}.tlsSecretName` does not exist: browsers will not \
                 trust Traefik's default certificate; create it: kubectl --kubeconfig {} -n \
                 {namespace} create secret tls {secret} --cert FILE --key FILE",
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
    fn warns_about_names_that_do_not_resolve_to_the_listen_address() {
        let here = Listen::LOOPBACK;
        let known = |name: &str| match name {
            "app.test" => vec!["::1".parse().unwrap(), here.ip()],
            "api.test" => vec!["10.0.0.1".parse().unwrap()],
            _ => Vec::new(),
        };
        let names = ["app.test", "api.test", "files.test"].map(str::to_owned);
        let names = names.to_vec();
        let found = unresolved(names.clone(), here, known);
        assert_eq!(
            warning(&found, here).unwrap(),
            "these names do not resolve to 127.0.0.1 on this machine; add a line to /etc/hosts: 127.0.0.1 api.test files.test"
        );
        assert_eq!(warning(&[], here), None);
        let everywhere = unresolved(names, "0.0.0.0".parse().unwrap(), known);
        assert_eq!(everywhere, ["files.test"]);
    }
}
