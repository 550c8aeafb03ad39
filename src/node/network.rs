//! The node's pod network before its plug-in runs.

use super::Error;
use super::spec::FIRST_POD_RANGE;
use crate::docker::{Engine, exec_ok};

/// Writes what kind's network plug-in would write, under its file name and network
/// name, with the range that the first node of a cluster gets. Pods then start some
/// seconds earlier: the plug-in itself is a pod that the controllers have to make
/// first. It writes the file again when it runs. Under another name addresses would be
/// given twice, as each name has a list of its own. A node with another plug-in is left
/// alone.
///
/// Source: images/kindnetd/cmd/kindnetd/cni.go of kind 0.33. There pods are masked by
/// the plug-in; until it runs, by this.
pub(super) async fn configure(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let script = r#"grep -q kindnet /kind/manifests/default-cni.yaml 2>/dev/null || exit 0
mtu=$(cat /sys/class/net/eth0/mtu 2>/dev/null) || mtu=1500
mkdir -p /etc/cni/net.d
printf '{"cniVersion":"0.3.1","name":"kindnet","plugins":[{"type":"ptp","ipMasq":true,"mtu":%s,"ipam":{"type":"host-local","dataDir":"/run/cni-ipam-state","routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"%s"}]]}},{"type":"portmap","capabilities":{"portMappings":true}}]}\n' "$mtu" "$1" >/etc/cni/net.d/10-kindnet.conflist"#;
    let argv = ["sh", "-c", script, "sh", FIRST_POD_RANGE];
    exec_ok(engine, node, "configure the network of the node", &argv).await?;
    Ok(())
}
