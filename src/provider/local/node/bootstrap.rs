//! Creates the cluster in a new node, with kubeadm.

use std::time::Duration;

use super::kubeadm::{self, Config};
use super::kubeconfig::{AdminConf, admin_conf};
use super::{Error, Inspection, network, prepare, verifies_pulls};
use crate::docker::{self, Container, Engine, bytes_of, exec_ok};
use crate::event::Step;
use crate::provider::local::Local;
use crate::wait::{Attempt, Reason, Wait};

/// Created in the node when kubeadm has succeeded. A node without it is incomplete.
pub(super) const DONE_FILE: &str = "/kind/clearml-local-ready";
/// Created in the node when it has its add-ons, because `up` may be interrupted between
/// `kubeadm init` and these.
pub(super) const PROVISIONED_FILE: &str = "/kind/clearml-local-furnished";

/// Runs `kubeadm init` and marks the node as complete. Its input is kubeadm's configuration; the
/// arguments are 1 with cgroup v1, or else 0, [`DONE_FILE`], and the patch of `CoreDNS` and its
/// file.
///
/// With cgroup v1, systemd may remove the cgroup of a slice while the first pods are created
/// in it, and the kubelet retries only after 10 to 15 s. So it is restarted when it logs this.
///
/// The controllers and the scheduler start when the API server has its roles. Before, it
/// refuses their requests, and they retry only after 1 to 4 s. kubeadm writes their manifests
/// before, while the API server starts, into a directory that only it sees at their place.
/// The last phase also gives the administrator's role to `admin.conf`.
const INIT: &str = r#"
(umask 077; mkdir -p "${4%/*}"; cat >/kind/kubeadm.conf; printf %s "$3" >"$4")
if [ "$1" = 1 ]; then
  { timeout 60 journalctl -u kubelet -f -o cat | grep -q -m 1 'cgroups exist and are correctly applied' &&
    systemctl restart kubelet; } </dev/null >/dev/null 2>&1 &
fi
kubeadm init --config=/kind/kubeadm.conf --skip-token-print
manifests=/etc/kubernetes/manifests later=/etc/kubernetes/later
mkdir -p $later
unshare --mount bash -ec "mount --bind $later $manifests
  kubeadm init phase control-plane controller-manager --config=/kind/kubeadm.conf
  kubeadm init phase control-plane scheduler --config=/kind/kubeadm.conf"
await_healthy 'the Kubernetes API server' https://127.0.0.1:6443/readyz
mv $later/* $manifests
rmdir $later
phase mark-control-plane
touch "$2"
"#;

/// The beginning of scripts that run kubeadm. `phase` runs one of its phases. `await_healthy`
/// waits until a component is healthy, for at most four minutes, as kubeadm does, whose own phase
/// for this waits for all components.
const PRELUDE: &str = r#"
set -e
phase() { kubeadm init phase "$@" --config=/kind/kubeadm.conf; }
await_healthy() {
  local limit=$((SECONDS + 240))
  until problem=$(curl -sSfk --noproxy '*' --max-time 5 -o /dev/null "$2" 2>&1); do
    [ $SECONDS -lt $limit ] || { echo "error: $1 was not healthy after 4 minutes: $problem" >&2; return 1; }
    sleep 0.1
  done
}
"#;

/// How long containerd may take to answer after the start of the container.
const CONTAINERD_TIMEOUT: Duration = Duration::from_secs(90);

/// Exit codes of a node that was stopped or killed, and did not end by itself.
const STOPPED_FROM_OUTSIDE: [i64; 4] = [0, 130, 137, 143];

/// Returns whether kubeadm has succeeded in a running node.
pub async fn is_bootstrapped(engine: &dyn Engine, node: &str) -> Result<bool, Error> {
    let output = engine.exec(node, &["test", "-f", DONE_FILE], None).await?;
    Ok(output.code == 0)
}

/// Marks a node as provisioned with all add-ons.
pub async fn mark_provisioned(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let argv = ["touch", PROVISIONED_FILE];
    exec_ok(engine, node, "mark the node as set up", &argv).await?;
    Ok(())
}

/// Waits until containerd in the node answers. Then images can be loaded.
pub async fn wait_for_containerd(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let wait = Wait::new("containerd")
        .every(Duration::from_millis(150))
        .within(CONTAINERD_TIMEOUT);
    let answered = wait.run(async || match engine.container(node).await? {
        Some(container) if container.running => containerd(engine, node).await,
        Some(Container {
            exit_code: Some(code),
            ..
        }) if !STOPPED_FROM_OUTSIDE.contains(&code) => Err(Error::Exited {
            node: node.to_owned(),
            code,
            tail: log_tail(engine, node).await,
        }),
        _ => Err(docker::Error::stopped(node).into()),
    });
    match answered.await? {
        Ok(()) => Ok(()),
        Err(timeout) => Err(Error::NoContainerd {
            node: node.to_owned(),
            timeout,
            tail: log_tail(engine, node).await,
        }),
    }
}

/// Checks whether containerd in a running node answers, for about a second: the node that
/// boots answers sooner than another command would run in it.
const ANSWERS: &str = r#"for attempt in 1 2 3 4 5 6 7 8; do
  error=$(ctr -n k8s.io version 2>&1 >/dev/null) && exit
  sleep 0.05
done
echo "$error" >&2
exit 1"#;

/// Runs [`ANSWERS`] once.
async fn containerd(engine: &dyn Engine, node: &str) -> Result<Attempt<()>, Error> {
    let argv = ["sh", "-c", ANSWERS];
    Ok(match engine.exec(node, &argv, None).await {
        Ok(output) if output.code == 0 => Attempt::Done(()),
        Ok(output) => {
            // Docker's own codes. If it cannot be asked now, the next attempt shows that.
            if output.code >= 126 && matches!(docker::runs_commands(engine, node).await, Ok(false))
            {
                return Err(docker::Error::stopped(node).into());
            }
            let last = output.stderr.lines().last().unwrap_or_default();
            Attempt::Pending(Reason::new("ctr", last.trim().trim_start_matches("ctr: ")))
        }
        Err(error) => Attempt::Pending(Reason::new("engine", error.to_string())),
    })
}

async fn log_tail(engine: &dyn Engine, node: &str) -> Vec<String> {
    let log = engine.log(node, 20).await.unwrap_or_default();
    log.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Creates the cluster in a running node, unless it already exists, and returns its
/// kubeconfig. A new cluster has no add-ons yet.
///
/// # Errors
/// [`Error::Kubeadm`] with the relevant lines if kubeadm fails.
pub async fn bootstrap(
    local: &Local<'_>,
    node: &str,
    found: &Inspection,
    cgroup_v1: bool,
    step: &Step,
) -> Result<AdminConf, Error> {
    let engine = local.engine();
    if !found.bootstrapped {
        step.state("kubeadm init");
        init(local, node, found, cgroup_v1).await?;
        return admin_conf(engine, node).await;
    }
    if verifies_pulls(&found.kubernetes_version()?) && !found.never_verifies_pulls {
        prepare::never_verify_pulls(engine, node).await?;
    }
    match &found.admin_conf {
        Some(text) => Ok(text.clone()),
        // Returns the error that the file is missing.
        None => admin_conf(engine, node).await,
    }
}

async fn init(
    local: &Local<'_>,
    node: &str,
    found: &Inspection,
    cgroup_v1: bool,
) -> Result<(), Error> {
    let engine = local.engine();
    let version = found.kubernetes_version()?;
    let token = kubeadm::random_token();
    let config = Config {
        instance: local.name.as_str(),
        node,
        node_address: &found.address,
        version: &version,
        token: &token,
        cgroup_v1,
    };
    let config = config.render();
    // `CoreDNS` starts when its configuration is complete (addons.rs).
    let patch = kubeadm::coredns_patch(0);
    let v1 = if cgroup_v1 { "1" } else { "0" };
    let arguments = [v1, DONE_FILE, &patch, kubeadm::COREDNS_FILE];
    let created = run_kubeadm(engine, node, INIT, &arguments, Some(&config));
    // The first pods that need the network start seconds later.
    let network = network::configure(engine, node);
    tokio::try_join!(created, network)?;
    Ok(())
}

/// Runs a script of kubeadm with arguments and an input. If it fails, the error contains its
/// output and the journal of the kubelet.
pub(super) async fn run_kubeadm(
    engine: &dyn Engine,
    node: &str,
    script: &'static str,
    arguments: &[&str],
    input: Option<&str>,
) -> Result<(), Error> {
    let script = docker::script(&[PRELUDE, script]);
    let argv = [&["bash", "-c", &script, "bash"], arguments].concat();
    let output = engine.exec(node, &argv, input.map(bytes_of)).await?;
    if output.code == 0 {
        return Ok(());
    }
    let argv = ["journalctl", "-u", "kubelet", "--no-pager", "-n", "400"];
    let journal = engine.exec(node, &argv, None).await?.stdout;
    let output_text = format!("{}\n{}", output.stdout, output.stderr);
    let (reason, tail) = kubeadm::find_reason(&output_text, &journal);
    Err(Error::Kubeadm {
        node: node.to_owned(),
        reason,
        tail,
        log: format!("{output_text}\n--- journal of the kubelet\n{journal}"),
    })
}
