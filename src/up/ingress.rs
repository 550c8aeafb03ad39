//! The way in by host names: who takes it, and what a user has to do for it that
//! `up` cannot do.

use std::collections::BTreeSet;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use super::Plan;
use super::session::Session;
use crate::component::NAMESPACE;
use crate::error::Result;
use crate::event::Events;
use crate::kube::Cluster;
use crate::manifests::INGRESS_CLASS;
use crate::settings::{Host, Hosts, Instance, Listen};
use crate::values::{Site, Values};

/// How long names may take to be looked up.
const LOOKUP: Duration = Duration::from_secs(2);

/// The instance, with who is reached through its ingress controller.
pub(super) fn lead(mut instance: Instance, values: &Values) -> Instance {
    instance.ingress.hosts = hosts(values);
    instance
}

/// Who the controller serves: ingresses of its own class, and of none.
fn hosts(values: &Values) -> Hosts {
    let sites = &values.ingress.sites;
    let host = |site: &Option<Site>| {
        let site = site.as_ref().filter(|_| is_ours(values))?;
        Some(Host {
            name: site.host.clone(),
            tls_secret: site.tls_secret.clone(),
        })
    };
    Hosts {
        web: host(&sites.app),
        api: host(&sites.api),
        files: host(&sites.files),
    }
}

fn is_ours(values: &Values) -> bool {
    ["", INGRESS_CLASS].contains(&values.ingress.class.as_str())
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
    listen: Listen,
    addresses: impl Fn(&str) -> Vec<IpAddr>,
) -> Vec<String> {
    let leads_here = |name: &str| {
        let found = addresses(name);
        found.contains(&listen.ip()) || (listen.is_all() && !found.is_empty())
    };
    let names = names.into_iter();
    names.filter(|name| !leads_here(name)).collect()
}

fn lost(names: &[String], listen: Listen) -> Option<String> {
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

/// Warns of certificates that are not there: the controller has one of its own, which
/// no browser trusts.
pub(super) async fn certificates(session: &Session<'_>, cluster: &Cluster) -> Result<()> {
    let Session {
        plan,
        state,
        events,
        ..
    } = *session;
    let ingress = &plan.instance.ingress;
    let mut asked = BTreeSet::new();
    for (key, host) in ingress.hosts.each().filter(|_| ingress.enabled) {
        let Some(secret) = host.tls_secret.as_ref().filter(|name| asked.insert(*name)) else {
            continue;
        };
        if !cluster.has_secret(secret).await? {
            let kubeconfig = state.kubeconfig_path();
            events.warn(format!(
                "the Secret of `ingress.{key}.tlsSecretName` does not exist: browsers will not \
                 trust Traefik's default certificate; create it: kubectl --kubeconfig {} -n \
                 {NAMESPACE} create secret tls {secret} --cert FILE --key FILE",
                kubeconfig.display()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::EngineInfo;
    use crate::options::Options;

    fn plan(with: bool, sets: &[&str]) -> crate::error::Result<Plan> {
        let instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
        let mut options = Options::default();
        options.network.with_ingress = Some(with);
        options.values.set.set = sets.iter().map(|set| (*set).to_owned()).collect();
        let instance = options.apply(instance).unwrap();
        let name = "demo".parse().unwrap();
        Plan::new(name, instance, None, &EngineInfo::default())
    }

    fn urls(plan: &Plan) -> Vec<String> {
        let ingress = &plan.instance.ingress;
        let hosts = ingress.hosts.each();
        hosts.map(|(_, host)| ingress.url(host)).collect()
    }

    #[test]
    fn a_controller_alone_serves_all_under_the_charts_names() {
        let all = plan(true, &[]).unwrap();
        let expected =
            ["app", "api", "files"].map(|name| format!("http://{name}.clearml.127-0-0-1.nip.io"));
        assert_eq!(urls(&all), expected);
        let one = plan(true, &["ingress.app.enabled=true"]).unwrap();
        assert_eq!(urls(&one), expected[..1]);
        assert!(
            all.images()
                .iter()
                .any(|i| i.reference.to_string() == "traefik:v3.0.4")
        );
    }

    #[test]
    fn ingresses_that_nothing_serves_are_told() {
        let told = |plan: &Plan| plan.warnings.join("\n");
        let without = plan(false, &["ingress.api.enabled=true"]).unwrap();
        assert_eq!(
            without.warnings[0],
            "--set ingress.api.enabled=true: `ingress.api.enabled` is true, but the node has no ingress controller: the servers are only reachable by their ports; add `--with-ingress` to install one"
        );
        assert_eq!(told(&plan(false, &[]).unwrap()), "");
        assert_eq!(told(&plan(true, &[]).unwrap()), "");
        let other = plan(true, &["ingress.className=nginx"]).unwrap();
        assert!(told(&other).contains("`ingress.className` is nginx"));
        assert!(urls(&other).is_empty());
    }

    #[test]
    fn the_controllers_node_ports_are_its_own() {
        let set = ["webserver.service.nodePort=30082"];
        assert!(plan(false, &set).is_ok());
        let error = plan(true, &set).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--set webserver.service.nodePort=30082: `webserver.service.nodePort` is 30082, which the ingress controller uses: choose another port, or omit `--with-ingress`"
        );
    }

    #[test]
    fn names_that_lead_elsewhere_or_nowhere_are_told() {
        let here = Listen::LOOPBACK;
        let known = |name: &str| match name {
            "app.test" => vec!["::1".parse().unwrap(), here.ip()],
            "api.test" => vec!["10.0.0.1".parse().unwrap()],
            _ => Vec::new(),
        };
        let names = ["app.test", "api.test", "files.test"].map(str::to_owned);
        let names = names.to_vec();
        let found = astray(names.clone(), here, known);
        assert_eq!(
            lost(&found, here).unwrap(),
            "these names do not resolve to 127.0.0.1 on this machine; add a line to /etc/hosts: 127.0.0.1 api.test files.test"
        );
        assert_eq!(lost(&[], here), None);
        let everywhere = astray(names, "0.0.0.0".parse().unwrap(), known);
        assert_eq!(everywhere, ["files.test"]);
    }
}
