//! The table of the engine's error messages with their causes and remedies.
//! docs/failures.md includes it.

use crate::error::Code;
use crate::hint::{Hint, ours};

/// A kind of error message of the engine.
#[derive(Debug)]
pub struct Refusal {
    /// Groups of phrases in lower case. A message matches if it contains every phrase of
    /// any group.
    phrases: &'static [&'static [&'static str]],
    /// The cause, as users know it.
    pub cause: &'static str,
    /// The remedies, most useful first.
    pub remedies: fn() -> Vec<Hint>,
    pub code: Code,
}

fn restart() -> Hint {
    Hint::run("restart Docker", "sudo systemctl restart docker")
}

/// Messages of engines about a container whose network was removed, even if another one
/// with the same name was created since.
const NETWORK_MISSING: &[&[&str]] = &[
    &["network", "not found"],
    &["could not find a network matching"],
];

/// All kinds, more specific ones first.
pub(super) static REFUSALS: &[Refusal] = &[
    Refusal {
        phrases: &[&["no space left on device"], &["disk quota exceeded"]],
        cause: "the disk that Docker writes to is full",
        remedies: || vec![Hint::run("see what fills it", "docker system df")],
        code: Code::DiskFull,
    },
    // Rootless engines, and engines in some virtual machines.
    Refusal {
        phrases: &[&["privileged port"], &["bind: permission denied"]],
        cause: "Docker runs rootless and cannot publish ports below 1024",
        remedies: || {
            vec![Hint::run(
                "use other ports",
                ours!(Up, "--http-port 8080 --https-port 8443"),
            )]
        },
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[
            &["port is already allocated"],
            &["address already in use"],
            &["ports are not available"],
        ],
        cause: "another program started to use one of the ports after the check",
        remedies: || {
            vec![Hint::run(
                "run the command again to see which program it is",
                ours!(Up),
            )]
        },
        code: Code::PortInUse,
    },
    Refusal {
        phrases: &[&["cannot assign requested address"]],
        cause: "the Docker host does not have the address to publish the ports on",
        remedies: || {
            vec![
                Hint::run(
                    "listen on this machine only",
                    ours!(Up, "--listen 127.0.0.1"),
                ),
                Hint::run("or listen on all addresses", ours!(Up, "--listen 0.0.0.0")),
            ]
        },
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[&["address pool"], &["fully subnetted"]],
        cause: "Docker has no address range left for another network",
        remedies: || vec![Hint::run("remove unused networks", "docker network prune")],
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[&["pool overlaps"]],
        cause: "another Docker network uses the same address range",
        remedies: || vec![Hint::run("remove unused networks", "docker network prune")],
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[&["network", "is ambiguous"]],
        cause: "several Docker networks have that name",
        remedies: || {
            vec![
                Hint::run("list them", "docker network ls --filter name=kind"),
                Hint::run("remove the unused ones", "docker network rm ID"),
            ]
        },
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: NETWORK_MISSING,
        cause: "the network of the container was removed",
        remedies: || vec![Hint::run("create it again, the data are kept", ours!(Up))],
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[&["already in use by container"]],
        cause: "a container with that name already exists",
        remedies: || vec![Hint::run("list the containers", "docker ps --all")],
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[&["user namespaces"], &["userns"]],
        cause: "Docker remaps the users of containers (`userns-remap`) and does not let the node \
            use the users of the host",
        remedies: || {
            vec![Hint::run(
                "use an engine without `userns-remap`",
                "docker context ls",
            )]
        },
        code: Code::DockerUnsupported,
    },
    Refusal {
        phrases: &[
            &["mounts denied"],
            &["is not shared from"],
            &["shared from the host"],
        ],
        cause: "Docker Desktop does not share that directory with its virtual machine",
        remedies: || {
            vec![
                Hint::text("share it in Docker Desktop: Settings, Resources, File sharing"),
                Hint::run(
                    "or keep the data in a volume",
                    ours!(Up, "--data-dir volume:NAME"),
                ),
            ]
        },
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[
            &["invalid mode"],
            &["invalid volume specification"],
            &["too many colons"],
        ],
        cause: "Docker cannot mount a path with a colon",
        remedies: || {
            vec![Hint::run(
                "use a directory without a colon",
                ours!(Up, "--data-dir DIR"),
            )]
        },
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[
            &["bind source path does not exist"],
            &["error while creating mount source path"],
            &["read-only file system"],
        ],
        cause: "Docker cannot access or create that directory: it runs in a virtual machine or a sandbox",
        remedies: || {
            vec![
                Hint::run(
                    "keep the data in a volume",
                    ours!(Up, "--data-dir volume:NAME"),
                ),
                Hint::run(
                    "or use a directory that Docker can access",
                    ours!(Up, "--data-dir DIR"),
                ),
            ]
        },
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[
            &["no chain/target/match by that name"],
            &["iptables"],
            &["nftables"],
        ],
        cause: "another program removed Docker's firewall rules after Docker had started",
        remedies: || vec![restart()],
        code: Code::DockerRefused,
    },
    Refusal {
        phrases: &[&["apparmor"]],
        cause: "AppArmor does not work on the Docker host",
        remedies: || {
            vec![
                Hint::run("see what is missing", "sudo aa-status"),
                restart(),
            ]
        },
        code: Code::DockerUnsupported,
    },
    Refusal {
        phrases: &[&["seccomp"]],
        cause: "the kernel or the runc of the Docker host does not support seccomp",
        remedies: || {
            vec![Hint::run(
                "update Docker, or use another engine",
                "docker context ls",
            )]
        },
        code: Code::DockerUnsupported,
    },
    Refusal {
        phrases: &[
            &["runtime name"],
            &["unknown runtime"],
            &["runtime", "executable file not found"],
            &["runc", "executable file not found"],
            &["runc", "no such file or directory"],
        ],
        cause: "Docker's container runtime is not installed",
        remedies: || {
            vec![Hint::run(
                "show its name",
                "docker info --format '{{.DefaultRuntime}}'",
            )]
        },
        code: Code::DockerUnsupported,
    },
    Refusal {
        phrases: &[&["logging driver"], &["log driver"]],
        cause: "Docker's log driver does not work",
        remedies: || {
            vec![Hint::run(
                "show its name",
                "docker info --format '{{.LoggingDriver}}'",
            )]
        },
        code: Code::DockerUnsupported,
    },
    Refusal {
        phrases: &[&["cgroup"]],
        cause: "Docker cannot use the cgroups of its host",
        remedies: || {
            vec![
                restart(),
                Hint::run(
                    "show what it uses",
                    "docker info --format '{{.CgroupDriver}} {{.CgroupVersion}}'",
                ),
            ]
        },
        code: Code::DockerUnsupported,
    },
    Refusal {
        phrases: &[
            &["permission denied"],
            &["operation not permitted"],
            &["authorization denied"],
        ],
        cause: "Docker is not permitted to do that on its host: it runs rootless, in a sandbox, or \
            under a security policy",
        remedies: || {
            vec![
                Hint::run(
                    "show how it runs",
                    "docker info --format '{{.SecurityOptions}}'",
                ),
                Hint::run("use an engine that runs as root", "docker context ls"),
            ]
        },
        code: Code::DockerRefused,
    },
];

/// The remedy for messages that are not in the table.
pub(super) fn unknown() -> Hint {
    Hint::run(
        "see what Docker logged (Docker Desktop: Troubleshoot, Get support)",
        "sudo journalctl -u docker -n 50",
    )
}

impl Refusal {
    /// Finds the kind of a message.
    pub(super) fn find(message: &str) -> Option<&'static Refusal> {
        REFUSALS.iter().find(|refusal| refusal.is(message))
    }

    fn is(&self, message: &str) -> bool {
        let message = message.to_lowercase();
        let all = |group: &&[&str]| group.iter().all(|phrase| message.contains(phrase));
        self.phrases.iter().any(all)
    }

    pub(super) fn is_network_missing(&self) -> bool {
        self.phrases == NETWORK_MISSING
    }
}

/// Returns the table for docs/failures.md.
pub fn refusal_table() -> String {
    let mut text = String::from("| Docker says | Cause | What to do | Code |\n|---|---|---|---|\n");
    for refusal in REFUSALS {
        let groups = refusal.phrases.iter().map(|group| {
            let phrases = group.iter().map(|phrase| format!("`{phrase}`"));
            phrases.collect::<Vec<_>>().join(" … ")
        });
        let remedies = (refusal.remedies)()
            .into_iter()
            .map(|hint| hint.to_string());
        let remedies: Vec<String> = remedies.collect();
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            groups.collect::<Vec<_>>().join(", "),
            refusal.cause,
            remedies.join("; "),
            refusal.code.number(),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of real engines, and the beginning of the cause that is reported. Those
    /// with a `*` are from Docker 20.10, the others from public reports.
    const SEEN: &[(&str, &str)] = &[
        (
            "* driver failed programming external connectivity on endpoint x: Bind for 127.0.0.1:7777 failed: port is already allocated",
            "another program started",
        ),
        (
            "* driver failed programming external connectivity on endpoint x: Error starting userland proxy: listen tcp4 127.0.0.1:7778: bind: address already in use",
            "another program started",
        ),
        (
            "Ports are not available: exposing port TCP 127.0.0.1:30080 -> 0.0.0.0:0: listen tcp 127.0.0.1:30080: bind: Only one usage of each socket address",
            "another program started",
        ),
        (
            "* driver failed programming external connectivity on endpoint x: Error starting userland proxy: listen tcp4 192.0.2.7:7779: bind: cannot assign requested address",
            "the Docker host does not have the address",
        ),
        (
            "* could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
            "Docker has no address range left",
        ),
        (
            "all predefined address pools have been fully subnetted",
            "Docker has no address range left",
        ),
        (
            "* Pool overlaps with other one on this address space",
            "another Docker network uses the same",
        ),
        (
            "* network kind is ambiguous (2 matches found on name)",
            "several Docker networks",
        ),
        ("* network kind not found", "the network of the container"),
        (
            "failed to set up container networking: network 0123456789ab not found",
            "the network of the container",
        ),
        (
            "* Conflict. The container name \"/demo-control-plane\" is already in use by container \"68317ded704c\". You have to remove (or rename) that container to be able to reuse that name.",
            "a container with that name",
        ),
        (
            "* privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode",
            "Docker remaps the users",
        ),
        (
            "Mounts denied: \nThe path /srv/data is not shared from the host and is not known to Docker.",
            "Docker Desktop does not share",
        ),
        (
            "* invalid mode: /var/local-path-provisioner",
            "Docker cannot mount a path",
        ),
        (
            "* invalid mount config for type \"bind\": bind source path does not exist: /nonexistent",
            "Docker cannot access or create",
        ),
        (
            "error while creating mount source path '/srv/data': mkdir /srv: read-only file system",
            "Docker cannot access or create",
        ),
        (
            "* Failed to Setup IP tables: Unable to enable SKIP DNAT rule:  (iptables failed: iptables --wait -t nat -I DOCKER -i br-e1f8f77c1358 -j RETURN: iptables: No chain/target/match by that name.\n (exit status 1))",
            "another program removed",
        ),
        (
            "AppArmor enabled on system but the docker-default profile could not be loaded: running `apparmor_parser` failed",
            "AppArmor",
        ),
        (
            "linux seccomp: seccomp profiles are not supported on this daemon, you cannot specify a custom seccomp profile",
            "the kernel",
        ),
        (
            "* Unknown runtime specified kata",
            "Docker's container runtime",
        ),
        (
            "unknown or invalid runtime name: nvidia",
            "Docker's container runtime",
        ),
        (
            "failed to create task for container: failed to initialize logging driver: dial tcp 127.0.0.1:514: connect: connection refused",
            "Docker's log driver",
        ),
        (
            "OCI runtime create failed: container_linux.go:380: starting container process caused: process_linux.go:385: applying cgroup configuration for process caused: cannot enter cgroupv2 with domain controllers",
            "Docker cannot use the cgroups",
        ),
        (
            "cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' to /etc/sysctl.conf (currently 1024)",
            "Docker runs rootless",
        ),
        (
            "OCI runtime create failed: runc create failed: unable to start container process: error mounting proc: operation not permitted",
            "Docker is not permitted to do that",
        ),
        (
            "failed to copy files: write /var/lib/docker/overlay2/x: no space left on device",
            "the disk",
        ),
    ];

    #[test]
    fn messages_of_engines_have_a_cause() {
        for (message, cause) in SEEN {
            let found = Refusal::find(message).map(|refusal| refusal.cause);
            assert!(
                found.is_some_and(|found| found.starts_with(cause)),
                "{message}: {found:?}"
            );
        }
        assert!(Refusal::find("something else").is_none());
    }

    #[test]
    fn every_row_matches_a_real_message() {
        for refusal in REFUSALS {
            let seen = SEEN
                .iter()
                .filter_map(|(message, _)| Refusal::find(message));
            assert!(
                seen.into_iter().any(|seen| std::ptr::eq(seen, refusal)),
                "no message matches: {}",
                refusal.cause
            );
        }
    }
}
