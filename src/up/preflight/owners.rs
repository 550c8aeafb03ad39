//! Names and folders are ours or nobody's.

use std::path::Path;

use super::{Finding, data_dir};
use crate::docker::{Container, Engine};
use crate::error::{Code, Explain, Result};
use crate::hint::{Hint, ours};
use crate::kubeconfig;
use crate::node::spec::{self, KIND_CLUSTER_LABEL};
use crate::settings::DataPlace;
use crate::state::{self, Marker};
use crate::up::session::Session;
use crate::up::{Plan, data};

/// The node's name, or kind's cluster of that name, belongs to somebody else.
pub(super) async fn name_taken(
    plan: &Plan,
    engine: &dyn Engine,
    node: Option<&Container>,
) -> Result<Option<Finding>> {
    let label = format!("{KIND_CLUSTER_LABEL}={}", plan.name);
    let others = engine.containers(&label).await?;
    let other = others
        .iter()
        .chain(node)
        .find(|container| !spec::is_ours(container, &plan.name));
    Ok(other.map(|container| {
        let maker = if container.labels.contains_key(KIND_CLUSTER_LABEL) {
            "a kind cluster that clearml-local did not create"
        } else {
            "one that clearml-local did not create"
        };
        Finding {
            what: format!(
                "the name `{}` is in use: the container {} is {maker}",
                plan.name, container.name
            ),
            remedies: vec![Hint::run("use another name", ours!(Up).of(Some("NAME")))],
            code: Code::NameTaken,
        }
    }))
}

/// The place for the data is ours, and its databases fit the release.
pub(super) async fn data(session: &Session<'_>) -> Result<Option<Finding>> {
    let Session {
        plan,
        request,
        engine,
        ..
    } = *session;
    let place = &plan.instance.data_dir;
    let checked = match place {
        // Why it cannot be read is found in `data_dir`.
        DataPlace::Folder(folder) if data_dir::unusable(folder).is_some() => return Ok(None),
        // What an interrupted copy left there is ours.
        DataPlace::Folder(folder) if Marker::is_copying(folder) => Ok(()),
        DataPlace::Folder(folder) => plan.marker().check(folder),
        DataPlace::Volume(name) => match engine.volume_labels(name).await? {
            None => Ok(()),
            Some(labels) => match Marker::from_labels(&labels) {
                Some(found) => plan.marker().check_against(found, place),
                None => Err(state::Error::VolumeForeign { name: name.clone() }),
            },
        },
    };
    Ok(checked.err().map(|error| match request.back_to {
        Some(back) if error.code() == Code::DataVersion => {
            let number = back.number.map(|number| format!("{number} "));
            let number = number.unwrap_or_default();
            Finding {
                what: format!("{error}; nothing was changed"),
                remedies: vec![Hint::run(
                    "use only the values of that revision",
                    ours!(Rollback, "{number}--keep-release"),
                )],
                code: error.code(),
            }
        }
        _ => Finding {
            what: error.to_string(),
            remedies: error.hints(),
            code: error.code(),
        },
    }))
}

/// Data can go from folder to folder alone: elsewhere they would be left behind.
pub(super) async fn data_left_behind(plan: &Plan, engine: &dyn Engine) -> Result<Option<Finding>> {
    let wanted = &plan.instance.data_dir;
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
    let marker = data::marker_at(former, engine).await?;
    if marker.is_none_or(|marker| marker.instance != plan.name) {
        return Ok(None);
    }
    Ok(Some(Finding {
        what: format!(
            "cannot move the data of `{}` from {former} to {wanted}: data can only be moved \
             between directories",
            plan.name
        ),
        remedies: vec![
            Hint::text("keep using the current data: omit --data-dir"),
            Hint::run(
                "or start with new data under another name",
                ours!(Up, "--data-dir DIR").of(Some("NEW")),
            ),
        ],
        code: Code::Usage,
    }))
}

/// The user's kubeconfig can be changed, where that is asked for.
pub(super) fn kubeconfig(plan: &Plan, path: Option<&Path>) -> Option<Finding> {
    let path = path.filter(|_| plan.instance.merge_kubeconfig)?;
    kubeconfig::check(path).err().map(|error| Finding {
        what: error.to_string(),
        remedies: error.hints(),
        code: error.code(),
    })
}
