//! The checks of the engine and its host.

use jiff::Timestamp;

use crate::clock::Skew;
use crate::docker::EngineInfo;
use crate::failures::Failure;
use crate::files;
use crate::hint::{Hint, ours};
use crate::plan::Plan;
use crate::preflight::Finding;
use crate::settings::DataPlace;
use crate::words::bytes;

/// The oldest supported Docker API (Docker 19.03).
const OLDEST_API: (usize, usize) = (1, 40);
/// Minimum number of CPUs: with fewer, the pods of Kubernetes leave no capacity for the server.
const FEWEST_CPUS: u32 = 2;
/// With lower limits, pods fail with `too many open files` (kubernetes-sigs/kind#2586).
const INOTIFY: [(&str, u64); 2] = [("max_user_instances", 256), ("max_user_watches", 65536)];

/// Checks the version of the engine, the architecture, the memory and the CPUs.
pub(super) fn machine(plan: &Plan, info: &EngineInfo) -> Vec<Finding> {
    let mut findings = Vec::new();
    if info.api < OLDEST_API {
        findings.push(Finding {
            what: format!(
                "Docker {} is too old: it supports API {}.{}, but {}.{} is required",
                info.version, info.api.0, info.api.1, OLDEST_API.0, OLDEST_API.1
            ),
            remedies: vec![Hint::text("update Docker")],
            failure: Failure::DockerTooOld,
        });
    }
    findings.extend(architecture(&info.architecture));
    let needed = plan.required_memory();
    if info.memory < needed {
        findings.push(Finding {
            what: format!(
                "the server needs {} of memory, but Docker has {}",
                bytes(needed),
                bytes(info.memory)
            ),
            remedies: vec![Hint::text(
                "give Docker more memory (Docker Desktop: Settings, Resources)",
            )],
            failure: Failure::TooLittleMemory,
        });
    }
    if info.cpus < FEWEST_CPUS {
        findings.push(Finding {
            what: format!(
                "the server needs {FEWEST_CPUS} CPUs, but Docker has {}",
                info.cpus
            ),
            remedies: Failure::TooFewCpus.remedies(),
            failure: Failure::TooFewCpus,
        });
    }
    findings
}

/// Checks that there are images for the engine's architecture.
fn architecture(architecture: &str) -> Option<Finding> {
    if matches!(architecture, "amd64" | "arm64") {
        return None;
    }
    Some(Finding {
        what: format!("unsupported architecture {architecture}: there are no images for it"),
        remedies: vec![Hint::text("use a Docker engine on an amd64 machine")],
        failure: Failure::DockerArchitecture,
    })
}

/// Checks that Docker can give GPUs to a node that is created or started, if the user wants them.
pub(super) fn gpus(plan: &Plan, info: &EngineInfo) -> Option<Finding> {
    (!plan.instance.node.gpus.is_none() && info.gpus.is_none()).then(|| Finding {
        what: "the node cannot get GPUs: Docker lists neither devices `nvidia.com/gpu` nor the \
               runtime `nvidia`"
            .into(),
        remedies: Failure::DockerWithoutGpus.remedies(),
        failure: Failure::DockerWithoutGpus,
    })
}

/// Checks the cgroup controllers, with which Kubernetes limits pods.
pub(super) fn cgroups(info: &EngineInfo) -> Option<Finding> {
    let rootless = info.is_rootless();
    if rootless && info.cgroup_version == "1" {
        return Some(Finding {
            what: "Kubernetes in rootless Docker requires cgroup v2, but this machine has v1"
                .into(),
            remedies: Failure::RootlessCgroupV1.remedies(),
            failure: Failure::RootlessCgroupV1,
        });
    }
    if info.missing_controllers.is_empty() {
        return None;
    }
    let missing = info.missing_controllers.join(", ");
    let remedies = if rootless {
        vec![
            Hint::run(
                "let systemd delegate the controllers, with the two lines [Service] and Delegate=cpu cpuset io memory pids",
                "sudo systemctl edit user@.service",
            ),
            Hint::text("then log out and in again"),
        ]
    } else {
        vec![Hint::text(format!(
            "enable them on the kernel command line, such as cgroup_enable=memory (missing: \
             {missing})"
        ))]
    };
    Some(Finding {
        what: format!(
            "Docker cannot limit the resources of pods: the cgroup controllers {missing} are \
             missing"
        ),
        remedies,
        failure: Failure::CgroupControllers,
    })
}

/// Checks that Docker from snap can access the data directory: it can only access directories
/// in the user's home that are not hidden.
pub(super) fn snap(
    plan: &Plan,
    info: &EngineInfo,
    home: Option<&std::path::Path>,
) -> Option<Finding> {
    let DataPlace::Directory(directory) = &plan.instance.node.data_dir else {
        return None;
    };
    let inside = home.and_then(|home| directory.strip_prefix(home).ok());
    let hidden = |path: &std::path::Path| path.to_string_lossy().starts_with('.');
    if !info.is_from_snap() || inside.is_some_and(|inside| !hidden(inside)) {
        return None;
    }
    Some(Finding {
        what: format!(
            "Docker from snap cannot access {}: it can only access directories in your home whose \
             names do not start with a dot",
            directory.display()
        ),
        remedies: vec![Hint::run(
            "keep the data in a Docker volume",
            ours!(Up, "--data-dir volume:NAME"),
        )],
        failure: Failure::DockerFromSnap,
    })
}

/// Checks the clock skew between this machine and the engine.
pub(in crate::provider::local) fn clock(info: &EngineInfo, now: Timestamp) -> Option<Finding> {
    let skew = Skew::between(info.time.parse().ok()?, now)?;
    Some(Finding {
        what: format!(
            "the clock of the Docker host is {skew}: certificates and logins would be refused"
        ),
        remedies: vec![Hint::text(
            "correct the clock: restart Docker or its virtual machine",
        )],
        failure: Failure::ClockSkew,
    })
}

/// Returns warnings about possible problems on this host.
pub(super) fn warnings(plan: &Plan, info: &EngineInfo) -> Vec<String> {
    let mut warnings = Vec::new();
    warnings.extend(emulation(plan, &info.architecture));
    if info.storage_driver == "vfs" {
        warnings.push(
            "Docker's storage driver is vfs: every layer is a full copy, which is slow and uses a \
             lot of disk space"
                .to_owned(),
        );
    }
    if !info.in_virtual_machine() {
        warnings.extend(inotify(|name| {
            let path = format!("/proc/sys/fs/inotify/{name}");
            files::read(path.as_ref()).ok()??.trim().parse().ok()
        }));
    }
    warnings
}

/// ClearML publishes its image for amd64 only. Users may have their own for arm64, for which all
/// other images exist.
fn emulation(plan: &Plan, architecture: &str) -> Option<String> {
    let clearml = &plan.release.images.clearml.reference;
    let uses_clearml = plan.images().iter().any(|one| one.reference == *clearml);
    (architecture == "arm64" && uses_clearml).then(|| {
        format!(
            "{clearml} exists for amd64 only, so Docker on arm64 must emulate it, which is slower \
             (Docker Desktop: Settings, General, Rosetta); your own images in the values avoid this"
        )
    })
}

fn inotify(limit: impl Fn(&str) -> Option<u64>) -> Option<String> {
    let low: Vec<_> = INOTIFY
        .iter()
        .filter(|(name, least)| limit(name).is_some_and(|limit| limit < *least))
        .collect();
    if low.is_empty() {
        return None;
    }
    let lines = low
        .iter()
        .map(|(name, least)| format!("sudo sysctl fs.inotify.{name}={}", least * 8));
    Some(format!(
        "the inotify limits of this machine are low, so pods may fail with `too many open files`; \
         raise them: {}",
        lines.collect::<Vec<_>>().join(" && ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::{SetArgument, SetKind};
    use crate::settings::Instance;

    #[test]
    fn on_arm64_the_published_image_is_emulated() {
        let plan = |repository: &str| {
            let set = |component| format!("{component}.image.repository={repository}");
            let sets = ["apiserver", "fileserver", "webserver"].map(set);
            let mut instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
            let sets = sets.map(|set| SetArgument::new(SetKind::Set, set));
            instance.values.sets = sets.to_vec();
            let name = "demo".parse().unwrap();
            Plan::new(name, instance, None, 0).unwrap()
        };
        let published = plan("allegroai/clearml");
        assert_eq!(emulation(&published, "amd64"), None);
        let warning = emulation(&published, "arm64").unwrap();
        assert!(
            warning.starts_with("allegroai/clearml:1.5.0 exists for amd64 only"),
            "{warning}"
        );
        assert_eq!(emulation(&plan("example.org/clearml-arm64"), "arm64"), None);
        assert_eq!(architecture("arm64"), None);
        assert!(architecture("riscv64").is_some());
    }

    #[test]
    fn missing_cgroup_controllers_are_reported() {
        let mut info = EngineInfo {
            security: vec!["name=rootless".into()],
            cgroup_version: "2".into(),
            ..EngineInfo::default()
        };
        assert_eq!(cgroups(&info), None);
        info.missing_controllers = vec!["cpu", "pids"];
        let finding = cgroups(&info).unwrap();
        assert!(finding.what.contains("cpu, pids"), "{}", finding.what);
        assert!(finding.remedies[0].to_string().contains("Delegate="));
        info.cgroup_version = "1".into();
        assert!(cgroups(&info).unwrap().what.contains("cgroup v2"));
    }

    #[test]
    fn clock_skew_is_reported() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let at = |time: &str| {
            let info = EngineInfo {
                time: time.into(),
                ..EngineInfo::default()
            };
            clock(&info, now).map(|finding| finding.what)
        };
        assert_eq!(at("2026-11-23T12:01:00.123456789Z"), None);
        assert_eq!(at(""), None);
        let finding = at("2026-11-23T11:50:00+00:00").unwrap();
        assert!(finding.contains("10 m behind"), "{finding}");
    }

    #[test]
    fn low_inotify_limits_are_reported_with_a_command() {
        assert_eq!(inotify(|_| Some(1 << 20)), None);
        assert_eq!(inotify(|_| None), None);
        let finding = inotify(|name| {
            Some(if name == "max_user_instances" {
                128
            } else {
                1 << 20
            })
        });
        let finding = finding.unwrap();
        assert!(
            finding.ends_with("sudo sysctl fs.inotify.max_user_instances=2048"),
            "{finding}"
        );
    }
}
