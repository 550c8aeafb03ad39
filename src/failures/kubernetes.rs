//! Failures of the Kubernetes API and of existing clusters.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn other_namespace() -> Hint {
    Hint::text("use another namespace: `--namespace NAMESPACE`")
}

fn check_with_kubectl() -> Hint {
    Hint::run("check it with kubectl", "kubectl --context CONTEXT version")
}

pub(super) const PORT_OF_OTHER_SERVICE: Page = Page {
    title: "a node port is in use by another service of the cluster",
    what: "Kubernetes would refuse the service of the server.",
    why: "All services of a cluster share the node ports.",
    remedies: || {
        vec![
            Hint::text("set another port in the values, such as `webserver.service.nodePort`"),
            Hint::text("or set `service.type` to ClusterIP, and use an ingress"),
        ]
    },
    heals: Heals::No,
};

pub(super) const NAMESPACE_IN_USE: Page = Page {
    title: "the namespace has the server of another instance",
    what: "Two servers in one namespace would have objects with the same names.",
    why: "Another name or another user installed a server there.",
    remedies: || {
        vec![
            other_namespace(),
            Hint::run("or work with that instance", ours!(Up).of(Some("NAME"))),
        ]
    },
    heals: Heals::No,
};

pub(super) const HELM_RELEASE_PRESENT: Page = Page {
    title: "the namespace has a ClearML server that Helm installed",
    what: "Its objects have the names of this server and cannot be taken over in place.",
    why: "`helm uninstall` would delete claims with their data, so the message lists the steps \
        that keep them.",
    remedies: || {
        vec![
            Hint::run("see the releases", "helm list --namespace NAMESPACE"),
            Hint::text("follow the steps of the message in their order"),
        ]
    },
    heals: Heals::No,
};

pub(super) const OBJECTS_OF_OTHERS: Page = Page {
    title: "the namespace has objects of another program with the names of this server",
    what: "They would be overwritten, so nothing was applied.",
    why: "The message lists them.",
    remedies: || vec![other_namespace()],
    heals: Heals::No,
};

pub(super) const API_UNREACHABLE: Page = Page {
    title: "the Kubernetes API is unreachable",
    what: "The API does not answer, answers too slowly, or returns an error.",
    why: "The node or the cluster is stopped, still starting, or overloaded.",
    remedies: || {
        vec![
            Hint::run("see whether it answers now", ours!(Status)),
            Hint::run("continue once it does, or start the node again", ours!(Up)),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const UNREACHABLE: Page = Page {
    title: "the cluster is unreachable",
    what: "The API of the existing cluster does not answer.",
    why: "A VPN is not connected, the cluster is down, or the address or the certificate in the \
        kubeconfig is outdated.",
    remedies: || {
        vec![
            check_with_kubectl(),
            Hint::run("see where the server runs", ours!(List)),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const OBJECT_REJECTED: Page = Page {
    title: "the Kubernetes API rejected an object",
    what: "An object was not applied.",
    why: "A value has a form that Kubernetes does not accept, or a policy of the cluster refuses \
        it. The message has the answer.",
    remedies: || {
        vec![
            Hint::run("see what is applied", ours!(Render)),
            Hint::run("see what would change", ours!(Diff)),
        ]
    },
    heals: Heals::No,
};

pub(super) const CHANGE_IMPOSSIBLE: Page = Page {
    title: "a change would abandon data",
    what: "Nothing was applied.",
    why: "Kubernetes does not allow this change of a claim, and a new claim would be empty.",
    remedies: || {
        vec![Hint::run(
            "leave the claim unchanged, and see what would change",
            ours!(Diff),
        )]
    },
    heals: Heals::No,
};

pub(super) const PERMISSION_MISSING: Page = Page {
    title: "a permission is missing in the cluster",
    what: "The user of the context may not do everything that the command needs.",
    why: "The message lists the missing permissions.",
    remedies: || {
        vec![Hint::run(
            "give the Role to an administrator of the cluster",
            ours!(Render, "--role"),
        )]
    },
    heals: Heals::No,
};

pub(super) const CREDENTIALS_REFUSED: Page = Page {
    title: "the cluster refused the credentials",
    what: "The cluster does not accept the user of the context.",
    why: "The login has expired, or the user was removed.",
    remedies: || {
        vec![
            Hint::text("log in to the cluster again, as you do for kubectl"),
            check_with_kubectl(),
        ]
    },
    heals: Heals::No,
};

pub(super) const CREDENTIAL_PLUGIN: Page = Page {
    title: "the credential plugin of the context failed",
    what: "The program that the kubeconfig names for the login is missing or failed, or its \
        token cannot be read.",
    why: "It is not in `PATH`, or your login to the provider of the cluster has expired.",
    remedies: || {
        vec![
            check_with_kubectl(),
            Hint::text("install the plugin, or add its directory to `PATH`"),
        ]
    },
    heals: Heals::No,
};

pub(super) const NAMESPACE_MISSING: Page = Page {
    title: "the namespace does not exist, and you may not create it",
    what: "Nothing was applied.",
    why: "Only administrators create namespaces in this cluster.",
    remedies: || {
        vec![Hint::run(
            "ask an administrator of the cluster to create it",
            "kubectl create namespace NAMESPACE",
        )]
    },
    heals: Heals::No,
};

pub(super) const NAMESPACE_TERMINATING: Page = Page {
    title: "the namespace is being deleted",
    what: "Nothing can be created in it.",
    why: "Kubernetes waits until all of its objects are gone.",
    remedies: || {
        vec![
            Hint::text("wait until it is gone, or use another namespace"),
            Hint::run(
                "see what it waits for",
                "kubectl get namespace NAMESPACE --output yaml",
            ),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const TOO_OLD: Page = Page {
    title: "Kubernetes is too old",
    what: "The cluster lacks functions that the server needs.",
    why: "Kubernetes 1.25 or later is required.",
    remedies: || vec![Hint::text("update the cluster, or use another one")],
    heals: Heals::No,
};

pub(super) const ARCHITECTURE: Page = Page {
    title: "the nodes have an architecture that the images do not support",
    what: "No node, or not every node, can run the server.",
    why: "The images of the server are for amd64.",
    remedies: || {
        vec![
            Hint::text("select the nodes in the values, such as `apiserver.nodeSelector`"),
            Hint::run(
                "see the architectures",
                "kubectl get nodes --label-columns kubernetes.io/arch",
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const INGRESS_CLASS_MISSING: Page = Page {
    title: "the ingress class does not exist",
    what: "No controller would answer for the host names.",
    why: "`ingress.className` names a class that the cluster does not have.",
    remedies: || {
        vec![
            Hint::text("set `ingress.className` in the values"),
            Hint::run(
                "see the classes of the cluster",
                "kubectl get ingressclasses",
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const STORAGE_CLASS_MISSING: Page = Page {
    title: "a storage class does not exist",
    what: "The claims of the databases would stay pending.",
    why: "The values name a class that the cluster does not have, or no class and the cluster \
        has no default.",
    remedies: || {
        vec![
            Hint::text("set the classes in the values, such as `mongodb.persistence.storageClass`"),
            Hint::run(
                "see the classes of the cluster",
                "kubectl get storageclasses",
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const STORAGE_DRIVER_MISSING: Page = Page {
    title: "the driver of a storage class is not installed",
    what: "The claims of the databases would stay pending.",
    why: "The cluster has the class, but not the driver that creates its volumes.",
    remedies: || {
        vec![
            Hint::text("install the driver, or use another storage class"),
            Hint::run("see the drivers of the cluster", "kubectl get csidrivers"),
        ]
    },
    heals: Heals::No,
};

pub(super) const NODE_PORT_OUT_OF_RANGE: Page = Page {
    title: "a node port is out of range",
    what: "Kubernetes would refuse the service of the server.",
    why: "Node ports are 30000 to 32767, unless the cluster has another range.",
    remedies: || {
        vec![Hint::text(
            "set another port in the values, such as `webserver.service.nodePort`",
        )]
    },
    heals: Heals::No,
};

pub(super) const QUOTA_EXCEEDED: Page = Page {
    title: "the quota of the namespace is too small",
    what: "Kubernetes would refuse some of the pods or claims.",
    why: "The server needs more than the quota leaves.",
    remedies: || {
        vec![
            Hint::text("reduce `resources` in the values, or ask for a larger quota"),
            Hint::run(
                "see the quota",
                "kubectl describe resourcequota --namespace NAMESPACE",
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const QUOTA_NEEDS_RESOURCES: Page = Page {
    title: "the quota of the namespace requires requests or limits",
    what: "Kubernetes would refuse pods that have none.",
    why: "A quota for a resource applies to every container of the namespace.",
    remedies: || vec![Hint::text("set `resources` of the component in the values")],
    heals: Heals::No,
};

pub(super) const LIMIT_RANGE_EXCEEDED: Page = Page {
    title: "a size is outside of the limits of the namespace",
    what: "Kubernetes would refuse a pod or a claim.",
    why: "A LimitRange sets the smallest and the largest size of containers, pods or claims.",
    remedies: || {
        vec![
            Hint::text("change `resources` or the size in the values"),
            Hint::run(
                "see the limits",
                "kubectl describe limitrange --namespace NAMESPACE",
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const POD_SECURITY: Page = Page {
    title: "the pod security level of the namespace refuses pods",
    what: "Kubernetes would refuse some of the pods.",
    why: "The namespace enforces a level that a setting of the values violates. The message \
        lists the fields.",
    remedies: || {
        vec![
            Hint::text("change the security contexts in the values"),
            other_namespace(),
        ]
    },
    heals: Heals::No,
};
