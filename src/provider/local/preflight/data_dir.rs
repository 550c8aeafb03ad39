//! The data directory can hold the data: it is a directory, can be written, and its
//! file system lets the databases own their files.

use std::path::PathBuf;

use crate::component::Component;
use crate::docker::{ContainerSpec, Engine, Mount, run_once};
use crate::error::{Error, Result};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::mounts::Mounted;
use crate::path::{HostPath, quoted};
use crate::plan::Plan;
use crate::preflight::Finding;
use crate::provider::local::run::Run;
use crate::settings::DataPlace;
use crate::state::Marker;
use crate::{files, manifests, mounts};

/// File systems of local disks, which store owners.
const STORE_OWNERS: [&str; 11] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "overlay", "tmpfs",
];
/// File systems that do not store owners.
const IGNORE_OWNERS: [&str; 4] = ["vfat", "msdos", "exfat", "vboxsf"];

/// Sets owners on a directory below `/probe`. A file system may accept an owner without an
/// error and store another one.
const TRIAL: &str = "d=/probe/.clearml-local-probe; mkdir -p \"$d\" || exit 1; code=0; \
     for o; do { chown \"$o\" \"$d\" && [ \"$(stat -c %u:%g \"$d\")\" = \"$o\" ]; } || code=1; done; \
     rmdir \"$d\"; exit $code";

/// Checks the data directory.
pub(super) async fn findings(run: &Run<'_>) -> Result<Vec<Finding>> {
    let plan = run.plan;
    let dir = match &plan.instance.node.data_dir {
        DataPlace::Directory(dir) => dir,
        DataPlace::Volume(name) => {
            let finding = volume_name(name);
            let lost = match finding {
                None => lost(run).await?,
                Some(_) => None,
            };
            return Ok(finding.into_iter().chain(lost).collect());
        }
    };
    if let Some(finding) = unusable(dir).or_else(|| reason_not_writable(plan, dir)) {
        return Ok(vec![finding]);
    }
    let mut findings = components(plan, dir);
    findings.extend(lost(run).await?);
    findings.extend(owners(run, dir).await?);
    Ok(findings)
}

/// Returns a finding if the server once had data here that are gone, as when a disk is not
/// mounted. Without it, `up` would install an empty server in their place.
async fn lost(run: &Run<'_>) -> Result<Option<Finding>> {
    let (local, plan) = (run.local, run.plan);
    let place = &plan.instance.node.data_dir;
    let used = || Ok::<_, Error>(local.state.used_data()?.as_ref() == Some(place));
    let gone = match place {
        DataPlace::Volume(name) => local.engine().volume_labels(name).await?.is_none(),
        // Without a marker, but with files, they are healed or refused by `owners::data`.
        DataPlace::Directory(dir) => Marker::foreign_files(dir).is_ok_and(|names| names.is_empty()),
    };
    let what = if gone && used()? {
        format!("the data of this instance are no longer in {place}")
    } else {
        let marker = place.directory().map(|dir| (Marker::read(dir), dir));
        // `owners::data` reports a damaged marker.
        let Some((Ok(Some(marker)), dir)) = marker else {
            return Ok(None);
        };
        let Some((path, component)) = emptied(plan, &marker, dir) else {
            return Ok(None);
        };
        format!(
            "the data of {component} are no longer in {}",
            path.display()
        )
    };
    Ok(Some(Finding {
        what,
        remedies: Failure::DataMissing.remedies(),
        failure: Failure::DataMissing,
    }))
}

/// Returns a directory that is missing or empty, and the database that had its data in it.
fn emptied(plan: &Plan, marker: &Marker, dir: &HostPath) -> Option<(PathBuf, Component)> {
    let databases = [Component::Mongodb, Component::Elasticsearch];
    let used = manifests::data_dirs(&plan.values).into_iter();
    let used = used.filter(|(directory, component)| {
        databases.contains(component) && marker.used.contains(directory)
    });
    let mut paths = used.map(|(directory, component)| (dir.join(directory), component));
    paths.find(|(path, _)| !path.exists() || files::list(path).is_ok_and(|names| names.is_empty()))
}

/// Returns a finding if something else is at the path or at one of its parents.
pub(super) fn unusable(dir: &HostPath) -> Option<Finding> {
    let there = dir
        .ancestors()
        .find(|path| path.is_symlink() || path.exists())?;
    if there.is_dir() {
        return None;
    }
    let what = match there.is_symlink() {
        true => "a broken symbolic link",
        false => "not a directory",
    };
    Some(finding(
        format!(
            "cannot use the data directory {dir}: {} is {what}",
            there.display()
        ),
        vec![
            Hint::run("see what it is", format!("ls -ld {}", quoted(there))),
            other_directory(),
        ],
    ))
}

/// Checks the name of a volume: Docker accepts fewer names than for files.
fn volume_name(name: &str) -> Option<Finding> {
    let valid = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    let first = name.chars().next();
    if name.len() > 1 && name.chars().all(valid) && first.is_some_and(|c| c.is_alphanumeric()) {
        return None;
    }
    Some(Finding {
        failure: Failure::InvalidOption,
        ..finding(
            format!(
                "invalid volume name `{name}`: expected two or more of a-z, A-Z, 0-9, `_`, `.` and \
                 `-`, starting with a letter or digit"
            ),
            vec![Hint::run(
                "use another name",
                ours!(Up, "--data-dir volume:NAME"),
            )],
        )
    })
}

fn other_directory() -> Hint {
    Hint::run("use another directory", ours!(Up, "--data-dir DIR"))
}

fn reason_not_writable(plan: &Plan, dir: &HostPath) -> Option<Finding> {
    let there = files::nearest_existing(dir)?;
    if there == &**dir && plan.marker().is_current(dir) {
        return None;
    }
    let reason = files::reason_not_writable(there)?;
    let doing = match there == &**dir {
        true => format!("write to the data directory {dir}"),
        false => format!("create the data directory {dir}"),
    };
    Some(finding(
        format!("cannot {doing}: {reason}"),
        vec![
            Hint::run("see who owns it", format!("ls -ld {}", quoted(there))),
            other_directory(),
        ],
    ))
}

/// Returns findings about anything that is not a directory at the paths of the components. The
/// node cannot follow a symbolic link, because its target is not mounted.
fn components(plan: &Plan, dir: &HostPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (directory, component) in manifests::data_dirs(&plan.values) {
        let place = dir.join(directory);
        let shown = place.display();
        if place.is_symlink() {
            let remedy = place.canonicalize().map_or_else(
                |_| Hint::run("remove the broken link", format!("rm {}", quoted(&place))),
                |target| {
                    Hint::run(
                        "replace the link with a bind mount",
                        format!(
                            "rm {0} && mkdir {0} && sudo mount --bind {1} {0}",
                            quoted(&place),
                            quoted(target)
                        ),
                    )
                },
            );
            findings.push(finding(
                format!("{shown} is a symbolic link, which {component} cannot follow in the node"),
                vec![remedy],
            ));
        } else if place.exists() && !place.is_dir() {
            findings.push(finding(
                format!("{shown} is not a directory, but {component} keeps its data there"),
                vec![Hint::run(
                    "see what it is",
                    format!("ls -l {}", quoted(&place)),
                )],
            ));
        }
    }
    findings
}

/// Checks that the file system stores the owners that the databases need. On file systems that
/// are not known to store them, it tries: here as root, or else in a container if the engine
/// has the node image.
pub(in crate::provider::local) async fn owners(
    run: &Run<'_>,
    dir: &HostPath,
) -> Result<Option<Finding>> {
    match files::nearest_existing(dir).and_then(mounts::file_system_of) {
        Some(mounted) => owners_on(run, dir, &mounted).await,
        None => Ok(None),
    }
}

async fn owners_on(run: &Run<'_>, dir: &HostPath, mounted: &Mounted) -> Result<Option<Finding>> {
    let Run { plan, info, .. } = *run;
    let engine = run.local.engine();
    let there = files::nearest_existing(dir).unwrap_or(dir);
    let kind = mounted.fs_type.as_str();
    let folders = manifests::data_dirs(&plan.values);
    let folders = folders
        .into_iter()
        .filter_map(|(directory, component)| Some((directory, component.data_owner()?)));
    let folders: Vec<(String, (u32, u32))> = folders.collect();
    if STORE_OWNERS.contains(&kind) || are_stored(dir, &folders) {
        return Ok(None);
    }
    let owners: Vec<(u32, u32)> = folders.into_iter().map(|(_, owner)| owner).collect();
    let stored = if files::is_root() && !info.is_rootless() {
        files::preserves_owners(there, &owners)
    } else if engine
        .image(&plan.instance.node.node_image)
        .await?
        .is_some()
    {
        try_in_container(plan, there, &owners, engine).await?
    } else {
        !IGNORE_OWNERS.contains(&kind)
    };
    Ok((!stored).then(|| {
        Finding {
            failure: Failure::OwnersNotStored,
            ..finding(
            format!(
                "the data directory {dir} is on a file system ({kind}, mounted at {}) that does not let the databases own their files",
                mounted.mount_point.display()
            ),
            vec![
                Hint::run("use a directory on a local disk", ours!(Up, "--data-dir DIR")),
                Hint::run("or use a Docker volume", ours!(Up, "--data-dir volume:NAME")),
            ],
        )
        }
    }))
}

/// Returns whether all existing directories of components have the right owners. The file
/// system then stored them before.
fn are_stored(dir: &HostPath, folders: &[(String, (u32, u32))]) -> bool {
    let mut found = folders
        .iter()
        .filter_map(|(directory, owner)| Some((files::owner(&dir.join(directory))?, *owner)))
        .peekable();
    found.peek().is_some() && found.all(|(is, wanted)| is == wanted)
}

async fn try_in_container(
    plan: &Plan,
    dir: &std::path::Path,
    owners: &[(u32, u32)],
    engine: &dyn Engine,
) -> Result<bool> {
    let mut command = vec!["-c".to_owned(), TRIAL.to_owned(), "sh".to_owned()];
    command.extend(owners.iter().map(|(uid, gid)| format!("{uid}:{gid}")));
    let name = format!("clearml-local-owners-{}", std::process::id());
    let container = ContainerSpec {
        entrypoint: Some(vec!["sh".into()]),
        command,
        mounts: vec![Mount::Bind(dir.to_owned(), "/probe".into(), false)],
        ..ContainerSpec::new(name, plan.instance.node.node_image.clone())
    };
    Ok(run_once(engine, &container).await?.0 == 0)
}

fn finding(what: String, remedies: Vec<Hint>) -> Finding {
    Finding {
        what,
        remedies,
        failure: Failure::DataDirectory,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;
    use crate::docker::EngineInfo;
    use crate::docker::fake::{self, FakeEngine, State};
    use crate::options::Options;
    use crate::plan::Request;
    use crate::provider::local::{TestInstance, data};
    use crate::settings::Instance;
    use crate::state::StateDir;

    fn plan(dir: PathBuf) -> Plan {
        let instance = Instance::with_defaults(dir.into());
        Plan::new("demo".parse().unwrap(), instance, None, 0).unwrap()
    }

    async fn messages(dir: PathBuf) -> Vec<String> {
        let engine = FakeEngine::new(State::default());
        let demo = TestInstance::without_state();
        let (local, request) = (demo.local(&engine), Request::new(Options::default()));
        let (info, plan) = (EngineInfo::default(), plan(dir));
        let found = findings(&Run::new(&local, &info, &request, &plan)).await;
        assert!(engine.state().calls.is_empty(), "nothing was changed");
        found.unwrap().into_iter().map(|one| one.what).collect()
    }

    #[tokio::test]
    async fn refuses_a_path_that_is_not_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        files::write(&at("file"), "").unwrap();
        symlink(at("gone"), at("link")).unwrap();
        files::create_dir(&at("real")).unwrap();
        symlink(at("real"), at("good")).unwrap();
        for (place, reason) in [
            ("file", "file is not a directory"),
            ("file/below/data", "file is not a directory"),
            ("link", "link is a broken symbolic link"),
        ] {
            let messages = messages(at(place)).await;
            assert_eq!(messages.len(), 1, "{messages:?}");
            assert!(messages[0].ends_with(reason), "{messages:?}");
        }
        assert_eq!(messages(at("good")).await, [""; 0]);
        assert_eq!(messages(at("new/data")).await, [""; 0]);
    }

    #[tokio::test]
    async fn refuses_links_and_files_at_the_paths_of_components() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("my data");
        files::create_dir(&data.join("redis")).unwrap();
        symlink(dir.path(), data.join("mongodb")).unwrap();
        files::write(&data.join("elasticsearch"), "").unwrap();
        plan(data.clone()).marker().write(&data).unwrap();
        let plan = plan(data);
        let dir = plan.instance.node.data_dir.directory().unwrap();
        let found = components(&plan, dir);
        assert_eq!(found.len(), 2, "{found:?}");
        let link = found
            .iter()
            .find(|one| one.what.contains("mongodb"))
            .unwrap();
        assert!(link.what.contains("is a symbolic link"), "{}", link.what);
        assert!(
            link.remedies[0]
                .to_string()
                .contains(&format!("'{}/mongodb'", dir.display())),
            "{}",
            link.remedies[0]
        );
    }

    #[tokio::test]
    async fn refuses_to_replace_data_that_are_gone() {
        let engine = FakeEngine::new(State::default());
        let dir = tempfile::tempdir().unwrap();
        let demo = TestInstance::new(StateDir::at(dir.path().join("state")));
        let (local, request) = (demo.local(&engine), Request::new(Options::default()));
        let (info, plan) = (EngineInfo::default(), plan(dir.path().join("data")));
        let data = plan.instance.node.data_dir.directory().unwrap();
        let lost = async || {
            let found = lost(&Run::new(&local, &info, &request, &plan)).await;
            found.unwrap().map(|one| one.what)
        };
        // The first `up` was interrupted before the databases wrote anything.
        plan.marker().write(data).unwrap();
        assert_eq!(lost().await, None);
        data::record_use(&plan, local.state).unwrap();
        let gone = |of: &str, at: &str| Some(format!("the data of {of} are no longer in {at}"));
        let mongodb = data.join("mongodb");
        assert_eq!(
            lost().await,
            gone("mongodb", &mongodb.display().to_string())
        );
        for directory in ["mongodb", "elasticsearch"] {
            files::create_dir(&data.join(directory).join("files")).unwrap();
        }
        assert_eq!(lost().await, None);
        std::fs::rename(dir.path().join("data"), dir.path().join("moved")).unwrap();
        assert_eq!(lost().await, gone("this instance", &data.to_string()));
    }

    #[test]
    fn refuses_volume_names_that_docker_refuses() {
        for name in ["clearml-data", "a.b_c", "01"] {
            assert_eq!(volume_name(name), None);
        }
        for name in ["", "a", "my vol", "-a", "größe", "a:b"] {
            assert!(volume_name(name).is_some(), "{name}");
        }
    }

    /// The engine does not run as root on the host, so that a container tries it, which fails.
    #[tokio::test]
    async fn refuses_a_file_system_that_does_not_store_owners() {
        let engine = FakeEngine::new(State::default());
        let dir = tempfile::tempdir().unwrap();
        let demo = TestInstance::without_state();
        let (local, request) = (demo.local(&engine), Request::new(Options::default()));
        let plan = plan(dir.path().join("data"));
        let info = EngineInfo {
            security: vec!["name=rootless".into()],
            ..EngineInfo::default()
        };
        let data = plan.instance.node.data_dir.directory().unwrap();
        let on = async |fs_type: &str| {
            let mounted = Mounted {
                fs_type: fs_type.to_owned(),
                mount_point: "/media/usb".into(),
            };
            let run = Run::new(&local, &info, &request, &plan);
            let found = owners_on(&run, data, &mounted).await.unwrap();
            found.map(|one| (one.failure, one.what.contains("/media/usb")))
        };
        // Without the node image, the kind of the file system decides.
        assert_eq!(on("vfat").await, Some((Failure::OwnersNotStored, true)));
        assert_eq!(on("ext4").await, None);
        assert_eq!(on("fuse.sshfs").await, None);
        let image = plan.instance.node.node_image.clone();
        engine.state().images.insert(image, fake::image("node"));
        assert_eq!(on("fuse.sshfs").await, None);
        engine.state().exit_code = 1;
        assert_eq!(
            on("fuse.sshfs").await,
            Some((Failure::OwnersNotStored, true))
        );
    }

    #[tokio::test]
    async fn reports_a_path_that_cannot_be_written() {
        let messages = messages("/proc/clearml".into()).await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(
            messages[0].starts_with("cannot create the data directory /proc/clearml: ")
                || messages[0].contains("does not let the databases own"),
            "{messages:?}"
        );
    }
}
