//! The effective values with their types.

mod database;
mod external;
mod ingress;
mod reader;
mod server;

use std::collections::BTreeMap;

use serde_json::Value;

pub use self::database::{Claim, Elasticsearch, Mongodb, Redis};
pub use self::external::ExternalDatabases;
pub use self::ingress::{Ingress, Site};

use self::reader::Reader;
pub use self::server::{ApiOptions, FixedUsers, Image, Pods, Server, ServiceType, User};
use crate::component::{Component, RELEASE_NAME};
use crate::image_ref::ImageRef;
use crate::ports::NodePorts;
use crate::release::Release;
use crate::secrets::{Credentials, Secrets, UserSecrets};
use crate::values::keys::{self, secret};

pub type Files = BTreeMap<String, String>;

/// The effective values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    pub names: Names,
    pub company: String,
    /// The credentials with which pods pull images.
    pub pull_secret: Option<PullSecret>,
    pub chosen: UserSecrets,
    pub ingress: Ingress,
    pub apiserver: Server,
    pub api: ApiOptions,
    pub webserver: Server,
    /// Files for the web app.
    pub web_files: Files,
    pub fileserver: Server,
    pub fileserver_claim: Claim,
    pub mongodb: Mongodb,
    pub redis: Redis,
    pub elasticsearch: Elasticsearch,
    pub external: ExternalDatabases,
}

/// The parts of object names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `clearml` or its replacement in labels.
    pub name: String,
    /// The prefix of the names of the servers' objects.
    pub full: String,
}

impl Names {
    /// Creates the names as Helm charts do: the full name is that of the Helm release if it
    /// contains the name of the chart, and has at most 63 characters.
    fn of(name_override: &str, full_override: &str) -> Names {
        let name = match name_override {
            "" => "clearml",
            name => name,
        };
        let full = match full_override {
            "" if RELEASE_NAME.contains(name) => RELEASE_NAME.to_owned(),
            "" => format!("{RELEASE_NAME}-{name}"),
            full => full.to_owned(),
        };
        let short = |text: &str| {
            let text: String = text.chars().take(63).collect();
            text.trim_end_matches('-').to_owned()
        };
        Names {
            name: short(name),
            full: short(&full),
        }
    }

    /// Returns the name of a server's objects.
    pub fn server(&self, component: Component) -> String {
        format!("{}-{component}", self.full)
    }
}

/// The credentials with which pods pull images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullSecret {
    /// An existing Secret.
    Existing(String),
    Created {
        registry: String,
        /// User name and password; without them, those of the user's `docker login`.
        login: Option<(String, String)>,
        email: String,
    },
}

/// The placeholders for user name and password in the chart.
const PLACEHOLDERS: (&str, &str) = ("someone", "pwd");

impl PullSecret {
    fn read(reader: &Reader<'_>) -> Option<PullSecret> {
        if !reader.get(&keys::registry::ENABLED) {
            return None;
        }
        let password = reader.get(&keys::registry::PASSWORD);
        let login = (
            reader.get(&keys::registry::USERNAME),
            password.unwrap_or_default(),
        );
        let is_placeholder = (login.0.as_str(), login.1.as_str()) == PLACEHOLDERS;
        let created = PullSecret::Created {
            registry: reader.get(&keys::registry::REGISTRY),
            login: Some(login).filter(|(user, _)| !is_placeholder && !user.is_empty()),
            email: reader.get(&keys::registry::EMAIL),
        };
        let existing = reader.get(&keys::registry::EXISTING_SECRET);
        Some(existing.map_or(created, PullSecret::Existing))
    }
}

impl Values {
    /// Reads all values from a tree with valid values, and images that it lacks from the
    /// release.
    pub(super) fn read(tree: &Value, release: &Release, namespace: &str) -> Values {
        Values::of(&Reader::new(tree, release, namespace))
    }

    fn of(reader: &Reader<'_>) -> Values {
        Values {
            names: Names::of(
                &reader.get(&keys::names::NAME_OVERRIDE),
                &reader.get(&keys::names::FULLNAME_OVERRIDE),
            ),
            company: reader.get(&keys::clearml::DEFAULT_COMPANY),
            pull_secret: PullSecret::read(reader),
            chosen: chosen(reader),
            ingress: Ingress::read(reader),
            apiserver: Server::read(reader, Component::Apiserver, &keys::apiserver::SERVER),
            api: ApiOptions::read(reader),
            webserver: Server::read(reader, Component::Webserver, &keys::webserver::SERVER),
            web_files: reader.get(&keys::webserver::ADDITIONAL_CONFIGS),
            fileserver: Server::read(reader, Component::Fileserver, &keys::fileserver::SERVER),
            fileserver_claim: Claim::of_fileserver(reader),
            mongodb: Mongodb::read(reader),
            redis: Redis::read(reader),
            elasticsearch: Elasticsearch::read(reader),
            external: ExternalDatabases::read(reader),
        }
    }

    /// Returns the key pair for programs.
    pub fn login(&self, secrets: &Secrets) -> Credentials {
        let secrets = secrets.clone().with(&self.chosen);
        let fixed_users = self.api.fixed_users.is_some();
        secrets.for_programs(fixed_users).clone()
    }

    /// Replaces the references of all images.
    pub fn rewrite_images(&mut self, rewritten: impl Fn(&ImageRef) -> ImageRef) {
        let pods = [
            &mut self.redis.base.pods,
            &mut self.mongodb.base.pods,
            &mut self.elasticsearch.base.pods,
            &mut self.apiserver.pods,
            &mut self.fileserver.pods,
            &mut self.webserver.pods,
        ];
        for pods in pods {
            pods.image.reference = rewritten(&pods.image.reference);
        }
    }

    pub fn pods(&self, component: Component) -> &Pods {
        match component {
            Component::Redis => &self.redis.base.pods,
            Component::Mongodb => &self.mongodb.base.pods,
            Component::Elasticsearch => &self.elasticsearch.base.pods,
            Component::Apiserver => &self.apiserver.pods,
            Component::Fileserver => &self.fileserver.pods,
            Component::Webserver => &self.webserver.pods,
        }
    }

    /// The full reference of a component's image.
    pub fn image(&self, component: Component) -> &ImageRef {
        &self.pods(component).image.reference
    }

    pub fn claim(&self, component: Component) -> Option<&Claim> {
        match component {
            Component::Redis => Some(&self.redis.base.claim),
            Component::Mongodb => Some(&self.mongodb.base.claim),
            Component::Elasticsearch => Some(&self.elasticsearch.base.claim),
            Component::Fileserver => Some(&self.fileserver_claim),
            Component::Apiserver | Component::Webserver => None,
        }
    }

    /// Whether a component is installed, and is not an external database.
    pub fn installs(&self, component: Component) -> bool {
        match component {
            Component::Redis => self.redis.base.enabled,
            Component::Mongodb => self.mongodb.base.enabled,
            Component::Elasticsearch => self.elasticsearch.base.enabled,
            Component::Apiserver | Component::Fileserver | Component::Webserver => true,
        }
    }

    /// The components that are installed, in the order of their dependencies.
    pub fn installed(&self) -> Vec<Component> {
        let mut all = Component::ALL.to_vec();
        all.retain(|component| self.installs(*component));
        all
    }

    /// The number of pods of a component.
    pub fn replicas(&self, component: Component) -> u32 {
        match component {
            Component::Redis => 1,
            Component::Mongodb => self.mongodb.members(),
            Component::Elasticsearch => self.elasticsearch.replicas,
            Component::Apiserver => self.apiserver.replicas,
            Component::Fileserver => self.fileserver.replicas,
            Component::Webserver => self.webserver.replicas,
        }
    }

    /// The three servers.
    pub fn servers(&self) -> [(Component, &Server); 3] {
        [
            (Component::Apiserver, &self.apiserver),
            (Component::Webserver, &self.webserver),
            (Component::Fileserver, &self.fileserver),
        ]
    }

    /// The node ports of the three servers.
    pub fn node_ports(&self) -> NodePorts {
        NodePorts {
            web: self.webserver.service.node_port,
            api: self.apiserver.service.node_port,
            files: self.fileserver.service.node_port,
        }
    }
}

/// The secrets that the user chose.
fn chosen(reader: &Reader<'_>) -> UserSecrets {
    UserSecrets {
        http_session: reader.get(&secret::HTTP_SESSION),
        auth_token: reader.get(&secret::AUTH_TOKEN),
        apiserver: (
            reader.get(&secret::API_ACCESS_KEY),
            reader.get(&secret::API_SECRET_KEY),
        ),
        tests: (
            reader.get(&secret::TESTS_ACCESS_KEY),
            reader.get(&secret::TESTS_SECRET_KEY),
        ),
        redis: reader.get(&keys::redis::PASSWORD),
        mongodb: reader.get(&keys::mongodb::ROOT_PASSWORD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::namespace::Namespace;
    use crate::release::Catalogue;
    use crate::values::keys::Effect;
    use crate::values::kind::Kind;

    #[test]
    fn every_key_with_an_effect_is_read() {
        let mut tree = keys::defaults();
        for key in keys::all() {
            if key.definition.is_switch {
                keys::put(&mut tree, &keys::path(&key.path), Value::Bool(true));
            }
        }
        let release = Catalogue::default_release();
        let reader = Reader::new(&tree, &release, Namespace::DEFAULT);
        let _ = Values::of(&reader);
        let read = reader.read.into_inner();
        let unread = keys::all().iter().filter(|key| {
            // Only one path of an ingress is valid.
            let has_effect =
                key.definition.effect == Effect::Supported && key.definition.kind != Kind::RootPath;
            has_effect && !read.contains(&key.path)
        });
        let unread: Vec<&str> = unread.map(|key| key.path.as_str()).collect();
        assert_eq!(unread, [""; 0]);
        let unknown = read.iter().find(|path| keys::find(path).is_none());
        assert_eq!(unknown, None, "not in the table");
    }

    #[test]
    fn names_are_those_of_helm_charts() {
        for ((name, full), expected) in [
            (("", ""), ("clearml", "clearml")),
            (("clear", ""), ("clear", "clearml")),
            (("hub", ""), ("hub", "clearml-hub")),
            (("hub", "our"), ("hub", "our")),
        ] {
            let names = Names::of(name, full);
            assert_eq!((names.name.as_str(), names.full.as_str()), expected);
        }
        assert_eq!(Names::of("", &"x".repeat(80)).full.len(), 63);
    }
}
