//! The host names of the ingress controller.

use crate::manifests::INGRESS_CLASS;
use crate::settings::{Host, Hosts, Instance};
use crate::values::{Site, Values};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::plan::Plan;

    fn plan(with: bool, sets: &[&str]) -> crate::error::Result<Plan> {
        let instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
        let mut options = Options::default();
        options.ingress.with_ingress = Some(with);
        options.values.set.set = sets.iter().map(|set| (*set).to_owned()).collect();
        let instance = options.apply(instance).unwrap();
        let name = "demo".parse().unwrap();
        Plan::new(name, instance, None, 0)
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
}
