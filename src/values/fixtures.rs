//! Values for tests.

use super::{Controller, Error, Inputs, Resolved, Target, resolve};
use crate::inputs::{KeptFile, SetArgument, SetKind};
use crate::profile::Profile;
use crate::release::{Catalogue, DEFAULT};

/// Resolves a file and arguments of `--set` for a host with this much memory.
pub(super) fn resolve_text(
    release: &str,
    gigabytes: u64,
    controller: Option<Controller>,
    text: &str,
    sets: &[&str],
) -> Result<Resolved, Error> {
    let sets = sets.iter().map(|set| SetArgument::new(SetKind::Set, *set));
    resolve(&Inputs {
        release: &Catalogue::builtin().find(release).unwrap(),
        target: Target::Node {
            profile: &Profile::for_memory(gigabytes * 1_000_000_000),
            controller,
        },
        files: &[KeptFile {
            path: "values.yaml".into(),
            text: text.into(),
        }],
        sets: &sets.collect::<Vec<_>>(),
    })
}

/// Resolves a file for the namespace `team-a` of an existing cluster.
pub(super) fn resolve_for_cluster(text: &str) -> Result<Resolved, Error> {
    resolve(&Inputs {
        release: &Catalogue::builtin().find(DEFAULT).unwrap(),
        target: Target::Cluster {
            namespace: &"team-a".parse().unwrap(),
        },
        files: &[KeptFile {
            path: "values.yaml".into(),
            text: text.into(),
        }],
        sets: &[],
    })
}
