//! The ingresses.

use std::collections::BTreeMap;

use super::Reader;
use crate::values::keys::ingress as keys;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// The class, which selects the controller; empty for the default class of the cluster.
    pub class: String,
    pub sites: Sites,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sites {
    pub app: Option<Site>,
    pub api: Option<Site>,
    pub files: Option<Site>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub host: String,
    pub tls_secret: Option<String>,
    /// The shared annotations and its own, which take precedence.
    pub annotations: BTreeMap<String, String>,
}

impl Site {
    fn read(reader: &Reader<'_>, keys: &keys::Site) -> Option<Site> {
        if !reader.get(&keys.enabled) {
            return None;
        }
        let mut annotations = reader.get(&keys::ANNOTATIONS);
        annotations.extend(reader.get(&keys.annotations));
        Some(Site {
            host: reader.get(&keys.host_name),
            tls_secret: reader.get(&keys.tls_secret_name),
            annotations,
        })
    }

    /// The scheme of its URL.
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
            class: reader.get(&keys::CLASS_NAME),
            sites: Sites {
                app: Site::read(reader, &keys::APP),
                api: Site::read(reader, &keys::API),
                files: Site::read(reader, &keys::FILES),
            },
        }
    }
}

impl Sites {
    /// The enabled ingresses, each with its name in the values.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Site)> {
        let all = [
            ("app", &self.app),
            ("api", &self.api),
            ("files", &self.files),
        ];
        all.into_iter()
            .filter_map(|(name, site)| Some((name, site.as_ref()?)))
    }

    /// Whether the web app can derive the host names of the other two from its own: its code
    /// only supports `app.`, `api.` and `files.` of one domain (facts: §2.3).
    pub fn known_to_web_app(&self) -> bool {
        let (Some(app), Some(api), Some(files)) = (&self.app, &self.api, &self.files) else {
            return false;
        };
        let Some(domain) = app.host.strip_prefix("app.") else {
            return false;
        };
        api.host == format!("api.{domain}") && files.host == format!("files.{domain}")
    }
}
