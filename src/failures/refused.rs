//! Requests that the Docker engine refuses, by the words of its message.

use super::engine::use_a_volume;
use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn restart() -> Hint {
    Hint::run("restart Docker", "sudo systemctl restart docker")
}

fn prune() -> Hint {
    Hint::run("remove unused networks", "docker network prune")
}

pub(super) const USERS_REMAPPED: Page = Page {
    title: "Docker remaps the users of containers (`userns-remap`) and does not let the node \
        use the users of the host",
    what: "The node cannot run.",
    why: "A policy of the engine forbids the users of the host.",
    remedies: || {
        vec![Hint::run(
            "use an engine without `userns-remap`",
            "docker context ls",
        )]
    },
    heals: Heals::No,
};

pub(super) const APPARMOR: Page = Page {
    title: "AppArmor does not work on the Docker host",
    what: "Docker cannot start containers.",
    why: "The profiles cannot be loaded: the tools of AppArmor or its kernel module are missing.",
    remedies: || {
        vec![
            Hint::run("see what is missing", "sudo aa-status"),
            restart(),
        ]
    },
    heals: Heals::No,
};

pub(super) const SECCOMP: Page = Page {
    title: "the kernel or the runc of the Docker host does not support seccomp",
    what: "Docker cannot start containers.",
    why: "They are too old or were built without it.",
    remedies: || {
        vec![Hint::run(
            "update Docker, or use another engine",
            "docker context ls",
        )]
    },
    heals: Heals::No,
};

pub(super) const RUNTIME_MISSING: Page = Page {
    title: "Docker's container runtime is not installed",
    what: "Docker cannot start containers.",
    why: "Its daemon.json names a runtime, such as nvidia, that this host does not have.",
    remedies: || {
        vec![Hint::run(
            "show its name",
            "docker info --format '{{.DefaultRuntime}}'",
        )]
    },
    heals: Heals::No,
};

pub(super) const GPU_DRIVER: Page = Page {
    title: "Docker cannot give GPUs to the node",
    what: "A node with GPUs (`up --gpus`) does not start.",
    why: "The driver of the machine, its libraries and what Docker knows of them differ, often after \
        an update of the driver; or NVIDIA's container toolkit was removed.",
    remedies: || {
        vec![
            Hint::run("check that the driver finds the GPUs", "nvidia-smi"),
            Hint::text("if it does not, restart the machine, which loads the new driver"),
            Hint::run(
                "describe the devices to Docker again",
                "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
            ),
            restart(),
            Hint::run("or run the server without GPUs", ours!(Up, "--gpus=none")),
        ]
    },
    heals: Heals::No,
};

pub(super) const LOG_DRIVER: Page = Page {
    title: "Docker's log driver does not work",
    what: "Docker cannot start containers.",
    why: "The driver of its daemon.json is missing, or its server is unreachable.",
    remedies: || {
        vec![Hint::run(
            "show its name",
            "docker info --format '{{.LoggingDriver}}'",
        )]
    },
    heals: Heals::No,
};

pub(super) const CGROUPS: Page = Page {
    title: "Docker cannot use the cgroups of its host",
    what: "Docker cannot start containers.",
    why: "The cgroups changed after Docker had started, or its cgroup driver does not fit.",
    remedies: || {
        vec![
            restart(),
            Hint::run(
                "show what it uses",
                "docker info --format '{{.CgroupDriver}} {{.CgroupVersion}}'",
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const PRIVILEGED_PORT: Page = Page {
    title: "Docker runs rootless and cannot publish ports below 1024",
    what: "Docker refused to publish a port, usually 80 or 443 of the ingress.",
    why: "Only root may listen on these ports.",
    remedies: || {
        vec![Hint::run(
            "use other ports",
            ours!(Up, "--http-port 8080 --https-port 8443"),
        )]
    },
    heals: Heals::No,
};

pub(super) const LACKS_ADDRESS: Page = Page {
    title: "the Docker host does not have the address to publish the ports on",
    what: "Docker refused to publish the ports on the address of `--listen`.",
    why: "Docker runs in a virtual machine, or the address was removed from this machine.",
    remedies: || {
        vec![
            Hint::run(
                "listen on this machine only",
                ours!(Up, "--listen 127.0.0.1"),
            ),
            Hint::run("or listen on all addresses", ours!(Up, "--listen 0.0.0.0")),
        ]
    },
    heals: Heals::No,
};

pub(super) const ADDRESS_POOLS: Page = Page {
    title: "Docker has no free address range for another network",
    what: "Docker cannot create the network of the node.",
    why: "Many networks or a VPN use the ranges that Docker chooses from.",
    remedies: || {
        vec![
            prune(),
            Hint::text("or add `default-address-pools` to Docker's daemon.json"),
        ]
    },
    heals: Heals::No,
};

pub(super) const NETWORK_MISSING: Page = Page {
    title: "the network of the container was removed",
    what: "Docker cannot start the node.",
    why: "The network `kind` was removed, for example by `docker network prune`.",
    remedies: || vec![Hint::run("create it again, the data are kept", ours!(Up))],
    heals: Heals::NextUp,
};

pub(super) const CONTAINER_EXISTS: Page = Page {
    title: "a container with that name already exists",
    what: "Docker cannot create the node.",
    why: "Another program created the container at the same moment.",
    remedies: || vec![Hint::run("list the containers", "docker ps --all")],
    heals: Heals::No,
};

pub(super) const CONTAINER_STUCK: Page = Page {
    title: "a container does not end",
    what: "Docker can neither stop nor remove it.",
    why: "One of its processes waits in the kernel, for example for a disk or a network file \
        system that does not answer, or it is frozen. With cgroup v1, `up`, `start`, `stop` and \
        `down` let frozen processes of a node continue. A restart of Docker does not end them.",
    remedies: || {
        vec![
            Hint::text("restart this machine (Docker Desktop: restart Docker Desktop)"),
            Hint::run("then continue, the data are kept", ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const PATH_NOT_SHARED: Page = Page {
    title: "Docker Desktop does not share that directory with its virtual machine",
    what: "Docker refused to mount the data directory.",
    why: "Only shared directories of this machine are visible in the virtual machine.",
    remedies: || {
        vec![
            Hint::text("share it in Docker Desktop: Settings, Resources, File sharing"),
            Hint::run(
                "or keep the data in a volume",
                ours!(Up, "--data-dir volume:NAME"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const PATH_WITH_COLON: Page = Page {
    title: "Docker cannot mount a path with a colon",
    what: "Docker refused to mount the data directory.",
    why: "A colon separates the parts of a mount.",
    remedies: || {
        vec![Hint::run(
            "use a directory without a colon",
            ours!(Up, "--data-dir DIR"),
        )]
    },
    heals: Heals::No,
};

pub(super) const PATH_INACCESSIBLE: Page = Page {
    title: "Docker cannot access or create that directory: it runs in a virtual machine or a \
        sandbox",
    what: "Docker refused to mount the data directory.",
    why: "The directory exists on this machine, but not where Docker runs.",
    remedies: || {
        vec![
            use_a_volume(),
            Hint::run(
                "or use a directory that Docker can access",
                ours!(Up, "--data-dir DIR"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const FIREWALL_RULES: Page = Page {
    title: "another program removed Docker's firewall rules after Docker had started",
    what: "Docker cannot publish ports.",
    why: "A firewall such as firewalld or ufw was restarted.",
    remedies: || vec![restart()],
    heals: Heals::No,
};

pub(super) const NOT_PERMITTED: Page = Page {
    title: "Docker is not permitted to do that on its host: it runs rootless, in a sandbox, or \
        under a security policy",
    what: "Docker refused to create or start a container.",
    why: "The node is a privileged container, which some engines forbid.",
    remedies: || {
        vec![
            Hint::run(
                "show how it runs",
                "docker info --format '{{.SecurityOptions}}'",
            ),
            Hint::run("use an engine that runs as root", "docker context ls"),
        ]
    },
    heals: Heals::No,
};

pub(super) const CONNECTION_LOST: Page = Page {
    title: "the connection to Docker broke",
    what: "The engine closed the connection in the middle of a request, or its answer was \
        invalid.",
    why: "Docker was restarted or crashed, or another program answers on its socket.",
    remedies: || {
        vec![
            Hint::run("check that the engine still runs", "docker info"),
            Hint::run("then continue", ours!(Up)),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const REFUSED: Page = Page {
    title: "Docker refused a request",
    what: "The message ends with the error of Docker.",
    why: "The program does not know that error.",
    remedies: || {
        vec![Hint::run(
            "see what Docker logged (Docker Desktop: Troubleshoot, Get support)",
            "sudo journalctl -u docker -n 50",
        )]
    },
    heals: Heals::No,
};
