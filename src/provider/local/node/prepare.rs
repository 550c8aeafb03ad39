//! Prepares a new node before anything runs in it.

use super::Error;
use crate::docker::{Engine, exec_ok, write_file};

/// systemd's timeout for stopping services. The Kubernetes API server never exits once
/// etcd is gone, and systemd's default of 90 s would delay every shutdown of the host. 20
/// s are enough for databases to flush.
const STOP_TIMEOUT: &str = "[Manager]\nDefaultTimeoutStopSec=20s\n";
const STOP_TIMEOUT_FILE: &str = "/etc/systemd/system.conf.d/10-clearml-local.conf";

/// The path of the user's certificate authorities in the node, as Debian expects it.
const CA_FILE: &str = "/usr/local/share/ca-certificates/clearml-local.crt";
/// A copy that is written once the node trusts them, because `up` may be interrupted
/// before.
const TRUSTED_FILE: &str = "/kind/clearml-local-ca.crt";

/// Limits how long the node may take to stop, and removes the containers of previous
/// nodes from containerd: the image volume outlives nodes, and containerd would report
/// their containers to the kubelet. kubeadm makes systemd read its settings again before it
/// starts the kubelet.
const NEW_NODE: &str = r#"mkdir -p "${1%/*}" && printf %s "$2" >"$1" || exit
names=$(ctr -n k8s.io containers ls -q) && [ -n "$names" ] || exit 0
ctr -n k8s.io containers rm $names >/dev/null 2>&1
for sandbox in $(ctr -n k8s.io sandboxes ls -q 2>/dev/null); do
  ctr -n k8s.io sandboxes rm "$sandbox" >/dev/null 2>&1
done
systemctl restart containerd"#;

/// The kubelet's setting that allows every image in the node.
pub(super) const NEVER_VERIFY_PULLS: &str = "imagePullCredentialsVerificationPolicy: NeverVerify";

/// Prepares a new node whose containerd answers.
pub(super) async fn new_node(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let argv = ["sh", "-c", NEW_NODE, "sh", STOP_TIMEOUT_FILE, STOP_TIMEOUT];
    exec_ok(engine, node, "prepare the node", &argv).await?;
    Ok(())
}

/// Makes the node and its containerd trust the certificates in `pem` in addition to the
/// public ones. Returns `false` if it already does.
pub async fn trust(engine: &dyn Engine, node: &str, pem: &str) -> Result<bool, Error> {
    let trusted = engine.exec(node, &["cat", TRUSTED_FILE], None).await?;
    if trusted.code == 0 && trusted.stdout == pem {
        return Ok(false);
    }
    write_file(engine, node, CA_FILE, pem).await?;
    // containerd reads the certificates only when it starts.
    let script =
        "update-ca-certificates >/dev/null && systemctl restart containerd && cp \"$1\" \"$2\"";
    let argv = ["sh", "-c", script, "sh", CA_FILE, TRUSTED_FILE];
    exec_ok(engine, node, "trust certificates in the node", &argv).await?;
    Ok(true)
}

/// Makes the kubelet of a node that an earlier version created allow every image in the
/// node. By default, it does not if a pull of the image was interrupted, even if the
/// image was loaded since: `/var/lib/kubelet/image_manager/pulling` records the pull.
pub(super) async fn never_verify_pulls(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let script = "file=/var/lib/kubelet/config.yaml; \
         grep -qxF \"$1\" $file && exit 0; \
         sed -i '/^imagePullCredentialsVerificationPolicy:/d' $file && echo \"$1\" >>$file && \
         systemctl try-restart kubelet";
    let argv = ["sh", "-c", script, "sh", NEVER_VERIFY_PULLS];
    exec_ok(engine, node, "configure the kubelet", &argv).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};

    #[tokio::test]
    async fn a_node_that_already_trusts_the_certificates_is_not_changed() {
        let answer = |_: &str, argv: &[&str]| Output {
            stdout: if argv[0] == "cat" { "PEM\n" } else { "" }.into(),
            ..Output::default()
        };
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(answer));
        assert!(!trust(&engine, "n", "PEM\n").await.unwrap());
        assert_eq!(engine.state().calls.len(), 1);
        assert!(trust(&engine, "n", "OTHER\n").await.unwrap());
    }
}
