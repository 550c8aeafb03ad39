//! Configures the node's pod network before its plug-in runs.

use super::Error;
use super::spec::FIRST_POD_RANGE;
use crate::docker::{Engine, exec_ok};

/// Writes the file that kind's network plug-in would write, with its file name, its
/// network name, and the range of the first node of a cluster. Pods then start some
/// seconds earlier, because the plug-in is a pod that the controllers must create first.
/// It overwrites the file when it runs. With another network name, addresses would be
/// assigned twice, because each name has its own list. Does nothing if the node has
/// another plug-in. Source: images/kindnetd/cmd/kindnetd/cni.go of kind 0.33. There, the
/// plug-in masquerades the addresses of pods; until it runs, this configuration does.
pub(super) async fn configure(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let script = r#"grep -q kindnet /kind/manifests/default-cni.yaml 2>/dev/null || exit 0
mtu=$(cat /sys/class/net/eth0/mtu 2>/dev/null) || mtu=1500
mkdir -p /etc/cni/net.d
printf '{"cniVersion":"0.3.1","name":"kindnet","plugins":[{"type":"ptp","ipMasq":true,"mtu":%s,"ipam":{"type":"host-local","dataDir":"/run/cni-ipam-state","routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":"%s"}]]}},{"type":"portmap","capabilities":{"portMappings":true}}]}\n' "$mtu" "$1" >/etc/cni/net.d/10-kindnet.conflist"#;
    let argv = ["sh", "-c", script, "sh", FIRST_POD_RANGE];
    exec_ok(engine, node, "configure the network of the node", &argv).await?;
    Ok(())
}
