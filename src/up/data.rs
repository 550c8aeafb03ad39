//! The folders that the components keep their data in.

use std::path::Path;

use super::Plan;
use super::node::{Node, image as node_image};
use super::preflight::{Failed, data_dir};
use super::session::Session;
use crate::docker::{ContainerSpec, Engine, Mount, exec_ok, run_once};
use crate::error::{Code, Explain, Result};
use crate::event::Step;
use crate::files;
use crate::manifests;
use crate::node::{self, spec, spec::DATA_ROOT};
use crate::path::HostPath;
use crate::settings::{DEFAULT_NAME, DataPlace, InstanceName};
use crate::state::Marker;

/// Where the chart's README puts the data; kept findable for those who know it.
const CHART_PATH: &str = "/tmp/clearml-kind";

/// Copies folders with owners and modes, over what an earlier try left.
const COPY: &str = "set -e; for f in \"$@\"; do \
     rm -rf --one-file-system \"/to/$f\"; [ ! -e \"/from/$f\" ] || cp -a --reflink=auto \"/from/$f\" /to/; done";

/// The marker at a place, if there is one.
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
/// marker says for ever what it was made for. Returns the volume that it created.
pub(super) async fn mark<'a>(plan: &'a Plan, engine: &dyn Engine) -> Result<Option<&'a str>> {
    match &plan.instance.data_dir {
        DataPlace::Folder(path) => {
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

/// Brings the data along when they are to be in another folder: copies them there,
/// through a container because they belong to the databases' users, and leaves the
/// former ones. A folder that has this instance's data already is used as it is.
/// Returns whether anything was copied.
///
/// # Errors
/// When they cannot be copied; the former ones stay in use then, and a node that ran
/// runs again.
pub(super) async fn bring_along(session: &Session<'_>) -> Result<bool> {
    let Session {
        plan,
        state,
        engine,
        events,
        ..
    } = *session;
    let Some((former, wanted)) = moved(plan) else {
        return Ok(false);
    };
    let found = Marker::read(former)?.filter(|marker| marker.instance == plan.name);
    let Some(marker) = found else {
        return Ok(false);
    };
    // Databases of another version would open them in their new folder.
    plan.marker()
        .check_against(marker.clone(), &former.clone().into())?;
    if Marker::read(wanted)?.is_some() && !Marker::is_copying(wanted) {
        return Ok(false);
    }
    let step = events.step("data");
    // Nothing is stopped for an image that cannot be had.
    node_image(session, &step).await?;
    check_owners(session).await?;
    step.warn(format!(
        "the node is recreated, and the data are copied to {wanted}; the old data are kept in \
         {former}"
    ));
    state.record_copy(former)?;
    state.record_copy(wanted)?;
    let result = stop_and_copy(plan, engine, former, wanted, &marker, &step).await;
    step.end(result, |()| (true, "copied".into()))?;
    Ok(true)
}

/// Checks once more that the file system keeps owners, where preflight had no image
/// to try it with. Before anything is stopped.
///
/// # Errors
/// When it does not, or the engine does not answer.
pub(super) async fn check_owners(session: &Session<'_>) -> Result<()> {
    let Session { plan, .. } = *session;
    let Some(dir) = plan.instance.data_dir.folder() else {
        return Ok(());
    };
    match data_dir::owners(session, dir).await? {
        Some(finding) => Err(Failed {
            findings: vec![finding],
        }
        .into()),
        None => Ok(()),
    }
}

/// The container that copies an instance's data.
pub(crate) fn copy_container(name: &InstanceName) -> String {
    format!("clearml-local-copy-{name}")
}

/// The former folder and the wanted one, where they differ.
pub(super) fn moved(plan: &Plan) -> Option<(&HostPath, &HostPath)> {
    let former = plan.former_data_dir.as_ref()?.folder()?;
    let wanted = plan.instance.data_dir.folder()?;
    (former != wanted).then_some((former, wanted))
}

/// Stops the node that uses the data, and copies them. The node itself stays until
/// another takes its place.
async fn stop_and_copy(
    plan: &Plan,
    engine: &dyn Engine,
    former: &HostPath,
    wanted: &HostPath,
    marker: &Marker,
    step: &Step,
) -> Result<()> {
    let node = engine.container(&spec::name(&plan.name)).await?;
    let ran = node.filter(|node| spec::is_ours(node, &plan.name) && node.running);
    if let Some(node) = &ran {
        if node.paused {
            node::start(engine, node).await?;
        }
        node::stop_in_order(engine, &node.name, step).await?;
    }
    let copied = copy(plan, engine, former, wanted, marker, step).await;
    if let (Err(_), Some(node)) = (&copied, &ran) {
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
    plan: &Plan,
    engine: &dyn Engine,
    former: &HostPath,
    wanted: &HostPath,
    marker: &Marker,
    step: &Step,
) -> Result<()> {
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
        ..ContainerSpec::new(copy_container(&plan.name), plan.instance.node_image.clone())
    };
    // That of an `up` that was killed works on.
    engine.remove(&container.name).await?;
    let (code, said) = run_once(engine, &container).await?;
    if code != 0 {
        return Err(super::Error::NotCopied {
            from: former.clone(),
            to: wanted.clone(),
            reason: why_not_copied(code, &said),
        }
        .into());
    }
    Ok(Marker::finish_copy(wanted)?)
}

/// The last line that a copy wrote. One that was killed writes nothing.
fn why_not_copied(code: i64, said: &str) -> String {
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    match (last, code) {
        (Some(line), _) => line.to_owned(),
        (None, 137) => "the copy was killed".to_owned(),
        (None, code) => format!("the copy exited with code {code}"),
    }
}

/// Makes the folders through the node, each with the owner that its image runs
/// as: Kubernetes' fsGroup does nothing on host folders.
pub(super) async fn prepare(plan: &Plan, engine: &dyn Engine, node: &Node) -> Result<()> {
    let script = "set -e; umask 022; while [ $# -gt 0 ]; do \
         [ ! -L \"$1\" ] || { echo \"$1 is a link\" >&2; exit 1; }; \
         mkdir -p \"$1\"; chown -h \"$2\" \"$1\"; shift 2; done";
    let mut arguments = Vec::new();
    for (folder, component) in manifests::data_dirs(&plan.values) {
        let path = format!("{DATA_ROOT}/{folder}");
        if let Some((uid, gid)) = component.data_owner()
            && !node.found.has_dir(&path, (uid, gid))
        {
            arguments.push(path);
            arguments.push(format!("{uid}:{gid}"));
        }
    }
    let mut argv = vec!["sh", "-c", script, "sh"];
    argv.extend(arguments.iter().map(String::as_str));
    let what = format!("create directories in {}", plan.instance.data_dir);
    if !arguments.is_empty()
        && let Err(error) = exec_ok(engine, &node.name, &what, &argv).await
    {
        if error.code() == Code::DiskFull {
            let place = plan.instance.data_dir.clone();
            return Err(super::Error::DataDiskFull { place }.into());
        }
        return Err(error.into());
    }
    if plan.name.as_str() == DEFAULT_NAME
        && let Some(folder) = plan.instance.data_dir.folder()
    {
        files::create_link(folder, CHART_PATH.as_ref());
    }
    Ok(())
}

/// Takes away the link at the chart's path, when it is ours.
pub(crate) fn remove_link(data_dir: &Path) -> Result<()> {
    Ok(files::remove_link(data_dir, CHART_PATH.as_ref())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_failed_always_has_a_reason() {
        assert_eq!(why_not_copied(1, "cp: a\ncp: b\n\n"), "cp: b");
        assert_eq!(why_not_copied(137, ""), "the copy was killed");
        assert_eq!(why_not_copied(2, "\n"), "the copy exited with code 2");
    }
}
