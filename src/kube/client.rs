//! The connection to a cluster, created from a kubeconfig in memory. The user's current
//! context is never used, so nothing is applied to another cluster by accident.

use std::future::Future;
use std::time::Duration;

use ::kube::config::{KubeConfigOptions, Kubeconfig};
use ::kube::{Client, Config};
use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use tokio::time::Instant;

use super::Error;

const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// The timeout of the readiness check.
const READY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a call is retried while the server is unavailable: right after kubeadm, the
/// kubelet restarts, and sometimes the API server with it.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(2))
    .without_max_times();

/// A connection to a cluster. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
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
    /// Creates a client from the text of a kubeconfig. Does not open a connection yet.
    pub async fn connect(kubeconfig: &str) -> Result<Self, Error> {
        let mut kubeconfig = Kubeconfig::from_yaml(kubeconfig)
            .map_err(|error| Error::Kubeconfig(Box::new(error)))?;
        // The server is on loopback. Unless every cluster has a proxy, the crate would
        // use `HTTPS_PROXY` of the user's shell. This one is removed below.
        for cluster in kubeconfig.clusters.iter_mut().flat_map(|c| &mut c.cluster) {
            cluster.proxy_url = Some("http://localhost".to_owned());
        }
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .map_err(|error| Error::Kubeconfig(Box::new(error)))?;
        config.proxy_url = None;
        config.connect_timeout = Some(Duration::from_secs(5));
        // No read timeout: a followed log may have no lines for hours. Calls have their
        // own timeouts.
        config.read_timeout = None;
        let client = Client::try_from(config).map_err(|error| Error::Client(Box::new(error)))?;
        Ok(Cluster {
            client,
            node_started: None,
        })
    }

    /// Sets when the node was started. Statuses of pods from before are outdated.
    #[must_use]
    pub fn with_node_started(self, node_started: Option<Timestamp>) -> Cluster {
        Cluster {
            node_started,
            ..self
        }
    }

    pub(super) fn node_started(&self) -> Option<Timestamp> {
        self.node_started
    }

    /// Creates a cluster from any client, for tests.
    #[cfg(test)]
    pub(crate) fn of(client: Client) -> Self {
        Cluster {
            client,
            node_started: None,
        }
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
        match tokio::time::timeout(READY_TIMEOUT, self.client.request_text(request)).await {
            Ok(answer) => answer
                .map_err(|error| Error::from_client(what, error))
                .map(drop),
            Err(_) => Err(Error::Timeout {
                what: what.to_owned(),
                after: READY_TIMEOUT,
            }),
        }
    }

    /// Returns the version of the server, such as `1.37.2`.
    pub async fn version(&self) -> Result<String, Error> {
        let info = with_timeout("report its version", self.client.apiserver_version()).await?;
        Ok(info.git_version.trim_start_matches('v').to_owned())
    }
}

/// Runs a call with the timeout of an ordinary call.
pub(crate) async fn with_timeout<T>(
    what: &str,
    call: impl Future<Output = Result<T, ::kube::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(answer) => answer.map_err(|error| Error::from_client(what, error)),
        Err(_) => Err(Error::Timeout {
            what: what.to_owned(),
            after: CALL_TIMEOUT,
        }),
    }
}

/// Runs an idempotent call, and retries it with growing delays while the server is
/// unavailable.
pub(crate) async fn with_retries<T, F>(what: &str, mut call: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, ::kube::Error>>,
{
    let deadline = Instant::now() + RETRY_TIMEOUT;
    (|| with_timeout(what, call()))
        .retry(BACKOFF)
        .when(Error::is_transient)
        .adjust(|_, pause| pause.filter(|pause| Instant::now() + *pause < deadline))
        .notify(|error, _| tracing::debug!(what, %error, "trying again"))
        .await
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;

    use super::*;
    use crate::error::{Code, Explain};
    use crate::kube::mock::{cluster, refusal};

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stays_unavailable_is_tried_for_30_s() {
        let (cluster, record) =
            cluster(|_| refusal(503, "ServiceUnavailable", "etcdserver: no leader"));
        let started = Instant::now();
        let api: ::kube::Api<Node> = ::kube::Api::all(cluster.client());
        let error = with_retries("read Node/n", || api.get("n"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Refused { status: 503, .. }),
            "{error:?}"
        );
        let seconds = started.elapsed().as_secs_f32();
        assert_eq!((record.lock().unwrap().len(), seconds.round()), (19, 29.0));
    }

    #[tokio::test]
    async fn an_invalid_kubeconfig_is_refused() {
        let error = Cluster::connect("a: [").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot use the cluster's kubeconfig");
        assert_eq!(error.code(), Code::ClusterUnreachable);
    }
}
