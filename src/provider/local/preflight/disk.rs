//! The checks of the disk space for images and data.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::data_size;
use crate::docker::{ContainerSpec, Engine, run_once};
use crate::error::Result;
use crate::failures::Failure;
use crate::files;
use crate::hint::{Hint, ours};
use crate::path::quoted;
use crate::plan::Plan;
use crate::preflight::Finding;
use crate::provider::local::data;
use crate::provider::local::run::Run;
use crate::settings::Pull;
use crate::state::Marker;
use crate::words;

/// Size of an image that is not pulled yet, unpacked: that of the largest image of a release.
const UNKNOWN_IMAGE: u64 = 1_300_000_000;
/// Size of the node image and of what Kubernetes writes.
const NODE: u64 = 1_500_000_000;
/// Elasticsearch stops writing below this free space; includes a reserve.
const LEAST_FREE: u64 = 1_500_000_000;
/// Number of files that a server creates in its first hours, with a reserve. Images have more
/// files, but a disk without inodes for them has too few free bytes as well.
const LEAST_INODES: u64 = 5_000;
/// Timeout of measuring data that will be copied.
const COUNTING: Duration = Duration::from_secs(5);

/// Returns the findings. `is_new` is whether a node will be created.
pub(super) async fn disk(run: &Run<'_>, is_new: bool) -> Result<Vec<Finding>> {
    let Run { plan, info, .. } = *run;
    let engine = run.local.engine();
    let engine_hint = || Hint::run("see what fills the disk", "docker system df");
    let mut findings: Vec<Finding> = Vec::new();
    let mut require = |failure, what: &str, free: Option<u64>, needed: u64, remedies| {
        if let Some(free) = free.filter(|free| *free < needed) {
            findings.push(Finding {
                what: format!(
                    "{what} has {} free, but {} may be needed",
                    words::bytes(free),
                    words::bytes(needed)
                ),
                remedies,
                failure,
            });
        }
    };
    let needed = if is_new {
        for_images(plan, engine).await? + LEAST_FREE
    } else {
        LEAST_FREE
    };
    let root = info.root_dir.as_path();
    if info.in_virtual_machine() {
        let free = if is_new {
            free_in_engine(plan, engine).await
        } else {
            None
        };
        require(
            Failure::DockerDiskFull,
            "Docker's virtual machine",
            free,
            needed,
            vec![engine_hint()],
        );
    } else {
        let free = visible(root);
        let what = format!("Docker's root directory {}", root.display());
        let remedies = vec![engine_hint()];
        require(Failure::DockerDiskFull, &what, free, needed, remedies);
        if let Some(directory) = plan.instance.node.data_dir.directory() {
            let what = format!("the data directory {directory}");
            let remedies =
                data_remedies(directory, format!("df -h {}", quoted(standing(directory))));
            require(
                Failure::DataDiskFull,
                &what,
                visible(directory),
                LEAST_FREE + copied(plan),
                remedies,
            );
            findings.extend(few_inodes(&what, directory));
        }
        let what = format!("Docker's root directory {}", root.display());
        findings.extend(few_inodes(&what, root));
    }
    Ok(findings)
}

/// Returns the remedies for a full data disk, which may differ from the engine's disk.
fn data_remedies(directory: &Path, look: String) -> Vec<Hint> {
    let mut remedies = vec![Hint::run("see how full the disk is", look)];
    if directory.exists() {
        remedies.push(Hint::run(
            "see what fills the directory",
            format!("sudo du -xh -d 1 {}", quoted(directory)),
        ));
    }
    remedies.push(Hint::run(
        "or keep the data on another disk",
        ours!(Up, "--data-dir DIR"),
    ));
    remedies
}

/// Returns the size of the data that a move to another directory copies, as far as it can be
/// measured in time.
fn copied(plan: &Plan) -> u64 {
    let Some((former, wanted)) = data::moved(plan) else {
        return 0;
    };
    let is_ours = |dir: &Path| Marker::read(dir).is_ok_and(|marker| marker.is_some());
    if !is_ours(former) || (is_ours(wanted) && !Marker::is_copying(wanted)) {
        return 0;
    }
    data_size::count(former, Instant::now() + COUNTING).bytes
}

/// Checks the inodes: a file system can run out of them before it runs out of space.
fn few_inodes(what: &str, path: &Path) -> Option<Finding> {
    let free = files::free_inodes(path).filter(|_| path.is_absolute())?;
    (free < LEAST_INODES).then(|| Finding {
        what: format!("{what} has {free} free inodes, but {LEAST_INODES} may be needed"),
        remedies: vec![Hint::run(
            "see what uses the inodes",
            format!(
                "df -i {0} && sudo du -x --inodes -d 1 {0}",
                quoted(standing(path))
            ),
        )],
        failure: Failure::InodesExhausted,
    })
}

fn standing(path: &Path) -> &Path {
    files::nearest_existing(path).unwrap_or(path)
}

fn visible(path: &Path) -> Option<u64> {
    files::free_space(path).filter(|_| path.is_absolute())
}

/// Returns the space that loading the images needs at most: each image as layers and unpacked
/// in the node, and the largest image in Docker once more, because engines write an export to a
/// temporary file.
async fn for_images(plan: &Plan, engine: &dyn Engine) -> Result<u64> {
    let (mut sum, mut largest) = (0, 0);
    for wanted in plan.images() {
        let image = match plan.instance.node.pull {
            Pull::Node => None,
            Pull::Auto | Pull::Engine => engine.image(&wanted.reference).await?,
        };
        let (size, copies, spooled) = match (image, plan.instance.node.pull) {
            (Some(image), _) => (image.size, 2, image.size),
            // An image that Docker pulls is also in Docker's store.
            (None, Pull::Engine) => (UNKNOWN_IMAGE, 3, UNKNOWN_IMAGE),
            (None, Pull::Auto | Pull::Node) => (UNKNOWN_IMAGE, 2, 0),
        };
        sum += copies * size;
        largest = spooled.max(largest);
    }
    let node = engine.image(&plan.instance.node.node_image).await?;
    let node = if node.is_some() { NODE / 2 } else { NODE };
    Ok(sum + largest + node)
}

/// Returns the free space of an engine whose disk is not visible here, as seen in a container;
/// `None` if there is no image to create one from.
async fn free_in_engine(plan: &Plan, engine: &dyn Engine) -> Option<u64> {
    let image = &plan.instance.node.node_image;
    engine.image(image).await.ok()??;
    let name = format!("clearml-local-df-{}", std::process::id());
    let container = ContainerSpec {
        entrypoint: Some(vec!["df".into()]),
        command: vec!["-B1".into(), "--output=avail".into(), "/".into()],
        ..ContainerSpec::new(name, image.clone())
    };
    let (_, output) = run_once(engine, &container).await.ok()?;
    output.lines().find_map(|line| line.trim().parse().ok())
}
