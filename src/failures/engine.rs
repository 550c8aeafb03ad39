//! Failures of the Docker engine and of its host.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn restart() -> Hint {
    Hint::run("restart Docker", "sudo systemctl restart docker")
}

fn check() -> Hint {
    Hint::run("check that Docker responds", "docker info")
}

fn contexts() -> Hint {
    Hint::run("list the contexts", "docker context ls")
}

pub(super) fn use_a_volume() -> Hint {
    Hint::run(
        "keep the data in a volume",
        ours!(Up, "--data-dir volume:NAME"),
    )
}

pub(super) const UNREACHABLE: Page = Page {
    title: "Docker is unreachable",
    what: "No connection to the Docker engine is possible.",
    why: "Docker is not installed, not running, or uses another socket; or your user may not use \
        its socket. The message names the socket and the setting that chose it.",
    remedies: || {
        vec![
            Hint::run("start Docker", "sudo systemctl start docker"),
            Hint::run(
                "let your user use Docker, then log in again",
                "sudo usermod -aG docker $USER",
            ),
            contexts(),
        ]
    },
    heals: Heals::No,
};

pub(super) const NO_ANSWER: Page = Page {
    title: "Docker does not answer",
    what: "The engine accepts connections, but does not answer in time. The message says what it \
        was asked for and how long that may take.",
    why: "The engine hangs or its host is overloaded, for example while it swaps. `status` does \
        not wait long, so that it answers at once.",
    remedies: || {
        vec![
            check(),
            restart(),
            Hint::run(
                "give a slow engine more time for each answer, in seconds",
                "export DOCKER_CLIENT_TIMEOUT=600",
            ),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const ADDRESS: Page = Page {
    title: "the address of Docker is invalid",
    what: "`DOCKER_HOST` or the Docker context has an address that cannot be used.",
    why: "Only sockets and TCP addresses are supported.",
    remedies: || {
        vec![
            Hint::text("use an address such as unix:///var/run/docker.sock"),
            contexts(),
        ]
    },
    heals: Heals::No,
};

pub(super) const CERTIFICATES: Page = Page {
    title: "the TLS certificates for Docker cannot be used",
    what: "One of ca.pem, cert.pem and key.pem is missing or invalid.",
    why: "`DOCKER_CERT_PATH` or the Docker context names another directory, or the files are \
        damaged.",
    remedies: || vec![Hint::run("check the files", "ls -l $DOCKER_CERT_PATH")],
    heals: Heals::No,
};

pub(super) const CONTEXT: Page = Page {
    title: "the Docker context cannot be used",
    what: "The selected context does not exist or cannot be read.",
    why: "`DOCKER_CONTEXT` or Docker's configuration names it.",
    remedies: || {
        vec![
            contexts(),
            Hint::run("select another one", "docker context use default"),
        ]
    },
    heals: Heals::No,
};

pub(super) const REMOTE: Page = Page {
    title: "Docker runs on another machine",
    what: "Docker would publish the ports of the server there, and not on this machine.",
    why: "`DOCKER_HOST` or the Docker context names another machine.",
    remedies: || {
        vec![Hint::run(
            "choose an engine on this machine, and unset DOCKER_HOST",
            "docker context use default",
        )]
    },
    heals: Heals::No,
};

pub(super) const IN_CONTAINER: Page = Page {
    title: "clearml-local runs in a container",
    what: "It cannot reach the ports that Docker publishes on the host.",
    why: "The container has Docker's socket, but its own network.",
    remedies: || {
        vec![
            Hint::text("run this command on the host"),
            Hint::run(
                "or run the container in the host's network",
                "docker run --network host …",
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const TOO_OLD: Page = Page {
    title: "Docker is too old",
    what: "The engine does not have the API that the program uses.",
    why: "Docker 19.03 (API 1.40) or later is required.",
    remedies: || vec![Hint::text("update Docker")],
    heals: Heals::No,
};

pub(super) const ARCHITECTURE: Page = Page {
    title: "there are no images for the architecture of the Docker host",
    what: "The server cannot run on this architecture.",
    why: "The images of the server are published for amd64 and arm64 only.",
    remedies: || {
        vec![
            Hint::text("use a Docker engine on an amd64 machine"),
            contexts(),
        ]
    },
    heals: Heals::No,
};

pub(super) const ROOTLESS_CGROUP_V1: Page = Page {
    title: "rootless Docker on a host with cgroup v1",
    what: "Kubernetes cannot run in rootless Docker on this host.",
    why: "It requires cgroup v2.",
    remedies: || {
        vec![Hint::run(
            "use a Docker engine that runs as root",
            "docker context ls",
        )]
    },
    heals: Heals::No,
};

pub(super) const CGROUP_CONTROLLERS: Page = Page {
    title: "cgroup controllers are missing",
    what: "Docker cannot limit the memory and CPUs of pods.",
    why: "The kernel does not enable them, or systemd does not delegate them to rootless Docker.",
    remedies: || {
        vec![
            Hint::run(
                "rootless: add [Service] and Delegate=cpu cpuset io memory pids, and log in again",
                "sudo systemctl edit user@.service",
            ),
            Hint::text("otherwise add cgroup_enable=memory to the kernel command line"),
        ]
    },
    heals: Heals::No,
};

pub(super) const FROM_SNAP: Page = Page {
    title: "Docker from snap cannot access the data directory",
    what: "The node could not mount the data.",
    why: "Snap only lets Docker use directories in your home whose names do not start with a dot.",
    remedies: || vec![use_a_volume()],
    heals: Heals::No,
};

pub(super) const CLOCK_SKEW: Page = Page {
    title: "the clocks of this machine and of the server differ",
    what: "Certificates, logins and tokens are refused.",
    why: "The clock of Docker, of the cluster or of the server differs from the one of this \
        machine by more than 2 minutes, often after a virtual machine was suspended.",
    remedies: || {
        vec![
            Hint::run("correct the clock of this machine", "timedatectl"),
            Hint::text("or the one of Docker: restart Docker or its virtual machine"),
        ]
    },
    heals: Heals::No,
};

pub(super) const NETWORK_OVERLAP: Page = Page {
    title: "the network `kind` overlaps the addresses of pods or services",
    what: "Pods could not reach each other.",
    why: "Docker chose, or somebody set, a range that Kubernetes uses in the node.",
    remedies: || {
        vec![
            Hint::run(
                "create the network with another range",
                "docker network create --subnet 172.30.0.0/16 kind",
            ),
            Hint::text("or change `default-address-pools` in Docker's daemon.json"),
        ]
    },
    heals: Heals::No,
};

pub(super) const NETWORK_AMBIGUOUS: Page = Page {
    title: "several Docker networks have the same name",
    what: "Docker cannot start containers in any of them.",
    why: "Two programs created the network at the same moment.",
    remedies: || {
        vec![
            Hint::run("list them", "docker network ls --filter name=kind"),
            Hint::run("remove the unused ones", "docker network rm ID"),
        ]
    },
    heals: Heals::No,
};

pub(super) const WITHOUT_GPUS: Page = Page {
    title: "Docker has no GPUs",
    what: "`up --gpus` gives the node the NVIDIA GPUs of this machine, and Docker knows none.",
    why: "NVIDIA's container toolkit is not installed, or Docker was not restarted since: `docker \
        info` lists neither discovered devices `nvidia.com/gpu` nor a runtime `nvidia`.",
    remedies: || {
        vec![
            Hint::run("check that the driver finds the GPUs", "nvidia-smi"),
            Hint::text(
                "install NVIDIA's container toolkit: \
                 https://github.com/NVIDIA/nvidia-container-toolkit",
            ),
            Hint::run(
                "let Docker use it",
                "sudo nvidia-ctk runtime configure --runtime=docker",
            ),
            restart(),
            Hint::run("then", ours!(Up, "--gpus")),
            Hint::run("or run the server without GPUs", ours!(Up, "--gpus=none")),
        ]
    },
    heals: Heals::No,
};
