//! Values for tests.

use super::{Controller, Error, Inputs, Resolved, resolve};
use crate::inputs::{KeptFile, SetArgument, SetKind};
use crate::profile::Profile;
use crate::release::Catalogue;

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
        profile: &Profile::for_memory(gigabytes * 1_000_000_000),
        files: &[KeptFile {
            path: "values.yaml".into(),
            text: text.into(),
        }],
        sets: &sets.collect::<Vec<_>>(),
        controller,
    })
}
