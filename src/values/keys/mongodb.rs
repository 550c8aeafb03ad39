//! Keys below `mongodb`.

use super::Definition;
use super::database::{Claim, enabled, extra_flags};
use super::key::{Origin, key, keys, switch};
use super::pods::Pods;
use super::types;
use crate::values::typed::ServiceType;

keys! {
    ENABLED: bool = enabled("mongodb.enabled", "MongoDB");
    ARCHITECTURE: String = key(
        "mongodb.architecture",
        types::one_of(&["standalone", "replicaset"]),
        "A single MongoDB, or a replica set of `replicaCount` members (server 2.0 and newer).",
    );
    AUTH_ENABLED: bool = switch(
        "mongodb.auth.enabled",
        "Protect MongoDB with a password. The servers get it too (server 2.0 and newer, on empty data).",
    );
    ROOT_PASSWORD: Option<String> = key(
        "mongodb.auth.rootPassword",
        types::OWN_PASSWORD,
        "Password of MongoDB's user `root`, with `auth.enabled`. Without one, a password is generated for the instance and kept.",
    )
    .from(Origin::GeneratedWith(&AUTH_ENABLED));
    REPLICA_COUNT: u32 = key(
        "mongodb.replicaCount",
        types::count(1..=50),
        "Members of the replica set. A standalone MongoDB has one.",
    );
    SERVICE_NAME: String = key(
        "mongodb.service.name",
        types::TEMPLATE,
        "Host name of MongoDB in the configuration of the servers.",
    );
    SERVICE_TYPE: ServiceType = key(
        "mongodb.service.type",
        types::SERVICE_TYPE,
        "Type of MongoDB's Service.",
    );
    SERVICE_PORT: u16 = key(
        "mongodb.service.port",
        types::PORT,
        "Port of MongoDB inside the cluster.",
    );
    SERVICE_PORT_NAME: String =
        key("mongodb.service.portName", types::NAME, "Name of that port.");
    EXTRA_FLAGS: Vec<String> = extra_flags("mongodb.extraFlags", "mongod");
}

pub(in crate::values) static CLAIM: Claim = Claim::new("mongodb.persistence", "MongoDB");
pub(in crate::values) static PODS: Pods = Pods::new("mongodb", "MongoDB");

pub(super) fn all() -> Vec<&'static Definition> {
    [ALL.to_vec(), CLAIM.all(), PODS.all()].concat()
}
