//! The ingresses.

use std::collections::BTreeMap;

use super::Reader;

/// What ingresses there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// Which controller serves them; empty for the cluster's default class.
    pub class: String,
    /// The three of them.
    pub sites: Sites,
}

/// The ingress of each server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sites {
    /// Web app.
    pub app: Option<Site>,
    /// API server.
    pub api: Option<Site>,
    /// File server.
    pub files: Option<Site>,
}

/// The ingress of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its host name.
    pub host: String,
    /// The Secret with its certificate, where it has one.
    pub tls_secret: Option<String>,
    /// Shared annotations and its own; its own win.
    pub annotations: BTreeMap<String, String>,
}

impl Site {
    fn read(reader: &Reader<'_>, name: &str) -> Option<Site> {
        let key = |key: &str| format!("ingress.{name}.{key}");
        if !reader.flag(&key("enabled")) {
            return None;
        }
        let mut annotations = reader.texts("ingress.annotations");
        annotations.extend(reader.texts(&key("annotations")));
        Some(Site {
            host: reader.text(&key("hostName")),
            tls_secret: reader.some(&key("tlsSecretName")),
            annotations,
        })
    }

    /// The URL without a port.
    pub fn scheme(&self) -> &'static str {
        match self.tls_secret {
            Some(_) => "https",
            None => "http",
        }
    }
}

impl Ingress {
    pub(super) fn read(reader: &Reader<'_>) -> Ingress {
        Ingress {
            class: reader.text("ingress.className"),
            sites: Sites {
                app: Site::read(reader, "app"),
                api: Site::read(reader, "api"),
                files: Site::read(reader, "files"),
            },
        }
    }
}

impl Sites {
    /// Each that there is, with its name in the values.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Site)> {
        let all = [
            ("app", &self.app),
            ("api", &self.api),
            ("files", &self.files),
        ];
        all.into_iter()
            .filter_map(|(name, site)| Some((name, site.as_ref()?)))
    }

    /// Whether the web app finds the other two from its own host name: its code
    /// knows `app.`, `api.` and `files.` of one domain alone (facts: §2.3).
    pub fn found_by_web_app(&self) -> bool {
        let (Some(app), Some(api), Some(files)) = (&self.app, &self.api, &self.files) else {
            return false;
        };
        let Some(domain) = app.host.strip_prefix("app.") else {
            return false;
        };
        api.host == format!("api.{domain}") && files.host == format!("files.{domain}")
    }
}
