//! The Services of the servers and of Redis.

use super::{Context, Finding, Found, keys_listed};
use crate::component::Component;
use crate::values::{Server, ServiceType, keys};

pub(super) fn errors(context: &Context<'_>, found: &mut Found) {
    node_ports(context, found);
    controller_ports(context, found);
    redis_port(context, found);
}

pub(super) fn warnings(context: &Context<'_>, found: &mut Found) {
    if context.target.is_cluster() {
        shared_volume(context, found);
        return;
    }
    for kind in [ServiceType::ClusterIp, ServiceType::LoadBalancer] {
        types(kind, context, found);
    }
    if context.values.mongodb.service != ServiceType::ClusterIp
        && context.values.installs(Component::Mongodb)
    {
        let kind = context.values.mongodb.service.as_str();
        let key = &keys::mongodb::SERVICE_TYPE;
        found.push(Finding::new(
            key,
            format!("`{key}` is {kind}, but this node publishes only the three servers: MongoDB is reachable only inside the cluster"),
        ));
    }
}

/// The servers, each with its keys.
fn servers<'a>(
    context: &Context<'a>,
) -> impl Iterator<Item = (Component, &'a Server, &'static keys::Server)> {
    let servers = context.values.servers().into_iter();
    servers.filter_map(|(name, server)| Some((name, server, keys::server(name)?)))
}

/// Refuses equal node ports. A local node publishes all three, regardless of the service type.
fn node_ports(context: &Context<'_>, found: &mut Found) {
    let mut earlier: Vec<(Component, u16, &keys::Server)> = Vec::new();
    let is_published = |server: &Server| {
        !context.target.is_cluster() || server.service.kind == ServiceType::NodePort
    };
    for (name, server, keys) in servers(context).filter(|(_, server, _)| is_published(server)) {
        let port = server.service.node_port;
        if let Some((other, _, others)) = earlier.iter().find(|(_, used, _)| *used == port) {
            found.push(Finding::of(
                [keys, others].map(|keys| keys.node_port.to_string()),
                format!("`{name}` and `{other}` cannot both have node port {port}"),
            ));
        }
        earlier.push((name, port, keys));
    }
}

fn controller_ports(context: &Context<'_>, found: &mut Found) {
    let Some(controller) = context.target.controller() else {
        return;
    };
    for (_, server, keys) in servers(context) {
        let port = server.service.node_port;
        if controller.node_ports.contains(&port) {
            let key = &keys.node_port;
            found.push(Finding::new(
                key,
                format!(
                    "`{key}` is {port}, which the ingress controller uses: choose another \
                    port, or omit `--with-ingress`"
                ),
            ));
        }
    }
}

/// Warns about types that do not publish a node port; they are rendered as `NodePort`.
fn types(kind: ServiceType, context: &Context<'_>, found: &mut Found) {
    let of_kind = servers(context).filter(|(_, server, _)| server.service.kind == kind);
    let keys: Vec<String> = of_kind
        .map(|(_, _, keys)| keys.service_type.to_string())
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

/// Warns about several pods of the file server, which share a volume.
fn shared_volume(context: &Context<'_>, found: &mut Found) {
    let count = context.values.fileserver.replicas;
    if count > 1 {
        let key = &keys::fileserver::SERVER.replica_count;
        found.push(Finding::new(
            key,
            format!(
                "`{key}` is {count}, but the pods share a volume that only one node can mount: all \
                 of them must run on that node"
            ),
        ));
    }
}

/// Refuses different ports for Redis itself and in the configuration of the servers, which the
/// chart accepts.
fn redis_port(context: &Context<'_>, found: &mut Found) {
    let redis = &context.values.redis;
    let is_own_host = redis.configured_host == "clearml-redis-master";
    if redis.base.enabled && is_own_host && redis.configured_port != redis.port {
        let keys = [&keys::redis::MASTER_PORT, &keys::redis::SERVICE_PORT];
        found.push(Finding::of(
            keys.map(String::from),
            format!(
                "the servers would look for Redis on port {}, but its service has port {}: set \
                 `{}` and `{}` to the same value",
                redis.configured_port, redis.port, keys[0], keys[1]
            ),
        ));
    }
}
