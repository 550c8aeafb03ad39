//! Why an agent does not execute tasks.

use std::time::Duration;

use crate::diagnose::AgentTrouble;
use crate::error::Explain;
use crate::failures::{Failure, Layer};
use crate::hint::{Hint, ours};
use crate::image_ref::ImageRef;
use crate::path::quoted;
use crate::provider::GpuSource;
use crate::settings::Queue;
use crate::words::duration;

/// An agent cannot be installed, or does not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the agent of the queue `{queue}` does not run: {}", trouble.reason)]
    Trouble { queue: Queue, trouble: AgentTrouble },
    #[error("the agent of the queue `{queue}` is not ready: {reason}")]
    NotReady { queue: Queue, reason: String },
    #[error(
        "the agent of the queue `{queue}` is not ready: timed out after {} waiting for its image: \
         {image} is not loaded yet",
        duration(*limit)
    )]
    ImageLate {
        queue: Queue,
        image: ImageRef,
        limit: Duration,
    },
    #[error("the nodes of the cluster offer {offered} `nvidia.com/gpu`, and a pod needs {wanted}")]
    NoGpus {
        wanted: u16,
        offered: u64,
        from: GpuSource,
    },
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Trouble { trouble, .. } => trouble.failure,
            Error::NotReady { .. } | Error::ImageLate { .. } => Failure::AgentNotReady,
            Error::NoGpus { .. } => Failure::GpusUnavailable,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Trouble { queue, trouble } => remedies(queue, trouble.failure),
            Error::NotReady { queue, .. } => vec![
                logs(queue),
                Hint::run("see whether it is ready by now", ours!(Agent, "status")),
            ],
            Error::ImageLate { queue, image, .. } => {
                let option = option(queue);
                let command = ours!(Agent, "up{option} --image {image} --timeout 30m");
                vec![
                    Hint::run("increase the timeout", command),
                    Hint::run("see how fast it is pulled", format!("docker pull {image}")),
                ]
            }
            Error::NoGpus { from, .. } => more_gpus(*from),
        }
    }
}

/// Returns what the user can do if there are too few GPUs.
fn more_gpus(from: GpuSource) -> Vec<Hint> {
    match from {
        GpuSource::Cluster => vec![Hint::run(
            "see what the nodes offer",
            "kubectl describe nodes",
        )],
        GpuSource::Node => vec![
            Hint::run("see the GPUs of this machine", "nvidia-smi"),
            Hint::run("ask for one GPU for each pod", ours!(Agent, "up --gpus=1")),
        ],
        GpuSource::Machine => vec![Hint::run(
            "give the GPUs of this machine to the node, its data are kept",
            ours!(Up, "--gpus"),
        )],
        GpuSource::Nothing => Failure::DockerWithoutGpus.remedies(),
    }
}

/// Returns the option that names a queue, unless it is the default one.
pub(super) fn option(queue: &Queue) -> String {
    match queue.is_default() {
        true => String::new(),
        false => format!(" --queue {}", quoted(queue.as_str())),
    }
}

fn logs(queue: &Queue) -> Hint {
    let option = option(queue);
    Hint::run("see its logs", ours!(Agent, "logs{option}"))
}

/// Returns what the user can do about an agent whose pods do not run.
pub(super) fn remedies(queue: &Queue, failure: Failure) -> Vec<Hint> {
    let option = option(queue);
    match failure {
        Failure::NoRoom => vec![Hint::run(
            "give it less memory or fewer processors",
            ours!(Agent, "up{option} --memory 2Gi --cpu 1"),
        )],
        Failure::GpusUnavailable => vec![
            Hint::run(
                "give the GPUs of this machine to a node in Docker",
                ours!(Up, "--gpus"),
            ),
            Hint::run(
                "or execute tasks without GPUs",
                ours!(Agent, "up{option} --gpus=0"),
            ),
        ],
        Failure::OutOfMemory => vec![Hint::run(
            "give it more memory",
            ours!(Agent, "up{option} --memory 8Gi"),
        )],
        Failure::AgentCertificate | Failure::AgentNameUnknown => failure.remedies(),
        _ if failure.layer() == Layer::Image => vec![Hint::run(
            "load the image again, or name another one",
            ours!(Agent, "up{option} --image IMAGE"),
        )],
        _ => vec![logs(queue)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_is_late_has_its_own_failure() {
        let late = Error::NotReady {
            queue: "my queue".parse().unwrap(),
            reason: "timed out".to_owned(),
        };
        assert_eq!(late.failure(), Failure::AgentNotReady);
        let logs = "see its logs: clearml-local agent logs --queue 'my queue'";
        assert_eq!(late.hints()[0], logs);
    }

    #[test]
    fn gpus_that_no_node_offers_are_named() {
        let missing = |from| Error::NoGpus {
            wanted: 2,
            offered: 1,
            from,
        };
        let error = missing(GpuSource::Cluster);
        assert_eq!(error.failure(), Failure::GpusUnavailable);
        let text = "the nodes of the cluster offer 1 `nvidia.com/gpu`, and a pod needs 2";
        assert_eq!(error.to_string(), text);
        let hints = |from| {
            let hints = missing(from).hints().into_iter();
            hints.map(|hint| hint.to_string()).collect::<Vec<_>>()
        };
        let up = "give the GPUs of this machine to the node, its data are kept: clearml-local up \
                  --gpus";
        assert_eq!(hints(GpuSource::Machine), [up]);
        // Docker must know the GPUs first.
        let install = hints(GpuSource::Nothing);
        let toolkit = install.iter().position(|hint| hint.contains("nvidia-ctk"));
        assert!(toolkit < install.iter().position(|hint| hint.ends_with("up --gpus")));
    }

    #[test]
    fn remedies_name_the_queue_of_the_agent() {
        let queue = "gpu".parse().unwrap();
        let hints = remedies(&queue, Failure::NoRoom);
        let command = "clearml-local agent up --queue gpu --memory 2Gi --cpu 1";
        assert!(hints[0].to_string().ends_with(command), "{hints:?}");
        let hints = remedies(&queue, Failure::ImageMissing);
        assert!(hints[0].to_string().contains("--image IMAGE"), "{hints:?}");
    }
}
