//! The add-ons of the node's cluster during a wait: whether they can still become ready.

use std::time::{Duration, Instant};

use crate::diagnose::{Addon, AddonObservation, AddonTrouble};
use crate::error::Result;
use crate::kube::Cluster;

/// How long an add-on may be unready without a known reason. A busy machine starts its
/// containers late.
const UNREADY: Duration = Duration::from_secs(90);
/// How long its container may fail: on a busy machine it may fail to start once or twice.
const FAILING: Duration = Duration::from_secs(20);

/// How often restored add-ons are looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Returns the add-ons that were deleted or scaled to 0 pods, so that they must be installed
/// again.
pub(super) async fn uninstalled(cluster: &Cluster) -> Result<Vec<Addon>> {
    let observed = cluster.addons().await?;
    let is_uninstalled =
        |one: &&AddonObservation| one.trouble().is_some_and(|it| it.is_uninstalled);
    Ok(observed
        .iter()
        .filter(is_uninstalled)
        .map(|one| one.addon)
        .collect())
}

/// The add-ons, and since when one of them does not work.
#[derive(Debug)]
pub(super) struct Addons<'a> {
    cluster: &'a Cluster,
    unready_since: Option<Instant>,
    failing_since: Option<Instant>,
}

impl<'a> Addons<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Addons<'a> {
        Addons {
            cluster,
            unready_since: None,
            failing_since: None,
        }
    }

    /// Waits until add-ons that were installed again work: until then, the names or addresses of
    /// a server that runs lead nowhere.
    ///
    /// # Errors
    /// An add-on has not become ready for so long that it will not.
    pub(super) async fn await_ready(&mut self) -> Result<()> {
        while !self.all_work(&self.cluster.addons().await?)? {
            tokio::time::sleep(PERIOD).await;
        }
        Ok(())
    }

    /// # Errors
    /// An add-on has not become ready for so long that it will not.
    pub(super) async fn check(&mut self) -> Result<()> {
        // The wait itself reports that the API does not answer.
        if let Ok(observed) = self.cluster.addons().await {
            self.all_work(&observed)?;
        }
        Ok(())
    }

    /// Returns whether all add-ons work.
    ///
    /// # Errors
    /// One of them has not worked for so long that it will not.
    fn all_work(&mut self, observed: &[AddonObservation]) -> Result<bool> {
        let troubles: Vec<_> = observed.iter().filter_map(|one| one.trouble()).collect();
        let all = troubles.is_empty();
        match self.assess(troubles) {
            Some(trouble) => Err(trouble.into()),
            None => Ok(all),
        }
    }

    /// Returns the trouble that has lasted too long.
    fn assess(&mut self, troubles: Vec<AddonTrouble>) -> Option<AddonTrouble> {
        let unready = troubles.first();
        let failing = troubles.iter().find(|one| one.fails || one.is_uninstalled);
        let lasts = |since: &mut Option<Instant>, trouble: Option<&AddonTrouble>, limit| {
            if trouble.is_none() {
                *since = None;
            }
            let trouble = trouble?;
            let since = since.get_or_insert_with(Instant::now);
            (since.elapsed() >= limit).then(|| trouble.clone())
        };
        let unready = lasts(&mut self.unready_since, unready, UNREADY);
        lasts(&mut self.failing_since, failing, FAILING).or(unready)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::component::Component;
    use crate::diagnose::{Addon, AddonObservation, fixtures};
    use crate::kube::mock;

    fn trouble(status: serde_json::Value) -> AddonTrouble {
        let observation = AddonObservation {
            addon: Addon::Dns,
            desired: Some(1),
            ready: 0,
            pods: fixtures::with_status(Component::Redis, status).pods,
        };
        observation.trouble().unwrap()
    }

    #[tokio::test]
    async fn a_container_may_fail_to_start_for_a_while() {
        let (cluster, _requests) = mock::cluster(|_| unreachable!());
        let mut addons = Addons::new(&cluster);
        let failed = trouble(fixtures::waiting("RunContainerError", "unable to freeze"));
        let starting = trouble(json!({"ready": false, "state": {"running": {}}}));
        assert_eq!(addons.assess(vec![failed.clone()]), None);
        let ago = |limit| Instant::now().checked_sub(limit);
        addons.failing_since = ago(FAILING);
        assert_eq!(addons.assess(vec![failed.clone()]), Some(failed.clone()));
        // It runs again.
        assert_eq!(addons.assess(vec![starting.clone()]), None);
        assert_eq!(addons.assess(vec![failed]), None);
        addons.unready_since = ago(UNREADY);
        assert_eq!(addons.assess(vec![starting.clone()]), Some(starting));
        assert_eq!(addons.assess(Vec::new()), None);
        assert_eq!(addons.unready_since, None);
    }
}
