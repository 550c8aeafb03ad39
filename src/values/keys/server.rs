//! Keys that all three servers have.

use super::key::{group, key};
use super::types;
use crate::values::typed::ServiceType;

group! {
    /// A server, without its pods.
    Server(section, server) {
        replica_count: u32 = key(
            "replicaCount",
            types::count(0..=1000),
            "Number of pods of the {}.",
        );
        service_type: ServiceType = key(
            "service.type",
            types::SERVICE_TYPE,
            "Type of the {}'s Service.",
        );
        service_port: u16 = key(
            "service.port",
            types::PORT,
            "Port of the {} inside the cluster.",
        );
        node_port: u16 = key(
            "service.nodePort",
            types::NODE_PORT,
            "Port of the {} on the nodes, for the type NodePort. A local node publishes it for all types.",
        );
    }
}
