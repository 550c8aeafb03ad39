//! A cluster of three nodes that clearml-local did not create. All tests share it, each with
//! its own namespace.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Output, run};

/// Creates and removes the cluster.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig/three-nodes");
/// The namespace of the users that tests create.
const USERS: &str = "users";

pub struct ThreeNodes {
    name: String,
    dir: TempDir,
    /// Removes the cluster when this process has ended in any way, which closes its input.
    _cleaner: Child,
}

impl ThreeNodes {
    /// Returns the cluster, which the first test creates.
    pub fn shared() -> &'static ThreeNodes {
        static CLUSTER: OnceLock<ThreeNodes> = OnceLock::new();
        CLUSTER.get_or_init(ThreeNodes::create)
    }

    fn create() -> ThreeNodes {
        let name = format!("e2e-existing-{}", std::process::id());
        let cleaner = Command::new("setsid")
            .args([
                "sh",
                "-c",
                "cat; exec \"$0\" --delete \"$1\"",
                SCRIPT,
                &name,
            ])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let cluster = ThreeNodes {
            name,
            dir: tempfile::tempdir().unwrap(),
            _cleaner: cleaner,
        };
        let kubeconfig = cluster.kubeconfig().display().to_string();
        run(SCRIPT, &[&cluster.name, &kubeconfig]).expect(0);
        cluster.kubectl(&["create", "namespace", USERS]);
        cluster
    }

    /// Returns the kubeconfig of an administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// Returns the context of that kubeconfig, which is also its current one.
    pub fn context(&self) -> String {
        format!("kind-{}", self.name)
    }

    /// Returns the address of the ingress controller.
    pub fn address(&self) -> IpAddr {
        let format = "{{.NetworkSettings.Networks.kind.IPAddress}}";
        let inspected = run("docker", &["inspect", "-f", format, &self.control_plane()]);
        inspected.expect(0).stdout.trim().parse().unwrap()
    }

    fn control_plane(&self) -> String {
        format!("{}-control-plane", self.name)
    }

    /// Lets all nodes pull from a registry without TLS.
    pub fn trust(&self, registry: &SocketAddr) {
        let label = format!("label=io.x-k8s.kind.cluster={}", self.name);
        let nodes = run("docker", &["ps", "--format={{.Names}}", "--filter", &label]).expect(0);
        let hosts = format!("server = \"http://{registry}\"\n[host.\"http://{registry}\"]\n");
        let script = "mkdir -p \"$0\" && printf %s \"$1\" >\"$0/hosts.toml\"";
        let directory = format!("/etc/containerd/certs.d/{registry}");
        for node in nodes.stdout.lines() {
            run(
                "docker",
                &["exec", node, "sh", "-c", script, &directory, &hosts],
            )
            .expect(0);
        }
    }

    /// Loads an image of the engine into the nodes that may run users' pods.
    pub fn load(&self, image: &str) {
        let archive = self.dir.path().join("image.tar");
        let archive = archive.to_str().unwrap();
        run("docker", &["image", "save", "-o", archive, image]).expect(0);
        let label = format!("label=io.x-k8s.kind.cluster={}", self.name);
        let nodes = run("docker", &["ps", "--format={{.Names}}", "--filter", &label]).expect(0);
        let import = "docker exec -i \"$0\" ctr -n k8s.io images import --digests --snapshotter \
                      overlayfs - <\"$1\"";
        for node in nodes.stdout.lines() {
            if node != self.control_plane() {
                run("sh", &["-c", import, node, archive]).expect(0);
            }
        }
        std::fs::remove_file(archive).unwrap();
    }

    /// Runs kubectl as an administrator, and returns its output.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let node = self.control_plane();
        let all = [&["exec", &node, "kubectl"], arguments].concat();
        run("docker", &all).expect(0).stdout
    }

    /// Runs kubectl with JSON output.
    #[track_caller]
    pub fn get(&self, arguments: &[&str]) -> Value {
        let text = self.kubectl(&[&["get", "-o", "json"], arguments].concat());
        serde_json::from_str(&text).unwrap()
    }

    /// Applies YAML or JSON as an administrator.
    #[track_caller]
    pub fn apply(&self, text: &str) {
        let node = self.control_plane();
        let mut kubectl = Command::new("docker")
            .args(["exec", "-i", &node, "kubectl", "apply", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = kubectl.stdin.take().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        drop(input);
        Output::new(kubectl.wait_with_output().unwrap()).expect(0);
    }

    /// Evicts all pods of a node, and waits until they are gone. No new pods start on it
    /// until [`ThreeNodes::uncordon`].
    pub fn drain(&self, node: &str) {
        let options = ["--ignore-daemonsets", "--delete-emptydir-data", "--force"];
        self.kubectl(&[&["drain", node, "--timeout=150s"], &options[..]].concat());
    }

    pub fn uncordon(&self, node: &str) {
        self.kubectl(&["uncordon", node]);
    }

    /// Returns the node of each pod in a namespace.
    pub fn nodes_of_pods(&self, namespace: &str) -> Vec<(String, String)> {
        let pods = self.get(&["pods", "-n", namespace]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let pods = pods["items"].as_array().unwrap().iter();
        pods.map(|pod| {
            let component = &pod["metadata"]["labels"]["clearml-local.io/component"];
            (text(component), text(&pod["spec"]["nodeName"]))
        })
        .collect()
    }

    /// Creates a user with exactly the permissions of a Role, and returns a kubeconfig whose
    /// only context is `user`. `role` is YAML with a Role in `namespace`, or with several
    /// Roles and ClusterRoles of that name.
    pub fn user(&self, name: &str, namespace: &str, role: &str) -> PathBuf {
        let account = format!("--serviceaccount={USERS}:{name}");
        self.kubectl(&["create", "serviceaccount", name, "-n", USERS]);
        self.apply(role);
        for (kind, flag, binding) in [
            ("Role", "--role", "rolebinding"),
            ("ClusterRole", "--clusterrole", "clusterrolebinding"),
        ] {
            for role in names_of(role, kind) {
                let role = format!("{flag}={role}");
                let mut arguments = vec!["create", binding, name, &role, &account];
                if kind == "Role" {
                    arguments.extend(["-n", namespace]);
                }
                self.kubectl(&arguments);
            }
        }
        let token = self.kubectl(&["create", "token", name, "-n", USERS, "--duration=2h"]);
        let admin = clearml_local::testing::files::read(&self.kubeconfig());
        let admin = admin.unwrap().unwrap();
        let field = |name: &str| {
            let line = admin.lines().find(|line| line.trim().starts_with(name));
            line.unwrap().trim().to_owned()
        };
        let (authority, server) = (field("certificate-authority-data:"), field("server:"));
        let path = self.dir.path().join(format!("{name}.kubeconfig"));
        let kubeconfig = format!(
            "apiVersion: v1
kind: Config
clusters:
  - name: cluster
    cluster:
      {authority}
      {server}
users:
  - name: {name}
    user: {{token: {token}}}
contexts:
  - name: user
    context: {{cluster: cluster, user: {name}}}
",
            token = token.trim()
        );
        clearml_local::testing::files::write(&path, &kubeconfig).unwrap();
        path
    }
}

/// Returns the names of the objects of a kind in YAML.
fn names_of(yaml: &str, kind: &str) -> Vec<String> {
    let documents = yaml.split("\n---\n");
    let is_kind = format!("kind: {kind}");
    documents
        .filter(|document| document.lines().any(|line| line == is_kind))
        .filter_map(|document| {
            let mut lines = document.lines();
            let name = lines.find_map(|line| line.strip_prefix("  name: "))?;
            Some(name.to_owned())
        })
        .collect()
}
