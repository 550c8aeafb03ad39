//! Failures of pulling and loading images.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn pull() -> Hint {
    Hint::run("pull it with Docker to see the error", "docker pull IMAGE")
}

fn log_in() -> Hint {
    Hint::run("log in, then run the command again", "docker login HOST")
}

fn mirror() -> Hint {
    Hint::run(
        "or pull from another registry",
        ours!(Up, "--registry-mirror HOST"),
    )
}

pub(super) const UNREACHABLE: Page = Page {
    title: "the registry is unreachable",
    what: "The connection to the registry of an image failed or timed out.",
    why: "There is no internet connection, a firewall blocks the registry, or a proxy is required.",
    remedies: || {
        vec![
            pull(),
            Hint::run(
                "behind a proxy, set HTTPS_PROXY and recreate the node",
                ours!(Down),
            )
            .then(ours!(Up)),
            mirror(),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const PROXY: Page = Page {
    title: "the proxy refused the connection to the registry",
    what: "The image was not pulled.",
    why: "The address, the user or the password of the proxy is wrong, or it blocks the registry.",
    remedies: || {
        vec![
            Hint::text(
                "check the address, user and password of the proxy: the engine's are in \
                 `docker info`, the node's in HTTPS_PROXY",
            ),
            pull(),
        ]
    },
    heals: Heals::No,
};

pub(super) const CERTIFICATE: Page = Page {
    title: "the certificate of the registry is not trusted",
    what: "The image was not pulled.",
    why: "A proxy inspects the traffic with its own certificate, or the registry has a private \
        certificate authority.",
    remedies: || {
        vec![Hint::run(
            "trust the certificate of the registry or the proxy",
            ours!(Up, "--ca-file FILE"),
        )]
    },
    heals: Heals::No,
};

pub(super) const PLAIN_HTTP: Page = Page {
    title: "the registry does not use TLS",
    what: "The image was not pulled.",
    why: "The registry answers with HTTP, and HTTPS was expected.",
    remedies: || {
        vec![Hint::run(
            "give the scheme of a mirror without TLS",
            ours!(Up, "--registry-mirror http://HOST"),
        )]
    },
    heals: Heals::No,
};

pub(super) const RATE_LIMITED: Page = Page {
    title: "the pull rate limit of the registry is reached",
    what: "The registry refuses further pulls for a while.",
    why: "Docker Hub limits the pulls of an address, which a whole office may share. A login has \
        its own limit.",
    remedies: || vec![log_in(), mirror()],
    heals: Heals::Waiting,
};

pub(super) const PULL_FAILED: Page = Page {
    title: "an image could not be pulled",
    what: "The download broke, or the registry answered with an error.",
    why: "The message has the error. Complete parts of the download are kept.",
    remedies: || vec![Hint::run("continue", ours!(Up)), pull(), mirror()],
    heals: Heals::NextUp,
};

pub(super) const LOAD_FAILED: Page = Page {
    title: "an image could not be loaded into the node",
    what: "containerd in the node refused the image that Docker has.",
    why: "The disk is full, or Docker has only a part of the image.",
    remedies: || {
        vec![
            Hint::run("see what fills the disk", "docker system df"),
            Hint::run("pull the image again, then continue", "docker pull IMAGE").then(ours!(Up)),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const NOT_FOUND: Page = Page {
    title: "an image does not exist",
    what: "The registry has no image with this name and tag, or hides that it is private.",
    why: "The tag is misspelled or was removed by its publisher; or the registry needs a login.",
    remedies: || {
        vec![
            pull(),
            Hint::run(
                "use another tag",
                ours!(Up, "--set COMPONENT.image.tag=TAG"),
            ),
            Hint::run("or log in, if the image is private", "docker login HOST"),
        ]
    },
    heals: Heals::No,
};

pub(super) const DIGEST_MISMATCH: Page = Page {
    title: "the registry sent other content than the digest names",
    what: "The image was pulled again a few times and never accepted; nothing was installed from \
        it.",
    why: "The registry, its mirror, or a proxy on the way has a damaged or changed copy of a layer.",
    remedies: || {
        vec![
            Hint::run(
                "pull from another registry",
                ours!(Up, "--registry-mirror HOST"),
            ),
            Hint::text("tell the operator of the registry or proxy that its copy is damaged"),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const PLATFORM: Page = Page {
    title: "an image is not published for this platform",
    what: "The image exists, but not for the CPU architecture of the node.",
    why: "Some images are published for amd64 only.",
    remedies: || {
        vec![
            Hint::run(
                "see the platforms of the image",
                "docker manifest inspect IMAGE",
            ),
            Hint::run(
                "use another tag",
                ours!(Up, "--set COMPONENT.image.tag=TAG"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const UNAUTHORIZED: Page = Page {
    title: "the registry denied access to an image",
    what: "The registry knows the image and refuses it to this login, or without one.",
    why: "There is no login for the registry, it has expired, or its user may not pull the image.",
    remedies: || vec![log_in()],
    heals: Heals::No,
};

pub(super) const CREDENTIALS: Page = Page {
    title: "the login of a registry cannot be read",
    what: "The registry requires a login, and Docker's credential store has none that works.",
    why: "The credential helper of Docker's config.json is missing or failed.",
    remedies: || {
        vec![Hint::run(
            "log in again, then run the command again",
            "docker login HOST",
        )]
    },
    heals: Heals::No,
};

pub(super) const PODS_LACK_LOGIN: Page = Page {
    title: "pods have no login for the registry",
    what: "`imageCredentials` enables a login for pods, but has no user.",
    why: "There is no `docker login` for the registry, or it has a token, which pods cannot use.",
    remedies: || {
        vec![
            log_in(),
            Hint::run(
                "or set the user",
                ours!(
                    Up,
                    "--set imageCredentials.username=USER,imageCredentials.password=PASSWORD"
                ),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const NODE_CANNOT_PULL: Page = Page {
    title: "the cluster cannot reach the registry of an image",
    what: "A pod pulls its image itself, and its node cannot reach the registry or its proxy.",
    why: "The pull policy is Always, or the image was removed from the node.",
    remedies: || {
        vec![
            Hint::run("load the images again", ours!(Up)),
            Hint::run(
                "use the image in the node",
                ours!(Up, "--set COMPONENT.image.pullPolicy=IfNotPresent"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const MISSING: Page = Page {
    title: "an image is missing in the node",
    what: "A pod does not start, because its pull policy is Never and the node lacks its image.",
    why: "The image was removed from the node, or the kubelet requires credentials for it.",
    remedies: || {
        vec![
            Hint::run("load the images again", ours!(Up)),
            Hint::run(
                "or let the node pull it",
                ours!(Up, "--set COMPONENT.image.pullPolicy=IfNotPresent"),
            ),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const INVALID_NAME: Page = Page {
    title: "the name of an image is invalid",
    what: "A pod does not start, because the kubelet cannot parse the name of its image.",
    why: "The repository or the tag in the values contains a character that is not allowed.",
    remedies: || {
        vec![Hint::run(
            "use another image",
            ours!(
                Up,
                "--set COMPONENT.image.repository=… --set COMPONENT.image.tag=…"
            ),
        )]
    },
    heals: Heals::No,
};
