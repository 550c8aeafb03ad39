//! Failures of external databases.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn again() -> Hint {
    Hint::run("then run", ours!(Up))
}

pub(super) const UNREACHABLE: Page = Page {
    title: "an external database is unreachable",
    what: "The database refuses connections from the cluster, or does not answer. Nothing was \
        applied.",
    why: "It is not running, listens on another port or only on its own machine, or a firewall \
        blocks the cluster.",
    remedies: || {
        vec![
            Hint::text("check that it is running and accepts connections from the node"),
            again(),
        ]
    },
    heals: Heals::No,
};

pub(super) const NAME: Page = Page {
    title: "the host name of an external database does not resolve",
    what: "Pods cannot find the database. Nothing was applied.",
    why: "The name is misspelled, or only this machine knows it, such as from /etc/hosts.",
    remedies: || {
        vec![
            Hint::text("use a name that resolves in the node, or an address"),
            again(),
        ]
    },
    heals: Heals::No,
};

pub(super) const LOCALHOST: Page = Page {
    title: "the address of an external database is `localhost`",
    what: "Pods cannot find the database. Nothing was applied.",
    why: "In a pod, `localhost` refers to the pod itself.",
    remedies: || {
        vec![
            Hint::text("set the address of this machine in the values instead"),
            again(),
        ]
    },
    heals: Heals::No,
};

pub(super) const LOGIN: Page = Page {
    title: "an external database refused the login",
    what: "The user, the password or a missing login was refused. Nothing was applied.",
    why: "The credentials in the values or in the Secret are wrong or missing.",
    remedies: || {
        vec![
            Hint::text("set the correct credentials in the values or in the Secret"),
            again(),
        ]
    },
    heals: Heals::No,
};

pub(super) const STARTING: Page = Page {
    title: "an external database is still starting",
    what: "The database answers, but is not ready. Nothing was applied.",
    why: "It loads its data or elects a primary.",
    remedies: || vec![Hint::run("wait until it is ready, then run", ours!(Up))],
    heals: Heals::Waiting,
};

pub(super) const SECRET: Page = Page {
    title: "the Secret of an external database is missing",
    what: "The values name a Secret that does not exist, or that lacks a key. Nothing was applied.",
    why: "The Secret must be in the namespace of the server.",
    remedies: || {
        vec![Hint::run(
            "create it with the required keys",
            "kubectl create secret generic SECRET --namespace NAMESPACE --from-literal=KEY=VALUE",
        )]
    },
    heals: Heals::No,
};

pub(super) const CHECK: Page = Page {
    title: "the external databases cannot be checked",
    what: "The pod that connects to them from inside the cluster failed. Nothing was applied.",
    why: "The message has the reason, such as an image that is missing in the node.",
    remedies: || vec![Hint::run("try again", ours!(Up))],
    heals: Heals::No,
};
