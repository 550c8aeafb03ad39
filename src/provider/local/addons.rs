//! The add-ons of the node's cluster during a wait: whether they can still become ready.

use std::fmt;
use std::time::{Duration, Instant};

use crate::diagnose::AddonTrouble;
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::hint::Hint;
use crate::kube::Cluster;

/// How long an add-on may be unready without a known reason. A busy machine starts its
/// containers late.
const GRACE: Duration = Duration::from_secs(90);

/// Whether an add-on was deleted or scaled to 0 pods, so that it must be installed again.
pub(super) async fn are_uninstalled(cluster: &Cluster) -> Result<bool> {
    let observed = cluster.addons().await?;
    let mut troubles = observed.iter().filter_map(|one| one.trouble());
    Ok(troubles.any(|trouble| trouble.is_uninstalled))
}

/// The add-ons, and since when one of them does not work.
#[derive(Debug)]
pub(super) struct Addons<'a> {
    cluster: &'a Cluster,
    since: Option<Instant>,
}

impl<'a> Addons<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Addons<'a> {
        Addons {
            cluster,
            since: None,
        }
    }

    /// # Errors
    /// An add-on cannot become ready, or has not become ready for a long time.
    pub(super) async fn check(&mut self) -> Result<()> {
        // The wait itself reports that the API does not answer.
        let Ok(observed) = self.cluster.addons().await else {
            return Ok(());
        };
        let troubles: Vec<AddonTrouble> = observed.iter().filter_map(|one| one.trouble()).collect();
        let Some(first) = troubles.first() else {
            self.since = None;
            return Ok(());
        };
        let since = *self.since.get_or_insert_with(Instant::now);
        let fails = troubles.iter().find(|one| one.fails || one.is_uninstalled);
        match fails.or_else(|| Some(first).filter(|_| since.elapsed() >= GRACE)) {
            Some(trouble) => Err(AddonDown(trouble.clone()).into()),
            None => Ok(()),
        }
    }
}

/// An add-on without which the server cannot work.
#[derive(Debug)]
struct AddonDown(AddonTrouble);

impl fmt::Display for AddonDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.sentence())
    }
}

impl std::error::Error for AddonDown {}

impl Explain for AddonDown {
    fn failure(&self) -> Failure {
        self.0.failure()
    }

    fn hints(&self) -> Vec<Hint> {
        self.0.hints()
    }
}
