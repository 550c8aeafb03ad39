//! The table of the engine's error messages: which failure a message stands for.
//! docs/failures.md includes it.

use crate::failures::Failure;

/// A kind of error message of the engine.
#[derive(Debug)]
struct Row {
    /// Groups of phrases in lower case. A message matches if it contains every phrase of
    /// any group.
    phrases: &'static [&'static [&'static str]],
    failure: Failure,
}

const fn row(phrases: &'static [&'static [&'static str]], failure: Failure) -> Row {
    Row { phrases, failure }
}

/// All kinds, more specific ones first.
#[rustfmt::skip]
static ROWS: &[Row] = &[
    row(&[&["no space left on device"], &["disk quota exceeded"]], Failure::DockerDiskFull),
    // The rest of such a message names the reason, which often contains phrases from below.
    row(&[&["could not select device driver"]], Failure::DockerWithoutGpus),
    row(&[&["nvidia-container"], &["cdi device"]], Failure::GpuDriverBroken),
    // Rootless engines, and engines in some virtual machines.
    row(&[&["privileged port"], &["bind: permission denied"]], Failure::PrivilegedPort),
    row(&[&["port is already allocated"], &["address already in use"], &["ports are not available"]],
        Failure::PortInUse),
    row(&[&["cannot assign requested address"]], Failure::DockerLacksAddress),
    row(&[&["address pool"], &["fully subnetted"], &["pool overlaps"]], Failure::AddressPools),
    row(&[&["network", "is ambiguous"]], Failure::NetworkAmbiguous),
    // A container keeps the identifier of its network, also if another one with the same name
    // was created since.
    row(&[&["network", "not found"], &["could not find a network matching"]],
        Failure::NetworkMissing),
    row(&[&["already in use by container"]], Failure::ContainerExists),
    row(&[&["did not receive an exit event"], &["removal of container", "already in progress"]],
        Failure::ContainerStuck),
    row(&[&["user namespaces"], &["userns"]], Failure::UsersRemapped),
    row(&[&["mounts denied"], &["is not shared from"], &["shared from the host"]],
        Failure::PathNotShared),
    row(&[&["invalid mode"], &["invalid volume specification"], &["too many colons"]],
        Failure::PathWithColon),
    row(&[&["bind source path does not exist"], &["error while creating mount source path"],
        &["read-only file system"]], Failure::PathInaccessible),
    row(&[&["no chain/target/match by that name"], &["iptables"], &["nftables"]],
        Failure::FirewallRules),
    row(&[&["apparmor"]], Failure::AppArmor),
    row(&[&["seccomp"]], Failure::Seccomp),
    row(&[&["runtime name"], &["unknown runtime"], &["runtime", "executable file not found"],
        &["runc", "executable file not found"], &["runc", "no such file or directory"]],
        Failure::RuntimeMissing),
    row(&[&["logging driver"], &["log driver"]], Failure::LogDriver),
    row(&[&["cgroup"]], Failure::DockerCgroups),
    row(&[&["permission denied"], &["operation not permitted"], &["authorization denied"]],
        Failure::DockerNotPermitted),
];

/// Returns the failure that a message of the engine stands for, if it is known.
pub(super) fn classify(message: &str) -> Option<Failure> {
    let message = message.to_lowercase();
    ROWS.iter()
        .find(|row| row.is(&message))
        .map(|row| row.failure)
}

impl Row {
    /// Whether a message in lower case is of this kind.
    fn is(&self, message: &str) -> bool {
        let all = |group: &&[&str]| group.iter().all(|phrase| message.contains(phrase));
        self.phrases.iter().any(all)
    }
}

/// Returns the table of the messages for docs/failures.md.
pub fn refusal_table() -> String {
    let mut text = String::from("| Docker says | Failure |\n|---|---|\n");
    for row in ROWS {
        let groups = row.phrases.iter().map(|group| {
            let phrases = group.iter().map(|phrase| format!("`{phrase}`"));
            phrases.collect::<Vec<_>>().join(" … ")
        });
        text.push_str(&format!(
            "| {} | [{id}](#{id}) |\n",
            groups.collect::<Vec<_>>().join(", "),
            id = row.failure.id(),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of real engines, and the failure that is reported. Those with a `*` are from
    /// Docker 20.10, the others from public reports.
    const SEEN: &[(&str, Failure)] = &[
        (
            "* driver failed programming external connectivity on endpoint x: Bind for 127.0.0.1:7777 failed: port is already allocated",
            Failure::PortInUse,
        ),
        (
            "* driver failed programming external connectivity on endpoint x: Error starting userland proxy: listen tcp4 127.0.0.1:7778: bind: address already in use",
            Failure::PortInUse,
        ),
        (
            "Ports are not available: exposing port TCP 127.0.0.1:30080 -> 0.0.0.0:0: listen tcp 127.0.0.1:30080: bind: Only one usage of each socket address",
            Failure::PortInUse,
        ),
        (
            "* driver failed programming external connectivity on endpoint x: Error starting userland proxy: listen tcp4 192.0.2.7:7779: bind: cannot assign requested address",
            Failure::DockerLacksAddress,
        ),
        (
            "* could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
            Failure::AddressPools,
        ),
        (
            "all predefined address pools have been fully subnetted",
            Failure::AddressPools,
        ),
        (
            "* Pool overlaps with other one on this address space",
            Failure::AddressPools,
        ),
        (
            "* network kind is ambiguous (2 matches found on name)",
            Failure::NetworkAmbiguous,
        ),
        ("* network kind not found", Failure::NetworkMissing),
        (
            "failed to set up container networking: network 0123456789ab not found",
            Failure::NetworkMissing,
        ),
        (
            "* Conflict. The container name \"/demo-control-plane\" is already in use by container \"68317ded704c\". You have to remove (or rename) that container to be able to reuse that name.",
            Failure::ContainerExists,
        ),
        (
            "* Could not kill running container 6f001fe5dc9f, cannot remove - tried to kill container, but did not receive an exit event",
            Failure::ContainerStuck,
        ),
        (
            "* Cannot kill container: demo-control-plane: tried to kill container, but did not receive an exit event",
            Failure::ContainerStuck,
        ),
        (
            "* removal of container demo-control-plane is already in progress",
            Failure::ContainerStuck,
        ),
        (
            "* privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode",
            Failure::UsersRemapped,
        ),
        (
            "Mounts denied: \nThe path /srv/data is not shared from the host and is not known to Docker.",
            Failure::PathNotShared,
        ),
        (
            "* invalid mode: /var/local-path-provisioner",
            Failure::PathWithColon,
        ),
        (
            "* invalid mount config for type \"bind\": bind source path does not exist: /nonexistent",
            Failure::PathInaccessible,
        ),
        (
            "error while creating mount source path '/srv/data': mkdir /srv: read-only file system",
            Failure::PathInaccessible,
        ),
        (
            "* Failed to Setup IP tables: Unable to enable SKIP DNAT rule:  (iptables failed: iptables --wait -t nat -I DOCKER -i br-e1f8f77c1358 -j RETURN: iptables: No chain/target/match by that name.\n (exit status 1))",
            Failure::FirewallRules,
        ),
        (
            "AppArmor enabled on system but the docker-default profile could not be loaded: running `apparmor_parser` failed",
            Failure::AppArmor,
        ),
        (
            "linux seccomp: seccomp profiles are not supported on this daemon, you cannot specify a custom seccomp profile",
            Failure::Seccomp,
        ),
        (
            "could not select device driver \"\" with capabilities: [[gpu]]",
            Failure::DockerWithoutGpus,
        ),
        (
            "OCI runtime create failed: runc create failed: unable to start container process: error during container init: error running hook #0: error running hook: exit status 1, stdout: , stderr: nvidia-container-cli: mount error: failed to add device rules: open /sys/fs/cgroup/devices.list: permission denied: unknown",
            Failure::GpuDriverBroken,
        ),
        (
            "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all",
            Failure::GpuDriverBroken,
        ),
        ("* Unknown runtime specified kata", Failure::RuntimeMissing),
        (
            "unknown or invalid runtime name: nvidia",
            Failure::RuntimeMissing,
        ),
        (
            "failed to create task for container: failed to initialize logging driver: dial tcp 127.0.0.1:514: connect: connection refused",
            Failure::LogDriver,
        ),
        (
            "OCI runtime create failed: container_linux.go:380: starting container process caused: process_linux.go:385: applying cgroup configuration for process caused: cannot enter cgroupv2 with domain controllers",
            Failure::DockerCgroups,
        ),
        (
            "cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' to /etc/sysctl.conf (currently 1024)",
            Failure::PrivilegedPort,
        ),
        (
            "OCI runtime create failed: runc create failed: unable to start container process: error mounting proc: operation not permitted",
            Failure::DockerNotPermitted,
        ),
        (
            "failed to copy files: write /var/lib/docker/overlay2/x: no space left on device",
            Failure::DockerDiskFull,
        ),
    ];

    #[test]
    fn messages_of_engines_are_classified() {
        for (message, failure) in SEEN {
            assert_eq!(classify(message), Some(*failure), "{message}");
        }
        assert_eq!(classify("something else"), None);
    }

    #[test]
    fn every_row_matches_a_real_message() {
        for row in ROWS {
            let seen = |(message, _): &(&str, _)| {
                let message = message.to_lowercase();
                let first = ROWS.iter().find(|row| row.is(&message));
                first.is_some_and(|first| std::ptr::eq(first, row))
            };
            assert!(SEEN.iter().any(seen), "no message matches {row:?}");
        }
    }
}
