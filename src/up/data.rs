//! The folders that the components keep their data in.

use super::Plan;
use crate::component::Component;
use crate::docker::{Engine, exec_ok};
use crate::error::Result;
use crate::files;
use crate::node::spec::{self, DATA_ROOT};
use crate::settings::{DEFAULT_NAME, DataPlace};
use crate::state::Marker;

/// Where the chart's README puts the data; kept findable for those who know it.
const CHART_PATH: &str = "/tmp/clearml-kind";

/// The marker at a place, if there is one.
///
/// # Errors
/// When the engine does not answer, or the marker is broken.
pub(super) async fn marker_at(place: &DataPlace, engine: &dyn Engine) -> Result<Option<Marker>> {
    match place {
        DataPlace::Folder(path) => Ok(Marker::read(path)?),
        DataPlace::Volume(name) => {
            let labels = engine.volume_labels(name).await?;
            Ok(labels.as_ref().and_then(Marker::from_labels))
        }
    }
}

/// Marks the place as this instance's, making it where it is not there. A volume's
/// marker says for ever what it was made for.
///
/// # Errors
/// When the place cannot be made.
pub(super) async fn mark(plan: &Plan, engine: &dyn Engine) -> Result<()> {
    match &plan.instance.data_dir {
        DataPlace::Folder(path) => Ok(plan.marker().write(path)?),
        DataPlace::Volume(name) => {
            if engine.volume_labels(name).await?.is_some() {
                return Ok(());
            }
            let mut labels = spec::labels(&plan.name);
            labels.extend([plan.marker().label()]);
            Ok(engine.ensure_volume(name, &labels).await?)
        }
    }
}

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
    if plan.name.as_str() == DEFAULT_NAME
        && let Some(folder) = plan.instance.data_dir.folder()
    {
        files::link_if_free(folder, CHART_PATH.as_ref());
    }
    Ok(())
}

/// Takes away the link at the chart's path, when it is ours.
pub(crate) fn remove_link(data_dir: &std::path::Path) -> Result<()> {
    Ok(files::unlink_if_ours(data_dir, CHART_PATH.as_ref())?)
}
