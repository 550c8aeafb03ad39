//! Installs the add-ons of a cluster that are kubeadm's: DNS and the proxy. The pod network and the
//! storage class come from the node image (`manifests.rs`).

use super::bootstrap::run_kubeadm;
use super::{Error, kubeadm};
use crate::diagnose::Addon;
use crate::provider::local::Local;

/// Runs the phases of kubeadm that only write objects, at the same time: kubeadm sends five
/// requests a second, so they would take two seconds one after another. Also lets the node
/// serve load balancers, lets names resolve as soon as `CoreDNS` runs, deletes the bootstrap
/// token, makes the kubelet use the certificate that it renews, and waits for the controllers
/// and the scheduler. It can be repeated. The arguments are the node, the patch of `CoreDNS`, and
/// the add-on in kubeadm's words, or `all`. A working `CoreDNS` must not be installed again:
/// kubeadm first scales it to 0 pods, as in a new cluster, and names do not resolve meanwhile.
///
/// `CoreDNS` must not load its plug-in `loop`, which asks the resolver of the node a question at
/// its start. If nothing answers, as on a machine without a network, the plug-in `forward` asks
/// again every half second from then on, and a stop of the node takes 2 to 4 s longer, because
/// Docker's resolver waits for its questions (`ShutdownContext` in github.com/miekg/dns). The
/// node's resolver is Docker's, which never asks `CoreDNS`, so there is no loop to detect.
const INSTALL: &str = r#"
phase upload-config all & config=$!
kubectl label node "$1" node.kubernetes.io/exclude-from-external-load-balancers- & label=$!
id=$(sed -n 's/^ *- token: "*\([a-z0-9]*\)\..*/\1/p' /kind/kubeadm.conf)
{ [ -z "$id" ] || { phase bootstrap-token && kubectl -n kube-system delete secret "bootstrap-token-$id" --ignore-not-found; }; } & token=$!
phase addon "$3"
if [ "$3" != kube-proxy ]; then
  kubectl -n kube-system get configmap coredns -o yaml | sed '/^ *loop *$/d' | kubectl replace -f -
  kubectl -n kube-system patch deployment coredns -p "$2"
fi
wait $config
wait $label
wait $token
sed -i '/^ *- token: /d;/^ *ttl: /d;/^bootstrapTokens:/d' /kind/kubeadm.conf
current=/var/lib/kubelet/pki/kubelet-client-current.pem
[ ! -e $current ] || sed -i "s#client-certificate-data: .*#client-certificate: $current#;s#client-key-data: .*#client-key: $current#" /etc/kubernetes/kubelet.conf
await_healthy kube-controller-manager https://127.0.0.1:10257/healthz
await_healthy kube-scheduler https://127.0.0.1:10259/healthz
"#;

/// Installs those of the add-ons that are kubeadm's, and does what `kubeadm init` would do after
/// them.
///
/// # Errors
/// [`Error::Kubeadm`] with the relevant lines.
pub async fn install_addons(local: &Local<'_>, node: &str, addons: &[Addon]) -> Result<(), Error> {
    let phase = match [Addon::Dns, Addon::Services].map(|one| addons.contains(&one)) {
        [true, true] => "all",
        [true, false] => "coredns",
        [false, true] => "kube-proxy",
        [false, false] => return Ok(()),
    };
    let dns = kubeadm::coredns_patch(1);
    run_kubeadm(local.engine(), node, INSTALL, &[node, &dns, phase], None).await
}
