//! How the servers and Redis are reached.

use super::{Context, Finding, Found, keys_listed};
use crate::component::Component;
use crate::values::ServiceType;

pub(super) fn broken(context: &Context<'_>, found: &mut Found) {
    node_ports(context, found);
    controller_ports(context, found);
    redis_port(context, found);
}

pub(super) fn doubtful(context: &Context<'_>, found: &mut Found) {
    for kind in [ServiceType::ClusterIp, ServiceType::LoadBalancer] {
        types(kind, context, found);
    }
    if context.values.mongodb.service != ServiceType::ClusterIp
        && context.values.installs(Component::Mongodb)
    {
        let kind = context.values.mongodb.service.as_str();
        found.push(Finding::new(
            "mongodb.service.type",
            format!("`mongodb.service.type` is {kind}, but this node publishes only the three servers: MongoDB is reachable only inside the cluster"),
        ));
    }
}

/// All three are published, whatever their type.
fn node_ports(context: &Context<'_>, found: &mut Found) {
    let mut earlier: Vec<(Component, u16)> = Vec::new();
    for (name, server) in context.values.servers() {
        let port = server.service.node_port;
        if let Some((other, _)) = earlier.iter().find(|(_, taken)| *taken == port) {
            let keys = [name, *other].map(|server| format!("{server}.service.nodePort"));
            found.push(Finding::of(
                keys,
                format!("`{name}` and `{other}` cannot both have node port {port}"),
            ));
        }
        earlier.push((name, port));
    }
}

fn controller_ports(context: &Context<'_>, found: &mut Found) {
    let Some(controller) = context.controller else {
        return;
    };
    for (name, server) in context.values.servers() {
        let port = server.service.node_port;
        if controller.node_ports.contains(&port) {
            let key = format!("{name}.service.nodePort");
            found.push(Finding::new(
                key.clone(),
                format!(
                    "`{key}` is {port}, which the ingress controller uses: choose another \
                    port, or omit `--with-ingress`"
                ),
            ));
        }
    }
}

/// Types with which a server would not be reachable through the node's ports; they are
/// rendered as NodePort.
fn types(kind: ServiceType, context: &Context<'_>, found: &mut Found) {
    let servers = context.values.servers();
    let of_kind = servers
        .iter()
        .filter(|(_, server)| server.service.kind == kind);
    let keys: Vec<String> = of_kind
        .map(|(name, _)| format!("{name}.service.type"))
        .collect();
    if keys.is_empty() {
        return;
    }
    let one = keys.len() == 1;
    let (is, its, ports) = match one {
        true => ("is", "its", "port"),
        false => ("are", "their", "ports"),
    };
    let (listed, word) = (keys_listed(&keys), kind.as_str());
    let elsewhere = match kind {
        ServiceType::ClusterIp if one => "would be reachable only inside it".to_owned(),
        ServiceType::ClusterIp => "they would be reachable only inside it".to_owned(),
        _ if one => "would get the address of a load balancer".to_owned(),
        _ => "each would get the address of a load balancer".to_owned(),
    };
    let elsewhere = match one {
        true => format!("it {elsewhere}"),
        false => elsewhere,
    };
    found.push(Finding::of(
        keys,
        format!("{listed} {is} {word}: this node publishes {its} node {ports} anyway; in another cluster {elsewhere}"),
    ));
}

/// The chart tells the servers a port of Redis, and gives Redis another.
fn redis_port(context: &Context<'_>, found: &mut Found) {
    let redis = &context.values.redis;
    let own = redis.told_host == "clearml-redis-master";
    if redis.base.enabled && own && redis.told_port != redis.port {
        let keys = ["redis.master.port", "redis.master.service.port"];
        found.push(Finding::of(
            keys.map(str::to_owned),
            format!(
                "the servers would look for Redis on port {}, but its service has port {}: set \
                 `redis.master.port` and `redis.master.service.port` to the same value",
                redis.told_port, redis.port
            ),
        ));
    }
}
