//! Failures of the data directory and of the state directory.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

fn other_directory() -> Hint {
    Hint::run("use another directory", ours!(Up, "--data-dir DIR"))
}

fn restore_owners() -> Vec<Hint> {
    vec![
        Hint::run("see where the data are", ours!(Status)),
        Hint::run("restore the owners of the data", ours!(Up)),
    ]
}

pub(super) const OF_OTHER: Page = Page {
    title: "the data belong to another instance",
    what: "The data directory has the marker of another instance. Nothing was changed.",
    why: "Two servers that write to the same files would damage them.",
    remedies: || {
        vec![
            Hint::run("use that instance", ours!(Up).of(Some("NAME"))),
            Hint::run("or use another directory", ours!(Up, "--data-dir DIR")),
        ]
    },
    heals: Heals::No,
};

pub(super) const FOREIGN: Page = Page {
    title: "the data directory or volume contains something else",
    what: "clearml-local did not create the files in it. Nothing was changed.",
    why: "The databases would write between these files.",
    remedies: || {
        vec![
            Hint::run("use an empty directory", ours!(Up, "--data-dir DIR")),
            Hint::run("or a new volume", ours!(Up, "--data-dir volume:NAME")),
        ]
    },
    heals: Heals::No,
};

pub(super) const OWNER: Page = Page {
    title: "a database cannot write to its data directory",
    what: "The database or the file server does not start.",
    why: "Its files belong to another user, for example after they were copied without `-a`.",
    remedies: restore_owners,
    heals: Heals::NextUp,
};

pub(super) const LOCKED: Page = Page {
    title: "the data directory of Elasticsearch is locked",
    what: "Elasticsearch does not start.",
    why: "Its files belong to another user, or another process uses them.",
    remedies: restore_owners,
    heals: Heals::NextUp,
};

pub(super) const VERSION: Page = Page {
    title: "the data were written by another version of a database",
    what: "The database of this release cannot read the data.",
    why: "Databases read the data of their own major version only, and often not of newer ones.",
    remedies: || {
        vec![
            Hint::run("see which release wrote the data", ours!(Status)),
            Hint::run(
                "use the release that wrote the data",
                ours!(Up, "--release NAME"),
            ),
            Hint::run(
                "or start with new data",
                ours!(Up, "--data-dir DIR").of(Some("NEW")),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const STATE_INVALID: Page = Page {
    title: "a state file is invalid",
    what: "A file of the state directory cannot be parsed. It was left unchanged.",
    why: "It was edited, is from another program or a later version, or is damaged.",
    remedies: || {
        vec![
            Hint::run("move it out of the way", "mv FILE FILE.broken"),
            Hint::run("then restore it from the instance", ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const STATE_NEWER: Page = Page {
    title: "a state file is from a later version",
    what: "A later version of clearml-local wrote the file, or the record in the cluster, in a \
        format that this one does not know. It was left unchanged.",
    why: "Two versions are installed, or an earlier one was installed again.",
    remedies: || vec![Hint::text("update clearml-local")],
    heals: Heals::No,
};

pub(super) const STATE_NOT_WRITABLE: Page = Page {
    title: "a file or directory cannot be read or written",
    what: "The operating system refused access to a file that the command needs.",
    why: "The file belongs to another user, its file system is read-only, or a directory of its \
        path is missing.",
    remedies: || {
        vec![
            Hint::run("see who owns it", "ls -ld FILE"),
            Hint::run("or use another state directory", "export XDG_DATA_HOME=DIR"),
        ]
    },
    heals: Heals::No,
};

pub(super) const HOME_MISSING: Page = Page {
    title: "there is no home directory",
    what: "The program does not know where to keep its state.",
    why: "`HOME` is not set, as in some services and containers.",
    remedies: || vec![Hint::text("set HOME or XDG_DATA_HOME")],
    heals: Heals::No,
};

pub(super) const KEYS_LOST: Page = Page {
    title: "the keys of the instance are missing",
    what: "The instance has data, but its keys cannot be read. Nothing was changed.",
    why: "New keys would make every clearml.conf and every login invalid, so they are not created \
        without asking.",
    remedies: || {
        vec![
            Hint::run("start the node, which may have them", ours!(Start)),
            Hint::run(
                "or create another instance",
                ours!(Up, "--data-dir DIR").of(Some("NAME")),
            ),
            Hint::run(
                "or create new keys; all users then need a new clearml.conf",
                ours!(Up, "--new-keys"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const COPY_FAILED: Page = Page {
    title: "the data could not be copied to the new directory",
    what: "The former directory is complete, and the copy is continued by the next `up`.",
    why: "The message has the error of the copy.",
    remedies: || {
        vec![
            Hint::run("try again", ours!(Up, "--data-dir DIR")),
            Hint::text("or keep the data where they are: name the former directory"),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const NOT_REMOVED: Page = Page {
    title: "data could not be removed",
    what: "`down --purge` removed the rest.",
    why: "The files belong to other users, as those of the databases do, and neither you nor \
        Docker could remove them.",
    remedies: || vec![Hint::run("see who owns the data", "ls -l DIR")],
    heals: Heals::No,
};

pub(super) const MISSING: Page = Page {
    title: "the data are gone",
    what: "The server had data in this directory, and they are no longer there. Nothing was \
        changed; `up` does not install an empty server in their place.",
    why: "Often the disk with the data is not mounted after a reboot. Otherwise somebody moved or \
        deleted them.",
    remedies: || {
        vec![
            Hint::text("mount the disk with the data, or restore them from a backup"),
            Hint::run("then", ours!(Up)),
            Hint::run("or start with new data", ours!(Up, "--data-dir DIR")),
        ]
    },
    heals: Heals::No,
};

pub(super) const DIRECTORY: Page = Page {
    title: "the data directory cannot be used",
    what: "It cannot be created or written, or something else is in its place. Nothing was \
        changed.",
    why: "A path is a file or a broken link, or belongs to another user. The message names it.",
    remedies: || vec![Hint::run("see what it is", "ls -ld DIR"), other_directory()],
    heals: Heals::No,
};

pub(super) const OWNERS_NOT_STORED: Page = Page {
    title: "the file system of the data directory does not store owners",
    what: "The databases could not own their files. Nothing was changed.",
    why: "FAT, exFAT, and shared folders of virtual machines do not store owners.",
    remedies: || {
        vec![
            Hint::run(
                "use a directory on a local disk",
                ours!(Up, "--data-dir DIR"),
            ),
            Hint::run(
                "or use a Docker volume",
                ours!(Up, "--data-dir volume:NAME"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const NOT_SHARED: Page = Page {
    title: "the data directory exists only in the container of clearml-local",
    what: "Docker would mount another directory, the one of the host. Nothing was changed.",
    why: "clearml-local runs in a container, and Docker takes paths of the host.",
    remedies: || {
        vec![
            Hint::run("mount it at the same path", "docker run -v DIR:DIR …"),
            Hint::run(
                "or use a Docker volume",
                ours!(Up, "--data-dir volume:NAME"),
            ),
        ]
    },
    heals: Heals::No,
};
