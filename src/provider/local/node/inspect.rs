//! Inspects a running node with a single command, because each command takes 60 ms.

use super::certificates::{self, Certificates};
use super::kubeconfig::AdminConf;
use super::spec::DATA_ROOT;
use super::{Error, bootstrap, kubernetes_version, prepare, stop};
use crate::docker::{self, Engine};

/// Prints a heading before each part. No line of a certificate or of YAML begins with
/// `@`. The certificates are last, because their script follows this one.
const INSPECT: &str = r#"exec 2>/dev/null
[ -f "$1" ] && printf '\n@@ bootstrapped\n'
[ -f "$2" ] && printf '\n@@ provisioned\n'
[ -e "$3" ] && printf '\n@@ stop\n'
grep -qxF "$4" /var/lib/kubelet/config.yaml && printf '\n@@ never verifies pulls\n'
printf '\n@@ directories\n'; stat -c '%F:%u:%g:%n' "$5"/*
printf '\n@@ version\n'; cat /kind/version
printf '\n@@ address\n'; getent ahostsv4 "$(hostname)"
printf '\n@@ services\n'; systemctl show -p UnitFileState -p ActiveState containerd kubelet
printf '\n@@ admin.conf\n'; cat /etc/kubernetes/admin.conf
printf '\n@@ certificates\n'
"#;

/// The observed state of a running node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inspection {
    /// Whether kubeadm has succeeded. Otherwise the node is incomplete.
    pub bootstrapped: bool,
    /// Whether it has all add-ons.
    pub provisioned: bool,
    /// Whether a stop was interrupted.
    pub stop_interrupted: bool,
    /// Whether containerd and the kubelet are enabled and active.
    pub services_running: bool,
    pub certificates: Certificates,
    pub(super) never_verifies_pulls: bool,
    /// `None` if the file does not exist.
    pub(super) admin_conf: Option<AdminConf>,
    /// The address in the container network.
    pub(super) address: String,
    version: String,
    dirs: Vec<String>,
}

/// Inspects a running node. A node in which no command can run counts as incomplete.
pub async fn inspect(engine: &dyn Engine, node: &str) -> Result<Inspection, Error> {
    let script = docker::script(&[INSPECT, certificates::READ]);
    let argv = [
        "sh",
        "-c",
        &script,
        "sh",
        bootstrap::DONE_FILE,
        bootstrap::PROVISIONED_FILE,
        stop::MARK,
        prepare::NEVER_VERIFY_PULLS,
        DATA_ROOT,
    ];
    let output = engine.exec(node, &argv, None).await?;
    // The output contains a private key, and must not be part of an error.
    Ok(match output.code {
        0 => Inspection::parse(&output.stdout),
        _ => Inspection::default(),
    })
}

impl Inspection {
    fn parse(text: &str) -> Inspection {
        let mut found = Inspection::default();
        for section in text.split("\n@@ ").skip(1) {
            let (heading, rest) = section.split_once('\n').unwrap_or((section, ""));
            match heading {
                "bootstrapped" => found.bootstrapped = true,
                "provisioned" => found.provisioned = true,
                "stop" => found.stop_interrupted = true,
                "never verifies pulls" => found.never_verifies_pulls = true,
                "directories" => found.dirs = rest.lines().map(str::to_owned).collect(),
                "version" => rest.trim().clone_into(&mut found.version),
                "address" => {
                    let address = rest.split_whitespace().next();
                    address.unwrap_or_default().clone_into(&mut found.address);
                }
                "services" => found.services_running = all_running(rest),
                "admin.conf" => found.admin_conf = AdminConf::new(rest),
                "certificates" => found.certificates = Certificates::parse(rest),
                _ => {}
            }
        }
        found
    }

    /// Returns the Kubernetes version, such as `1.37.0`.
    pub fn kubernetes_version(&self) -> Result<String, Error> {
        kubernetes_version(&self.version)
    }

    /// Returns whether a directory with this owner exists below the root of the data. A
    /// link does not count.
    pub fn has_dir(&self, path: &str, (uid, gid): (u32, u32)) -> bool {
        let entry = format!("directory:{uid}:{gid}:{path}");
        self.dirs.contains(&entry)
    }
}

/// Returns whether systemd reports both units as enabled and active.
fn all_running(properties: &str) -> bool {
    let count = |property: &str| properties.lines().filter(|line| *line == property).count();
    count("ActiveState=active") == 2 && count("UnitFileState=enabled") == 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};

    const COMPLETE: &str = "
@@ bootstrapped

@@ provisioned

@@ never verifies pulls

@@ directories
directory:1000:1000:/var/local-path-provisioner/elasticsearch
symbolic link:999:999:/var/local-path-provisioner/mongodb

@@ version
v1.37.2
@@ address
172.18.0.2      STREAM n
172.18.0.2      DGRAM

@@ services
ActiveState=active
UnitFileState=enabled

ActiveState=active
UnitFileState=enabled

@@ admin.conf
apiVersion: v1
users: [{user: {client-key-data: c2VjcmV0}}]

@@ certificates
== address 172.18.0.2
";

    #[test]
    fn a_complete_node_is_parsed() {
        let found = Inspection::parse(COMPLETE);
        assert!(found.bootstrapped && found.provisioned && found.services_running);
        assert!(found.never_verifies_pulls && !found.stop_interrupted);
        assert_eq!(found.kubernetes_version().unwrap(), "1.37.2");
        assert_eq!(found.address, "172.18.0.2");
        let dir_of = |name| format!("{DATA_ROOT}/{name}");
        assert!(found.has_dir(&dir_of("elasticsearch"), (1000, 1000)));
        assert!(!found.has_dir(&dir_of("elasticsearch"), (999, 999)));
        assert!(!found.has_dir(&dir_of("mongodb"), (999, 999)), "a link");
        assert!(!found.has_dir(&dir_of("redis"), (999, 999)));
    }

    #[test]
    fn services_running_only_if_both_are_enabled_and_active() {
        for (is, becomes) in [
            ("ActiveState=active", "ActiveState=inactive"),
            ("ActiveState=active", "ActiveState=activating"),
            ("UnitFileState=enabled", "UnitFileState=masked"),
            ("UnitFileState=enabled", "UnitFileState="),
        ] {
            let found = Inspection::parse(&COMPLETE.replacen(is, becomes, 1));
            assert!(!found.services_running, "{becomes}");
        }
    }

    #[test]
    fn a_new_node_has_only_a_version() {
        let text = "\n@@ directories\n\n@@ version\nv1.30.0\n\n@@ services\n\n@@ admin.conf\n\n@@ certificates\n";
        let found = Inspection::parse(text);
        assert!(!found.bootstrapped && !found.provisioned && !found.services_running);
        assert_eq!(found.admin_conf, None);
        let error = found.kubernetes_version().unwrap_err();
        assert!(error.to_string().contains("`1.30.0`"), "{error}");
    }

    #[test]
    fn the_private_key_is_not_shown() {
        let shown = format!("{:?}", Inspection::parse(COMPLETE));
        assert!(!shown.contains("c2VjcmV0"), "{shown}");
    }

    #[tokio::test]
    async fn a_node_in_which_no_command_runs_is_incomplete() {
        let answer = |_: &str, _: &[&str]| Output {
            code: 126,
            stdout: COMPLETE.into(),
            ..Output::default()
        };
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(answer));
        let found = inspect(&engine, "n").await.unwrap();
        assert_eq!(found, Inspection::default());
        assert_eq!(engine.state().calls.len(), 1);
    }

    /// Runs the script on the host, which is not a node.
    #[test]
    fn the_script_finds_marks_and_directories() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("redis")).unwrap();
        crate::files::write(&dir.path().join("done"), "").unwrap();
        let dir = dir.path().to_str().unwrap();
        let (done, none) = (format!("{dir}/done"), format!("{dir}/none"));
        let script = docker::script(&[INSPECT, certificates::READ]);
        let output = std::process::Command::new("sh")
            .args(["-c", &script, "sh", &done, &none, &done, "line", dir])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let found = Inspection::parse(&String::from_utf8(output.stdout).unwrap());
        assert!(found.bootstrapped && !found.provisioned && found.stop_interrupted);
        let suffix = format!(":{dir}/redis");
        let is_it = |line: &String| line.starts_with("directory:") && line.ends_with(&suffix);
        assert!(found.dirs.iter().any(is_it), "{found:?}");
    }
}
