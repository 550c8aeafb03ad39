//! `stop` frees the memory; `down` takes the cluster away, and the data stay;
//! `--purge` takes everything.

use std::path::{Path, PathBuf};

use crate::docker::{Container, ContainerSpec, Engine, Mount, run_once};
use crate::error::{Code, Explain, Result};
use crate::event::{Events, Step};
use crate::files;
use crate::kubeconfig;
use crate::node::{self, spec};
use crate::settings::{DataPlace, Instance, InstanceName};
use crate::state::{Lock, Marker, StateDir};
use crate::up;

/// What is left after `down`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether there was anything to take away.
    pub changed: bool,
    /// Where the data still are, if they are.
    pub data_dir: Option<DataPlace>,
    /// What they take, in bytes, where it can be seen.
    pub data_bytes: Option<u64>,
}

/// Takes an instance's cluster away; with `purge` everything of the instance.
///
/// # Errors
/// When the engine does not answer, or the node is somebody else's.
pub async fn down(
    name: &InstanceName,
    purge: bool,
    user_kubeconfig: Option<&Path>,
    state: &StateDir,
    engine: &dyn Engine,
    events: &Events,
) -> Result<Outcome> {
    let _lock = Lock::take(state, "down", events).await?;
    let instance = state.instance()?;
    let container = engine.container(&spec::name(name)).await?;
    let data_dir = container
        .as_ref()
        .and_then(spec::data_dir)
        .or_else(|| instance.as_ref().map(|i| i.data_dir.clone()));
    let mut changed = remove_node(name, engine, events).await?;
    state.forget_cluster()?;
    if let Some(path) = user_kubeconfig {
        kubeconfig::remove(path, name)?;
    }
    if purge {
        changed |= instance.is_some();
        let step = events.step("purge");
        let instance = instance.as_ref();
        let data_dir = data_dir.as_ref().and_then(DataPlace::folder);
        let removed = remove_everything(name, instance, data_dir, state, engine, &step).await;
        step.end(removed, |()| (true, String::new()))?;
        return Ok(Outcome {
            changed,
            data_dir: None,
            data_bytes: None,
        });
    }
    let data_dir = data_dir.filter(|place| place.folder().is_none_or(Path::exists));
    Ok(Outcome {
        changed,
        data_bytes: data_dir
            .as_ref()
            .and_then(DataPlace::folder)
            .map(files::size_of_tree),
        data_dir,
    })
}

/// Stops an instance's node in order and leaves it there. Returns whether it ran.
///
/// # Errors
/// When the engine does not answer, or there is no node of ours.
pub async fn stop(
    name: &InstanceName,
    state: &StateDir,
    engine: &dyn Engine,
    events: &Events,
) -> Result<bool> {
    let _lock = Lock::take(state, "stop", events).await?;
    let Some(node) = find_node(name, engine).await? else {
        return Err(Error::NoNode { name: name.clone() }.into());
    };
    if !node.running {
        return Ok(false);
    }
    let step = events.step("stop");
    let result = stop_node(&node, engine, &step).await;
    step.end(result, |detail| (true, detail.clone()))?;
    Ok(true)
}

/// The instance's node, if there is one.
async fn find_node(name: &InstanceName, engine: &dyn Engine) -> Result<Option<Container>> {
    let Some(container) = engine.container(&spec::name(name)).await? else {
        return Ok(None);
    };
    if !spec::is_ours(&container, name) {
        return Err(Error::NotOurs {
            container: container.name,
        }
        .into());
    }
    Ok(Some(container))
}

/// Stops the node in order and removes it with its anonymous volumes. Returns
/// whether there was one.
async fn remove_node(name: &InstanceName, engine: &dyn Engine, events: &Events) -> Result<bool> {
    let Some(node) = find_node(name, engine).await? else {
        return Ok(false);
    };
    let step = events.step("stop");
    let result = async {
        let detail = stop_node(&node, engine, &step).await?;
        engine.remove(&node.name).await?;
        Ok::<_, crate::error::Error>(detail)
    }
    .await;
    step.end(result, |detail| (true, detail.clone()))?;
    Ok(true)
}

/// Stops a node that runs; returns what a person should know of it.
async fn stop_node(node: &Container, engine: &dyn Engine, step: &Step) -> Result<String> {
    if !node.running {
        return Ok(String::new());
    }
    let killed = node::stop_in_order(engine, &node.name, step).await?.killed;
    if killed.is_empty() {
        return Ok(String::new());
    }
    let names: Vec<&str> = killed.iter().map(|c| c.name()).collect();
    Ok(format!(
        "killed, as they did not end in time: {}",
        names.join(", ")
    ))
}

async fn remove_everything(
    name: &InstanceName,
    instance: Option<&Instance>,
    data_dir: Option<&Path>,
    state: &StateDir,
    engine: &dyn Engine,
    step: &Step,
) -> Result<()> {
    if let Some(dir) = data_dir {
        step.state("removing the data");
        remove_data(name, instance, dir, engine).await?;
    }
    let label = format!("{}={name}", spec::INSTANCE_LABEL);
    for volume in engine.volumes(&label).await? {
        engine.remove_volume(&volume).await?;
    }
    Ok(state.purge()?)
}

/// Removes the folders that the marker lists, and nothing else.
async fn remove_data(
    name: &InstanceName,
    instance: Option<&Instance>,
    dir: &Path,
    engine: &dyn Engine,
) -> Result<()> {
    let Some(marker) = Marker::read(dir)?.filter(|marker| marker.instance == *name) else {
        return Ok(());
    };
    let plain = |folder: &&String| !folder.contains(['/', '\\']) && !folder.starts_with('.');
    let folders: Vec<&String> = marker.folders.iter().filter(plain).collect();
    for folder in &folders {
        if !files::remove_tree(&dir.join(folder))? {
            remove_through_container(&folders, instance, dir, engine).await?;
            break;
        }
    }
    up::remove_link(dir)?;
    Marker::remove(dir)?;
    Ok(())
}

/// The databases' files belong to their images' users: whoever may use the
/// engine may remove them in a container.
async fn remove_through_container(
    folders: &[&String],
    instance: Option<&Instance>,
    dir: &Path,
    engine: &dyn Engine,
) -> Result<()> {
    let image = instance.map(|i| i.node_image.clone()).unwrap_or_default();
    if engine.image(&image).await?.is_none() {
        return Err(Error::NotAllowed {
            dir: dir.to_owned(),
        }
        .into());
    }
    let targets = folders.iter().map(|folder| format!("/data/{folder}"));
    let container = ContainerSpec {
        name: format!("clearml-local-purge-{}", std::process::id()),
        image,
        entrypoint: Some(vec!["rm".into(), "-rf".into(), "--one-file-system".into()]),
        command: targets.collect(),
        mounts: vec![Mount::Bind(dir.to_owned(), "/data".into(), false)],
        ..ContainerSpec::default()
    };
    let (code, _) = run_once(engine, &container).await?;
    if code != 0 {
        return Err(Error::NotAllowed {
            dir: dir.to_owned(),
        }
        .into());
    }
    Ok(())
}

/// Why `down` stops.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The node is not ours.
    #[error("the container {container} was not made by clearml-local for this instance")]
    NotOurs {
        /// Its name.
        container: String,
    },
    /// There is nothing to stop.
    #[error("the instance `{name}` has no node to stop")]
    NoNode {
        /// The instance.
        name: InstanceName,
    },
    /// The data cannot be removed.
    #[error("the data in {} belong to other users and could not be removed", dir.display())]
    NotAllowed {
        /// The data directory.
        dir: PathBuf,
    },
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Error::NotOurs { .. } => Code::NameTaken,
            Error::NoNode { .. } => Code::Usage,
            Error::NotAllowed { .. } => Code::StateBroken,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Error::NotOurs { container } => {
                vec![format!("see whose it is: docker inspect {container}")]
            }
            Error::NoNode { .. } => vec!["see what is there: clearml-local list".into()],
            Error::NotAllowed { dir } => {
                vec![format!("see who owns them: ls -l {}", dir.display())]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::event::{Event, Reporter};
    use crate::release::Databases;
    use crate::settings::Wishes;

    struct Silent;
    impl Reporter for Silent {
        fn report(&self, _: Duration, _: &Event) {}
    }

    fn events() -> Events {
        Events::new(Arc::new(Silent))
    }

    fn node(running: bool, ours: bool) -> Container {
        let mut labels = spec::labels(&"demo".parse().unwrap());
        if !ours {
            labels.clear();
        }
        Container {
            name: "demo-control-plane".into(),
            running,
            labels,
            ..Container::default()
        }
    }

    fn engine(container: Option<Container>) -> FakeEngine {
        let containers = container.into_iter().map(|c| (c.name.clone(), c)).collect();
        FakeEngine::new(State {
            containers,
            ..State::default()
        })
    }

    #[tokio::test]
    async fn the_kubelet_stops_first_and_the_container_last() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let engine = engine(Some(node(true, true)));
        let name = "demo".parse().unwrap();
        down(&name, false, None, &state, &engine, &events())
            .await
            .unwrap();
        let calls = engine.state().calls.clone();
        assert_eq!(
            calls.first().unwrap(),
            "exec demo-control-plane: systemctl stop kubelet"
        );
        assert_eq!(
            calls[calls.len() - 2..],
            ["stop demo-control-plane 1", "remove demo-control-plane"]
        );
    }

    #[tokio::test]
    async fn a_stopped_node_stays() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let engine = engine(Some(node(true, true)));
        let name = "demo".parse().unwrap();
        assert!(stop(&name, &state, &engine, &events()).await.unwrap());
        assert!(!stop(&name, &state, &engine, &events()).await.unwrap());
        assert!(engine.state().containers.contains_key("demo-control-plane"));
    }

    #[tokio::test]
    async fn a_node_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let engine = engine(Some(node(true, false)));
        let name = "demo".parse().unwrap();
        let error = down(&name, true, None, &state, &engine, &events())
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::NameTaken);
        assert!(engine.state().calls.is_empty());
    }

    #[tokio::test]
    async fn purge_works_without_a_cluster_and_leaves_files_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let name: InstanceName = "demo".parse().unwrap();
        let data = dir.path().join("data");
        let instance = Wishes::default()
            .instance(None, data.clone().into())
            .unwrap();
        state.keep_instance(&instance).unwrap();
        let databases = Databases {
            mongodb: "4.4".into(),
            elasticsearch: "7".into(),
            redis: "6".into(),
        };
        Marker::new(&name, "1.5.0", databases).write(&data).unwrap();
        files::create_dir(&data.join("mongodb/db")).unwrap();
        files::write(&data.join("thesis.tex"), "mine").unwrap();
        let outcome = down(&name, true, None, &state, &engine(None), &events())
            .await
            .unwrap();
        assert!(outcome.changed);
        assert_eq!(files::list(&data).unwrap(), ["thesis.tex"]);
        assert!(!state.root().exists());
    }
}
