//! Failures of the node, the kind container that runs the cluster.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn recreate() -> Hint {
    Hint::run("recreate the node, its data are kept", ours!(Down)).then(ours!(Up))
}

fn journal() -> Hint {
    Hint::run("see the logs of the node", ours!(Logs, "--node"))
}

pub(super) const IMAGE: Page = Page {
    title: "the node image cannot be used",
    what: "The image of `--node-image` is not a kind node with a supported Kubernetes.",
    why: "It contains Kubernetes before 1.31, or lacks a file of kind.",
    remedies: || vec![Hint::text("use the default node image: omit --node-image")],
    heals: Heals::No,
};

pub(super) const EXITED: Page = Page {
    title: "the node stopped while it started",
    what: "The container of the node exited, or its containerd did not start.",
    why: "The log of the container has the reason: often cgroups, the storage driver or memory.",
    remedies: || {
        vec![
            Hint::run("see its log", "docker logs NAME-control-plane"),
            Hint::run("try again, which recreates the node", ours!(Up)),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const STOPPED: Page = Page {
    title: "the node stopped while a command used it",
    what: "The container of the node ended while the program ran a command in it. `up` and `start` \
        start it again once, so it stopped twice.",
    why: "Somebody stops it with Docker, or Docker ran out of memory and killed it. With cgroup \
        v1, Docker may show a killed node as running, but no command runs in it.",
    remedies: || {
        vec![
            Hint::run("start it again", ours!(Up)),
            Hint::run(
                "see when and why it stopped",
                "docker inspect NAME-control-plane",
            ),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const SERVICE_FAILED: Page = Page {
    title: "a service in the node does not start",
    what: "The kubelet or containerd of the node cannot be started.",
    why: "The journal of the node has the reason.",
    remedies: || vec![journal(), recreate()],
    heals: Heals::No,
};

pub(super) const KUBELET_SILENT: Page = Page {
    title: "the kubelet of the node does not report",
    what: "Kubernetes does not know the state of the components.",
    why: "The kubelet is not running, for example after an interrupted `stop`, or the node is \
        overloaded.",
    remedies: || vec![Hint::run("start it again", ours!(Up)), journal()],
    heals: Heals::NextUp,
};

pub(super) const COMMAND_FAILED: Page = Page {
    title: "a command in the node failed",
    what: "The program could not prepare or inspect the node.",
    why: "The message has the last lines of the command.",
    remedies: || vec![Hint::run("try again", ours!(Up)), recreate()],
    heals: Heals::No,
};

pub(super) const NOT_READY: Page = Page {
    title: "the node does not accept pods",
    what: "Kubernetes runs in the node, but the kubelet did not report the node as ready in time.",
    why: "The message has the last report of the kubelet.",
    remedies: || vec![recreate(), journal()],
    heals: Heals::Waiting,
};

pub(super) const CERTIFICATES_NOT_RENEWED: Page = Page {
    title: "the certificates of the node cannot be renewed",
    what: "kubeadm failed to renew the certificates, which are valid for a year.",
    why: "The message has the output of kubeadm.",
    remedies: || vec![recreate()],
    heals: Heals::No,
};

pub(super) const KUBEADM_FAILED: Page = Page {
    title: "Kubernetes did not start in the node",
    what: "`kubeadm init` failed. The node was removed, and its log was kept.",
    why: "The message has the line that matters, and the log has the rest. Frequent reasons are \
        cgroup v1, nested containers, btrfs or zfs, and a proxy that intercepts local addresses.",
    remedies: || {
        vec![
            Hint::text("see the log that the message names"),
            Hint::run("keep the node to inspect it", ours!(Up, "--retain")),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const NAME_TAKEN: Page = Page {
    title: "the name belongs to another cluster",
    what: "A container or a kind cluster with this name exists that clearml-local did not create.",
    why: "It may have data, so it is not touched.",
    remedies: || {
        vec![
            Hint::run("inspect it", "docker inspect NAME-control-plane"),
            Hint::run("use another name", ours!(Up).of(Some("NAME"))),
        ]
    },
    heals: Heals::No,
};

pub(super) const ANOTHER_INSTANCE: Page = Page {
    title: "the node belongs to another instance with the same name",
    what: "The node has other data and other keys than the instance in this home directory.",
    why: "Another user, or another home directory, created an instance with this name.",
    remedies: || {
        vec![
            Hint::run(
                "keep both, this one with a new name and new data",
                ours!(Up).of(Some("NAME")),
            ),
            Hint::run(
                "or replace the node with this one, the data of both are kept",
                ours!(Down),
            )
            .then(ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const NOT_RUNNING: Page = Page {
    title: "the node is not running",
    what: "The command needs the cluster, and its node is stopped, paused or has just started.",
    why: "It was stopped by `stop`, by Docker or by a reboot.",
    remedies: || vec![Hint::run("start it", ours!(Start))],
    heals: Heals::NextUp,
};

pub(super) const PORTS_REFUSED: Page = Page {
    title: "the published ports do not answer",
    what: "The server responds in the node, but not on the ports that Docker publishes.",
    why: "The command runs on another machine than Docker, or a firewall rule or a broken proxy \
        process of Docker rejects or drops the connections.",
    remedies: || {
        vec![
            Hint::text(
                "run this command on the Docker host, not in a container or through a forwarded \
                 socket",
            ),
            Hint::run(
                "or restart Docker, if it runs on this machine",
                "sudo systemctl restart docker",
            ),
            Hint::run(
                "or check that no firewall rule rejects or drops connections",
                "sudo iptables-save | grep -E 'REJECT|DROP'",
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const API_NOT_READY: Page = Page {
    title: "the Kubernetes API of the node does not become ready",
    what: "The node runs, and its API did not become ready in time.",
    why: "The message has the last reason. The disk may be slow, or etcd may be damaged.",
    remedies: || vec![recreate(), journal()],
    heals: Heals::Waiting,
};

pub(super) const CLUSTER_DNS: Page = Page {
    title: "the DNS of the cluster does not work",
    what: "The components cannot resolve each other's names: CoreDNS does not run.",
    why: "It was deleted or changed by hand, or its container crashes.",
    remedies: || {
        vec![
            Hint::run(
                "see its logs",
                "docker exec NAME-control-plane kubectl -n kube-system logs deployment/coredns",
            ),
            recreate(),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const CLUSTER_NETWORK: Page = Page {
    title: "the network of the cluster does not work",
    what: "The components run, but connections to them, or between them, lead nowhere.",
    why: "Somebody deleted or changed kube-proxy or the pod network (kindnet), its container \
        crashes, or a firewall rule on this machine drops its packets.",
    remedies: || {
        vec![
            Hint::run("restart the node", ours!(Stop)).then(ours!(Start)),
            recreate(),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const CERTIFICATES_EXPIRED: Page = Page {
    title: "the certificates of the cluster have expired",
    what: "The Kubernetes API cannot be used.",
    why: "They are valid for a year, and the instance was not started with `up` since.",
    remedies: || vec![Hint::run("renew the certificates", ours!(Up))],
    heals: Heals::NextUp,
};

pub(super) const STALE_KUBECONFIG: Page = Page {
    title: "the stored kubeconfig of the cluster is outdated or damaged",
    what: "The program cannot log in to its own cluster.",
    why: "The node was recreated by another program, or the file was changed.",
    remedies: || vec![Hint::run("write it again", ours!(Up))],
    heals: Heals::NextUp,
};
