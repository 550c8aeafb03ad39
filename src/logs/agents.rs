//! The logs of agents from the Kubernetes API.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::api::{has_log, open};
use super::{Entries, Log, LogOptions, Logs, Part, Source};
use crate::component::Component;
use crate::diagnose::ContainerState;
use crate::error::{Error, Result};
use crate::kube::{self, Cluster};

/// How often the pods are listed while following.
const PERIOD: Duration = Duration::from_millis(700);
/// How long the API server may be unreachable while following.
const OUTAGE: Duration = Duration::from_secs(90);

/// The containers of agents.
struct Agents {
    cluster: Cluster,
    instance: String,
    /// The name of the agent's objects; `None` for all agents.
    agent: Option<String>,
    previous: bool,
}

/// Opens the logs of an agent of an instance, or of all of them.
pub(crate) async fn of_agents(
    cluster: Cluster,
    instance: &str,
    agent: Option<String>,
    options: LogOptions,
) -> Result<Logs> {
    let source = Agents {
        cluster,
        instance: instance.to_owned(),
        agent,
        previous: options.previous,
    };
    Logs::read(Arc::new(source), options).await
}

#[async_trait]
impl Source for Agents {
    fn period(&self) -> Duration {
        PERIOD
    }

    async fn list(&self) -> Result<Vec<Log>> {
        let pods = self
            .cluster
            .agent_pods(&self.instance, self.agent.as_deref())
            .await?;
        let mut logs = HashMap::new();
        for pod in &pods {
            let readable = pod
                .containers
                .iter()
                .filter(|one| has_log(one, self.previous));
            logs.extend(readable.map(|container| {
                let key = format!("{}/{}", pod.uid, container.name);
                let log = Log {
                    key: key.clone(),
                    // No line of an agent is about a probe of this component.
                    component: Component::Redis,
                    pod: pod.name.clone(),
                    container: container.name.clone(),
                    run: container.restarts,
                    may_grow: matches!(container.state, ContainerState::Running { .. }),
                };
                (key, log)
            }));
        }
        Ok(logs.into_values().collect())
    }

    async fn open(&self, log: &Log, part: Part) -> Result<Option<Entries>> {
        Ok(open(&self.cluster, log, part).await?)
    }

    fn outage(&self, error: &Error) -> Duration {
        let error = error.downcast_ref::<kube::Error>();
        match error.is_some_and(kube::Error::is_transient) {
            true => OUTAGE,
            false => Duration::ZERO,
        }
    }
}
