//! Failures of the command itself: its options, its files, and signals.

use super::{Heals, Page};
use crate::hint::{Hint, ours};

pub(super) const UNEXPECTED: Page = Page {
    title: "an unexpected error",
    what: "Something failed that the program does not know.",
    why: "This is a bug of clearml-local, or a state of the machine that nobody has met yet.",
    remedies: || {
        vec![
            Hint::run("try again with all details", ours!(Up, "-vv")),
            Hint::run("see what is running", ours!(Status)),
        ]
    },
    heals: Heals::No,
};

pub(super) const OUTPUT_FAILED: Page = Page {
    title: "the output cannot be written",
    what: "Writing to standard output failed.",
    why: "Usually the output goes to a file, and the disk of that file is full.",
    remedies: || vec![Hint::run("see how full the disk is", "df -h .")],
    heals: Heals::No,
};

pub(super) const FORWARD_FAILED: Page = Page {
    title: "the forward in the background failed",
    what: "The process that forwards the ports did not start, or did not stop.",
    why: "The message has the error of that process.",
    remedies: || {
        vec![Hint::run(
            "run it in the foreground to see why",
            ours!(Forward),
        )]
    },
    heals: Heals::No,
};

pub(super) const INVALID_OPTION: Page = Page {
    title: "an option is invalid",
    what: "An option, or an environment variable that sets one, has an invalid value.",
    why: "The message names the option and what was expected. Nothing was changed.",
    remedies: || vec![Hint::run("see the options", ours!(Up, "--help"))],
    heals: Heals::No,
};

pub(super) const NOT_RESTARTABLE: Page = Page {
    title: "a component cannot be restarted",
    what: "`restart` names a component that has no pods to restart.",
    why: "It is an external database, or it was removed by hand or scaled to zero pods.",
    remedies: || {
        vec![
            Hint::run("see the components", ours!(Status)),
            Hint::run("restore a component that is missing", ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const FILE_EXISTS: Page = Page {
    title: "a file exists already",
    what: "The file for the output exists, and no file is overwritten.",
    why: "It may hold something that you still need.",
    remedies: || vec![Hint::run("name another file", ours!(SupportBundle, "FILE"))],
    heals: Heals::No,
};

pub(super) const INVALID_SDK_CONF: Page = Page {
    title: "clearml.conf cannot be edited",
    what: "The configuration file of the SDK is not valid, so that nothing can be added to it.",
    why: "The message names the line. The SDK does not read such a file either. Nothing was \
          changed.",
    remedies: || {
        vec![
            Hint::run("look at it", "less ~/clearml.conf"),
            Hint::run("write another file", ours!(Configure, "--file FILE")),
        ]
    },
    heals: Heals::No,
};

pub(super) const INVALID_SETTINGS: Page = Page {
    title: "the settings file is invalid",
    what: "`clearml-local.yaml` cannot be parsed, or has an unknown key.",
    why: "The message names the line. Nothing was changed.",
    remedies: || vec![Hint::run("see all settings", ours!(Up, "--help"))],
    heals: Heals::No,
};

pub(super) const INVALID_INPUT_FILE: Page = Page {
    title: "a file of an option cannot be read",
    what: "A file of `-f` or `--set-file` does not exist, is too large, or is not text.",
    why: "A relative path starts at the current directory. Nothing was changed.",
    remedies: || {
        vec![
            Hint::run("check the path", "ls -l FILE"),
            Hint::run(
                "to discard the values of earlier runs",
                ours!(Up, "--reset-values"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const INVALID_VALUES: Page = Page {
    title: "a value is invalid",
    what: "A key of the values is unknown, or its value has the wrong type.",
    why: "The message names the file, the line and the key. Nothing was changed.",
    remedies: || {
        vec![
            Hint::run("see what would change", ours!(Diff)),
            Hint::run(
                "to discard the values of earlier runs",
                ours!(Up, "--reset-values"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const INVALID_RELEASE: Page = Page {
    title: "the release is unknown or its file is invalid",
    what: "`--release` is neither the name of a release nor the file of one.",
    why: "A release lists the images of the server and of its databases.",
    remedies: || {
        vec![Hint::run(
            "name a release, for example",
            ours!(Up, "--release 1.5.0"),
        )]
    },
    heals: Heals::No,
};

pub(super) const INVALID_CA_FILE: Page = Page {
    title: "a certificate file is invalid",
    what: "The file of `--ca-file` contains no certificate in PEM format.",
    why: "The node needs the certificate authority of your proxy or registry.",
    remedies: || {
        vec![
            Hint::text(
                "ask the administrator of your proxy for a file that starts with -----BEGIN \
                 CERTIFICATE-----",
            ),
            Hint::run("then run", ours!(Up, "--ca-file FILE")),
        ]
    },
    heals: Heals::No,
};

pub(super) const INVALID_PROXY: Page = Page {
    title: "the URL of a proxy is invalid",
    what: "A proxy variable, Docker or a kubeconfig has a proxy whose URL cannot be used.",
    why: "The URL must have the scheme http, https, socks5 or socks5h. The message never \
        contains its password.",
    remedies: || vec![Hint::text("write it as http://proxy.corp:3128")],
    heals: Heals::No,
};

pub(super) const PORT_CONFLICT: Page = Page {
    title: "two servers have the same port",
    what: "Two options name the same port of this machine.",
    why: "Each of the web app, the API, the file server and the ingress needs its own port.",
    remedies: || {
        vec![Hint::run(
            "set different ports",
            ours!(Up, "--web-port 30080 --api-port 30008 --files-port 30081"),
        )]
    },
    heals: Heals::No,
};

pub(super) const ADDRESS_UNAVAILABLE: Page = Page {
    title: "this machine does not have the address of `--listen`",
    what: "The ports cannot be published on that address.",
    why: "The address belongs to another machine, or its network interface is down.",
    remedies: || {
        vec![
            Hint::run("list the addresses of this machine", "ip -brief address"),
            Hint::run(
                "listen on this machine only",
                ours!(Up, "--listen 127.0.0.1"),
            ),
            Hint::run("or listen on all addresses", ours!(Up, "--listen 0.0.0.0")),
        ]
    },
    heals: Heals::No,
};

pub(super) const INSTANCE_CANNOT_MOVE: Page = Page {
    title: "an instance cannot move to another cluster",
    what: "The options name another cluster than the one that has the server.",
    why: "Its data would stay behind.",
    remedies: || {
        vec![Hint::run(
            "create another instance there",
            ours!(Up, "--context CONTEXT").of(Some("NAME")),
        )]
    },
    heals: Heals::No,
};

pub(super) const DATA_CANNOT_MOVE: Page = Page {
    title: "the data cannot move to another kind of place",
    what: "`--data-dir` names another place, and one of both is a volume.",
    why: "Data are moved only between directories. Nothing was changed.",
    remedies: || {
        vec![
            Hint::text("keep using the current data: omit --data-dir"),
            Hint::run(
                "or start with new data under another name",
                ours!(Up, "--data-dir DIR").of(Some("NEW")),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const UNSUPPORTED_HERE: Page = Page {
    title: "an option or a command does not apply to this server",
    what: "It is only for a node in Docker, or only for an existing cluster.",
    why: "A server in an existing cluster has no node that could be stopped or resized, and one \
        in Docker has no context.",
    remedies: || {
        vec![
            Hint::run("see where the server runs", ours!(List)),
            Hint::text("omit the option that the message names"),
        ]
    },
    heals: Heals::No,
};

pub(super) const NOT_INSTALLED: Page = Page {
    title: "there is no server",
    what: "The command needs an installed server, and this instance has none.",
    why: "The server was never installed, was removed, or has another name.",
    remedies: || {
        vec![
            Hint::run("list the instances", ours!(List)),
            Hint::run("install the server", ours!(Up)),
        ]
    },
    heals: Heals::No,
};

pub(super) const UNKNOWN_REVISION: Page = Page {
    title: "there is no revision to go back to",
    what: "The revision does not exist, is no longer kept, or was never ready.",
    why: "Only the last revisions are kept, and a rollback needs one that was ready.",
    remedies: || vec![Hint::run("list the revisions", ours!(History))],
    heals: Heals::No,
};

pub(super) const UNKNOWN_FAILURE: Page = Page {
    title: "the identifier or the exit code is unknown",
    what: "`explain` has no page with that name or number.",
    why: "Identifiers stand in brackets at the end of an error, such as `[port-in-use]`.",
    remedies: || vec![Hint::run("list all failures", ours!(Explain))],
    heals: Heals::No,
};

pub(super) const NOT_CONFIRMED: Page = Page {
    title: "a question was not confirmed",
    what: "Nothing was removed or written.",
    why: "`down --purge` deletes data, and `configure` takes over a `clearml.conf` that is for \
          another server, so they ask first. They need a terminal or `--yes`.",
    remedies: || {
        vec![
            Hint::run("remove the cluster and keep the data", ours!(Down)),
            Hint::run(
                "see what would be written to clearml.conf",
                ours!(Configure, "--print"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const UNTRUSTED_FILE: Page = Page {
    title: "a file or directory of another user is in the way",
    what: "Nothing was read from there or written to it.",
    why: "It belongs to another user, in a directory that everyone can write to, such as `/tmp`. \
        That user could change what this program does, or read what it writes.",
    remedies: || {
        vec![
            Hint::run("see who owns it", "ls -ld PATH"),
            Hint::text("use another directory, or make the file yours if you know what it is"),
        ]
    },
    heals: Heals::No,
};

pub(super) const DIRECTORY_IN_USE: Page = Page {
    title: "a directory contains other files",
    what: "`render --dir` found files that it did not write. Nothing was written.",
    why: "It replaces all manifests in the directory, and other files would look like a part \
        of them.",
    remedies: || {
        vec![Hint::run(
            "use another directory",
            ours!(Render, "--dir DIR"),
        )]
    },
    heals: Heals::No,
};

pub(super) const FORWARD_RUNNING: Page = Page {
    title: "the ports are already forwarded",
    what: "A forward of this instance runs in the background.",
    why: "Two forwards cannot use the same ports.",
    remedies: || vec![Hint::run("stop it first", ours!(Forward, "--stop"))],
    heals: Heals::No,
};

pub(super) const INVALID_KUBECONFIG: Page = Page {
    title: "your kubeconfig cannot be used",
    what: "The file does not exist, cannot be parsed, or lacks something that the context needs.",
    why: "The message names the file. The program reads `--kubeconfig`, else `KUBECONFIG`, else \
        `~/.kube/config`.",
    remedies: || {
        vec![
            Hint::run("check it with kubectl", "kubectl config view"),
            Hint::run(
                "for a node in Docker, leave your kubeconfig unchanged",
                ours!(Up, "--merge-kubeconfig=false"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const UNKNOWN_CONTEXT: Page = Page {
    title: "your kubeconfig has no such context",
    what: "No file of your kubeconfig has the context that the option or the instance names.",
    why: "The context was renamed or removed, or is in a file that `KUBECONFIG` does not name.",
    remedies: || {
        vec![
            Hint::run("list the contexts", "kubectl config get-contexts"),
            Hint::run(
                "or name another file",
                ours!(Up, "--context CONTEXT --kubeconfig FILE"),
            ),
        ]
    },
    heals: Heals::No,
};

pub(super) const HUNG_UP: Page = Page {
    title: "the terminal was closed",
    what: "The command received SIGHUP and stopped.",
    why: "The terminal or the connection to it was closed.",
    remedies: || {
        vec![
            Hint::run("continue", ours!(Up)),
            Hint::text("to survive the end of the connection, run it with nohup"),
        ]
    },
    heals: Heals::NextUp,
};

pub(super) const INTERRUPTED: Page = Page {
    title: "the command was interrupted",
    what: "The command received Ctrl-C and stopped.",
    why: "What was finished is kept, so that the next run continues there.",
    remedies: || vec![Hint::run("continue", ours!(Up))],
    heals: Heals::NextUp,
};

pub(super) const TERMINATED: Page = Page {
    title: "the command was terminated",
    what: "The command received SIGTERM and stopped.",
    why: "Another program stopped it, such as `timeout`, a service manager or a CI system.",
    remedies: || vec![Hint::run("continue", ours!(Up))],
    heals: Heals::NextUp,
};
