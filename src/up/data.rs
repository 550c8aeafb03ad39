//! The folders that the components keep their data in.

use super::Plan;
use crate::component::Component;
use crate::docker::{Engine, exec_ok};
use crate::error::Result;
use crate::files;
use crate::node::spec::DATA_ROOT;

/// Where the chart's README puts the data; kept findable for those who know it.
const CHART_PATH: &str = "/tmp/clearml-kind";

/// Makes the folders through the node, each with the owner that its image runs
/// as: Kubernetes' fsGroup does nothing on host folders.
pub(super) async fn prepare(plan: &Plan, engine: &dyn Engine, node: &str) -> Result<()> {
    let script = "set -e; umask 022; while [ $# -gt 0 ]; do \
         [ ! -L \"$1\" ] || { echo \"$1 is a link\" >&2; exit 1; }; \
         mkdir -p \"$1\"; chown -h \"$2\" \"$1\"; shift 2; done";
    let mut arguments = Vec::new();
    for component in Component::ALL {
        if let Some((uid, gid)) = component.data_owner() {
            arguments.push(format!("{DATA_ROOT}/{component}"));
            arguments.push(format!("{uid}:{gid}"));
        }
    }
    let mut argv = vec!["sh", "-c", script, "sh"];
    argv.extend(arguments.iter().map(String::as_str));
    exec_ok(engine, node, &argv).await?;
    if plan.name.as_str() == "clearml" {
        files::link_if_free(&plan.instance.data_dir, CHART_PATH.as_ref());
    }
    Ok(())
}

/// Takes away the link at the chart's path, when it is ours.
pub(crate) fn remove_link(data_dir: &std::path::Path) -> Result<()> {
    Ok(files::unlink_if_ours(data_dir, CHART_PATH.as_ref())?)
}
