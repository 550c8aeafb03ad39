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

/// Bounds how long the node may take to stop.
///
/// # Errors
/// When the engine does not answer.
pub async fn bound_stop(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    write_file(engine, node, STOP_BOUND_FILE, STOP_BOUND).await?;
    exec_ok(engine, node, &["systemctl", "daemon-reload"]).await?;
    Ok(())
}

/// Makes the node, and what pulls images in it, trust the certificates of `pem`
/// beside the public ones. Returns whether it did not before.
///
/// # Errors
/// When the engine does not answer, or the node cannot use the certificates.
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
    exec_ok(engine, node, &argv).await?;
    Ok(true)
}

/// Makes the kubelet of a node of an earlier version count every image in the node
/// as present. By default it does not when a pull of that image was interrupted, not
/// even when it was loaded: `/var/lib/kubelet/image_manager/pulling` remembers it.
///
/// # Errors
/// When the engine does not answer.
pub(super) async fn never_verify_pulls(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let script = "line='imagePullCredentialsVerificationPolicy: NeverVerify'; \
         file=/var/lib/kubelet/config.yaml; \
         grep -qxF \"$line\" $file && exit 0; \
         sed -i '/^imagePullCredentialsVerificationPolicy:/d' $file && echo \"$line\" >>$file && \
         systemctl try-restart kubelet";
    exec_ok(engine, node, &["sh", "-c", script]).await?;
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
