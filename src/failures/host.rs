//! Failures of the machine: memory, CPUs, ports and disks.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn docker_usage() -> Hint {
    Hint::run("see what fills the disk", "docker system df")
}

pub(super) const TOO_LITTLE_MEMORY: Page = Page {
    title: "Docker has too little memory",
    what: "The server would not start, or would be killed.",
    why: "The message says how much the server needs and how much Docker has. Docker Desktop \
        gives its virtual machine a part of the memory.",
    remedies: || {
        vec![
            Hint::text("give Docker more memory (Docker Desktop: Settings, Resources)"),
            Hint::run(
                "see how much it has",
                "docker info --format '{{.MemTotal}}'",
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const TOO_FEW_CPUS: Page = Page {
    title: "Docker has too few CPUs",
    what: "The pods of Kubernetes would leave no capacity for the server.",
    why: "Two CPUs are required.",
    remedies: || {
        vec![Hint::text(
            "give Docker more CPUs (Docker Desktop: Settings, Resources)",
        )]
    },
    heals: Heals::No,
};

pub(super) const MAX_MAP_COUNT: Page = Page {
    title: "`vm.max_map_count` is too low",
    what: "Elasticsearch does not start.",
    why: "It needs more memory maps than the kernel of the Docker host allows.",
    remedies: || {
        vec![
            Hint::run(
                "raise it on the Docker host",
                "sudo sysctl -w vm.max_map_count=262144",
            ),
            Hint::run("then", ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const PORT_IN_USE: Page = Page {
    title: "a port is in use",
    what: "A port that the server needs cannot be opened on this machine.",
    why: "Another program or container listens on it. The message names it if your user may see \
        it.",
    remedies: || {
        vec![
            Hint::run("see who uses it", "sudo ss -ltnp 'sport = :PORT'"),
            Hint::run("stop that program, then run", ours!(Up)),
            Hint::run(
                "or use another port (--api-port and --files-port work alike)",
                ours!(Up, "--web-port PORT"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const NO_FREE_PORT: Page = Page {
    title: "no port is free",
    what: "The program asked the system for a port on 127.0.0.1 for the Kubernetes API or for a \
        forwarded connection, and the system has none.",
    why: "Many connections are open or have just ended, or the range of ephemeral ports is small.",
    remedies: || {
        vec![
            Hint::run("see which programs have the connections", "ss -tanp"),
            Hint::text("end some of them, wait a minute until their ports are free, and try again"),
        ]
    },
    heals: Heals::Waiting,
};

pub(super) const DOCKER_DISK_FULL: Page = Page {
    title: "the disk that Docker writes to is full",
    what: "Images, containers or the node need more space.",
    why: "Docker keeps images and build caches until they are removed.",
    remedies: || {
        vec![
            docker_usage(),
            Hint::run("remove unused build caches", "docker builder prune"),
            Hint::run("after freeing some space", ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const DATA_DISK_FULL: Page = Page {
    title: "the disk of the data is full",
    what: "The databases or the file server cannot write, or will soon be unable to.",
    why: "Elasticsearch stops writing when little space is free.",
    remedies: || {
        vec![
            Hint::run(
                "see where the data are and how much space is free there",
                ours!(Status),
            ),
            Hint::run("if the data are in a Docker volume", "docker system df"),
            Hint::run("after freeing some space", ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const STATE_DISK_FULL: Page = Page {
    title: "the disk of a file is full",
    what: "A file of the state directory, or a file that you named, cannot be written.",
    why: "The message names the file. Nothing half-written is left behind.",
    remedies: || {
        vec![
            Hint::run("see how full the disks are", "df -h"),
            Hint::run("after freeing some space", ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const INODES_EXHAUSTED: Page = Page {
    title: "a disk has no inodes left",
    what: "No more files can be created, even if space is free.",
    why: "Many small files, such as caches and mails, use one inode each.",
    remedies: || {
        vec![
            Hint::run("see which disk it is", "df -i"),
            Hint::run("see what uses the inodes", "sudo du -x --inodes -d 1 DIR"),
        ]
    },
    heals: Heals::No,
};
