//! A server in a namespace of the shared cluster, which is removed at the end of its test.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use clearml_local::testing::files;
use serde_json::Value;
use tempfile::TempDir;

use super::cluster::ThreeNodes;
use crate::browser::Browser;
use crate::harness::Output;
use crate::ingress::{browser, make_certificate};
use crate::server::User;

/// The Secret with the certificate of the hosts.
const SECRET: &str = "own-certificate";

pub struct Installed {
    pub cluster: &'static ThreeNodes,
    pub namespace: String,
    /// The kubeconfig and its context.
    access: (PathBuf, String),
    home: TempDir,
    certificate: String,
}

impl Installed {
    /// Creates a namespace with a certificate, and a home whose kubeconfig is that of an
    /// administrator.
    pub fn new(test: &str) -> Installed {
        let cluster = ThreeNodes::shared();
        let namespace = format!("e2e-{test}");
        let home = tempfile::tempdir().unwrap();
        cluster.kubectl(&["create", "namespace", &namespace]);
        let hosts = hosts(&namespace);
        let [certificate, key] = make_certificate(home.path(), &hosts.each_ref().map(|it| &**it));
        let secret = |path: &str| files::read(path.as_ref()).unwrap().unwrap();
        let secret = serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": SECRET, "namespace": namespace},
            "stringData": {"tls.crt": secret(&certificate), "tls.key": secret(&key)},
        });
        cluster.apply(&secret.to_string());
        let line = format!("{} {}\n", cluster.address(), hosts.join(" "));
        files::write(&home.path().join("hosts"), &line).unwrap();
        files::write(&home.path().join("values.yaml"), &values(&hosts)).unwrap();
        Installed {
            access: (cluster.kubeconfig(), cluster.context()),
            cluster,
            namespace,
            home,
            certificate,
        }
    }

    /// Uses the kubeconfig of a user with exactly the permissions of a Role.
    pub fn act_as(&mut self, role: &str) {
        let kubeconfig = self.cluster.user(&self.namespace, &self.namespace, role);
        self.access = (kubeconfig, "user".into());
    }

    /// Returns the Role that the documentation refers to.
    pub fn documented_role(&self) -> String {
        let arguments = ["render", "--role", "--namespace", &self.namespace];
        self.run(&arguments).expect(0).stdout
    }

    /// Returns a command that resolves the host names as the users' name server would.
    pub fn command(&self) -> Command {
        let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script])
            .arg(self.home.path().join("hosts"))
            .arg(env!("CARGO_BIN_EXE_clearml-local"))
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("XDG_DATA_HOME", self.home.path().join("share"))
            .env("CLEARML_LOCAL_NAME", &self.namespace)
            .env("KUBECONFIG", "/dev/null")
            // The users' authorities are in the store of the system.
            .env("SSL_CERT_FILE", &self.certificate)
            // It is for the node in Docker.
            .env_remove("CLEARML_LOCAL_NODE_IMAGE")
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        Output::new(self.command().args(arguments).output().unwrap())
    }

    /// Runs `up` with the values file in the namespace.
    pub fn up(&self, more: &[&str]) -> Output {
        let (kubeconfig, context) = &self.access;
        let mut command = self.command();
        command
            .args(["up", "-f", "values.yaml", "--context", context])
            .args(["--namespace", &self.namespace, "--kubeconfig"])
            .arg(kubeconfig);
        Output::new(command.args(more).output().unwrap())
    }

    /// Writes a values file for `up` into the home, and returns its name.
    pub fn write_values(&self, name: &'static str, text: &str) -> &'static str {
        files::write(&self.home.path().join(name), text).unwrap();
        name
    }

    /// Returns the URLs of web app, API server and file server.
    pub fn urls(&self) -> [String; 3] {
        hosts(&self.namespace).map(|host| format!("https://{host}"))
    }

    /// Logs in through the ingress.
    pub async fn user(&self) -> User {
        let printed = self.run(&["credentials", "-o", "json"]).expect(0).json();
        let hosts = hosts(&self.namespace);
        let names = hosts.each_ref().map(|host| &**host);
        let client = browser(&self.certificate, &names, self.cluster.address());
        let [_, api, files] = self.urls();
        User::with(client, [api, files], &printed).await
    }

    /// Starts a browser that finds the host names.
    pub fn browser(&self) -> Option<Browser> {
        let hosts = hosts(&self.namespace);
        let names = hosts.each_ref().map(|host| &**host);
        Browser::by_name(&names, self.cluster.address())
    }

    /// Returns the state directory of the instance in the home.
    pub fn state_dir(&self) -> PathBuf {
        let all = self.home.path().join("share/clearml-local");
        all.join(&self.namespace)
    }

    /// Returns the names of the server's objects of some kinds, such as `pods,pvc`.
    pub fn objects(&self, kinds: &str) -> Vec<String> {
        let label = format!("clearml-local.io/instance={}", self.namespace);
        let list = self
            .cluster
            .get(&[kinds, "-n", &self.namespace, "-l", &label]);
        let items = list["items"].as_array().unwrap().iter();
        let name = |item: &Value| {
            let name = item["metadata"]["name"].as_str().unwrap();
            format!("{}/{name}", item["kind"].as_str().unwrap())
        };
        items.map(name).collect()
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        self.run(&["down", "--purge", "--yes"]);
        let namespace = self.namespace.as_str();
        let arguments = ["delete", "namespace", namespace, "--wait=false"];
        self.cluster.kubectl(&arguments);
    }
}

/// Returns the host names of web app, API server and file server.
fn hosts(namespace: &str) -> [String; 3] {
    ["app", "api", "files"].map(|server| format!("{server}.{namespace}.invalid"))
}

fn values([app, api, files]: &[String; 3]) -> String {
    let site = |host| format!("{{enabled: true, hostName: {host}, tlsSecretName: {SECRET}}}");
    format!(
        "ingress:
  className: traefik
  app: {}
  api: {}
  files: {}
apiserver: {{service: {{type: ClusterIP}}}}
webserver: {{service: {{type: ClusterIP}}}}
fileserver: {{service: {{type: ClusterIP}}}}
",
        site(app),
        site(api),
        site(files)
    )
}
