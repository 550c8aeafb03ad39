//! Opens the logs of a cluster whose API responds.

use std::sync::Arc;
use std::time::Duration;

use super::api::{Api, Pods};
use super::{LogOptions, Logs};
use crate::error::Result;
use crate::kube::{self, Cluster};

/// The time in which the Kubernetes API must list the pods.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The logs of an instance.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) logs: Logs,
    /// Why the logs are not read from the Kubernetes API, if they are not.
    pub(crate) fallback_reason: Option<&'static str>,
}

/// Opens the logs from the Kubernetes API; `None` if it does not respond.
pub(crate) async fn from_api(options: &LogOptions, cluster: Cluster) -> Result<Option<Opened>> {
    let api = Api {
        cluster,
        pods: Pods::Components,
        options: options.clone(),
    };
    let reading = Logs::read(Arc::new(api), options.clone());
    match tokio::time::timeout(TIMEOUT, reading).await {
        Ok(Ok(logs)) => Ok(Some(Opened {
            logs,
            fallback_reason: None,
        })),
        Ok(Err(error)) => {
            let cause = error.downcast_ref::<kube::Error>();
            match cause.is_some_and(kube::Error::is_transient) {
                true => Ok(None),
                false => Err(error),
            }
        }
        Err(_) => Ok(None),
    }
}

/// Opens the logs of an agent of an instance, or of all of its agents. `agent` is the name of the
/// agent's objects.
pub(crate) async fn of_agents(
    cluster: Cluster,
    instance: &str,
    agent: Option<String>,
    options: LogOptions,
) -> Result<Logs> {
    let api = Api {
        cluster,
        pods: Pods::Agents {
            instance: instance.to_owned(),
            agent,
        },
        options: options.clone(),
    };
    Logs::read(Arc::new(api), options).await
}
