//! The administrator's kubeconfig, which contains a private key.

use std::fmt;

use super::{Error, spec};
use crate::docker::{Container, Engine};

/// The kubeconfig that kubeadm wrote, for use inside the node. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminConf(String);

impl fmt::Debug for AdminConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminConf")
    }
}

impl AdminConf {
    /// Returns `None` if the text is empty.
    pub(super) fn new(text: &str) -> Option<AdminConf> {
        let text = text.trim_start();
        (!text.is_empty()).then(|| AdminConf(text.to_owned()))
    }

    /// Returns the kubeconfig with the address at which the host reaches the node.
    pub fn for_host(&self, node: &Container) -> String {
        let port = spec::api_server_port(node).unwrap_or_default();
        with_server(&self.0, &format!("https://127.0.0.1:{port}"))
    }
}

pub(super) async fn admin_conf(engine: &dyn Engine, node: &str) -> Result<AdminConf, Error> {
    let argv = ["cat", "/etc/kubernetes/admin.conf"];
    let mut output = engine.exec(node, &argv, None).await?;
    if output.code != 0 {
        // The output may contain part of a key.
        output.stdout.clear();
    }
    Ok(AdminConf(
        output.success("read the kubeconfig in the node")?.stdout,
    ))
}

/// Reads the administrator's kubeconfig, with the address at which the host reaches the
/// node.
pub async fn kubeconfig(engine: &dyn Engine, node: &str) -> Result<String, Error> {
    let text = admin_conf(engine, node).await?;
    let container = engine.container(node).await?.unwrap_or_default();
    Ok(text.for_host(&container))
}

/// Replaces the server in kubeadm's kubeconfig, which has one cluster with its server on
/// a separate line.
fn with_server(kubeconfig: &str, server: &str) -> String {
    let mut text = String::new();
    for line in kubeconfig.lines() {
        match line.split_once("server: ") {
            Some((indent, _)) => text.push_str(&format!("{indent}server: {server}")),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};

    #[test]
    fn the_kubeconfig_has_the_published_port() {
        let text =
            "clusters:\n- cluster:\n    server: https://demo-control-plane:6443\n  name: demo\n";
        assert_eq!(
            with_server(text, "https://127.0.0.1:40000"),
            "clusters:\n- cluster:\n    server: https://127.0.0.1:40000\n  name: demo\n"
        );
    }

    #[tokio::test]
    async fn an_error_does_not_show_the_private_key() {
        let answer = |_: &str, _: &[&str]| Output {
            code: 137,
            stdout: "client-key-data: c2VjcmV0\n".into(),
            ..Output::default()
        };
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(answer));
        let error = kubeconfig(&engine, "n").await.unwrap_err();
        assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
    }
}
