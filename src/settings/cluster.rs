//! The cluster that the server runs in, if it is not the local node.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::kubectl::Kubectl;
use crate::namespace::Namespace;
use crate::path::HostPath;

/// The heading in `--help`.
const CLUSTER: &str = "Existing cluster";

settings! {
    /// The existing cluster.
    #[command(next_help_heading = CLUSTER)]
    pub struct ClusterOptions => ClusterSettings(context: ContextName) {
        /// Install in the cluster of this kubeconfig context
        ///
        /// Installs the server in an existing Kubernetes cluster instead of a node in Docker.
        /// The current context of the kubeconfig is never used. The instance keeps the context:
        /// later commands use it again.
        #[arg(long, value_name = "CONTEXT", env = "CLEARML_LOCAL_CONTEXT")]
        pub context: ContextName = context,
        /// Namespace for the server [default: clearml]
        ///
        /// A namespace of the existing cluster. It is created if it does not exist.
        #[arg(long, value_name = "NAMESPACE", env = "CLEARML_LOCAL_NAMESPACE")]
        pub namespace: NamespaceName = NamespaceName::default(),
        /// Kubeconfig that has the context
        ///
        /// By default, the files of `KUBECONFIG` or ~/.kube/config are used, as kubectl does.
        #[arg(
            long,
            value_name = "FILE",
            env = "CLEARML_LOCAL_KUBECONFIG",
            hide_short_help = true,
            value_hint = clap::ValueHint::FilePath
        )]
        #[saved(default, skip_serializing_if = "KubeconfigFile::is_default")]
        pub kubeconfig: HostPath => kubeconfig: KubeconfigFile = KubeconfigFile::default(),
    }
}

impl ClusterSettings {
    /// Returns the user's kubectl with this cluster and namespace.
    pub(crate) fn kubectl(&self) -> Kubectl {
        let file = self.kubeconfig.path();
        Kubectl::with_context(self.context.as_str(), file, self.namespace.get())
    }
}

/// The name of a context of the user's kubeconfig, which may be any text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContextName(String);

impl ContextName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ContextName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.trim().is_empty() {
            true => {
                Err("expected the name of a context, as `kubectl config get-contexts` lists it")
            }
            false => Ok(ContextName(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ContextName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse()
    }
}

impl From<ContextName> for String {
    fn from(name: ContextName) -> String {
        name.0
    }
}

impl fmt::Display for ContextName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The namespace of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamespaceName(Namespace);

impl NamespaceName {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn get(&self) -> &Namespace {
        &self.0
    }
}

impl FromStr for NamespaceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let namespace: Namespace = text.parse()?;
        if ["default", "kube-system", "kube-public", "kube-node-lease"].contains(&text) {
            return Err(format!(
                "the namespace `{text}` is not for a server: use one of its own, such as {}",
                Namespace::DEFAULT
            ));
        }
        Ok(NamespaceName(namespace))
    }
}

impl TryFrom<String> for NamespaceName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<NamespaceName> for String {
    fn from(name: NamespaceName) -> String {
        name.to_string()
    }
}

impl fmt::Display for NamespaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kubeconfig with the context; without a file, the one that kubectl uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KubeconfigFile(Option<HostPath>);

impl KubeconfigFile {
    /// Returns the file that the user named.
    pub fn path(&self) -> Option<&HostPath> {
        self.0.as_ref()
    }

    fn is_default(&self) -> bool {
        self.0.is_none()
    }
}

impl From<HostPath> for KubeconfigFile {
    fn from(path: HostPath) -> Self {
        KubeconfigFile(Some(path))
    }
}

/// Formats the path as the option accepts it.
impl fmt::Display for KubeconfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(path) => path.fmt(f),
            None => f.write_str("~/.kube/config"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_must_be_labels_and_not_those_of_kubernetes() {
        for valid in ["clearml", "a", "team-2", &"x".repeat(63)] {
            assert!(valid.parse::<NamespaceName>().is_ok(), "{valid}");
        }
        for invalid in [
            "",
            "-a",
            "a-",
            "A",
            "a.b",
            "kube-system",
            "default",
            &"x".repeat(64),
        ] {
            assert!(invalid.parse::<NamespaceName>().is_err(), "{invalid}");
        }
        assert!(" ".parse::<ContextName>().is_err());
        assert!("gke_corp_europe-west1/a@b".parse::<ContextName>().is_ok());
    }
}
