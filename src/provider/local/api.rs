//! Waits for the Kubernetes API of the node, which everything else needs.

use std::time::Duration;

use super::published::Published;
use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::event::Step;
use crate::kube::Cluster;
use crate::wait::{Attempt, TimedOut, Wait};

/// Waits until the Kubernetes API is ready; returns why it is not at the deadline. A
/// permanent error, such as an expired certificate, ends the wait immediately.
pub(super) async fn await_api(
    cluster: &Cluster,
    engine: &dyn Engine,
    node: &Container,
    limit: Duration,
    step: &Step,
) -> Result<Result<(), TimedOut>> {
    let mut port = Published::kubernetes(node);
    let wait = Wait::new("the Kubernetes API").within(limit);
    wait.reported_by(step)
        .run(async || match cluster.ready().await {
            Ok(()) => Ok(Attempt::Done(())),
            Err(error) if error.is_transient() => {
                port.check(engine, &node.name).await?;
                Ok(Attempt::Pending(error.reason()))
            }
            Err(error) => Err(error.into()),
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::FakeEngine;
    use crate::error::Explain;
    use crate::event::Events;
    use crate::failures::Failure;
    use crate::kube::install_crypto;
    use crate::provider::local::error::Error;

    /// The first lines that an API server of Kubernetes 1.37.2 answers without its etcd.
    const WITHOUT_ETCD: &str = "[+]ping ok\n[+]log ok\n[+]etcd ok\n\
        [-]etcd-readiness failed: reason withheld\n[+]informer-sync ok\nreadyz check failed\n";

    #[tokio::test(start_paused = true)]
    async fn an_api_that_does_not_become_ready_is_named_with_what_fails() {
        install_crypto();
        let cluster = Cluster::answering(|_, _| (500, WITHOUT_ETCD.into()));
        let (engine, node) = (FakeEngine::default(), Container::default());
        let step = Events::silent().step("kubernetes");
        let limit = Duration::from_secs(60);
        let answered = await_api(&cluster, &engine, &node, limit, &step).await;
        let error = Error::ApiUnreachable(answered.unwrap().unwrap_err());
        assert_eq!(error.failure(), Failure::ApiNotReady);
        assert_eq!(
            error.to_string(),
            "timed out after 1 m waiting for the Kubernetes API: not ready: etcd-readiness"
        );
    }
}
