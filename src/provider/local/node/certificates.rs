//! The certificates of the cluster. kubeadm issues them for a year, and `kubeadm
//! upgrade`, which would renew them, never runs in these nodes. So they are renewed here.

use std::net::{IpAddr, Ipv4Addr};

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::Error;
use crate::docker::Engine;

/// How long before their expiry certificates are renewed and a warning is shown.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many certificates a warning lists.
const MAX_LISTED: usize = 3;

/// Prints the address of the node, and each certificate after its name. The file with the
/// kubelet's client certificate also contains the key, which is not printed.
pub(super) const READ: &str = r#"cd /etc/kubernetes
echo "== address $(getent ahostsv4 "$(hostname)" | cut -d ' ' -f 1 | head -n 1)"
for file in pki/*.crt pki/etcd/*.crt; do
  case $file in *ca.crt) continue ;; esac
  [ -f $file ] && name=${file#pki/} && echo "== ${name%.crt}" && cat $file
done
for file in *.conf; do
  [ -f $file ] && echo "== $file" && sed -n 's/^ *client-certificate-data: //p' $file | base64 -d
done
file=/var/lib/kubelet/pki/kubelet-client-current.pem
[ -f $file ] && echo '== kubelet' && sed -n '/BEGIN CERT/,/END CERT/p' $file
true"#;

/// Renews all certificates. The servers read them only when they start, so the script
/// kills them, and the kubelet restarts them. With the argument `address`, the API
/// server's certificate is for a previous address and is issued again.
const RENEW: &str = r#"set -e
config=/kind/kubeadm.conf pki=/var/lib/kubelet/pki
trap 'systemctl start kubelet' EXIT
systemctl stop kubelet
if [ "$2" = address ]; then
  rm -f /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/pki/apiserver.key
  kubeadm init phase certs apiserver --config $config
fi
kubeadm certs renew all --config $config
umask 077
kubeadm kubeconfig user --org system:nodes --client-name "system:node:$1" --config $config >/kind/kubelet.conf.new
new=kubelet-client-$(date -u +%Y-%m-%d-%H-%M-%S).pem
for key in client-certificate-data client-key-data; do
  sed -n "s/^ *$key: //p" /kind/kubelet.conf.new | base64 -d
done >$pki/$new
rm -f /kind/kubelet.conf.new
ln -sfn $pki/$new $pki/kubelet-client-current.pem
for name in kube-apiserver kube-scheduler kube-controller-manager etcd; do
  for id in $(ctr -n k8s.io containers ls -q "labels.\"io.kubernetes.container.name\"==$name"); do
    signal=SIGKILL
    [ $name != etcd ] || signal=SIGTERM
    ctr -n k8s.io tasks kill -s $signal "$id" 2>/dev/null || true
  done
done"#;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificates {
    expiries: Vec<(String, Timestamp)>,
    /// Whether the API server's certificate is for an address that the node no longer
    /// has.
    address_changed: bool,
}

pub async fn certificates(engine: &dyn Engine, node: &str) -> Result<Certificates, Error> {
    let output = engine.exec(node, &["bash", "-c", READ], None).await?;
    Ok(Certificates::parse(&output.stdout))
}

/// Renews the certificates of a running node. The Kubernetes API is unavailable for some
/// seconds afterwards.
pub async fn renew_certificates(
    engine: &dyn Engine,
    node: &str,
    found: &Certificates,
) -> Result<(), Error> {
    let address = if found.address_changed { "address" } else { "" };
    let argv = ["bash", "-c", RENEW, "bash", node, address];
    let output = engine.exec(node, &argv, None).await?;
    if output.code == 0 {
        return Ok(());
    }
    let tail: Vec<String> = output.stderr.lines().map(str::to_owned).collect();
    let reason = tail.iter().rfind(|line| !line.trim().is_empty()).cloned();
    Err(Error::Renewal {
        node: node.to_owned(),
        reason: reason.unwrap_or_else(|| format!("exit code {}", output.code)),
        tail,
    })
}

impl Certificates {
    pub(super) fn parse(text: &str) -> Certificates {
        let mut found = Certificates::default();
        let mut address: Option<IpAddr> = None;
        for section in text.split("== ").skip(1) {
            let (name, rest) = section.split_once('\n').unwrap_or((section, ""));
            if let Some(now) = name.strip_prefix("address ") {
                address = now.trim().parse().ok();
                continue;
            }
            let der = CertificateDer::from_pem_slice(rest.as_bytes()).ok();
            let Some(certificate) = der.and_then(|der| Certificate::from_der(&der).ok()) else {
                continue;
            };
            let end = certificate.tbs_certificate().validity().not_after;
            let end = i64::try_from(end.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
            let end = Timestamp::from_second(end).unwrap_or(Timestamp::MAX);
            found.expiries.push((name.to_owned(), end));
            if name == "apiserver"
                && let Some(address) = address
            {
                found.address_changed = !addresses(&certificate).contains(&address);
            }
        }
        found
    }

    /// Returns whether they must be renewed: one expires soon or is for a previous
    /// address.
    pub fn need_renewal(&self, now: Timestamp) -> bool {
        self.address_changed
            || self
                .expiries
                .iter()
                .any(|(_, end)| *end < now + RENEW_BEFORE)
    }

    pub fn expired(&self, now: Timestamp) -> bool {
        self.expiries.iter().any(|(_, end)| *end < now)
    }

    /// Returns the warning about certificates that have expired or expire soon:
    /// `certificates of the cluster expired on 2027-11-25: apiserver, …`.
    pub fn warning(&self, now: Timestamp) -> Option<String> {
        let expired = self.expired(now);
        let until = if expired { now } else { now + RENEW_BEFORE };
        let mut due = self.expiries.iter().filter(|(_, end)| *end < until);
        let mut due: Vec<_> = due.by_ref().collect();
        due.sort_by_key(|(_, end)| *end);
        let Some((_, first)) = due.first() else {
            let other = "the certificate of the Kubernetes API is for an old address";
            return self.address_changed.then(|| other.to_owned());
        };
        let date = first.to_string();
        let date = date.split('T').next().unwrap_or_default();
        let when = match first.duration_since(now).as_hours() {
            _ if expired => format!("expired on {date}"),
            hours @ 48.. => format!("expire in {} days, on {date}", hours / 24),
            _ => format!("expire on {date}"),
        };
        let names: Vec<&str> = due.iter().map(|(name, _)| name.as_str()).collect();
        let listed = names[..names.len().min(MAX_LISTED)].join(", ");
        let more = match names.len().saturating_sub(MAX_LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!(
            "certificates of the cluster {when}: {listed}{more}"
        ))
    }
}

/// Returns the IPv4 addresses that a certificate is for.
fn addresses(certificate: &Certificate) -> Vec<IpAddr> {
    let extension = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>();
    let Ok(Some((_, names))) = extension else {
        return Vec::new();
    };
    let ip = |name: &GeneralName| match name {
        GeneralName::IpAddress(bytes) => {
            let bytes: [u8; 4] = bytes.as_bytes().try_into().ok()?;
            Some(IpAddr::V4(Ipv4Addr::from(bytes)))
        }
        _ => None,
    };
    names.0.iter().filter_map(ip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An API server's certificate from kubeadm, for 10.96.0.1, 172.20.0.3 and 127.0.0.1,
    /// which expires at 2027-11-26T08:15:32Z.
    const APISERVER: &str = include_str!("certificates/apiserver.pem");

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn found(address: &str) -> Certificates {
        let text = format!(
            "== address {address}\n== apiserver\n{APISERVER}== admin.conf\n{APISERVER}== kubelet.conf\n"
        );
        Certificates::parse(&text)
    }

    #[test]
    fn a_warning_lists_certificates_30_days_before_they_expire() {
        let found = found("172.20.0.3");
        let early = at("2027-10-20T00:00:00Z");
        assert_eq!(found.warning(early), None);
        assert!(!found.need_renewal(early));
        let soon = at("2027-11-14T00:00:00Z");
        assert_eq!(
            found.warning(soon).unwrap(),
            "certificates of the cluster expire in 12 days, on 2027-11-26: apiserver, admin.conf"
        );
        assert!(found.need_renewal(soon) && !found.expired(soon));
        let late = at("2027-12-01T00:00:00Z");
        assert!(found.expired(late));
        assert_eq!(
            found.warning(late).unwrap(),
            "certificates of the cluster expired on 2027-11-26: apiserver, admin.conf"
        );
    }

    #[test]
    fn an_expired_certificate_of_the_kubelet_is_reported() {
        let found = Certificates::parse(&format!("== address 172.20.0.3\n== kubelet\n{APISERVER}"));
        let late = at("2027-12-01T00:00:00Z");
        assert!(found.need_renewal(late) && found.expired(late));
        assert_eq!(
            found.warning(late).unwrap(),
            "certificates of the cluster expired on 2027-11-26: kubelet"
        );
    }

    #[test]
    fn a_certificate_for_a_previous_address_is_renewed() {
        let now = at("2027-01-01T00:00:00Z");
        assert!(found("172.20.0.7").need_renewal(now));
        assert!(!found("").need_renewal(now), "the address may be unknown");
    }
}
