//! The way in by host names: an ingress controller in the node, on the ports that
//! browsers take where none is said.

use serde::{Deserialize, Serialize};

/// An ingress controller, its host ports, and who is reached through it. Kept with
/// the instance, so that no verb but `up` has to work out values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ingress {
    pub enabled: bool,
    pub http_port: u16,
    pub https_port: u16,
    /// Who is reached through it.
    pub hosts: Hosts,
}

impl Default for Ingress {
    fn default() -> Self {
        Ingress {
            enabled: false,
            http_port: 80,
            https_port: 443,
            hosts: Hosts::default(),
        }
    }
}

/// The host names of the three services; `None` for one that has no ingress.
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
    /// The Secret with its certificate; with one its URL is https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_secret: Option<String>,
}

impl Hosts {
    /// Those that are there, by their key in the values: `app`, `api` and `files`.
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
    /// The host ports with their flags; none where there is no controller.
    pub fn ports(&self) -> Vec<(&'static str, u16)> {
        if !self.enabled {
            return Vec::new();
        }
        vec![
            ("--http-port", self.http_port),
            ("--https-port", self.https_port),
        ]
    }

    /// The scheme and host port that lead to a host.
    pub fn way_to(&self, host: &Host) -> (&'static str, u16) {
        match host.tls_secret {
            Some(_) => ("https", self.https_port),
            None => ("http", self.http_port),
        }
    }

    /// The URL of a host, without a port that its scheme implies.
    pub fn url(&self, host: &Host) -> String {
        let name = &host.name;
        match self.way_to(host) {
            ("http", 80) | ("https", 443) => format!("{}://{name}", self.way_to(host).0),
            (scheme, port) => format!("{scheme}://{name}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_leave_out_the_usual_port() {
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
    fn what_an_older_version_kept_has_no_ingress() {
        let kept: Ingress = serde_json::from_str("{}").unwrap();
        assert_eq!(kept, Ingress::default());
        assert!(kept.ports().is_empty());
    }
}
