//! Configures the user's proxies in the node: in the container's environment for commands
//! that the engine runs, and in systemd's configuration for containerd and the kubelet.
//! The image's entrypoint would pass the environment to systemd without escaping it, and
//! systemd interprets `%4` as a specifier and a backslash as an escape.

use ipnet::IpNet;

use super::Error;
use super::spec::{POD_SUBNET, SERVICE_SUBNET};
use crate::docker::{Engine, bytes_of};
use crate::proxy::Proxies;

/// Read after the file that kind's entrypoint writes (`proxy-default-environment.conf`).
const FILE: &str = "/etc/systemd/system.conf.d/zz-clearml-local-proxy.conf";

/// Returns the proxy variables for a node in a network with these ranges, in upper and
/// lower case. Addresses that must be reached without a proxy are added to `NO_PROXY`.
pub(super) fn variables(proxies: &Proxies, node: &str, network: &[IpNet]) -> Vec<(String, String)> {
    let mut direct: Vec<String> = [POD_SUBNET, SERVICE_SUBNET].map(str::to_owned).into();
    direct.extend(network.iter().map(ToString::to_string));
    let names = [
        node,
        "localhost",
        "127.0.0.1",
        "::1",
        ".svc",
        ".cluster.local",
    ];
    direct.extend(names.map(str::to_owned));
    proxies.variables(&direct)
}

/// Sets the variables in systemd's configuration, and restarts containerd. Returns
/// `false` if there are none.
pub(super) async fn configure_systemd(
    engine: &dyn Engine,
    node: &str,
    variables: &[(String, String)],
) -> Result<bool, Error> {
    if variables.is_empty() {
        return Ok(false);
    }
    let script = "umask 077; mkdir -p \"${1%/*}\" && cat >\"$1\" && \
         systemctl daemon-reload && systemctl restart containerd";
    // Not as an argument: it may contain a password.
    let input = Some(bytes_of(&systemd_environment(variables)));
    let argv = ["sh", "-c", script, "sh", FILE];
    let output = engine.exec(node, &argv, input).await?;
    output.success("configure the proxy of the node")?;
    Ok(true)
}

/// Returns systemd's configuration that sets the variables for all services.
fn systemd_environment(variables: &[(String, String)]) -> String {
    let mut text = "[Manager]\nDefaultEnvironment=".to_owned();
    for (name, value) in variables {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('%', "%%");
        text.push_str(&format!("\"{name}={value}\" "));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&'static str, &str)]) -> Proxies {
        Proxies::of(
            variables
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        )
    }

    #[test]
    fn the_nodes_own_addresses_are_reached_without_a_proxy() {
        let proxies = proxies(&[
            ("https_proxy", "http://proxy:3128"),
            ("NO_PROXY", "corp, localhost"),
        ]);
        let network =
            ["172.18.0.0/16", "fc00:f853:ccd:e793::/64"].map(|range| range.parse().unwrap());
        let variables = variables(&proxies, "demo-control-plane", &network);
        let no_proxy = "corp,localhost,10.244.0.0/16,10.96.0.0/16,172.18.0.0/16,fc00:f853:ccd:e793::/64,demo-control-plane,127.0.0.1,::1,.svc,.cluster.local";
        let expected = [
            ("HTTPS_PROXY", "http://proxy:3128"),
            ("https_proxy", "http://proxy:3128"),
            ("NO_PROXY", no_proxy),
            ("no_proxy", no_proxy),
        ];
        assert_eq!(
            variables,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn passwords_are_escaped_for_systemd() {
        let password = proxies(&[("HTTPS_PROXY", "http://jane:a%40b@proxy:3128")]);
        let variables = variables(&password, "n", &[]);
        assert_eq!(variables[0].1, "http://jane:a%40b@proxy:3128");
        let text = systemd_environment(&variables[..1]);
        assert_eq!(
            text,
            "[Manager]\nDefaultEnvironment=\"HTTPS_PROXY=http://jane:a%%40b@proxy:3128\"\n"
        );
        let other = [("NO_PROXY".to_owned(), r#"a\b,"c""#.to_owned())];
        assert!(systemd_environment(&other).contains(r#"a\\b,\"c\""#));
    }
}
