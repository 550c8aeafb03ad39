//! Finds networks by name, and creates the one that kind's nodes share.

use std::collections::HashMap;

use bollard::models as model;
use bollard::query_parameters as query;
use sha2::{Digest, Sha256};

use super::calls::Call;
use super::{Docker, optional};
use crate::docker::{Error, Network};

impl Docker {
    /// Lists the networks with exactly this name: engines allow several.
    pub(super) async fn networks_named(&self, name: &str) -> Result<Vec<Network>, Error> {
        let filters = HashMap::from([("name".to_owned(), vec![name.to_owned()])]);
        let options = query::ListNetworksOptionsBuilder::default()
            .filters(&filters)
            .build();
        let request = |client: bollard::Docker| {
            let options = Some(options.clone());
            async move { client.list_networks(options).await }
        };
        let listed = self.calls.answer(Call::read("list networks"), request);
        let mut networks = Vec::new();
        for listed in listed.await? {
            // The filter also matches names that only contain this one.
            if listed.name.as_deref() != Some(name) {
                continue;
            }
            // The list does not contain the containers.
            let id = listed.id.unwrap_or_default();
            let what = format!("inspect the network {name}");
            if let Some(found) = optional(self.inspect_network(&id, what).await)? {
                networks.push(network_from(found));
            }
        }
        networks.sort_by(|one, other| (&one.created, &one.id).cmp(&(&other.created, &other.id)));
        Ok(networks)
    }

    pub(super) async fn create_network_named(&self, name: &str) -> Result<(), Error> {
        let mtu = self.default_mtu().await;
        let refused = match self.request_network(name, mtu.as_deref(), true).await {
            Err(Error::Refused { .. }) => self.request_network(name, mtu.as_deref(), false).await,
            created => created,
        };
        match refused {
            // Another process has created it in the meantime.
            Err(Error::Refused { status: 409, .. }) => Ok(()),
            created => created,
        }
    }

    /// Requests the creation of a network, unless an earlier attempt has created it.
    async fn request_network(
        &self,
        name: &str,
        mtu: Option<&str>,
        ipv6: bool,
    ) -> Result<(), Error> {
        let wanted = request(name, mtu, ipv6);
        let create = |client: bollard::Docker| {
            let wanted = wanted.clone();
            async move { client.create_network(wanted).await.map(drop) }
        };
        let done = || async move {
            let found = self.networks_named(name).await?;
            Ok(found.first().map(|_| ()))
        };
        let what = format!("create the network {name}");
        self.calls.unless_done(&what, create, done).await
    }

    pub(super) async fn reconnect_to(&self, network: &str, container: &str) -> Result<(), Error> {
        let leave = model::NetworkDisconnectRequest {
            container: container.to_owned(),
            force: Some(true),
        };
        let join = model::NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: None,
        };
        let request = |client: bollard::Docker| {
            let (leave, join) = (leave.clone(), join.clone());
            async move {
                // Fails if the container is not connected, which is fine.
                let _ = client.disconnect_network(network, leave).await;
                client.connect_network(network, join).await
            }
        };
        let what = format!("connect {container} to the network {network}");
        self.calls.answer(Call::idempotent(what), request).await
    }

    async fn inspect_network(
        &self,
        id: &str,
        what: String,
    ) -> Result<model::NetworkInspect, Error> {
        let request = |client: bollard::Docker| async move {
            let options = query::InspectNetworkOptionsBuilder::default().build();
            client.inspect_network(id, Some(options)).await
        };
        self.calls.answer(Call::read(what), request).await
    }

    /// Returns the MTU of the engine's default bridge, if it was set. New networks do not
    /// inherit it, and larger packets get lost behind VPNs.
    async fn default_mtu(&self) -> Option<String> {
        let what = "inspect the network bridge".to_owned();
        let bridge = self.inspect_network("bridge", what).await;
        bridge
            .ok()?
            .options?
            .get("com.docker.network.driver.mtu")
            .cloned()
    }
}

fn network_from(found: model::NetworkInspect) -> Network {
    let ranges = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let containers = found.containers.unwrap_or_default().into_iter();
    Network {
        id: found.id.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        created: found.created.map(|at| at.to_string()).unwrap_or_default(),
        driver: found.driver.unwrap_or_default(),
        subnets: ranges
            .into_iter()
            .filter_map(|range| range.subnet?.parse().ok())
            .collect(),
        containers: containers
            .map(|(_, endpoint)| {
                // `172.18.0.2/16`, or empty.
                let address = endpoint.ipv4_address.unwrap_or_default();
                let address = address.split('/').next().and_then(|text| text.parse().ok());
                (endpoint.name.unwrap_or_default(), address)
            })
            .collect(),
        labels: found.labels.unwrap_or_default().into_iter().collect(),
    }
}

/// Requests a bridge like the one that kind creates, so that both share it.
fn request(name: &str, mtu: Option<&str>, ipv6: bool) -> model::NetworkCreateRequest {
    let mut options = HashMap::from([(
        "com.docker.network.bridge.enable_ip_masquerade".to_owned(),
        "true".to_owned(),
    )]);
    if let Some(mtu) = mtu {
        options.insert("com.docker.network.driver.mtu".to_owned(), mtu.to_owned());
    }
    let ipam = ipv6.then(|| model::Ipam {
        config: Some(vec![model::IpamConfig {
            subnet: Some(unique_local_subnet(name)),
            ..model::IpamConfig::default()
        }]),
        ..model::Ipam::default()
    });
    model::NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        enable_ipv6: Some(ipv6),
        ipam,
        options: Some(options),
        ..model::NetworkCreateRequest::default()
    }
}

/// Returns an IPv6 range (RFC 4193) that depends only on the name: engines before 27 do
/// not choose one.
fn unique_local_subnet(name: &str) -> String {
    let hash = Sha256::digest(name.as_bytes());
    format!(
        "fd{:02x}:{:02x}{:02x}:{:02x}{:02x}:{:02x}{:02x}::/64",
        hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ipv6_range_depends_only_on_the_name() {
        assert_eq!(unique_local_subnet("kind"), unique_local_subnet("kind"));
        assert_ne!(unique_local_subnet("kind"), unique_local_subnet("other"));
    }

    #[test]
    fn a_network_lists_its_ranges_and_the_addresses_of_its_containers() {
        let text = r#"{"Name": "kind", "Id": "1f", "Driver": "bridge",
            "IPAM": {"Config": [
                {"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"},
                {"Subnet": "fc00:f853:ccd:e793::/64"}]},
            "Containers": {
                "a0": {"Name": "demo-control-plane", "IPv4Address": "172.18.0.2/16"},
                "b0": {"Name": "other", "IPv4Address": ""}}}"#;
        let network = network_from(serde_json::from_str(text).unwrap());
        let subnets: Vec<String> = network.subnets.iter().map(ToString::to_string).collect();
        assert_eq!(subnets, ["172.18.0.0/16", "fc00:f853:ccd:e793::/64"]);
        let address = |name: &str| network.containers[name].map(|a| a.to_string());
        assert_eq!(address("demo-control-plane").as_deref(), Some("172.18.0.2"));
        assert_eq!(address("other"), None);
    }
}
