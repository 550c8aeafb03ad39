//! The checks that the name, the data and the kubeconfig belong to this instance.

use std::path::Path;

use super::data_dir;
use crate::docker::Container;
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kubeconfig;
use crate::plan::Plan;
use crate::preflight::Finding;
use crate::provider::local::Local;
use crate::provider::local::data;
use crate::provider::local::node::spec::{self, KIND_CLUSTER_LABEL};
use crate::provider::local::run::Run;
use crate::settings::DataPlace;
use crate::state::{self, Marker};

/// Returns a finding if the name is in use by a container or a kind cluster that clearml-local
/// did not create.
pub(super) async fn name_in_use(
    local: &Local<'_>,
    node: Option<&Container>,
) -> Result<Option<Finding>> {
    let name = local.name;
    let label = format!("{KIND_CLUSTER_LABEL}={name}");
    let others = local.engine().containers(&label).await?;
    let other = others
        .iter()
        .chain(node)
        .find(|container| !spec::is_ours(container, name));
    Ok(other.map(|container| {
        let owner = if container.labels.contains_key(KIND_CLUSTER_LABEL) {
            "a kind cluster that clearml-local did not create"
        } else {
            "one that clearml-local did not create"
        };
        Finding {
            what: format!(
                "the name `{name}` is in use: the container {} is {owner}",
                container.name
            ),
            remedies: vec![Hint::run("use another name", ours!(Up).of(Some("NAME")))],
            failure: Failure::NameTaken,
        }
    }))
}

/// Checks that the data belong to this instance and that the databases of the release can read
/// them.
pub(super) async fn data(run: &Run<'_>) -> Result<Option<Finding>> {
    let plan = run.plan;
    let place = &plan.instance.node.data_dir;
    let checked = match place {
        // `data_dir` reports why it cannot be read.
        DataPlace::Directory(directory) if data_dir::unusable(directory).is_some() => {
            return Ok(None);
        }
        // An interrupted copy belongs to this instance.
        DataPlace::Directory(directory) if Marker::is_copying(directory) => Ok(()),
        DataPlace::Directory(directory) => match plan.marker().check(directory) {
            Err(state::Error::DataForeign { .. }) if is_lost(run, directory)? => Ok(()),
            checked => checked,
        },
        DataPlace::Volume(name) => match run.local.engine().volume_labels(name).await? {
            None => Ok(()),
            Some(labels) => match Marker::from_labels(&labels) {
                Some(found) => plan.marker().check_against(found, place),
                None => Err(state::Error::VolumeForeign { name: name.clone() }),
            },
        },
    };
    Ok(checked.err().map(|error| match run.request.back_to {
        Some(back) if error.failure() == Failure::DataVersion => {
            let number = back.number.map(|number| format!("{number} "));
            let number = number.unwrap_or_default();
            Finding {
                what: format!("{error}; nothing was changed"),
                remedies: vec![Hint::run(
                    "use only the values of that revision",
                    ours!(Rollback, "{number}--keep-release"),
                )],
                failure: error.failure(),
            }
        }
        _ => Finding {
            what: error.to_string(),
            remedies: error.hints(),
            failure: error.failure(),
        },
    }))
}

/// Returns whether a directory without a marker has the data of this instance, so that the marker
/// is written again: it has the keys of this home, and the release wrote it.
fn is_lost(run: &Run<'_>, directory: &Path) -> Result<bool> {
    let home = run.local.state.secrets()?;
    let release = run.plan.instance.values.release_name();
    Ok(home.is_some_and(|home| state::has_data_of(directory, &home, &release)))
}

/// Refuses moves other than between directories, which would abandon the data.
pub(super) async fn abandoned_data(run: &Run<'_>) -> Result<Option<Finding>> {
    let Run { local, plan, .. } = *run;
    let wanted = &plan.instance.node.data_dir;
    let Some(former) = plan
        .former_data_dir
        .as_ref()
        .filter(|former| *former != wanted)
    else {
        return Ok(None);
    };
    if data::moved(plan).is_some() {
        return Ok(None);
    }
    let marker = data::marker_at(former, local.engine()).await?;
    if marker.is_none_or(|marker| marker.instance != plan.name) {
        return Ok(None);
    }
    Ok(Some(Finding {
        what: format!(
            "cannot move the data of `{}` from {former} to {wanted}: data can only be moved \
             between directories",
            plan.name
        ),
        remedies: Failure::DataCannotMove.remedies(),
        failure: Failure::DataCannotMove,
    }))
}

/// Checks that the user's kubeconfig can be changed, if requested.
pub(super) fn kubeconfig(plan: &Plan, path: Option<&Path>) -> Option<Finding> {
    let path = path.filter(|_| plan.instance.node.merge_kubeconfig)?;
    kubeconfig::check(path).err().map(|error| Finding {
        what: error.to_string(),
        remedies: error.hints(),
        failure: error.failure(),
    })
}
