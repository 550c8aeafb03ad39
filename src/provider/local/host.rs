//! What is wrong with the host and the engine of a server that runs.

use std::path::Path;

use jiff::Timestamp;

use super::preflight::clock;
use crate::docker::EngineInfo;
use crate::error::Result;
use crate::failures::Failure;
use crate::files;
use crate::hint::Hint;
use crate::path::quoted;
use crate::preflight::{self, Finding};
use crate::settings::DataPlace;
use crate::words;

/// The free space below which a disk counts as full: Elasticsearch makes its indices read-only,
/// and the other databases stop soon after. The checks of `up` require more.
const FULL: u64 = 500_000_000;

/// Returns the findings: full disks, and a clock that differs from that of the engine.
pub(super) fn troubles(
    info: &EngineInfo,
    data: Option<&DataPlace>,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = full_disks(info, data, files::free_space);
    findings.extend(clock(info, now));
    findings
}

/// The disks of a node during a wait: nothing becomes ready while one is full.
pub(super) struct Disks<'a> {
    pub(super) info: &'a EngineInfo,
    pub(super) data: &'a DataPlace,
}

impl Disks<'_> {
    /// # Errors
    /// A disk is full.
    pub(super) fn check(&self) -> Result<()> {
        let findings = full_disks(self.info, Some(self.data), files::free_space);
        preflight::refuse(findings)
    }
}

/// Returns the disks that are full, as far as this host sees them. The disk of an engine in a
/// virtual machine is not visible.
fn full_disks(
    info: &EngineInfo,
    data: Option<&DataPlace>,
    free_space: impl Fn(&Path) -> Option<u64>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let full = |path: &Path| {
        let free = free_space(path).filter(|_| path.is_absolute())?;
        (free < FULL).then(|| words::bytes(free))
    };
    let directory = data.and_then(DataPlace::directory);
    if let Some((directory, free)) = directory.and_then(|dir| Some((dir, full(dir)?))) {
        findings.push(Finding {
            what: format!(
                "the disk of the data directory {directory} has only {free} free: the databases \
                 stop writing"
            ),
            remedies: vec![Hint::run(
                "see how full the disk is, and free some space",
                format!("df -h {}", quoted(directory)),
            )],
            failure: Failure::DataDiskFull,
        });
    }
    let root = info.root_dir.as_path();
    if !info.in_virtual_machine()
        && let Some(free) = full(root)
    {
        findings.push(Finding {
            what: format!(
                "the disk of Docker's root directory {} has only {free} free: the node cannot \
                 write",
                root.display()
            ),
            remedies: vec![Hint::run(
                "see what fills the disk, and free some space",
                "docker system df",
            )],
            failure: Failure::DockerDiskFull,
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(system: &str) -> EngineInfo {
        EngineInfo {
            root_dir: "/var/lib/docker".into(),
            operating_system: system.into(),
            ..EngineInfo::default()
        }
    }

    fn data() -> DataPlace {
        DataPlace::Directory("/srv/clearml".parse().unwrap())
    }

    fn found(info: &EngineInfo, free: u64) -> Vec<(Failure, String)> {
        let findings = full_disks(info, Some(&data()), |_| Some(free));
        let shown = findings.into_iter().map(|one| (one.failure, one.what));
        shown.collect()
    }

    #[test]
    fn a_full_disk_is_named_with_what_cannot_write() {
        let linux = info("Debian");
        assert_eq!(found(&linux, FULL), []);
        assert_eq!(
            found(&linux, 4096),
            [
                (
                    Failure::DataDiskFull,
                    "the disk of the data directory /srv/clearml has only 4 kB free: the \
                     databases stop writing"
                        .to_owned()
                ),
                (
                    Failure::DockerDiskFull,
                    "the disk of Docker's root directory /var/lib/docker has only 4 kB free: \
                     the node cannot write"
                        .to_owned()
                ),
            ]
        );
        // Its root directory is not on this host.
        let found = found(&info("Docker Desktop"), 0);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, Failure::DataDiskFull);
    }

    #[test]
    fn a_disk_that_cannot_be_seen_and_a_volume_are_not_reported() {
        let volume = DataPlace::Volume("data".parse().unwrap());
        let desktop = info("Docker Desktop");
        assert_eq!(full_disks(&desktop, Some(&volume), |_| Some(0)), []);
        assert_eq!(full_disks(&info("Debian"), Some(&data()), |_| None), []);
    }

    #[test]
    fn another_clock_of_the_engine_is_a_finding() {
        let mut engine = info("Docker Desktop");
        engine.time = "2026-11-27T10:00:00Z".into();
        let at = |now: &str| {
            let found = troubles(&engine, None, now.parse().unwrap());
            found.first().map(|finding| finding.failure)
        };
        assert_eq!(at("2026-11-27T10:01:00Z"), None);
        assert_eq!(at("2026-11-27T12:00:00Z"), Some(Failure::ClockSkew));
    }
}
