//! Node ports, which all services of a cluster share.

use std::ops::RangeInclusive;

use k8s_openapi::api::core::v1::Service;
use serde_json::Value;

use super::{Checked, Input, name};
use crate::failures::Failure;
use crate::hint::Hint;

/// The range of an API server without the option `--service-node-port-range`.
const DEFAULT_RANGE: RangeInclusive<i32> = 30000..=32767;

pub(super) fn check(input: &Input<'_>, report: &mut Checked) {
    let Some(services) = input.facts.survey.services.known() else {
        return;
    };
    let others = services.iter().filter(|service| !is_ours(input, service));
    let used: Vec<(i32, &Service)> = others
        .flat_map(|service| {
            node_ports(service)
                .into_iter()
                .map(move |port| (port, service))
        })
        .collect();
    // The range is not in the API.
    let is_default_range = used.iter().all(|(port, _)| DEFAULT_RANGE.contains(port));
    for service in input.of_kind("Service") {
        for port in rendered_ports(service) {
            if let Some((_, other)) = used.iter().find(|(used, _)| *used == port) {
                let space = other.metadata.namespace.as_deref().unwrap_or_default();
                let other = other.metadata.name.as_deref().unwrap_or_default();
                report.find(
                    Failure::PortOfOtherService,
                    format!(
                        "the node port {port} of the service `{}` is in use by the service \
                         `{other}` in the namespace `{space}`",
                        name(service)
                    ),
                    remedies(),
                );
            } else if is_default_range && !DEFAULT_RANGE.contains(&port) {
                report.find(
                    Failure::NodePortOutOfRange,
                    format!(
                        "the node port {port} of the service `{}` is out of range: expected {} \
                         to {}",
                        name(service),
                        DEFAULT_RANGE.start(),
                        DEFAULT_RANGE.end()
                    ),
                    remedies(),
                );
            }
        }
    }
}

fn remedies() -> Vec<Hint> {
    Failure::PortOfOtherService.remedies()
}

/// Returns whether a service is one of those that are applied.
fn is_ours(input: &Input<'_>, service: &Service) -> bool {
    let metadata = &service.metadata;
    let here = metadata.namespace.as_deref() == Some(input.place.namespace.as_str());
    let mut rendered = input.of_kind("Service").map(name);
    here && rendered.any(|name| Some(name) == metadata.name.as_deref())
}

fn node_ports(service: &Service) -> Vec<i32> {
    let Some(spec) = &service.spec else {
        return Vec::new();
    };
    let ports = spec
        .ports
        .iter()
        .flatten()
        .filter_map(|port| port.node_port);
    ports
        .chain(spec.health_check_node_port)
        .filter(|port| *port > 0)
        .collect()
}

fn rendered_ports(service: &Value) -> Vec<i32> {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let ports = ports.filter_map(|port| port["nodePort"].as_i64());
    ports
        .filter_map(|port| port.try_into().ok())
        .filter(|port| *port > 0)
        .collect()
}
