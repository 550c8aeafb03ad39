//! Whether the node in the engine belongs to the instance that this home knows, or to
//! another instance with the same name.

use std::path::PathBuf;

use super::from_data_dir;
use crate::docker::Container;
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kube::Cluster;
use crate::provider::local::Local;
use crate::provider::local::node::spec;
use crate::recovery::from_cluster;
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance};
use crate::state::StateDir;

/// Returns whether another home created the node and its data are elsewhere than this
/// home knows.
pub fn is_unrecognized(stored: &Instance, node: &Container, state: &StateDir) -> Result<bool> {
    Ok(has_other_data_dir(stored, node) && state.node()?.as_deref() != Some(&node.id))
}

/// Returns whether the node's data are elsewhere than this home knows.
pub(super) fn has_other_data_dir(stored: &Instance, node: &Container) -> bool {
    spec::data_dir(node).is_some_and(|place| place != stored.node.data_dir)
}

/// Which instance a node belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// The instance that this home knows.
    Ours,
    /// Another instance with the same name.
    Another(AnotherInstance),
    /// Its keys cannot be read now, and everything else indicates another instance.
    Unknown(AnotherInstance),
}

/// Determines by its keys which instance a node belongs to.
pub async fn ownership(
    local: &Local<'_>,
    node: &Container,
    stored: &Instance,
    cluster: Option<&Cluster>,
    home: Option<&Secrets>,
) -> Result<Ownership> {
    let Some(home) = home else {
        return Ok(Ownership::Ours);
    };
    let mut node_keys = match cluster {
        Some(cluster) => from_cluster(cluster, Some(home)).await?,
        None => None,
    };
    if node_keys.is_none() {
        node_keys = from_data_dir(node, local.engine()).await?;
    }
    Ok(ownership_by_keys(
        node_keys.as_ref(),
        home,
        node,
        stored,
        local.state,
    ))
}

/// Determines it by keys that have already been read.
pub(super) fn ownership_by_keys(
    node_keys: Option<&Secrets>,
    home: &Secrets,
    node: &Container,
    stored: &Instance,
    state: &StateDir,
) -> Ownership {
    let another = || AnotherInstance {
        node: node.name.clone(),
        node_data: spec::data_dir(node),
        home_data: stored.node.data_dir.clone(),
        state: state.root().to_owned(),
    };
    match node_keys {
        Some(node_keys) if node_keys.is_same_instance(home) => Ownership::Ours,
        Some(_) => Ownership::Another(another()),
        None => Ownership::Unknown(another()),
    }
}

/// The node belongs to another instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the node {node} belongs to another instance with this name: its data are in {}, but the data \
     of the instance in this home are in {home_data}",
    node_data.as_ref().map_or_else(String::new, DataPlace::to_string)
)]
pub struct AnotherInstance {
    node: String,
    node_data: Option<DataPlace>,
    home_data: DataPlace,
    /// The state directory of this home.
    state: PathBuf,
}

impl Explain for AnotherInstance {
    fn failure(&self) -> Failure {
        Failure::AnotherInstance
    }

    fn hints(&self) -> Vec<Hint> {
        let state = self.state.display();
        vec![
            Hint::run(
                "keep both, this one with a new name and new data",
                ours!(Up).of(Some("NAME")),
            ),
            Hint::run(
                "or use the other one from here",
                format!("mv {state} {state}.former"),
            ),
            Hint::run(
                "or replace it with this one, the data of both are kept",
                ours!(Down),
            )
            .then(ours!(Up)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::FakeEngine;
    use crate::provider::local::TestInstance;
    use crate::state;

    #[tokio::test]
    async fn a_node_with_other_data_belongs_to_another_instance() {
        let dir = tempfile::tempdir().unwrap();
        let demo = TestInstance::new(StateDir::at(dir.path().to_owned()));
        let state = &demo.state;
        let stored = Instance::with_defaults(PathBuf::from("/ours").into());
        let node = |data: &str| Container {
            id: "0123".into(),
            name: "demo-control-plane".into(),
            mounts: vec![(data.into(), spec::DATA_ROOT.into())],
            ..Container::default()
        };
        assert!(!is_unrecognized(&stored, &node("/ours"), state).unwrap());
        assert!(is_unrecognized(&stored, &node("/theirs"), state).unwrap());
        let home = Secrets::generate();
        let engine = FakeEngine::default();
        let local = demo.local(&engine);
        let found = ownership(&local, &node("/theirs"), &stored, None, Some(&home)).await;
        let Ownership::Unknown(found) = found.unwrap() else {
            panic!("its keys cannot be read");
        };
        assert_eq!(
            found.to_string(),
            "the node demo-control-plane belongs to another instance with this name: its data are in /theirs, but the data of the instance in this home are in /ours"
        );
        state.save_node("0123").unwrap();
        assert!(
            !is_unrecognized(&stored, &node("/theirs"), state).unwrap(),
            "this home created it"
        );

        let node_keys = tempfile::tempdir().unwrap();
        let node = node(node_keys.path().to_str().unwrap());
        for (keys, ours) in [(home.clone(), true), (Secrets::generate(), false)] {
            state::write_keys(node_keys.path(), &keys, &stored).unwrap();
            let found = ownership(&local, &node, &stored, None, Some(&home)).await;
            let expected = match found.unwrap() {
                Ownership::Ours => ours,
                Ownership::Another(_) => !ours,
                Ownership::Unknown(_) => false,
            };
            assert!(
                expected,
                "the keys in the data directory decide while the node is stopped"
            );
        }
    }
}
