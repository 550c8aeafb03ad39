//! Whether the node on the engine is the instance that this home knows, or another
//! one of the same name.

use std::path::PathBuf;

use super::{beside_node, from_cluster};
use crate::docker::{Container, Engine};
use crate::error::{Code, Explain, Result};
use crate::hint::{Hint, ours};
use crate::kube::Cluster;
use crate::node::spec;
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance};
use crate::state::StateDir;

/// Whether a node that this home did not make keeps its data elsewhere than what this
/// home knows.
pub fn is_stranger(kept: &Instance, node: &Container, state: &StateDir) -> Result<bool> {
    Ok(is_elsewhere(kept, node) && state.node()?.as_deref() != Some(&node.id))
}

/// Whether a node keeps its data elsewhere than what this home knows.
pub(super) fn is_elsewhere(kept: &Instance, node: &Container) -> bool {
    spec::data_dir(node).is_some_and(|place| place != kept.data_dir)
}

/// Which instance a node is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The one that this home knows.
    Ours,
    /// Another one of the same name.
    Another(AnotherInstance),
    /// Its keys cannot be read now, and everything else points to another one.
    Unknown(AnotherInstance),
}

/// Tells by its keys whose such a node is.
pub async fn whose(
    node: &Container,
    kept: &Instance,
    cluster: Option<&Cluster>,
    home: Option<&Secrets>,
    state: &StateDir,
    engine: &dyn Engine,
) -> Result<Whose> {
    let Some(home) = home else {
        return Ok(Whose::Ours);
    };
    let mut theirs = match cluster {
        Some(cluster) => from_cluster(cluster, Some(home)).await?,
        None => None,
    };
    if theirs.is_none() {
        theirs = beside_node(node, engine).await?;
    }
    Ok(whose_by(theirs.as_ref(), home, node, kept, state))
}

/// The same by keys that were read already.
pub(super) fn whose_by(
    theirs: Option<&Secrets>,
    home: &Secrets,
    node: &Container,
    kept: &Instance,
    state: &StateDir,
) -> Whose {
    let another = || AnotherInstance {
        node: node.name.clone(),
        theirs: spec::data_dir(node),
        ours: kept.data_dir.clone(),
        state: state.root().to_owned(),
    };
    match theirs {
        Some(theirs) if theirs.is_of_same_instance(home) => Whose::Ours,
        Some(_) => Whose::Another(another()),
        None => Whose::Unknown(another()),
    }
}

/// The node is another instance's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the node {node} belongs to another instance with this name: its data are in {}, but the data \
     of the instance in this home are in {ours}",
    theirs.as_ref().map_or_else(String::new, DataPlace::to_string)
)]
pub struct AnotherInstance {
    node: String,
    /// Where its data are.
    theirs: Option<DataPlace>,
    /// Where those are that this home knows.
    ours: DataPlace,
    /// What this home keeps of it.
    state: PathBuf,
}

impl Explain for AnotherInstance {
    fn code(&self) -> Code {
        Code::NameTaken
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
    use crate::state;

    #[tokio::test]
    async fn a_node_with_other_data_that_nobody_knows_is_another_instance() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().to_owned());
        let kept = Instance::with_defaults(PathBuf::from("/ours").into());
        let node = |data: &str| Container {
            id: "0123".into(),
            name: "demo-control-plane".into(),
            mounts: vec![(data.into(), spec::DATA_ROOT.into())],
            ..Container::default()
        };
        assert!(!is_stranger(&kept, &node("/ours"), &state).unwrap());
        assert!(is_stranger(&kept, &node("/theirs"), &state).unwrap());
        let home = Secrets::generate();
        let engine = FakeEngine::default();
        let found = whose(&node("/theirs"), &kept, None, Some(&home), &state, &engine).await;
        let Whose::Unknown(found) = found.unwrap() else {
            panic!("nobody can read its keys");
        };
        assert_eq!(
            found.to_string(),
            "the node demo-control-plane belongs to another instance with this name: its data are in /theirs, but the data of the instance in this home are in /ours"
        );
        state.keep_node("0123").unwrap();
        assert!(
            !is_stranger(&kept, &node("/theirs"), &state).unwrap(),
            "we made it"
        );

        let theirs = tempfile::tempdir().unwrap();
        let node = node(theirs.path().to_str().unwrap());
        for (keys, ours) in [(home.clone(), true), (Secrets::generate(), false)] {
            state::keep_in(theirs.path(), &keys, &kept).unwrap();
            let found = whose(&node, &kept, None, Some(&home), &state, &engine).await;
            let ends = match found.unwrap() {
                Whose::Ours => ours,
                Whose::Another(_) => !ours,
                Whose::Unknown(_) => false,
            };
            assert!(ends, "the keys beside the data of a stopped node tell");
        }
    }
}
