//! What only this machine knows of a server with host names and TLS: the addresses of the names,
//! and the certificates that tasks must trust.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::kube::{Cluster, Error};
use crate::settings::Instance;

/// The last line of a certificate in PEM format.
const END: &str = "-----END CERTIFICATE-----";

/// Returns the certificates that tasks trust besides the public ones, in PEM format: those of
/// `--ca-file`, and those of the server's ingresses.
pub(super) async fn certificates(cluster: &Cluster, settings: &Instance) -> Result<String, Error> {
    let ca = settings.node.ca.pem();
    let mut found: Vec<String> = ca.map(str::to_owned).into_iter().collect();
    for name in cluster.tls_secrets().await? {
        let Some(secret) = cluster.secret(&name).await? else {
            continue;
        };
        found.extend(secret.get("ca.crt").cloned());
        found.extend(secret.get("tls.crt").map(|chain| self_signed(chain)));
    }
    let found = found.iter().map(|pem| pem.trim());
    let found: Vec<&str> = found.filter(|pem| !pem.is_empty()).collect();
    Ok(found.join("\n"))
}

/// Returns the certificates of a chain that can be trusted by themselves. The others change when
/// they are renewed, which must not restart the pods.
fn self_signed(chain: &str) -> String {
    let certificates = chain.split_inclusive(END);
    let own = certificates.filter(|one| is_self_signed(one));
    let own: Vec<&str> = own.map(str::trim).collect();
    own.join("\n")
}

fn is_self_signed(pem: &str) -> bool {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok();
    let certificate = der.and_then(|der| Certificate::from_der(&der).ok());
    certificate.is_some_and(|certificate| {
        let signed = certificate.tbs_certificate();
        signed.issuer() == signed.subject()
    })
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

    const AUTHORITY: &str = include_str!("../../tests/commands/tls/ca.pem");
    const SERVER: &str = include_str!("../../tests/commands/tls/server.pem");

    #[test]
    fn of_a_chain_only_the_authority_is_trusted() {
        let chain = format!("{SERVER}{AUTHORITY}");
        assert_eq!(self_signed(&chain), AUTHORITY.trim());
        assert_eq!(self_signed(SERVER), "");
        assert_eq!(self_signed("not a certificate"), "");
    }

    #[tokio::test]
    async fn names_that_mean_this_machine_have_no_address_in_a_pod() {
        let names = ["localhost", "absent.invalid", "192.0.2.1"].map(str::to_owned);
        let found = addresses(names.into()).await;
        assert_eq!(found, [("192.0.2.1".to_owned(), [192, 0, 2, 1].into())]);
    }
}
