//! There is room for images and data.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Finding;
use crate::data_size;
use crate::docker::{ContainerSpec, Engine, run_once};
use crate::error::{Code, Result};
use crate::files;
use crate::hint::{Hint, ours};
use crate::path::quoted;
use crate::settings::Pull;
use crate::state::Marker;
use crate::up::session::Session;
use crate::up::{Plan, data};
use crate::words;

/// What an image takes that is not there yet, unpacked: the largest of a release.
const UNKNOWN_IMAGE: u64 = 1_300_000_000;
/// What the node image takes, and what Kubernetes writes.
const NODE: u64 = 1_500_000_000;
/// Bytes below which Elasticsearch stops writing, with some room to work.
const LEAST_FREE: u64 = 1_500_000_000;
/// Files that a server makes in its first hours, with some room to work. Images are
/// more, but those who lack room for them lack bytes as well.
const LEAST_INODES: u64 = 5_000;
/// How long data that are copied may take to be counted.
const COUNTING: Duration = Duration::from_secs(5);

/// What is too full. `fresh` is whether a node must be made.
pub(super) async fn disk(session: &Session<'_>, fresh: bool) -> Result<Vec<Finding>> {
    let Session {
        plan, engine, info, ..
    } = *session;
    let of_engine = || Hint::run("see what fills the disk", "docker system df");
    let mut findings: Vec<Finding> = Vec::new();
    let mut demand = |what: &str, free: Option<u64>, needed: u64, remedies: Vec<Hint>| {
        if let Some(free) = free.filter(|free| *free < needed) {
            findings.push(Finding {
                what: format!(
                    "{what} has {} free, but {} may be needed",
                    words::bytes(free),
                    words::bytes(needed)
                ),
                remedies,
                code: Code::DiskFull,
            });
        }
    };
    let needed = if fresh {
        for_images(plan, engine).await? + LEAST_FREE
    } else {
        LEAST_FREE
    };
    let root = info.root_dir.as_path();
    if info.in_virtual_machine() {
        let free = if fresh {
            free_in_engine(plan, engine).await
        } else {
            None
        };
        demand("Docker's virtual machine", free, needed, vec![of_engine()]);
    } else {
        let free = visible(root);
        let what = format!("Docker's root directory {}", root.display());
        demand(&what, free, needed, vec![of_engine()]);
        if let Some(folder) = plan.instance.data_dir.folder() {
            let what = format!("the data directory {folder}");
            let remedies = of_data(folder, format!("df -h {}", quoted(standing(folder))));
            demand(&what, visible(folder), LEAST_FREE + copied(plan), remedies);
            findings.extend(few_inodes(&what, folder));
        }
        let what = format!("Docker's root directory {}", root.display());
        findings.extend(few_inodes(&what, root));
    }
    Ok(findings)
}

/// What to do about a full data disk: it need not be the engine's.
fn of_data(folder: &Path, look: String) -> Vec<Hint> {
    let mut remedies = vec![Hint::run("see how full the disk is", look)];
    if folder.exists() {
        remedies.push(Hint::run(
            "see what fills the directory",
            format!("sudo du -xh -d 1 {}", quoted(folder)),
        ));
    }
    remedies.push(Hint::run(
        "or keep the data on another disk",
        ours!(Up, "--data-dir DIR"),
    ));
    remedies
}

/// Bytes that a move to another folder copies there, as far as they can be read in time.
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

/// A file system can be full of files with bytes to spare.
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
        code: Code::DiskFull,
    })
}

fn standing(path: &Path) -> &Path {
    files::nearest_existing(path).unwrap_or(path)
}

fn visible(path: &Path) -> Option<u64> {
    files::free_space(path).filter(|_| path.is_absolute())
}

/// What loading the images takes at the most: each as layers and unpacked in the node,
/// and the largest of Docker's once more, as engines spool what they export.
async fn for_images(plan: &Plan, engine: &dyn Engine) -> Result<u64> {
    let (mut sum, mut largest) = (0, 0);
    for wanted in plan.images() {
        let image = match plan.instance.pull {
            Pull::Node => None,
            Pull::Auto | Pull::Engine => engine.image(&wanted.reference).await?,
        };
        let (size, copies, spooled) = match (image, plan.instance.pull) {
            (Some(image), _) => (image.size, 2, image.size),
            // What Docker pulls first is in its store as well.
            (None, Pull::Engine) => (UNKNOWN_IMAGE, 3, UNKNOWN_IMAGE),
            (None, Pull::Auto | Pull::Node) => (UNKNOWN_IMAGE, 2, 0),
        };
        sum += copies * size;
        largest = spooled.max(largest);
    }
    let node = engine.image(&plan.instance.node_image).await?;
    let node = if node.is_some() { NODE / 2 } else { NODE };
    Ok(sum + largest + node)
}

/// Free bytes where the engine's folder cannot be seen from here, asked for in a
/// container; `None` while there is no image to make one of.
async fn free_in_engine(plan: &Plan, engine: &dyn Engine) -> Option<u64> {
    let image = &plan.instance.node_image;
    engine.image(image).await.ok()??;
    let name = format!("clearml-local-df-{}", std::process::id());
    let container = ContainerSpec {
        entrypoint: Some(vec!["df".into()]),
        command: vec!["-B1".into(), "--output=avail".into(), "/".into()],
        ..ContainerSpec::new(name, image.clone())
    };
    let (_, said) = run_once(engine, &container).await.ok()?;
    said.lines().find_map(|line| line.trim().parse().ok())
}
