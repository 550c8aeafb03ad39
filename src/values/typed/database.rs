//! Redis, MongoDB and Elasticsearch.

use super::{Files, Pods, Reader, ServiceType};
use crate::component::Component;

/// A claim of storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whether data are kept at all.
    pub enabled: bool,
    /// A quantity.
    pub size: String,
    /// The storage class; empty for the instance's own volume.
    pub class: String,
    /// Such as `ReadWriteOnce`.
    pub access_modes: Vec<String>,
}

impl Claim {
    fn read(reader: &Reader<'_>, prefix: &str) -> Claim {
        let key = |name: &str| format!("{prefix}.{name}");
        Claim {
            enabled: reader.flag(&key("enabled")),
            size: reader.text(&key("size")),
            class: reader.text(&key("storageClass")),
            access_modes: reader.arguments(&key("accessModes")),
        }
    }

    pub(super) fn of_fileserver(reader: &Reader<'_>) -> Claim {
        Claim {
            enabled: true,
            size: reader.text("fileserver.storage.data.size"),
            class: reader.text("fileserver.storage.data.class"),
            access_modes: vec!["ReadWriteOnce".into()],
        }
    }
}

/// What all three databases have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Whether it is installed; else it is outside.
    pub enabled: bool,
    /// Its pods.
    pub pods: Pods,
    /// Its claim.
    pub claim: Claim,
    /// Arguments beside our own.
    pub extra_flags: Vec<String>,
}

impl Database {
    fn read(reader: &Reader<'_>, component: Component, claim: Claim) -> Database {
        Database {
            enabled: reader.flag(&format!("{component}.enabled")),
            pods: Pods::read(reader, component),
            claim,
            extra_flags: reader.arguments(&format!("{component}.extraFlags")),
        }
    }
}

/// Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// What all databases have.
    pub base: Database,
    /// Whether it wants a password.
    pub wants_login: bool,
    /// The host that the servers are told.
    pub told_host: String,
    /// The port that the servers are told.
    pub told_port: u16,
    /// The port of its service.
    pub port: u16,
}

impl Redis {
    pub(super) fn read(reader: &Reader<'_>) -> Redis {
        let claim = Claim::read(reader, "redis.master.persistence");
        Redis {
            base: Database::read(reader, Component::Redis, claim),
            wants_login: reader.flag("redis.usePassword"),
            told_host: reader.filled("redis.master.name"),
            told_port: reader.port("redis.master.port"),
            port: reader.port("redis.master.service.port"),
        }
    }
}

/// MongoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mongodb {
    /// What all databases have.
    pub base: Database,
    /// Whether it is a replica set.
    pub replica_set: bool,
    /// Its members, if it is one.
    pub replicas: u32,
    /// Whether it wants a login.
    pub wants_login: bool,
    /// The host that the server is told.
    pub told_host: String,
    /// The type of its service.
    pub service: ServiceType,
    /// The port of its service.
    pub port: u16,
    /// That port's name.
    pub port_name: String,
}

impl Mongodb {
    pub(super) fn read(reader: &Reader<'_>) -> Mongodb {
        let claim = Claim::read(reader, "mongodb.persistence");
        Mongodb {
            base: Database::read(reader, Component::Mongodb, claim),
            replica_set: reader.text("mongodb.architecture") == "replicaset",
            replicas: reader.count("mongodb.replicaCount"),
            wants_login: reader.flag("mongodb.auth.enabled"),
            told_host: reader.filled("mongodb.service.name"),
            service: ServiceType::of(&reader.text("mongodb.service.type")),
            port: reader.port("mongodb.service.port"),
            port_name: reader.text("mongodb.service.portName"),
        }
    }

    /// How many there are.
    pub fn members(&self) -> u32 {
        if self.replica_set { self.replicas } else { 1 }
    }
}

/// Elasticsearch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elasticsearch {
    /// What all databases have.
    pub base: Database,
    /// How many nodes.
    pub replicas: u32,
    /// Java's options.
    pub java_options: String,
    /// The HTTP port.
    pub port: u16,
    /// The cluster's name, with which names begin.
    pub cluster_name: String,
    /// What the nodes do.
    pub roles: Roles,
    /// The query of the question whether it has started.
    pub health_query: String,
    /// Files of its folder `config`.
    pub files: Files,
    /// Whether the image's tag was said under the Elastic chart's name of it.
    pub(in crate::values) tag_by_elastics_name: bool,
}

/// What Elasticsearch's nodes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four switches of Elasticsearch"
)]
pub struct Roles {
    /// May become master.
    pub master: bool,
    /// Run ingest pipelines.
    pub ingest: bool,
    /// Hold data.
    pub data: bool,
    /// Ask other clusters.
    pub remote_cluster_client: bool,
}

impl Roles {
    /// The roles by name, unless they are all.
    pub fn limited(self) -> Option<Vec<&'static str>> {
        let all = [
            ("master", self.master),
            ("ingest", self.ingest),
            ("data", self.data),
            ("remote_cluster_client", self.remote_cluster_client),
        ];
        let roles = all.iter().filter(|(_, on)| *on).map(|(role, _)| *role);
        let roles: Vec<&str> = roles.collect();
        (roles.len() < all.len()).then_some(roles)
    }
}

impl Elasticsearch {
    pub(super) fn read(reader: &Reader<'_>) -> Elasticsearch {
        let key = |name: &str| format!("elasticsearch.{name}");
        let template = key("volumeClaimTemplate");
        let claim = Claim {
            enabled: reader.flag(&key("persistence.enabled")),
            size: reader.text(&format!("{template}.resources.requests.storage")),
            class: reader.text(&format!("{template}.storageClassName")),
            access_modes: reader.arguments(&format!("{template}.accessModes")),
        };
        let mut base = Database::read(reader, Component::Elasticsearch, claim);
        // The Elastic chart's own name of the tag.
        let tag = "elasticsearch.imageTag";
        let tag_by_elastics_name = reader.some(tag).is_some();
        if tag_by_elastics_name {
            base.pods.image.reference = reader.image(Component::Elasticsearch, tag);
        }
        Elasticsearch {
            base,
            replicas: reader.count(&key("replicas")),
            java_options: reader.text(&key("esJavaOpts")),
            port: reader.port(&key("httpPort")),
            cluster_name: reader.text(&key("clusterName")),
            roles: Roles {
                master: reader.flag(&key("roles.master")),
                ingest: reader.flag(&key("roles.ingest")),
                data: reader.flag(&key("roles.data")),
                remote_cluster_client: reader.flag(&key("roles.remote_cluster_client")),
            },
            health_query: reader.text(&key("clusterHealthCheckParams")),
            files: reader.files(&key("esConfig")),
            tag_by_elastics_name,
        }
    }

    /// The name of its workload and service.
    pub fn full_name(&self) -> String {
        format!("{}-master", self.cluster_name)
    }
}
