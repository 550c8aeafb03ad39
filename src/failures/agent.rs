//! Failures of agents, which execute queued tasks.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn logs() -> Hint {
    Hint::run("see its logs", ours!(Agent, "logs"))
}

pub(super) const NOT_READY: Page = Page {
    title: "an agent is not ready in time",
    what: "The image of the agent is not loaded yet, or its pods were created and the server does \
        not know their workers yet. The message says which.",
    why: "The image takes longer to load than `--timeout`, the pod still installs clearml-agent \
        from PyPI, or it cannot reach the API server. Its log says which.",
    remedies: || {
        vec![
            logs(),
            Hint::run("see whether it is ready by now", ours!(Agent, "status")),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const QUEUE_WITHOUT_AGENT: Page = Page {
    title: "tasks wait in a queue that no agent serves",
    what: "Tasks are queued, and no agent takes tasks from their queue.",
    why: "There was never an agent for this queue, it was removed, or it is on a machine that is \
        off.",
    remedies: || {
        vec![
            Hint::run("start an agent", ours!(Agent, "up --queue QUEUE")),
            Hint::text("or enqueue the tasks in another queue"),
        ]
    },
    heals: Heals::No,
};

pub(super) const LOST: Page = Page {
    title: "an agent died",
    what: "A worker no longer reports to the server, or a task is in progress on a worker that no \
        longer exists.",
    why: "The pod was killed or removed while it executed the task: it needed more memory than its \
        limit, or the node stopped.",
    remedies: || {
        vec![
            logs(),
            Hint::run(
                "give the agent more memory",
                ours!(Agent, "up --memory 8Gi"),
            ),
            Hint::text("reset the task in the web app and enqueue it again"),
        ]
    },
    heals: Heals::No,
};

pub(super) const CERTIFICATE: Page = Page {
    title: "the pods of an agent do not trust the server's certificate",
    what: "The URLs of the server begin with `https`, and its certificate is not valid in the pods \
        of an agent. They trust public CAs, those of `--ca-file`, and the CA or a self-signed \
        certificate in the Secrets of the ingresses.",
    why: "The certificate is signed by a private CA that is in none of them, has expired, is for \
        other names, or is the default certificate of the ingress controller, because the Secret \
        of `tlsSecretName` does not exist.",
    remedies: || {
        vec![
            Hint::run("trust the CA that signed it", ours!(Up, "--ca-file FILE")),
            Hint::text("or add the CA as `ca.crt` to the Secret of the certificate"),
            Hint::run("configure the agents again", ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const NAME_UNKNOWN: Page = Page {
    title: "the pods of an agent do not find the server's name",
    what: "A host name in the URLs of the server does not resolve in the cluster, nor on the \
        machine on which the agent was configured.",
    why: "Only some machines know the name, for example from `/etc/hosts`.",
    remedies: || {
        vec![
            Hint::run(
                "configure the agents on a machine that knows the name",
                ours!(Up),
            ),
            Hint::text("or add the name to the name server of the cluster"),
        ]
    },
    heals: Heals::No,
};

pub(super) const GPUS_UNAVAILABLE: Page = Page {
    title: "the cluster offers no GPUs",
    what: "`agent up --gpus` needs nodes that offer `nvidia.com/gpu`, and there are too few.",
    why: "The nodes have no GPUs, or NVIDIA's device plugin is not installed. The node that `up` \
        creates in Docker has the GPUs of the machine only with `--gpus`.",
    remedies: || {
        vec![
            Hint::run(
                "give the GPUs of this machine to a node in Docker",
                ours!(Up, "--gpus"),
            ),
            Hint::run("see what the nodes offer", "kubectl describe nodes"),
            Hint::run("execute tasks without GPUs", ours!(Agent, "up --gpus=0")),
        ]
    },
    heals: Heals::No,
};
