//! The checks of running in a container of the engine that this program uses: the ports of the
//! node are then open on the host, and paths are those of the host.

use std::path::Path;

use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::failures::Failure;
use crate::files;
use crate::hint::{Hint, ours};
use crate::path::quoted;
use crate::preflight::Finding;
use crate::settings::DataPlace;

/// Files that Docker mounts in every container from a directory named after the container's ID.
const MOUNTED: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// Returns the container that this program runs in, if it is one of the engine's.
pub(super) async fn own_container(engine: &dyn Engine) -> Result<Option<Container>> {
    let read = |path: &str| files::read(path.as_ref()).ok().flatten();
    let of = |path| read(path).unwrap_or_default();
    let ids = identifiers(&of("/proc/self/cgroup"), &of("/proc/self/mountinfo"));
    find(engine, &ids).await
}

async fn find(engine: &dyn Engine, ids: &[String]) -> Result<Option<Container>> {
    for id in ids {
        if let Some(container) = engine.container(id).await? {
            return Ok(Some(container));
        }
    }
    Ok(None)
}

/// Published ports cannot be reached from a container unless it uses the host's network.
pub(super) fn ports(own: &Container) -> Option<Finding> {
    if own.network_mode.as_deref() == Some("host") {
        return None;
    }
    Some(Finding {
        what: format!(
            "clearml-local runs in the container {}, but Docker publishes the server's ports on \
             the host, where clearml-local cannot reach them",
            own.name
        ),
        remedies: Failure::InContainer.remedies(),
        failure: Failure::InContainer,
    })
}

/// Docker mounts directories of the host in the node. The data directory must therefore be
/// mounted in this container at the same path.
pub(super) fn data(own: &Container, place: &DataPlace) -> Option<Finding> {
    let dir = place.directory()?;
    let mounts = own
        .mounts
        .iter()
        .map(|(source, at)| (source, Path::new(at)));
    let nearest = mounts
        .filter(|(_, at)| dir.starts_with(at))
        .max_by_key(|(_, at)| at.components().count());
    let is_same = |(source, at): (&String, &Path)| Path::new(source) == at;
    if nearest.is_some_and(is_same) {
        return None;
    }
    Some(Finding {
        what: format!(
            "clearml-local runs in the container {}, but Docker would mount the data directory \
             {dir} of the host",
            own.name
        ),
        remedies: vec![
            Hint::run(
                "mount it at the same path",
                format!("docker run -v {0}:{0} …", quoted(&**dir)),
            ),
            Hint::run(
                "or use a Docker volume",
                ours!(Up, "--data-dir volume:NAME"),
            ),
        ],
        failure: Failure::DataNotShared,
    })
}

/// Returns the IDs of containers that this process may run in.
fn identifiers(cgroup: &str, mountinfo: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
            let is_id = word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
            if is_id && !ids.iter().any(|id| id == word) {
                ids.push(word.to_owned());
            }
        }
    };
    // `ID:CONTROLLERS:PATH`; the path is `/` with cgroup v2.
    cgroup.lines().for_each(&mut add);
    for line in mountinfo.lines() {
        // `ID PARENT DEVICE ROOT MOUNTPOINT …`. The host has mounts of containers, too, but not
        // at these paths.
        let fields: Vec<&str> = line.split(' ').collect();
        if let [_, _, _, root, place, ..] = fields[..]
            && MOUNTED.contains(&place)
        {
            add(root);
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Container;
    use crate::docker::fake::{FakeEngine, State};

    const ID: &str = "5d0c8ad3d7a9ef0b9d5b1c4a1f7e0c3b2a19080706050403020100ffeeddccbb";

    #[test]
    fn finds_the_container_with_both_versions_of_cgroups() {
        let v1 = format!("12:memory:/docker/{ID}\n11:cpu:/docker/{ID}\n");
        assert_eq!(identifiers(&v1, ""), [ID]);
        let systemd = format!("1:name=systemd:/system.slice/docker-{ID}.scope\n");
        assert_eq!(identifiers(&systemd, ""), [ID]);
        let mounts = format!(
            "613 604 254:0 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw\n"
        );
        assert_eq!(identifiers("0::/\n", &mounts), [ID]);
        let on_host = format!(
            "90 25 0:50 / /var/lib/docker/containers/{ID}/mounts/shm rw,nosuid - tmpfs shm rw\n"
        );
        assert_eq!(identifiers("0::/user.slice\n", &on_host), [""; 0]);
    }

    fn container(network: &str, mounts: &[(&str, &str)]) -> Container {
        let mounts = mounts
            .iter()
            .map(|(from, at)| ((*from).into(), (*at).into()));
        Container {
            id: ID.into(),
            name: "ci".into(),
            running: true,
            network_mode: Some(network.into()),
            mounts: mounts.collect(),
            ..Container::default()
        }
    }

    #[tokio::test]
    async fn refuses_a_container_without_the_hosts_network() {
        let engine = FakeEngine::new(State::default());
        let found = || async { find(&engine, &[ID.to_owned()]).await.unwrap() };
        assert_eq!(found().await, None, "a container of another engine");
        let own = container("bridge", &[]);
        engine.state().containers.insert(ID.to_owned(), own.clone());
        assert_eq!(found().await, Some(own.clone()));
        let finding = ports(&own).unwrap();
        assert!(finding.what.contains("container ci"), "{}", finding.what);
        assert_eq!(ports(&container("host", &[])), None);
    }

    #[test]
    fn refuses_a_data_directory_that_is_not_mounted_at_the_same_path() {
        let place = DataPlace::from(std::path::PathBuf::from("/srv/data"));
        let found = |mounts| data(&container("host", mounts), &place).is_some();
        assert!(found(&[]));
        assert!(found(&[("/srv", "/mnt/srv"), ("/srv/data2", "/srv/data2")]));
        assert!(found(&[("/srv", "/srv"), ("/home/me", "/srv/data")]));
        assert!(!found(&[("/srv", "/srv")]));
        assert!(!found(&[("/other", "/srv"), ("/srv/data", "/srv/data")]));
        let volume = DataPlace::Volume("data".into());
        assert_eq!(data(&container("host", &[]), &volume), None);
    }
}
