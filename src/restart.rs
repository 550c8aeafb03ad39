//! `restart`: replaces the pods of components and waits until the server is ready again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::component::{Component, State};
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::health::{self, NeverStuck, TimeLeft, TimeLimit};
use crate::hint::{Hint, ours};
use crate::kube::Cluster;
use crate::provider::{ClusterState, NoCluster};
use crate::session::Session;
use crate::settings::Instance;
use crate::values::AccessValues;

/// A component that was restarted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Restarted {
    pub(crate) component: Component,
    /// The time until it was ready again.
    pub(crate) after: Duration,
}

/// Restarts components, or all of them if none is named.
///
/// # Errors
/// A component cannot be restarted, and nothing was changed; or one does not become ready.
pub(crate) async fn restart(
    session: &Session<'_>,
    named: &[Component],
    settings: Option<&Instance>,
    timeout: Duration,
) -> Result<Vec<Restarted>> {
    let time = TimeLimit::new(timeout).after(&[]);
    let names: Vec<&str> = named.iter().map(|one| one.name()).collect();
    let component = match names.is_empty() {
        true => "--all".to_owned(),
        false => names.join(" "),
    };
    let _lock = session.lock(ours!(Restart, "{component}")).await?;
    let cluster = match session.provider.cluster().await? {
        ClusterState::Ready(cluster) => cluster,
        ClusterState::Absent => return Err(NoCluster::nothing_to_restart(session.name).into()),
        ClusterState::Unavailable(why) => return Err(why.into()),
    };
    let pods = health::desired_pods(&cluster).await?;
    let installed = match settings {
        Some(Instance { values, .. }) => AccessValues::of(&values.files, &values.sets).installed(),
        None => pods.keys().copied().collect(),
    };
    let wanted = if named.is_empty() { &installed } else { named };
    // Each of them once, in the order in which they depend on each other.
    let mut components = Component::ALL.to_vec();
    components.retain(|one| wanted.contains(one));
    check(&components, &installed, &pods)?;
    let step = session.events.step("restart");
    let rolled = roll(session, &cluster, &components, &installed, &time).await;
    step.end(rolled, |_| (true, "ready".to_owned()))
}

/// Checks that all components can be restarted.
fn check(
    components: &[Component],
    installed: &[Component],
    pods: &HashMap<Component, i32>,
) -> Result<(), Error> {
    for &component in components {
        match pods.get(&component) {
            _ if !installed.contains(&component) => return Err(Error::External(component)),
            None => return Err(Error::Missing(component)),
            Some(0) => return Err(Error::ScaledToZero(component)),
            Some(_) => {}
        }
    }
    Ok(())
}

async fn roll(
    session: &Session<'_>,
    cluster: &Cluster,
    components: &[Component],
    installed: &[Component],
    time: &TimeLeft,
) -> Result<Vec<Restarted>> {
    let began = Instant::now();
    for &component in components {
        cluster.restart(component).await?;
    }
    let mut ready: HashMap<Component, Duration> = HashMap::new();
    let report = |component, state: &State| {
        if state.is_ready() {
            ready.insert(component, began.elapsed());
        }
    };
    let events = session.events;
    health::await_ready(
        cluster,
        installed,
        time,
        events,
        began,
        &mut NeverStuck,
        report,
    )
    .await?;
    health::await_replaced(cluster, components, health::REPLACED).await?;
    let restarted = components.iter().map(|component| Restarted {
        component: *component,
        after: ready.get(component).copied().unwrap_or_default(),
    });
    Ok(restarted.collect())
}

/// Why a component cannot be restarted.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot restart {0}: it is an external database, which the values only refer to")]
    External(Component),
    #[error("cannot restart {0}: it was deleted from the cluster")]
    Missing(Component),
    #[error("cannot restart {0}: it was scaled to 0 pods")]
    ScaledToZero(Component),
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        Failure::NotRestartable
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::External(_) => vec![Hint::text("restart it where it runs")],
            Error::Missing(_) | Error::ScaledToZero(_) => vec![Hint::run("restore it", ours!(Up))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_that_cannot_be_restarted_is_refused() {
        let pods = HashMap::from([(Component::Redis, 1), (Component::Webserver, 0)]);
        let installed = [Component::Redis, Component::Apiserver, Component::Webserver];
        let refused = |component| {
            let error = check(&[Component::Redis, component], &installed, &pods).unwrap_err();
            error.to_string()
        };
        assert!(check(&[Component::Redis], &installed, &pods).is_ok());
        assert_eq!(
            refused(Component::Mongodb),
            "cannot restart mongodb: it is an external database, which the values only refer to"
        );
        assert_eq!(
            refused(Component::Apiserver),
            "cannot restart apiserver: it was deleted from the cluster"
        );
        assert_eq!(
            refused(Component::Webserver),
            "cannot restart webserver: it was scaled to 0 pods"
        );
    }
}
