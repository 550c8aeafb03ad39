//! Reads what a support bundle has of the engine and of the node.

use serde_json::Value;

use super::{Local, logs};
use crate::docker::{Engine, Subject, exec_ok};
use crate::error::Result;
use crate::provider::OwnPart;

/// The number of lines of what the node printed.
const CONSOLE: usize = 2000;

/// Shows the state of the node. Commands that a node image lacks are left out.
const INSIDE: &str = r#"
show() { command -v "$1" >/dev/null || return 0; echo "== $*"; "$@" 2>&1 | tail -c 100000; echo; }
show date -u +%FT%TZ
show uptime
show uname -a
show free -m
show df -h
show df -i
show cat /proc/pressure/cpu /proc/pressure/memory /proc/pressure/io
show ps -eo pid,ppid,stat,etimes,rss,comm
show ip address
show ip route
show cat /etc/hosts /etc/resolv.conf
show systemctl --failed --no-pager
show crictl ps --all
show crictl pods
show crictl images
show ls -l /kind /etc/kubernetes /etc/kubernetes/manifests
"#;

/// Shows the ends of the logs of the pods of the cluster itself.
const CLUSTER_LOGS: &str = r#"
for file in /var/log/pods/kube-system_*/*/*.log /var/log/pods/local-path-storage_*/*/*.log; do
    [ -f "$file" ] || continue
    echo "== $file"
    tail -c 100000 "$file"
    echo
done
"#;

pub(super) async fn read(local: &Local<'_>, part: OwnPart) -> Result<String> {
    let engine = local.engine();
    match part {
        OwnPart::Engine => describe(engine, Subject::Engine).await,
        OwnPart::Container => {
            let node = logs::node_of(local).await?;
            describe(engine, Subject::Container(&node.name)).await
        }
        OwnPart::Console => {
            let node = logs::node_of(local).await?;
            Ok(engine.log(&node.name, CONSOLE).await?)
        }
        OwnPart::Inside => shell(local, "read the state of the node", INSIDE).await,
        OwnPart::ClusterLogs => shell(local, "read the logs of the cluster", CLUSTER_LOGS).await,
    }
}

/// Runs a script in the node.
async fn shell(local: &Local<'_>, what: &str, script: &'static str) -> Result<String> {
    let node = logs::node_of(local).await?;
    if !node.can_exec() {
        return Err(logs::not_running(&node, local.name).into());
    }
    let argv = ["sh", "-c", script];
    Ok(exec_ok(local.engine(), &node.name, what, &argv).await?)
}

async fn describe(engine: &dyn Engine, subject: Subject<'_>) -> Result<String> {
    let description: Value = engine.describe(subject).await?;
    Ok(serde_json::to_string_pretty(&description).expect("plain data can be serialized"))
}
