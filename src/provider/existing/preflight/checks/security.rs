//! The pod security level of the namespace.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Volume};

use super::workloads::Workload;
use super::{Checked, Input};
use crate::failures::Failure;
use crate::hint::Hint;
use crate::words::listed;

const LEVEL: &str = "pod-security.kubernetes.io/enforce";

/// The capabilities that pods of the level `baseline` may add.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// How many workloads a message lists for each field.
const LISTED: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Baseline,
    Restricted,
}

pub(super) fn check(input: &Input<'_>, workloads: &[Workload], report: &mut Checked) {
    let namespace = input
        .facts
        .survey
        .namespace
        .known()
        .and_then(Option::as_ref);
    let labels = namespace.and_then(|namespace| namespace.metadata.labels.as_ref());
    let (level, word) = match labels
        .and_then(|labels| labels.get(LEVEL))
        .map(String::as_str)
    {
        Some("restricted") => (Level::Restricted, "restricted"),
        Some("baseline") => (Level::Baseline, "baseline"),
        _ => return,
    };
    // The same fields are missing in most pods, so they are listed once.
    let mut violations: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for workload in workloads {
        for field in violated(workload, level) {
            violations
                .entry(field)
                .or_default()
                .push(workload.to_string());
        }
    }
    if violations.is_empty() {
        return;
    }
    let namespace = &input.place.namespace;
    let fields = violations.into_iter().map(|(field, mut workloads)| {
        workloads.dedup();
        let more = workloads.split_off(workloads.len().min(LISTED)).len();
        if more > 0 {
            workloads.push(format!("{more} more"));
        }
        format!("{field} in {}", listed(&workloads))
    });
    let fields: Vec<String> = fields.collect();
    let mut remedies = vec![Hint::text(match level {
        Level::Restricted => "use a namespace with the level `baseline`",
        Level::Baseline => "remove these fields from the values",
    })];
    if level == Level::Restricted {
        let label = format!("label namespace {namespace} {LEVEL}=baseline --overwrite");
        remedies.push(Hint::run(
            "or change the level of this one",
            input.place.kubectl().run(&label),
        ));
    }
    report.find(
        Failure::PodSecurity,
        format!(
            "the namespace `{namespace}` enforces the pod security level `{word}`, which refuses \
             {}",
            fields.join("; ")
        ),
        remedies,
    );
}

/// Returns the fields of a workload that the level refuses, with their values.
fn violated(workload: &Workload, level: Level) -> Vec<String> {
    let mut found = baseline(workload);
    if level == Level::Restricted {
        found.extend(restricted(workload));
    }
    found.sort();
    found.dedup();
    found
}

fn baseline(workload: &Workload) -> Vec<String> {
    let mut found = Vec::new();
    let mut refuse = |is_refused: bool, field: &str| {
        if is_refused {
            found.push(format!("`{field}`"));
        }
    };
    let pod = &workload.pod;
    refuse(pod.host_network == Some(true), "hostNetwork: true");
    refuse(pod.host_pid == Some(true), "hostPID: true");
    refuse(pod.host_ipc == Some(true), "hostIPC: true");
    let mut volumes = pod.volumes.iter().flatten();
    refuse(volumes.any(|volume| volume.host_path.is_some()), "hostPath");
    let context = pod.security_context.as_ref();
    let sysctls = context.and_then(|context| context.sysctls.as_ref());
    let is_unsafe = |name: &str| {
        let safe = ["kernel.shm_rmid_forced", "net.ipv4.ping_group_range"];
        !safe.contains(&name) && !name.starts_with("net.ipv4.")
    };
    let mut sysctls = sysctls.into_iter().flatten();
    refuse(sysctls.any(|sysctl| is_unsafe(&sysctl.name)), "sysctls");
    let seccomp = context.and_then(|context| context.seccomp_profile.as_ref());
    let unconfined = "seccompProfile.type: Unconfined";
    refuse(
        seccomp.is_some_and(|it| it.type_ == "Unconfined"),
        unconfined,
    );
    for (_, container) in workload.containers() {
        let mut ports = container.ports.iter().flatten();
        refuse(
            ports.any(|port| port.host_port.is_some_and(|port| port > 0)),
            "hostPort",
        );
        let Some(context) = &container.security_context else {
            continue;
        };
        refuse(context.privileged == Some(true), "privileged: true");
        let added = added(container);
        let mut unlisted = added
            .iter()
            .filter(|one| !CAPABILITIES.contains(&one.as_str()));
        refuse(unlisted.next().is_some(), "capabilities.add");
        let masked = context.proc_mount.as_deref().unwrap_or("Default");
        refuse(masked != "Default", "procMount");
        let seccomp = context.seccomp_profile.as_ref();
        refuse(
            seccomp.is_some_and(|it| it.type_ == "Unconfined"),
            unconfined,
        );
    }
    found
}

fn restricted(workload: &Workload) -> Vec<String> {
    let mut found = Vec::new();
    let mut refuse = |is_refused: bool, field: &str| {
        if is_refused {
            found.push(field.to_owned());
        }
    };
    let pod = workload.pod.security_context.as_ref();
    let mut volumes = workload.pod.volumes.iter().flatten();
    refuse(volumes.any(is_unusual), "volumes of other types");
    let non_root = pod.and_then(|pod| pod.run_as_non_root);
    let seccomp = pod.and_then(|pod| pod.seccomp_profile.as_ref());
    let has_seccomp = seccomp.is_some();
    refuse(
        pod.and_then(|pod| pod.run_as_user) == Some(0),
        "`runAsUser: 0`",
    );
    for (_, container) in workload.containers() {
        let own = container.security_context.as_ref();
        let escalation = own.and_then(|own| own.allow_privilege_escalation);
        refuse(
            escalation != Some(false),
            "a missing `allowPrivilegeEscalation: false`",
        );
        let own_non_root = own.and_then(|own| own.run_as_non_root);
        refuse(
            own_non_root.or(non_root) != Some(true),
            "a missing `runAsNonRoot: true`",
        );
        refuse(
            own.and_then(|own| own.run_as_user) == Some(0),
            "`runAsUser: 0`",
        );
        let own_seccomp = own.and_then(|own| own.seccomp_profile.as_ref());
        refuse(
            own_seccomp.is_none() && !has_seccomp,
            "a missing `seccompProfile.type: RuntimeDefault`",
        );
        let capabilities = own.and_then(|own| own.capabilities.as_ref());
        let mut dropped = capabilities
            .into_iter()
            .flat_map(|all| all.drop.iter().flatten());
        refuse(
            !dropped.any(|one| one == "ALL"),
            "a missing `capabilities.drop: [ALL]`",
        );
        let added = added(container);
        let mut other = added.iter().filter(|one| *one != "NET_BIND_SERVICE");
        refuse(other.next().is_some(), "`capabilities.add`");
    }
    found
}

fn added(container: &Container) -> &[String] {
    let context = container.security_context.as_ref();
    let capabilities = context.and_then(|context| context.capabilities.as_ref());
    capabilities
        .and_then(|capabilities| capabilities.add.as_deref())
        .unwrap_or_default()
}

/// Returns whether a volume has a type that `restricted` does not allow.
fn is_unusual(volume: &Volume) -> bool {
    volume.config_map.is_none()
        && volume.csi.is_none()
        && volume.downward_api.is_none()
        && volume.empty_dir.is_none()
        && volume.ephemeral.is_none()
        && volume.persistent_volume_claim.is_none()
        && volume.projected.is_none()
        && volume.secret.is_none()
}
