//! The end of a node during a step that uses it, which the step itself would notice late.

use std::time::Duration;

use crate::docker::{Engine, Error, runs_commands};

/// The pause until the end of the node is awaited again after the connection broke.
const WAIT_AGAIN: Duration = Duration::from_secs(1);
/// How often a command is run to notice an end that the engine does not. Each costs about 60 ms.
const CHECK: Duration = Duration::from_secs(4);

/// Waits until the node stops, and returns the error for that. An engine that ended is reported
/// here too: a step that asks only Kubernetes would wait for an API that nobody forwards to.
pub(super) async fn end_of(engine: &dyn Engine, node: &str) -> Error {
    tokio::select! {
        error = noticed_end(engine, node) => error,
        () = unnoticed_end(engine, node) => Error::stopped(node),
    }
}

/// Waits until the engine shows the end of the node, or has ended itself.
async fn noticed_end(engine: &dyn Engine, node: &str) -> Error {
    let first = engine.container(node).await.ok().flatten();
    loop {
        match engine.wait(node).await {
            Ok(_) => return Error::stopped(node),
            Err(error @ Error::Unreachable { .. }) => return error,
            Err(error) => tracing::debug!(%error, "cannot wait for the end of the node"),
        }
        match engine.container(node).await {
            // Another start means that the engine has restarted, and the node with it.
            Ok(Some(found)) if found.running => {
                if first
                    .as_ref()
                    .is_some_and(|first| first.started != found.started)
                {
                    return Error::stopped(node);
                }
            }
            Ok(_) => return Error::stopped(node),
            Err(error @ Error::Unreachable { .. }) => return error,
            // The steps that need the node report it.
            Err(error) => tracing::debug!(%error, "cannot look at the node"),
        }
        tokio::time::sleep(WAIT_AGAIN).await;
    }
}

/// Waits until no command starts in the node any more.
async fn unnoticed_end(engine: &dyn Engine, node: &str) {
    // A machine without free memory may refuse one command.
    let mut refused = false;
    loop {
        if !refused {
            tokio::time::sleep(CHECK).await;
        }
        refused = match runs_commands(engine, node).await {
            Ok(false) if refused => return,
            Ok(runs) => !runs,
            Err(error) => {
                tracing::debug!(%error, "cannot run a command in the node");
                false
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::FakeEngine;

    /// Returns after how many commands a node has ended in which these commands do not start.
    async fn ended_after(fails: impl Fn(usize) -> bool + Send + Sync + 'static) -> usize {
        let count = AtomicUsize::new(0);
        let answer = move |_: &str, _: &[&str]| Output {
            code: if fails(count.fetch_add(1, Ordering::Relaxed)) {
                126
            } else {
                0
            },
            ..Output::default()
        };
        let engine = FakeEngine::default().with_exec(Box::new(answer));
        unnoticed_end(&engine, "n").await;
        engine.state().calls.len()
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_has_ended_if_two_commands_in_a_row_do_not_start() {
        assert_eq!(ended_after(|_| true).await, 2);
        assert_eq!(ended_after(|command| [3, 5, 6].contains(&command)).await, 7);
    }
}
