//! Redis, MongoDB and Elasticsearch.

use super::{Files, Pods, Reader, ServiceType};
use crate::component::Component;
use crate::values::keys::{self, elasticsearch, fileserver, mongodb, redis};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub enabled: bool,
    pub size: String,
    pub class: String,
    /// Such as `ReadWriteOnce`.
    pub access_modes: Vec<String>,
}

impl Claim {
    fn read(reader: &Reader<'_>, keys: &keys::Claim) -> Claim {
        Claim {
            enabled: reader.get(&keys.enabled),
            size: reader.get(&keys.size),
            class: reader.get(&keys.storage_class),
            access_modes: reader.get(&keys.access_modes),
        }
    }

    pub(super) fn of_fileserver(reader: &Reader<'_>) -> Claim {
        Claim {
            enabled: true,
            size: reader.get(&fileserver::STORAGE_SIZE),
            class: reader.get(&fileserver::STORAGE_CLASS),
            access_modes: vec!["ReadWriteOnce".into()],
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub enabled: bool,
    pub pods: Pods,
    pub claim: Claim,
    /// Additional arguments.
    pub extra_flags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    pub base: Database,
    pub requires_login: bool,
    pub configured_host: String,
    pub configured_port: u16,
    pub port: u16,
}

impl Redis {
    pub(super) fn read(reader: &Reader<'_>) -> Redis {
        Redis {
            base: Database {
                enabled: reader.get(&redis::ENABLED),
                pods: Pods::read(reader, Component::Redis),
                claim: Claim::read(reader, &redis::CLAIM),
                extra_flags: reader.get(&redis::EXTRA_FLAGS),
            },
            requires_login: reader.get(&redis::USE_PASSWORD),
            configured_host: reader.expanded(&redis::MASTER_NAME),
            configured_port: reader.get(&redis::MASTER_PORT),
            port: reader.get(&redis::SERVICE_PORT),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mongodb {
    pub base: Database,
    pub replica_set: bool,
    pub replicas: u32,
    pub requires_login: bool,
    pub configured_host: String,
    pub service: ServiceType,
    pub port: u16,
    pub port_name: String,
}

impl Mongodb {
    pub(super) fn read(reader: &Reader<'_>) -> Mongodb {
        Mongodb {
            base: Database {
                enabled: reader.get(&mongodb::ENABLED),
                pods: Pods::read(reader, Component::Mongodb),
                claim: Claim::read(reader, &mongodb::CLAIM),
                extra_flags: reader.get(&mongodb::EXTRA_FLAGS),
            },
            replica_set: reader.get(&mongodb::ARCHITECTURE) == "replicaset",
            replicas: reader.get(&mongodb::REPLICA_COUNT),
            requires_login: reader.get(&mongodb::AUTH_ENABLED),
            configured_host: reader.expanded(&mongodb::SERVICE_NAME),
            service: reader.get(&mongodb::SERVICE_TYPE),
            port: reader.get(&mongodb::SERVICE_PORT),
            port_name: reader.get(&mongodb::SERVICE_PORT_NAME),
        }
    }

    /// The number of pods.
    pub fn members(&self) -> u32 {
        if self.replica_set { self.replicas } else { 1 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elasticsearch {
    pub base: Database,
    pub replicas: u32,
    pub java_options: String,
    pub port: u16,
    /// The name of the cluster, and prefix of object names.
    pub cluster_name: String,
    pub roles: Roles,
    /// The parameters of the health request that decides whether it has started.
    pub health_query: String,
    /// Files in its directory `config`.
    pub files: Files,
    /// Whether the tag of the image is set with the key of Elastic's chart.
    pub(in crate::values) uses_elastic_image_tag: bool,
}

/// The roles of Elasticsearch's nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four switches of Elasticsearch"
)]
pub struct Roles {
    pub master: bool,
    pub ingest: bool,
    pub data: bool,
    pub remote_cluster_client: bool,
}

impl Roles {
    /// Returns the names of the roles; `None` if all are enabled.
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
        let mut pods = Pods::read(reader, Component::Elasticsearch);
        // The key of Elastic's chart for the tag takes precedence.
        let tag = &elasticsearch::IMAGE_TAG;
        let uses_elastic_image_tag = reader.get(tag).is_some();
        if uses_elastic_image_tag {
            pods.image.reference = reader.image(Component::Elasticsearch, tag);
        }
        Elasticsearch {
            base: Database {
                enabled: reader.get(&elasticsearch::ENABLED),
                pods,
                claim: Claim {
                    enabled: reader.get(&elasticsearch::PERSISTENCE_ENABLED),
                    size: reader.get(&elasticsearch::CLAIM_SIZE),
                    class: reader.get(&elasticsearch::CLAIM_STORAGE_CLASS),
                    access_modes: reader.get(&elasticsearch::CLAIM_ACCESS_MODES),
                },
                extra_flags: Vec::new(),
            },
            replicas: reader.get(&elasticsearch::REPLICAS),
            java_options: reader.get(&elasticsearch::ES_JAVA_OPTS),
            port: reader.get(&elasticsearch::HTTP_PORT),
            cluster_name: reader.get(&elasticsearch::CLUSTER_NAME),
            roles: Roles {
                master: reader.get(&elasticsearch::ROLE_MASTER),
                ingest: reader.get(&elasticsearch::ROLE_INGEST),
                data: reader.get(&elasticsearch::ROLE_DATA),
                remote_cluster_client: reader.get(&elasticsearch::ROLE_REMOTE_CLUSTER_CLIENT),
            },
            health_query: reader.get(&elasticsearch::CLUSTER_HEALTH_CHECK_PARAMS),
            files: reader.get(&elasticsearch::ES_CONFIG),
            uses_elastic_image_tag,
        }
    }

    /// The name of its workload and service.
    pub fn full_name(&self) -> String {
        format!("{}-master", self.cluster_name)
    }
}
