//! Failures of the components of a server, and of the checks of the server.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn logs() -> Hint {
    Hint::run("see its logs", ours!(Logs, "COMPONENT"))
}

fn others() -> Hint {
    Hint::run("check the other components", ours!(Status))
}

fn applied() -> Hint {
    Hint::run("see what is applied", ours!(Render))
}

fn again() -> Hint {
    Hint::run("apply everything again", ours!(Up))
}

pub(super) const NOT_READY: Page = Page {
    title: "a component is not ready in time",
    what: "The time of `--timeout` is over, and nothing is known to be wrong.",
    why: "The machine is slow, or the component waits for something. The message has its last \
        state.",
    remedies: || {
        vec![
            logs(),
            Hint::run("if it only needs more time, continue with", ours!(Up)),
            Hint::run("or increase the timeout", ours!(Up, "--timeout 15m")),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const CRASH_LOOP: Page = Page {
    title: "a component crashes",
    what: "Its process exits again and again.",
    why: "The last lines of its log have the reason.",
    remedies: || vec![logs(), others()],
    heals: Heals::Waiting,
};

pub(super) const START_ERROR: Page = Page {
    title: "a container cannot be started",
    what: "The runtime could not start the first process of the container.",
    why: "The command of the image is missing or not executable, or the node is overloaded.",
    remedies: || vec![logs(), Hint::run("try again", ours!(Up))],
    heals: Heals::Waiting,
};

pub(super) const PROBE_KILLED: Page = Page {
    title: "a component does not answer its probe",
    what: "The kubelet stopped the container because its startup or liveness probe failed.",
    why: "The process hangs, or the machine is too slow.",
    remedies: || vec![logs(), others()],
    heals: Heals::Waiting,
};

pub(super) const EVICTED: Page = Page {
    title: "a pod was evicted",
    what: "The kubelet removed the pod, and Kubernetes creates another one.",
    why: "The node ran out of disk space or memory.",
    remedies: || {
        vec![
            logs(),
            Hint::run("see what fills the disk", "docker system df"),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const DEPENDENCY_UNAVAILABLE: Page = Page {
    title: "a database does not answer",
    what: "The API server does not start, because it cannot reach a database.",
    why: "The database is still starting, or has failed.",
    remedies: || vec![others()],
    heals: Heals::Waiting,
};

pub(super) const DATA_CORRUPT: Page = Page {
    title: "the data of a database are damaged",
    what: "The database does not start, because it cannot read its own files.",
    why: "The machine lost power, the disk was full, or the files were changed.",
    remedies: || {
        vec![
            logs(),
            Hint::text("restore the data directory from a backup"),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const OUT_OF_MEMORY: Page = Page {
    title: "a component was killed for using too much memory",
    what: "The kernel killed its process (OOMKilled).",
    why: "It needs more than its memory limit, or the machine has no memory left.",
    remedies: || {
        vec![
            Hint::run(
                "increase its memory limit",
                ours!(Up, "--set COMPONENT.resources.limits.memory=2Gi"),
            ),
            logs(),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const HEAP_TOO_SMALL: Page = Page {
    title: "the Java heap of Elasticsearch is too small",
    what: "Elasticsearch exited with an OutOfMemoryError.",
    why: "Its indices need more memory than `elasticsearch.esJavaOpts` allows.",
    remedies: || {
        vec![Hint::run(
            "increase its heap and memory limit",
            ours!(
                Up,
                "--set elasticsearch.esJavaOpts='-Xms2g -Xmx2g' --set elasticsearch.resources.limits.memory=4Gi"
            ),
        )]
    },
    heals: Heals::No,
};

pub(super) const UNSCHEDULABLE: Page = Page {
    title: "a pod cannot be scheduled",
    what: "Kubernetes does not place the pod on any node.",
    why: "The nodes have taints that the pod does not tolerate, or another reason that the \
        message has.",
    remedies: || vec![Hint::run("see all components", ours!(Status)), applied()],
    heals: Heals::Waiting,
};

pub(super) const NODE_PRESSURE: Page = Page {
    title: "a node has too little disk space or memory and accepts no pods",
    what: "The kubelet of the node evicts pods and refuses new ones.",
    why: "Other programs or pods use the disk or the memory. The kubelet accepts pods again some \
        minutes after there is enough.",
    remedies: || {
        vec![
            Hint::run("see which nodes have too little", "kubectl describe nodes"),
            Hint::run("in Docker, see what fills the disk", "docker system df"),
            Hint::run("after freeing some", ours!(Up)),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const NO_ROOM: Page = Page {
    title: "no node has room for a pod",
    what: "The pod requests more CPUs, memory or disk than a node has left.",
    why: "Docker or the cluster has too few resources for the requests in the values.",
    remedies: || {
        vec![
            Hint::run(
                "reduce its request",
                ours!(Up, "--set COMPONENT.resources.requests.memory=…"),
            ),
            Hint::run("or give Docker more resources, then run", ours!(Up)),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const NODE_SELECTOR: Page = Page {
    title: "no node has the labels that the values select",
    what: "The pods would stay pending.",
    why: "`nodeSelector` or `affinity` of a component names labels that no node has.",
    remedies: || {
        vec![
            Hint::run(
                "remove the selector",
                ours!(Up, "--set COMPONENT.nodeSelector=null"),
            ),
            Hint::run("or see it", ours!(Render)),
        ]
    },
    heals: Heals::No,
};

pub(super) const CLAIM_LOST: Page = Page {
    title: "a claim has lost its volume",
    what: "The pod cannot start, because the volume of its claim no longer exists.",
    why: "The volume was deleted. On a local node, the data are still in the data directory.",
    remedies: || {
        vec![Hint::run("recreate the cluster, the data are kept", ours!(Down)).then(ours!(Up))]
    },
    heals: Heals::No,
};

pub(super) const CONFIG_MISSING: Page = Page {
    title: "a Secret or ConfigMap is missing",
    what: "The container cannot be created.",
    why: "An object that it refers to does not exist, or lacks a key.",
    remedies: || vec![applied(), again()],
    heals: Heals::Waiting,
};

pub(super) const CONTAINER_NOT_CREATED: Page = Page {
    title: "a container cannot be created",
    what: "The kubelet failed to create the container.",
    why: "The message has the error of the runtime.",
    remedies: || vec![applied(), again()],
    heals: Heals::Waiting,
};

pub(super) const POD_REFUSED: Page = Page {
    title: "Kubernetes refused to create a pod",
    what: "The workload exists, but has no pod.",
    why: "A quota, a security level or an admission webhook of the cluster refuses it.",
    remedies: || vec![applied()],
    heals: Heals::Waiting,
};

pub(super) const VOLUME_NOT_MOUNTED: Page = Page {
    title: "a volume cannot be mounted",
    what: "The pod waits for its volume.",
    why: "Its path in the node is not a directory, or the storage of the cluster has a problem.",
    remedies: || vec![Hint::run("see where the data are", ours!(Status)), again()],
    heals: Heals::Waiting,
};

pub(super) const SETTINGS: Page = Page {
    title: "a component rejects its settings",
    what: "Its process exits because it cannot use its configuration.",
    why: "A setting in the values is unknown to this version, or its value is invalid.",
    remedies: || {
        vec![
            logs(),
            applied(),
            Hint::run("or go back to the last values that worked", ours!(Rollback)),
        ]
    },
    heals: Heals::No,
};

pub(super) const NAME_NOT_RESOLVED: Page = Page {
    title: "a component cannot resolve the name of another",
    what: "nginx in the web app does not start without the names of the API and file servers.",
    why: "The DNS of the cluster does not answer, or these servers do not exist.",
    remedies: || vec![others(), again()],
    heals: Heals::Waiting,
};

pub(super) const POD_ADDRESS: Page = Page {
    title: "two pods have the same address",
    what: "Connections to one of the components reach the other one.",
    why: "The network plug-in of the node lost its list of addresses, for example because a file \
        in the node was deleted.",
    remedies: || vec![Hint::run("replace both pods", ours!(Up))],
    heals: Heals::NextUp,
};

pub(super) const CHECK_FAILED: Page = Page {
    title: "a check of the server fails",
    what: "All components run, but a login, the web app or the files do not work.",
    why: "The message has the check and its error.",
    remedies: || {
        vec![
            Hint::run("see the logs of the API server", ours!(Logs, "apiserver")),
            Hint::run("see the full status", ours!(Status)),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const SERVER_CERTIFICATE: Page = Page {
    title: "the certificate of the server is not trusted",
    what: "The server was not checked through its own address.",
    why: "This machine does not know the certificate authority of the ingress, or the certificate \
        is that of an authority itself (CA:TRUE), as `openssl req -x509` creates it by default.",
    remedies: || {
        vec![Hint::text(
            "add its certificate authority to this machine, or name its file in SSL_CERT_FILE",
        )]
    },
    heals: Heals::No,
};

pub(super) const INGRESS_CHECK_FAILED: Page = Page {
    title: "the server does not answer for its host names",
    what: "The server works on its ports, but not through the ingress.",
    why: "The ingress controller does not run, or has no rule for the host name.",
    remedies: || {
        vec![
            Hint::run("see what is applied", ours!(Render)),
            Hint::run("see the full status", ours!(Status)),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const EXPERIMENT_FAILED: Page = Page {
    title: "an experiment does not work",
    what: "A step of the experiment of `clearml-local verify` failed, so experiments of the SDK \
        probably fail as well.",
    why: "The message has each step that failed, the request and the answer. The API server keeps \
        projects, tasks and models in MongoDB, and scalars and plots in Elasticsearch; artifacts, \
        images and models are files of the file server.",
    remedies: || {
        vec![
            Hint::run("see the logs of the API server", ours!(Logs, "apiserver")),
            Hint::run("see the logs of the file server", ours!(Logs, "fileserver")),
            Hint::run("see the full status", ours!(Status)),
            Hint::run("then try again", ours!(Verify)),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const EXPERIMENT_NOT_REMOVED: Page = Page {
    title: "the experiment of `verify` is still there",
    what: "A project whose name starts with `clearml-local verify`, or a file of it, could not be \
        removed. It affects nothing else.",
    why: "The server did not answer, or refused the request.",
    remedies: || {
        vec![
            Hint::text("archive the project and remove it in the web app"),
            Hint::run("see the logs of the API server", ours!(Logs, "apiserver")),
        ]
    },
    heals: Heals::No,
};
