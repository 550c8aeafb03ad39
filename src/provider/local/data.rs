//! The data directories of the components.

use std::path::Path;

use super::ensure::ensure_image;
use super::error::Error;
use super::node::Inspection;
use super::preflight::data_dir;
use super::run::Run;
use crate::docker::{ContainerSpec, Engine, Mount, exec_ok, run_once};
use crate::error::{Explain, Result};
use crate::event::Step;
use crate::failures::Code;
use crate::files;
use crate::manifests;
use crate::path::HostPath;
use crate::plan::Plan;
use crate::preflight::Failed;
use crate::provider::local::node::{self, spec, spec::DATA_ROOT};
use crate::provider::local::recovery;
use crate::settings::{DEFAULT_NAME, DataPlace, InstanceName};
use crate::state::{Marker, StateDir};

/// The data directory in the chart's README. A link there helps users who know that path.
const CHART_PATH: &str = "/tmp/clearml-kind";

/// Copies directories with owners and modes. Replaces what an interrupted copy left.
const COPY: &str = "set -e; for f in \"$@\"; do \
     rm -rf --one-file-system \"/to/$f\"; [ ! -e \"/from/$f\" ] || cp -a --reflink=auto \"/from/$f\" /to/; done";

/// Returns the marker in a data location, if there is one.
pub(super) async fn marker_at(place: &DataPlace, engine: &dyn Engine) -> Result<Option<Marker>> {
    match place {
        DataPlace::Directory(path) => Ok(Marker::read(path)?),
        DataPlace::Volume(name) => {
            let labels = engine.volume_labels(name).await?;
            Ok(labels.as_ref().and_then(Marker::from_labels))
        }
    }
}

/// Marks the data location as this instance's, and creates it if necessary. The marker of a
/// volume never changes after that. Returns the name of the volume if it was created.
pub(super) async fn write_marker<'a>(
    plan: &'a Plan,
    engine: &dyn Engine,
) -> Result<Option<&'a str>> {
    match &plan.instance.node.data_dir {
        DataPlace::Directory(path) => {
            plan.marker().write(path)?;
            Ok(None)
        }
        DataPlace::Volume(name) => {
            if engine.volume_labels(name).await?.is_some() {
                return Ok(None);
            }
            let mut labels = spec::labels(&plan.name);
            labels.extend([plan.marker().label()]);
            engine.ensure_volume(name, &labels).await?;
            Ok(Some(name))
        }
    }
}

/// Records that the server was ready with its data in this place, so that a later `up` notices
/// if they are no longer there.
pub(super) fn record_use(plan: &Plan, state: &StateDir) -> Result<()> {
    let place = &plan.instance.node.data_dir;
    if let DataPlace::Directory(path) = place {
        let used = manifests::data_dirs(&plan.values).into_iter();
        let marker = plan
            .marker()
            .with_used(used.map(|(directory, _)| directory));
        // A user who cannot write here has used the data of another one.
        if let Err(error) = marker.write(path) {
            tracing::debug!(%error, "cannot record the use of the data");
        }
    }
    Ok(state.save_used_data(place)?)
}

/// Copies the data to a new directory if the settings name one, and keeps the old data. A
/// container does the copying, because the files belong to the users of the databases. A
/// directory that already contains this instance's data is used as it is. Returns whether
/// anything was copied.
///
/// # Errors
/// The data cannot be copied. The old data then stay in use, and a node that was running is
/// started again.
pub(super) async fn move_data(run: &Run<'_>) -> Result<bool> {
    let Run { local, plan, .. } = *run;
    let Some((former, wanted)) = moved(plan) else {
        return Ok(false);
    };
    let found = Marker::read(former)?.filter(|marker| marker.instance == plan.name);
    let Some(marker) = found else {
        return Ok(false);
    };
    // Databases of another version would open the data in the new directory.
    plan.marker()
        .check_against(marker.clone(), &former.clone().into())?;
    if Marker::read(wanted)?.is_some() && !Marker::is_copying(wanted) {
        return Ok(false);
    }
    let step = local.events.step("data");
    // Pull the image before anything is stopped.
    ensure_image(run, &step).await?;
    check_owners(run).await?;
    step.warn(format!(
        "the node is recreated, and the data are copied to {wanted}; the old data are kept in \
         {former}"
    ));
    local.state.record_copy(former)?;
    local.state.record_copy(wanted)?;
    let result = stop_and_copy(run, former, wanted, &marker, &step).await;
    step.end(result, |()| (true, "copied".into()))?;
    Ok(true)
}

/// Checks again that the file system stores owners: preflight cannot try it without the node
/// image. Called before anything is stopped.
pub(super) async fn check_owners(run: &Run<'_>) -> Result<()> {
    let Some(dir) = run.plan.instance.node.data_dir.directory() else {
        return Ok(());
    };
    match data_dir::owners(run, dir).await? {
        Some(finding) => Err(Failed {
            findings: vec![finding],
        }
        .into()),
        None => Ok(()),
    }
}

/// Returns the name of the container that copies the data.
pub(crate) fn copy_container(name: &InstanceName) -> String {
    format!("clearml-local-copy-{name}")
}

/// Returns the old and the new data directory, if they differ.
pub(super) fn moved(plan: &Plan) -> Option<(&HostPath, &HostPath)> {
    let former = plan.former_data_dir.as_ref()?.directory()?;
    let wanted = plan.instance.node.data_dir.directory()?;
    (former != wanted).then_some((former, wanted))
}

/// Stops the node that uses the data, and copies the data. The node is not removed until it is
/// recreated.
async fn stop_and_copy(
    run: &Run<'_>,
    former: &HostPath,
    wanted: &HostPath,
    marker: &Marker,
    step: &Step,
) -> Result<()> {
    let engine = run.local.engine();
    let node = recovery::node_of(run.local).await?;
    let running = node.filter(|node| node.running);
    if let Some(node) = &running {
        if node.paused {
            node::start(engine, node).await?;
        }
        node::stop_in_order(engine, &node.name, step).await?;
    }
    let copied = copy(run, former, wanted, marker, step).await;
    if let (Err(_), Some(node)) = (&copied, &running) {
        step.state("starting the server again");
        if let Err(error) = node::start(engine, node).await {
            step.warn(format!(
                "the server is stopped and cannot be started: {error}"
            ));
        }
    }
    copied
}

async fn copy(
    run: &Run<'_>,
    former: &HostPath,
    wanted: &HostPath,
    marker: &Marker,
    step: &Step,
) -> Result<()> {
    let Run { local, plan, .. } = *run;
    marker.start_copy(wanted)?;
    step.state("copying");
    let mut command = vec!["-c".to_owned(), COPY.to_owned(), "sh".to_owned()];
    command.extend(marker.directories.iter().cloned());
    let container = ContainerSpec {
        entrypoint: Some(vec!["sh".into()]),
        command,
        mounts: vec![
            Mount::Bind(former.to_path_buf(), "/from".into(), true),
            Mount::Bind(wanted.to_path_buf(), "/to".into(), false),
        ],
        ..ContainerSpec::new(
            copy_container(&plan.name),
            plan.instance.node.node_image.clone(),
        )
    };
    // The container of an `up` that was killed is still running.
    local.engine().remove(&container.name).await?;
    let (code, output) = run_once(local.engine(), &container).await?;
    if code != 0 {
        return Err(Error::CopyFailed {
            from: former.clone(),
            to: wanted.clone(),
            reason: copy_error(code, &output),
        }
        .into());
    }
    Ok(Marker::finish_copy(wanted)?)
}

/// Returns the last line of the output. A killed copy has no output.
fn copy_error(code: i64, output: &str) -> String {
    let last = output.lines().rfind(|line| !line.trim().is_empty());
    match (last, code) {
        (Some(line), _) => line.to_owned(),
        (None, 137) => "the copy was killed".to_owned(),
        (None, code) => format!("the copy exited with code {code}"),
    }
}

/// Creates the directories in the node, each owned by the user that its image runs as: fsGroup
/// has no effect on hostPath volumes.
pub(super) async fn create_directories(
    run: &Run<'_>,
    node: &str,
    found: &Inspection,
) -> Result<()> {
    let plan = run.plan;
    let script = "set -e; umask 022; while [ $# -gt 0 ]; do \
         [ ! -L \"$1\" ] || { echo \"$1 is a link\" >&2; exit 1; }; \
         mkdir -p \"$1\"; chown -h \"$2\" \"$1\"; shift 2; done";
    let mut arguments = Vec::new();
    for (directory, component) in manifests::data_dirs(&plan.values) {
        let path = format!("{DATA_ROOT}/{directory}");
        if let Some((uid, gid)) = component.data_owner()
            && !found.has_dir(&path, (uid, gid))
        {
            arguments.push(path);
            arguments.push(format!("{uid}:{gid}"));
        }
    }
    let mut argv = vec!["sh", "-c", script, "sh"];
    argv.extend(arguments.iter().map(String::as_str));
    let what = format!("create directories in {}", plan.instance.node.data_dir);
    if !arguments.is_empty()
        && let Err(error) = exec_ok(run.local.engine(), node, &what, &argv).await
    {
        if error.code() == Code::DiskFull {
            let place = plan.instance.node.data_dir.clone();
            return Err(Error::DataDiskFull { place }.into());
        }
        return Err(error.into());
    }
    if plan.name.as_str() == DEFAULT_NAME
        && let Some(directory) = plan.instance.node.data_dir.directory()
    {
        files::create_link(directory, CHART_PATH.as_ref());
    }
    Ok(())
}

/// Removes the link at the chart's path if it points to the data directory.
pub(crate) fn remove_link(data_dir: &Path) -> Result<()> {
    Ok(files::remove_link(data_dir, CHART_PATH.as_ref())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_copy_always_has_a_reason() {
        assert_eq!(copy_error(1, "cp: a\ncp: b\n\n"), "cp: b");
        assert_eq!(copy_error(137, ""), "the copy was killed");
        assert_eq!(copy_error(2, "\n"), "the copy exited with code 2");
    }
}
