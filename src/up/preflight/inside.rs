//! Whether this program runs in a container of the very engine that it uses: the node's
//! ports are then open on the machine outside, and not in here.

use super::Finding;
use crate::docker::Engine;
use crate::error::{Code, Result};
use crate::files;

/// Files that Docker mounts in every container, from a directory that has the
/// container's identifier.
const MOUNTED: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// Returns the finding where this program's own container is one of the engine's and
/// has a network of its own.
pub(super) async fn own_container(engine: &dyn Engine) -> Result<Option<Finding>> {
    let read = |path: &str| files::read(path.as_ref()).ok().flatten();
    let of = |path| read(path).unwrap_or_default();
    let ids = identifiers(&of("/proc/self/cgroup"), &of("/proc/self/mountinfo"));
    among(engine, &ids).await
}

async fn among(engine: &dyn Engine, ids: &[String]) -> Result<Option<Finding>> {
    for id in ids {
        let Some(container) = engine.container(id).await? else {
            continue;
        };
        if container.network_mode.as_deref() == Some("host") {
            continue;
        }
        return Ok(Some(Finding {
            what: format!(
                "this is the container {}, and Docker opens the server's ports on the machine outside of it, where this program cannot reach them",
                container.name
            ),
            remedies: vec![
                "run this command on the machine itself".into(),
                "or run the container in the machine's network: docker run --network host …".into(),
            ],
            code: Code::DockerRemote,
        }));
    }
    Ok(None)
}

/// The identifiers of containers that this process may be in.
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
        // `ID PARENT DEVICE ROOT MOUNTPOINT …`. The machine itself has mounts of
        // containers too, but not at these places.
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
    fn a_process_finds_its_container_with_both_versions_of_cgroups() {
        let v1 = format!("12:memory:/docker/{ID}\n11:cpu:/docker/{ID}\n");
        assert_eq!(identifiers(&v1, ""), [ID]);
        let systemd = format!("1:name=systemd:/system.slice/docker-{ID}.scope\n");
        assert_eq!(identifiers(&systemd, ""), [ID]);
        let mounts = format!(
            "613 604 254:0 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw\n"
        );
        assert_eq!(identifiers("0::/\n", &mounts), [ID]);
        let outside = format!(
            "90 25 0:50 / /var/lib/docker/containers/{ID}/mounts/shm rw,nosuid - tmpfs shm rw\n"
        );
        assert_eq!(identifiers("0::/user.slice\n", &outside), [""; 0]);
    }

    #[tokio::test]
    async fn a_container_without_the_machines_network_is_found() {
        let mut container = Container {
            id: ID.into(),
            name: "ci".into(),
            running: true,
            network_mode: Some("bridge".into()),
            ..Container::default()
        };
        let engine = FakeEngine::new(State::default());
        let found = || async { among(&engine, &[ID.to_owned()]).await.unwrap() };
        assert_eq!(found().await, None, "a container of another engine");
        let put = |container: &Container| {
            let mut state = engine.state();
            state.containers.insert(ID.to_owned(), container.clone());
        };
        put(&container);
        let finding = found().await.unwrap();
        assert!(finding.what.contains("container ci"), "{}", finding.what);
        container.network_mode = Some("host".into());
        put(&container);
        assert_eq!(found().await, None);
    }
}
