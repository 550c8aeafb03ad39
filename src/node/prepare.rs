//! What a fresh node is told before anything runs in it.

use super::Error;
use crate::docker::{Engine, exec_ok, write_file};

/// systemd's bound for what does not end by itself. The Kubernetes API server
/// never does once etcd is gone, and systemd's own 90 s would hold up every
/// shutdown of the machine; 20 s are enough for databases to flush.
const STOP_BOUND: &str = "[Manager]\nDefaultTimeoutStopSec=20s\n";
const STOP_BOUND_FILE: &str = "/etc/systemd/system.conf.d/10-clearml-local.conf";

/// Where the user's certificate authority lies in the node, in Debian's way.
const CA_FILE: &str = "/usr/local/share/ca-certificates/clearml-local.crt";
/// The same once everything in the node trusts it: an `up` may end in between.
const TRUSTED_FILE: &str = "/kind/clearml-local-ca.crt";

/// Bounds how long the node may take to stop, and forgets the containers of former nodes:
/// the image volume outlives nodes, and containerd would report their containers to the
/// kubelet as dead ones to be looked after.
const NEW_NODE: &str = r#"mkdir -p "${1%/*}" && printf %s "$2" >"$1" && systemctl daemon-reload || exit
names=$(ctr -n k8s.io containers ls -q) && [ -n "$names" ] || exit 0
ctr -n k8s.io containers rm $names >/dev/null 2>&1
for sandbox in $(ctr -n k8s.io sandboxes ls -q 2>/dev/null); do
  ctr -n k8s.io sandboxes rm "$sandbox" >/dev/null 2>&1
done
systemctl restart containerd"#;

/// The kubelet's setting with which every image in the node counts as present.
pub(super) const NEVER_VERIFY_PULLS: &str = "imagePullCredentialsVerificationPolicy: NeverVerify";

/// Prepares a node that was just created and whose containerd answers.
pub(super) async fn new_node(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let argv = ["sh", "-c", NEW_NODE, "sh", STOP_BOUND_FILE, STOP_BOUND];
    exec_ok(engine, node, "prepare the node", &argv).await?;
    Ok(())
}

/// Makes the node, and what pulls images in it, trust the certificates of `pem`
/// beside the public ones. Returns whether it did not before.
pub async fn trust(engine: &dyn Engine, node: &str, pem: &str) -> Result<bool, Error> {
    let there = engine.exec(node, &["cat", TRUSTED_FILE], None).await?;
    if there.code == 0 && there.stdout == pem {
        return Ok(false);
    }
    write_file(engine, node, CA_FILE, pem).await?;
    // containerd reads the certificates of the system once.
    let script =
        "update-ca-certificates >/dev/null && systemctl restart containerd && cp \"$1\" \"$2\"";
    let argv = ["sh", "-c", script, "sh", CA_FILE, TRUSTED_FILE];
    exec_ok(engine, node, "trust certificates in the node", &argv).await?;
    Ok(true)
}

/// Makes the kubelet of a node of an earlier version count every image in the node
/// as present. By default it does not when a pull of that image was interrupted, not
/// even when it was loaded: `/var/lib/kubelet/image_manager/pulling` remembers it.
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
    async fn a_node_that_trusts_already_is_left_alone() {
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
