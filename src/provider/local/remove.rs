//! Stopping a node, which frees its memory, and removing it with or without the data.

mod purge;

use self::purge::Purge;
use crate::data_size;
use crate::docker::{Container, Engine};
use crate::error::{Explain, Result};
use crate::event::Step;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kubeconfig;
use crate::provider::local::Local;
use crate::provider::local::node::{self, spec};
use crate::provider::local::recovery::{self, AnotherInstance, Ownership};
use crate::provider::{Removal, Removed};
use crate::settings::{DataPlace, Instance, InstanceName, KeptData};

/// Removes the node; with `purge`, everything of the instance.
pub(super) async fn remove(local: &Local<'_>, removal: Removal<'_>) -> Result<Removed> {
    let (name, state) = (local.name, local.state);
    let instance = state.instance()?;
    let container = local.engine().container(&spec::name(name)).await?;
    let data_dir = container
        .as_ref()
        .and_then(spec::data_dir)
        .or_else(|| instance.as_ref().map(|i| i.node.data_dir.clone()));
    // The engine has the image that the node was created from.
    let image = container.as_ref().and_then(spec::node_image);
    let image = image.or_else(|| instance.as_ref().map(|i| i.node.node_image.clone()));
    match other_instance(local, container.as_ref(), instance.as_ref()).await? {
        Some(another) if removal.purge => return Err(another.into()),
        Some(another) => local.events.warn(another.to_string()),
        None => {}
    }
    let mut changed = remove_node(local).await?;
    state.remove_cluster()?;
    let kubeconfig = removal.user_kubeconfig;
    let context_removed = kubeconfig.map(|path| kubeconfig::remove(path, name));
    let context_removed = context_removed.transpose().map(|_| ()).map_err(Into::into);
    if removal.purge {
        changed |= instance.is_some();
        let step = local.events.step("purge");
        let data_dir = data_dir.as_ref().and_then(DataPlace::directory);
        let mut purge = Purge::new(local, image);
        purge.record(context_removed);
        let remaining = purge.run(data_dir, &step).await;
        let remaining = step.end(remaining, |_| (true, String::new()))?;
        return Ok(Removed {
            changed,
            data: None,
            purged: "data, secrets and images",
            data_bytes: None,
            remaining,
        });
    }
    context_removed?;
    let data_dir = data_dir.filter(|place| place.directory().is_none_or(|dir| dir.exists()));
    let data_bytes = match &data_dir {
        Some(place) => data_size::measure(place).await.used,
        None => None,
    };
    Ok(Removed {
        changed,
        purged: "",
        data_bytes,
        data: data_dir.map(KeptData::Place),
        remaining: Vec::new(),
    })
}

/// Stops the components and then the node, without removing it. Returns whether it was
/// running.
pub(super) async fn stop(local: &Local<'_>) -> Result<bool> {
    let Some(node) = find_node(local).await? else {
        let name = local.name.clone();
        return Err(Error::NoNode { name }.into());
    };
    if !node.running {
        return Ok(false);
    }
    let instance = local.state.instance()?;
    if let Some(another) = other_instance(local, Some(&node), instance.as_ref()).await? {
        local.events.warn(another.to_string());
    }
    let step = local.events.step("stop");
    let result = shut_down(&node, Action::Stop, local.engine(), &step).await;
    step.end(result, |detail| (true, detail.clone()))?;
    Ok(true)
}

/// Returns the other instance if the node's keys indicate that it does not belong to
/// the instance that this home knows.
async fn other_instance(
    local: &Local<'_>,
    node: Option<&Container>,
    stored: Option<&Instance>,
) -> Result<Option<AnotherInstance>> {
    let state = local.state;
    let (Some(node), Some(stored), Some(home)) = (node, stored, state.secrets()?) else {
        return Ok(None);
    };
    if !recovery::is_unrecognized(stored, node, state)? {
        return Ok(None);
    }
    let ownership = recovery::ownership(local, node, stored, None, Some(&home)).await?;
    Ok(match ownership {
        Ownership::Ours => None,
        Ownership::Another(another) | Ownership::Unknown(another) => Some(another),
    })
}

async fn find_node(local: &Local<'_>) -> Result<Option<Container>> {
    let (name, engine) = (local.name, local.engine());
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

/// Stops the components, and removes the node with its anonymous volumes. Returns
/// whether there was a node.
async fn remove_node(local: &Local<'_>) -> Result<bool> {
    let Some(node) = find_node(local).await? else {
        return Ok(false);
    };
    let step = local.events.step("node");
    let result = shut_down(&node, Action::Remove, local.engine(), &step).await;
    step.end(result, |detail| (true, detail.clone()))?;
    Ok(true)
}

/// What to do with a node whose components have stopped.
#[derive(Clone, Copy)]
enum Action {
    Stop,
    /// Removing it kills the remaining processes, which have nothing to lose. Stopping
    /// them first takes seconds.
    Remove,
}

/// Stops the components of a running node, then stops or removes the node. Returns a
/// detail for the user.
async fn shut_down(
    node: &Container,
    action: Action,
    engine: &dyn Engine,
    step: &Step,
) -> Result<String> {
    // Frozen processes cannot be stopped in order.
    if node.paused {
        node::start(engine, node).await?;
    }
    let killed = match (node.running, action) {
        (true, Action::Stop) => node::stop_in_order(engine, &node.name, step).await?.killed,
        (true, Action::Remove) => {
            node::stop_components(engine, &node.name, step)
                .await?
                .killed
        }
        (false, _) => Vec::new(),
    };
    if let Action::Remove = action {
        step.state("removing the node");
        node::remove(engine, &node.name, step).await?;
    }
    if killed.is_empty() {
        return Ok(String::new());
    }
    let names: Vec<&str> = killed.iter().map(|c| c.name()).collect();
    Ok(format!(
        "killed because they did not stop in time: {}",
        names.join(", ")
    ))
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the container {container} was not created by clearml-local for this instance")]
    NotOurs { container: String },
    #[error("instance `{name}` has no node to stop")]
    NoNode { name: InstanceName },
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::NotOurs { .. } => Failure::NameTaken,
            Error::NoNode { .. } => Failure::NotInstalled,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::NotOurs { container } => {
                vec![Hint::run(
                    "inspect the container",
                    format!("docker inspect {container}"),
                )]
            }
            Error::NoNode { .. } => vec![Hint::run("list the instances", ours!(List))],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::event::Events;
    use crate::event::fixtures::EventLog;
    use crate::files;
    use crate::provider::local::TestInstance;
    use crate::release::Databases;
    use crate::state::{Marker, StateDir};

    /// An instance that has a state directory below `dir`.
    fn demo(dir: &tempfile::TempDir) -> TestInstance {
        TestInstance::new(StateDir::at(dir.path().join("demo")))
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

    async fn removed(local: &Local<'_>, purge: bool) -> Result<Removed> {
        let removal = Removal {
            purge,
            user_kubeconfig: None,
        };
        remove(local, removal).await
    }

    #[tokio::test]
    async fn the_kubelet_stops_first_and_the_container_is_removed_last() {
        let dir = tempfile::tempdir().unwrap();
        let (demo, engine) = (demo(&dir), engine(Some(node(true, true))));
        let local = demo.local(&engine);
        removed(&local, false).await.unwrap();
        let calls = engine.state().calls.clone();
        assert_eq!(
            calls.first().unwrap(),
            "exec demo-control-plane: sh -c touch /run/clearml-local-stop; systemctl stop kubelet"
        );
        assert_eq!(calls.last().unwrap(), "remove demo-control-plane");
        // The remaining processes have nothing to lose.
        assert!(!calls.iter().any(|call| call.starts_with("stop ")));
    }

    #[tokio::test]
    async fn stop_keeps_the_node() {
        let dir = tempfile::tempdir().unwrap();
        let (demo, engine) = (demo(&dir), engine(Some(node(true, true))));
        let local = demo.local(&engine);
        assert!(stop(&local).await.unwrap());
        assert!(!stop(&local).await.unwrap());
        assert!(engine.state().containers.contains_key("demo-control-plane"));
    }

    #[tokio::test]
    async fn a_paused_node_is_unpaused_before_it_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let paused = Container {
            paused: true,
            ..node(true, true)
        };
        let (demo, engine) = (demo(&dir), engine(Some(paused)));
        assert!(stop(&demo.local(&engine)).await.unwrap());
        let calls = engine.state().calls.clone();
        assert_eq!(calls.first().unwrap(), "unpause demo-control-plane");
    }

    #[tokio::test]
    async fn refuses_a_container_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let (demo, engine) = (demo(&dir), engine(Some(node(true, false))));
        let local = demo.local(&engine);
        let error = removed(&local, true).await.unwrap_err();
        assert_eq!(error.failure(), Failure::NameTaken);
        assert!(engine.state().calls.is_empty());
    }

    /// Stores an instance without a node, whose data are in `data`.
    fn stored_instance(state: &StateDir, data: &Path) -> InstanceName {
        let name: InstanceName = "demo".parse().unwrap();
        let instance = Instance::with_defaults(data.to_owned().into());
        state.save_instance(&instance).unwrap();
        state
            .save_secrets(&crate::secrets::Secrets::generate())
            .unwrap();
        name
    }

    fn marker(name: &InstanceName) -> Marker {
        let databases = Databases {
            mongodb: "4.4".into(),
            elasticsearch: "7".into(),
            redis: "6".into(),
        };
        Marker::new(name, "1.5.0", databases)
    }

    #[tokio::test]
    async fn purge_works_without_a_cluster_and_keeps_files_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let demo = demo(&dir);
        let state = &demo.state;
        let data = dir.path().join("data");
        let name = stored_instance(state, &data);
        marker(&name).write(&data).unwrap();
        files::create_dir(&data.join("mongodb/db")).unwrap();
        files::write(&data.join("thesis.tex"), "mine").unwrap();
        let engine = engine(None);
        let local = demo.local(&engine);
        let outcome = removed(&local, true).await.unwrap();
        assert!(outcome.changed);
        assert_eq!(files::list(&data).unwrap(), ["thesis.tex"]);
        assert_eq!(
            outcome.remaining[0].why,
            "it contains other files, such as `thesis.tex`"
        );
        assert!(!state.root().exists());
    }

    #[tokio::test]
    async fn purge_removes_only_directories_below_the_data() {
        let dir = tempfile::tempdir().unwrap();
        let demo = demo(&dir);
        let data = dir.path().join("data");
        let name = stored_instance(&demo.state, &data);
        let directories = ["", "..", "../other", "."].map(str::to_owned);
        let marker = marker(&name).with_directories(directories);
        marker.write(&data).unwrap();
        files::create_dir(&dir.path().join("other")).unwrap();
        files::write(&data.join("thesis.tex"), "mine").unwrap();
        let engine = engine(None);
        removed(&demo.local(&engine), true).await.unwrap();
        assert_eq!(files::list(&data).unwrap(), ["thesis.tex"]);
        assert!(dir.path().join("other").exists());
    }

    #[tokio::test]
    async fn purge_keeps_an_existing_directory_and_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (existing, link) = (dir.path().join("existing"), dir.path().join("link"));
        files::create_dir(&existing).unwrap();
        std::os::unix::fs::symlink(&existing, &link).unwrap();
        for (data, why) in [
            (&existing, "it existed before"),
            (&link, "it is a symbolic link"),
        ] {
            let demo = demo(&dir);
            let state = &demo.state;
            let name = stored_instance(state, data);
            marker(&name).write(data).unwrap();
            files::create_dir(&data.join("redis/appendonly")).unwrap();
            let engine = engine(None);
            let local = demo.local(&engine);
            let outcome = removed(&local, true).await.unwrap();
            let [remaining] = &outcome.remaining[..] else {
                panic!("{:?}", outcome.remaining);
            };
            assert_eq!(
                (&*remaining.path, remaining.why.as_str()),
                (data.as_path(), why)
            );
            assert!(files::list(data).unwrap().is_empty());
            assert!(!state.root().exists(), "secrets and settings are gone");
        }
    }

    #[tokio::test]
    async fn purge_continues_after_a_failure_and_reports_all_failures() {
        let dir = tempfile::tempdir().unwrap();
        let demo = demo(&dir);
        let state = &demo.state;
        let data = dir.path().join("data");
        let name = stored_instance(state, &data);
        files::create_dir(&data).unwrap();
        files::write(&data.join(".clearml-local.json"), "{").unwrap();
        let kubeconfig = dir.path().join("kubeconfig");
        files::write(&kubeconfig, "{clearml-local-demo").unwrap();
        let engine = engine(None);
        let labels = spec::labels(&name);
        engine.state().volumes.insert("images".into(), labels);
        let local = demo.local(&engine);
        let removal = Removal {
            purge: true,
            user_kubeconfig: Some(&kubeconfig),
        };
        let result = remove(&local, removal).await;
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), "cannot remove 2 parts of `demo`");
        let details = error.details();
        assert!(details[0].contains("kubeconfig"), "{details:?}");
        assert!(details[1].contains(".clearml-local.json"), "{details:?}");
        assert!(engine.state().volumes.is_empty());
        assert!(state.secrets().unwrap().is_none());
        // The next `down` still knows where the data are.
        assert!(state.instance().unwrap().is_some());
        files::remove(&data.join(".clearml-local.json")).unwrap();
        removed(&local, true).await.unwrap();
        assert!(!state.root().exists());
    }

    #[tokio::test]
    async fn purge_reports_the_unfinished_copy_that_it_removes_and_the_previous_data() {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(EventLog::default());
        let demo = TestInstance {
            events: Events::new(log.clone()),
            ..demo(&dir)
        };
        let state = &demo.state;
        let at = |name: &str| dir.path().join(name);
        let name = stored_instance(state, &at("data"));
        for place in ["data", "former", "half"] {
            marker(&name).write(&at(place)).unwrap();
            files::create_dir(&at(place).join("mongodb/db")).unwrap();
            state.record_copy(&at(place).into()).unwrap();
        }
        marker(&name).start_copy(&at("half")).unwrap();
        let engine = engine(None);
        let local = demo.local(&engine);
        let outcome = removed(&local, true).await.unwrap();
        assert!(!at("data").exists() && !at("half").exists());
        let copy = format!("removing the unfinished copy in {}", at("half").display());
        assert!(log.states().contains(&copy));
        let remaining: Vec<_> = outcome
            .remaining
            .iter()
            .map(|remaining| remaining.path.clone())
            .collect();
        assert_eq!(remaining, [at("former").into()]);
        assert!(at("former").join("mongodb/db").exists());
    }
}
