//! Whether the cluster has the GPUs that an agent asks for.

use std::time::Duration;

use super::Server;
use super::error::Error;
use crate::error::Result;
use crate::provider::{GPU, GpuSource, Provider};
use crate::settings::AgentSettings;
use crate::wait::{Attempt, Wait};

/// How long a node that has just started may take to offer its GPUs.
const OFFERED_WITHIN: Duration = Duration::from_secs(20);

/// Returns what gives GPUs to the pods of an agent; `None` if it asks for none.
pub(super) async fn source(
    provider: &dyn Provider,
    agent: &AgentSettings,
) -> Result<Option<GpuSource>> {
    match agent.gpus {
        0 => Ok(None),
        _ => Ok(Some(provider.gpus().await?)),
    }
}

/// Checks that the nodes offer as many GPUs as a pod needs. Returns what gives them to the pods;
/// `None` if the agent asks for none.
pub(super) async fn check(
    provider: &dyn Provider,
    server: &Server<'_>,
    agent: &AgentSettings,
) -> Result<Option<GpuSource>> {
    let Some(source) = source(provider, agent).await? else {
        return Ok(None);
    };
    let mut offered = server.cluster.allocatable(GPU).await?;
    if source == GpuSource::Node && offered == Some(0) {
        let wait = Wait::new("the GPUs of the node").within(OFFERED_WITHIN);
        // The error below says what is missing.
        let _ = wait
            .run(async || -> Result<_> {
                offered = server.cluster.allocatable(GPU).await?;
                Ok(match offered {
                    Some(0) => Attempt::Pending("it offers none yet".into()),
                    _ => Attempt::Done(()),
                })
            })
            .await?;
    }
    match offered {
        Some(offered) if offered < u64::from(agent.gpus) => Err(Error::NoGpus {
            wanted: agent.gpus,
            offered,
            from: source,
        }
        .into()),
        _ => Ok(Some(source)),
    }
}
