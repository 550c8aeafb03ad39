//! The ingress controller in the node, which serves host names on the default ports of HTTP and
//! HTTPS.

use serde::{Deserialize, Serialize};

use super::arguments::{ArgExt, Port};
use super::network::NETWORK;

settings! {
    /// The ingress controller.
    #[command(next_help_heading = NETWORK)]
    pub struct IngressOptions => #[serde(default)] Ingress() {
        /// Install an ingress controller for host names
        ///
        /// Traefik runs in the node and serves the host names of `ingress.*` in the values. If
        /// the values enable no ingress, it serves all three servers under the chart's names.
        #[arg(long, switch(), env = "CLEARML_LOCAL_WITH_INGRESS")]
        pub with_ingress: bool => enabled: bool = false,
        /// HTTP port of the ingress controller [default: 80]
        #[arg(
            long,
            value_name = "PORT",
            env = "CLEARML_LOCAL_HTTP_PORT",
            hide_short_help = true
        )]
        pub http_port: Port => http_port: u16 = 80,
        /// HTTPS port of the ingress controller [default: 443]
        #[arg(
            long,
            value_name = "PORT",
            env = "CLEARML_LOCAL_HTTPS_PORT",
            hide_short_help = true
        )]
        pub https_port: Port => https_port: u16 = 443,
        /// The host names that it serves, from the values. Saved, so that only `up` must resolve
        /// the values.
        pub hosts: Hosts = Hosts::default(),
    }
}

impl Default for Ingress {
    fn default() -> Self {
        Ingress::with_defaults()
    }
}

/// The host names of the three servers; `None` for a server without an ingress.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hosts {
    pub web: Option<Host>,
    pub api: Option<Host>,
    pub files: Option<Host>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// Such as `app.example.com`.
    pub name: String,
    /// The Secret with its certificate. If set, the URL has the scheme https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_secret: Option<String>,
}

impl Hosts {
    /// Iterates over the hosts that are set, with their keys in the values: `app`, `api` and
    /// `files`.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &Host)> {
        let all = [
            ("app", &self.web),
            ("api", &self.api),
            ("files", &self.files),
        ];
        all.into_iter()
            .filter_map(|(key, host)| Some((key, host.as_ref()?)))
    }
}

impl Ingress {
    /// Returns the host ports with their options; empty without a controller.
    pub fn ports(&self) -> Vec<(&'static str, u16)> {
        if !self.enabled {
            return Vec::new();
        }
        vec![
            ("--http-port", self.http_port),
            ("--https-port", self.https_port),
        ]
    }

    /// Returns the scheme and host port for a host.
    pub fn scheme_and_port(&self, host: &Host) -> (&'static str, u16) {
        match host.tls_secret {
            Some(_) => ("https", self.https_port),
            None => ("http", self.http_port),
        }
    }

    /// Returns the URL of a host, without the default port of its scheme.
    pub fn url(&self, host: &Host) -> String {
        let name = &host.name;
        match self.scheme_and_port(host) {
            ("http", 80) | ("https", 443) => format!("{}://{name}", self.scheme_and_port(host).0),
            (scheme, port) => format!("{scheme}://{name}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_omit_the_default_port() {
        let usual = Ingress::default();
        let other = Ingress {
            http_port: 8080,
            https_port: 8443,
            ..Ingress::default()
        };
        let mut host = Host {
            name: "app.example.com".into(),
            tls_secret: None,
        };
        assert_eq!(usual.url(&host), "http://app.example.com");
        assert_eq!(other.url(&host), "http://app.example.com:8080");
        host.tls_secret = Some("app-tls".into());
        assert_eq!(usual.url(&host), "https://app.example.com");
        assert_eq!(other.url(&host), "https://app.example.com:8443");
    }

    #[test]
    fn settings_of_older_versions_have_no_ingress() {
        let saved: Ingress = serde_json::from_str("{}").unwrap();
        assert_eq!(saved, Ingress::default());
        assert!(saved.ports().is_empty());
    }
}
