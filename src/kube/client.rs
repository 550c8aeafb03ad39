//! The connection to a cluster: to the local node, created from a kubeconfig in memory, or
//! to the cluster of a context that the user named (see [`super::context`]). The user's
//! current context is never used, so nothing is applied to another cluster by accident.

use std::sync::Arc;
use std::time::Duration;

use ::kube::client::{Body, ClientBuilder};
use ::kube::config::{self, ExecAuthCluster, Kubeconfig, KubeconfigError};
use ::kube::{Api, Client, Config, Resource};
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tower::util::AndThenLayer;

use super::{Error, calls};
use crate::namespace::Namespace;

/// How long the readiness check may take.
const READY_LIMIT: Duration = Duration::from_secs(2);

/// A connection to a cluster. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: Namespace,
    /// Whether the cluster has other users, so that only the namespace is ours.
    is_shared: bool,
    /// When the node was started, if that is known.
    node_started: Option<Timestamp>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

/// Installs the TLS provider of this program. `main` and tests call this. More than one
/// call is allowed.
pub fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Cluster {
    /// Creates a client from the text of a kubeconfig with one context. Does not open a
    /// connection yet. Ignores the user's proxies: the server is on loopback.
    pub async fn connect(kubeconfig: &str) -> Result<Self, Error> {
        let unusable = |error: Unusable| Error::Kubeconfig(Box::new(error));
        let kubeconfig = Kubeconfig::from_yaml(kubeconfig).map_err(|e| unusable(e.into()))?;
        let (cluster, user) = current(kubeconfig).map_err(|e| unusable(e.into()))?;
        let mut config = configure(&cluster, user).map_err(unusable)?;
        config.connect_timeout = Some(Duration::from_secs(5));
        let builder = ClientBuilder::try_from(config);
        let builder = builder.map_err(|error| Error::Client(Box::new(error)))?;
        let client = builder.with_layer(&AndThenLayer::new(calls::pause_if_asked));
        Ok(Cluster::of_client(client.build()))
    }

    pub(super) fn of_client(client: Client) -> Self {
        Cluster {
            client,
            namespace: Namespace::default(),
            is_shared: false,
            node_started: None,
        }
    }

    /// Creates a cluster that answers each request with a status and a body, for tests.
    #[must_use]
    pub fn answering(
        answer: impl Fn(&str, &str) -> (u16, Vec<u8>) + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (status, body) = answer(request.method().as_str(), request.uri().path());
            let response = http::Response::builder().status(status);
            std::future::ready(response.body(Body::from(body)))
        });
        Cluster::of_client(Client::new(service, "default"))
    }

    /// Sets when the node was started. Statuses of pods from before are outdated.
    #[must_use]
    pub fn with_node_started(self, node_started: Option<Timestamp>) -> Cluster {
        Cluster {
            node_started,
            ..self
        }
    }

    /// Limits the connection to a namespace of a cluster that has other users: nothing else is
    /// listed or changed.
    #[must_use]
    pub fn within(self, namespace: Namespace) -> Cluster {
        Cluster {
            namespace,
            is_shared: true,
            ..self
        }
    }

    /// Returns whether the cluster has other users.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Returns the API for a kind of objects in the server's namespace.
    pub(super) fn namespaced<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client(), self.namespace.as_str())
    }

    pub(super) fn node_started(&self) -> Option<Timestamp> {
        self.node_started
    }

    /// Creates a cluster from any client, for tests.
    #[cfg(test)]
    pub(crate) fn of(client: Client) -> Self {
        Cluster::of_client(client)
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Checks whether the API server is ready. Takes at most two seconds.
    pub async fn ready(&self) -> Result<(), Error> {
        let what = "report its readiness";
        let request = http::Request::get("/readyz").body(Vec::new());
        let request = request.map_err(|error| Error::Object {
            problem: error.to_string(),
        })?;
        let answer = || self.client.request_text(request.clone());
        calls::read_within(READY_LIMIT, what, answer)
            .await
            .map(drop)
    }

    /// Returns the version of the server, such as `1.37.2`.
    pub async fn version(&self) -> Result<String, Error> {
        let info = calls::read("report its version", || self.client.apiserver_version()).await?;
        Ok(info.git_version.trim_start_matches('v').to_owned())
    }
}

/// A kubeconfig that no client can be created from.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    #[error("`certificate-authority` contains no certificate in PEM format")]
    Authority,
}

/// Returns the cluster and the user of the current context.
fn current(kubeconfig: Kubeconfig) -> Result<(config::Cluster, config::AuthInfo), KubeconfigError> {
    let name = kubeconfig.current_context;
    let name = name.ok_or(KubeconfigError::CurrentContextNotSet)?;
    let mut contexts = kubeconfig.contexts.into_iter();
    let context = contexts.find(|context| context.name == name);
    let context = context.and_then(|named| named.context);
    let context = context.ok_or(KubeconfigError::LoadContext(name))?;
    let mut clusters = kubeconfig.clusters.into_iter();
    let cluster = clusters.find(|cluster| cluster.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster);
    let cluster = cluster.ok_or(KubeconfigError::LoadClusterOfContext(context.cluster))?;
    let mut users = kubeconfig.auth_infos.into_iter();
    let user = users.find(|user| Some(&user.name) == context.user.as_ref());
    let user = user.and_then(|named| named.auth_info);
    Ok((cluster, user.unwrap_or_default()))
}

/// Creates the configuration of a client, without a proxy. The crate's own function reads
/// proxies from the environment, and fails if it cannot read `NO_PROXY`.
pub(super) fn configure(
    cluster: &config::Cluster,
    user: config::AuthInfo,
) -> Result<Config, Unusable> {
    let server = cluster.server.as_deref();
    let server = server.ok_or(KubeconfigError::MissingClusterUrl)?;
    let server = server.parse().map_err(KubeconfigError::ParseClusterUrl)?;
    let mut config = Config::new(server);
    // The only public function that loads the authority.
    let authority = ExecAuthCluster::try_from(cluster)?.certificate_authority_data;
    if let Some(pem) = authority {
        let all = CertificateDer::pem_slice_iter(&pem);
        let all = all.map(|one| one.map(|one| one.to_vec()));
        let all: Vec<Vec<u8>> = all.collect::<Result<_, _>>().unwrap_or_default();
        config.root_cert = Some(all).filter(|all| !all.is_empty());
        config.root_cert.as_ref().ok_or(Unusable::Authority)?;
    }
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or_default();
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.auth_info = user;
    // No read timeout: a followed log may have no lines for hours. Calls have their own
    // timeouts.
    config.read_timeout = None;
    // `calls` decides what is repeated.
    config.default_retry = false;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain;
    use crate::failures::Failure;

    #[tokio::test]
    async fn an_invalid_kubeconfig_is_refused() {
        let error = Cluster::connect("a: [").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot use the cluster's kubeconfig");
        assert_eq!(error.failure(), Failure::StaleKubeconfig);
    }
}
