//! What only this machine knows of a server with host names and TLS: the addresses of the names,
//! and the certificates that tasks must trust.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::kube::{Cluster, Error};
use crate::settings::Instance;

/// The keys of a Secret with a certificate that have its chain, and the CA, if there is one.
const CERTIFICATES: [&str; 2] = ["ca.crt", "tls.crt"];

/// Returns the certificates that tasks trust besides the public ones, in PEM format: those of
/// `--ca-file`, and those of the server's ingresses, which may be self-signed.
pub(super) async fn certificates(cluster: &Cluster, settings: &Instance) -> Result<String, Error> {
    let mut found: Vec<String> = settings
        .node
        .ca
        .pem()
        .map(str::to_owned)
        .into_iter()
        .collect();
    for name in cluster.tls_secrets().await? {
        let Some(mut secret) = cluster.secret(&name).await? else {
            continue;
        };
        found.extend(CERTIFICATES.iter().filter_map(|key| secret.remove(*key)));
    }
    let found: Vec<&str> = found.iter().map(|pem| pem.trim()).collect();
    Ok(found.join("\n"))
}

/// Returns the addresses that names have on this machine, the same ones each time. Those of
/// loopback mean something else in a pod.
pub(super) async fn addresses(names: BTreeSet<String>) -> Vec<(String, IpAddr)> {
    let mut found = Vec::new();
    for name in names {
        let Ok(addresses) = tokio::net::lookup_host((name.as_str(), 0)).await else {
            continue;
        };
        let addresses = addresses.map(|address| address.ip());
        let address = addresses.filter(|address| !address.is_loopback()).min();
        found.extend(address.map(|address| (name, address)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_that_mean_this_machine_have_no_address_in_a_pod() {
        let names = ["localhost", "absent.invalid", "192.0.2.1"].map(str::to_owned);
        let found = addresses(names.into()).await;
        assert_eq!(found, [("192.0.2.1".to_owned(), [192, 0, 2, 1].into())]);
    }
}
