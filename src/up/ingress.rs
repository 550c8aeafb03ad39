//! The host names of the ingress controller, and warnings about the parts that the user must
//! set up: name resolution and certificates.

use std::collections::BTreeSet;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use super::run::Run;
use crate::component::NAMESPACE;
use crate::error::Result;
use crate::kube::Cluster;
use crate::manifests::INGRESS_CLASS;
use crate::settings::{Host, Hosts, Instance, Listen};
use crate::values::{Site, Values};

/// Timeout of name resolution.
const LOOKUP: Duration = Duration::from_secs(2);

/// Sets the hosts that the ingress controller serves.
pub(super) fn with_hosts(mut instance: Instance, values: &Values) -> Instance {
    instance.ingress.hosts = hosts(values);
    instance
}

/// Returns the hosts that the controller serves: of ingresses with its class or without a
/// class.
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

/// Warns about names that do not resolve to this machine.
pub(super) async fn check_names(run: &Run<'_>) {
    let instance = &run.plan.instance;
    if !instance.ingress.enabled {
        return;
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
    if let Some(warning) = warning(&unresolved, listen) {
        run.session.events.warn(warning);
    }
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
    let session = run.session;
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
            let kubeconfig = session.state.kubeconfig_path();
            session.events.warn(format!(
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
    use crate::up::Plan;

    fn plan(with: bool, sets: &[&str]) -> crate::error::Result<Plan> {
        let instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
        let mut options = Options::default();
        options.ingress.with_ingress = Some(with);
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
    fn without_hosts_in_the_values_the_controller_serves_the_charts_names() {
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
    fn warns_about_ingresses_without_a_controller() {
        let warnings = |plan: &Plan| plan.warnings.join("\n");
        let without = plan(false, &["ingress.api.enabled=true"]).unwrap();
        assert_eq!(
            without.warnings[0],
            "--set ingress.api.enabled=true: `ingress.api.enabled` is true, but the node has no ingress controller: the servers are only reachable by their ports; add `--with-ingress` to install one"
        );
        assert_eq!(warnings(&plan(false, &[]).unwrap()), "");
        assert_eq!(warnings(&plan(true, &[]).unwrap()), "");
        let other = plan(true, &["ingress.className=nginx"]).unwrap();
        assert!(warnings(&other).contains("`ingress.className` is nginx"));
        assert!(urls(&other).is_empty());
    }

    #[test]
    fn refuses_a_node_port_that_is_in_use_by_the_controller() {
        let set = ["webserver.service.nodePort=30082"];
        assert!(plan(false, &set).is_ok());
        let error = plan(true, &set).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--set webserver.service.nodePort=30082: `webserver.service.nodePort` is 30082, which the ingress controller uses: choose another port, or omit `--with-ingress`"
        );
    }

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
