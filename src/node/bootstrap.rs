//! From nothing to a node whose Kubernetes API answers.

use std::time::Duration;

use super::kubeadm::{self, Config};
use super::kubeconfig::{AdminConf, admin_conf};
use super::{Error, Inspection, network, prepare, verifies_pulls};
use crate::docker::{Engine, exec_ok, write_file};
use crate::event::Step;
use crate::settings::InstanceName;
use crate::wait::{Attempt, Reason, Wait};

/// Written in the node when kubeadm has ended well: without it a node is half made.
pub(super) const DONE_FILE: &str = "/kind/clearml-local-ready";
/// Written in the node when it has its pod network and storage class: an `up` may
/// end between kubeadm and these.
pub(super) const FURNISHED_FILE: &str = "/kind/clearml-local-furnished";

/// `kubeadm init`. With cgroup v1 (first argument `1`) systemd may remove the cgroup of a
/// slice in the moment in which the first pods are created below it, and the kubelet tries
/// them again after 10 to 15 s: it is restarted when it says so.
const INIT: &str = r#"
if [ "$1" = 1 ]; then
  { timeout 60 journalctl -u kubelet -f -o cat | grep -q -m 1 'cgroups exist and are correctly applied' &&
    systemctl restart kubelet; } </dev/null >/dev/null 2>&1 &
fi
exec kubeadm init --config=/kind/kubeadm.conf --skip-token-print
"#;

/// The phases of kubeadm that only write objects, at the same time: kubeadm sends five
/// requests a second, so that one after another they take two seconds. Then the node serves
/// load balancers like any other, names resolve as soon as `CoreDNS` runs, the token is
/// deleted, the kubelet reads the certificate that it renews, and the node is known to be
/// whole. The arguments are the node, the token's identifier, [`DONE_FILE`] and the patch of
/// `CoreDNS`.
const FINISH: &str = r#"
set -e
phase() { kubeadm init phase "$@" --config=/kind/kubeadm.conf; }
phase upload-config all & config=$!
{ phase mark-control-plane && kubectl label node "$1" node.kubernetes.io/exclude-from-external-load-balancers-; } & label=$!
{ phase bootstrap-token && kubectl -n kube-system delete secret "bootstrap-token-$2" --ignore-not-found; } & token=$!
phase addon all
kubectl -n kube-system patch deployment coredns -p "$4"
wait $config
wait $label
wait $token
sed -i '/^ *- token: /d;/^ *ttl: /d;/^bootstrapTokens:/d' /kind/kubeadm.conf
current=/var/lib/kubelet/pki/kubelet-client-current.pem
[ ! -e $current ] || sed -i "s#client-certificate-data: .*#client-certificate: $current#;s#client-key-data: .*#client-key: $current#" /etc/kubernetes/kubelet.conf
touch "$3"
"#;

/// How long containerd may take to answer after the container's start.
const CONTAINERD_PATIENCE: Duration = Duration::from_secs(90);

/// Whether kubeadm has ended well in a running node.
pub async fn is_bootstrapped(engine: &dyn Engine, node: &str) -> Result<bool, Error> {
    let output = engine.exec(node, &["test", "-f", DONE_FILE], None).await?;
    Ok(output.code == 0)
}

/// Notes that a node was given its pod network and storage class.
pub async fn note_furnished(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let argv = ["touch", FURNISHED_FILE];
    exec_ok(engine, node, "mark the node as set up", &argv).await?;
    Ok(())
}

/// Waits until containerd in the node answers: from then on images can be
/// brought.
///
/// # Errors
/// When the node ends or containerd is silent for too long.
pub async fn await_containerd(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let wait = Wait::new("containerd")
        .every(Duration::from_millis(150))
        .within(CONTAINERD_PATIENCE);
    let answered = wait.run(async || match engine.container(node).await? {
        Some(container) if container.running => Ok(containerd(engine, node).await),
        ended => Err(Error::Ended {
            node: node.to_owned(),
            code: ended.and_then(|c| c.exit_code).unwrap_or(-1),
            tail: log_tail(engine, node).await,
        }),
    });
    match answered.await? {
        Ok(()) => Ok(()),
        Err(late) => Err(Error::NoContainerd {
            node: node.to_owned(),
            late,
            tail: log_tail(engine, node).await,
        }),
    }
}

/// Asks containerd in a running node once.
async fn containerd(engine: &dyn Engine, node: &str) -> Attempt<()> {
    let argv = ["ctr", "-n", "k8s.io", "version"];
    match engine.exec(node, &argv, None).await {
        Ok(output) if output.code == 0 => Attempt::Done(()),
        Ok(output) => {
            let last = output.stderr.lines().last().unwrap_or_default();
            Attempt::Pending(Reason::new("ctr", last.trim().trim_start_matches("ctr: ")))
        }
        Err(error) => Attempt::Pending(Reason::new("engine", error.to_string())),
    }
}

async fn log_tail(engine: &dyn Engine, node: &str) -> Vec<String> {
    let log = engine.log(node, 20).await.unwrap_or_default();
    log.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Makes the running node a cluster, unless it was found to be one, and returns its
/// kubeconfig.
///
/// # Errors
/// [`Error::Kubeadm`] with the lines that matter when kubeadm fails.
pub async fn bootstrap(
    engine: &dyn Engine,
    instance: &InstanceName,
    node: &str,
    found: &Inspection,
    cgroup_v1: bool,
    step: &Step,
) -> Result<AdminConf, Error> {
    if !found.bootstrapped {
        step.state("kubeadm init");
        init(engine, instance, node, found, cgroup_v1).await?;
        return admin_conf(engine, node).await;
    }
    if verifies_pulls(&found.kubernetes_version()?) && !found.never_verifies_pulls {
        prepare::never_verify_pulls(engine, node).await?;
    }
    match &found.admin_conf {
        Some(text) => Ok(text.clone()),
        // The error says what is missing.
        None => admin_conf(engine, node).await,
    }
}

async fn init(
    engine: &dyn Engine,
    instance: &InstanceName,
    node: &str,
    found: &Inspection,
    cgroup_v1: bool,
) -> Result<(), Error> {
    let version = found.kubernetes_version()?;
    let token = kubeadm::random_token();
    let config = Config {
        instance: instance.as_str(),
        node,
        node_address: &found.address,
        version: &version,
        token: &token,
        cgroup_v1,
    };
    let config = config.render();
    let config = write_file(engine, node, "/kind/kubeadm.conf", &config);
    let patch = write_file(engine, node, kubeadm::COREDNS_FILE, kubeadm::COREDNS_PATCH);
    let network = network::configure(engine, node);
    let written = async { Ok(tokio::try_join!(config, patch)?) };
    tokio::try_join!(written, network)?;
    let v1 = if cgroup_v1 { "1" } else { "0" };
    run_kubeadm(engine, node, &["sh", "-c", INIT, "sh", v1]).await?;
    let id = token.split('.').next().unwrap_or_default();
    // Where kubeadm patches CoreDNS itself (1.37.2 does) nothing changes here.
    let dns = kubeadm::COREDNS_PATCH;
    let finish = ["bash", "-c", FINISH, "bash", node, id, DONE_FILE, dns];
    run_kubeadm(engine, node, &finish).await
}

/// Runs kubeadm, and keeps what it and the kubelet said if it fails.
async fn run_kubeadm(engine: &dyn Engine, node: &str, argv: &[&str]) -> Result<(), Error> {
    let output = engine.exec(node, argv, None).await?;
    if output.code == 0 {
        return Ok(());
    }
    let argv = ["journalctl", "-u", "kubelet", "--no-pager", "-n", "400"];
    let journal = engine.exec(node, &argv, None).await?.stdout;
    let said = format!("{}\n{}", output.stdout, output.stderr);
    let (reason, tail) = kubeadm::what_matters(&said, &journal);
    Err(Error::Kubeadm {
        node: node.to_owned(),
        reason,
        tail,
        log: format!("{said}\n--- journal of the kubelet\n{journal}"),
    })
}
