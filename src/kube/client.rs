//! One cluster, made from a kubeconfig in memory: never the user's context, so
//! nothing of ours lands in a cluster of theirs by accident.

use std::future::Future;
use std::time::Duration;

use ::kube::config::{KubeConfigOptions, Kubeconfig};
use ::kube::{Client, Config};
use jiff::Timestamp;

use super::Error;

const CALL: Duration = Duration::from_secs(20);
/// The bound of the question whether the server is there.
const READY: Duration = Duration::from_secs(2);
/// How long a call that may be repeated is repeated while the server is away:
/// right after kubeadm the kubelet restarts, and the API server with it at times.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to one cluster; cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    /// When the node was started, where that is known.
    node_started: Option<Timestamp>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

/// Installs the one TLS provider of this program. `main` does it; tests and
/// examples call this. Doing it twice is no fault.
pub fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Cluster {
    /// Makes a client from the text of a kubeconfig. Opens no connection yet.
    ///
    /// # Errors
    /// When the text is no kubeconfig or its keys cannot be read.
    pub async fn connect(kubeconfig: &str) -> Result<Self, Error> {
        let mut kubeconfig = Kubeconfig::from_yaml(kubeconfig)
            .map_err(|error| Error::Kubeconfig(Box::new(error)))?;
        // The server is on the loopback. The crate would take and parse `HTTPS_PROXY` of
        // the user's shell, unless every cluster names a proxy, which is dropped then.
        for cluster in kubeconfig.clusters.iter_mut().flat_map(|c| &mut c.cluster) {
            cluster.proxy_url = Some("http://localhost".to_owned());
        }
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .map_err(|error| Error::Kubeconfig(Box::new(error)))?;
        config.proxy_url = None;
        config.connect_timeout = Some(Duration::from_secs(5));
        // No read timeout: a followed log may be silent for hours. Calls have their own.
        config.read_timeout = None;
        let client = Client::try_from(config).map_err(|error| Error::Client(Box::new(error)))?;
        Ok(Cluster {
            client,
            node_started: None,
        })
    }

    /// The same cluster, on a node that was started at that time: what is said of pods
    /// from before does not hold.
    #[must_use]
    pub fn on_node_started(self, node_started: Option<Timestamp>) -> Cluster {
        Cluster {
            node_started,
            ..self
        }
    }

    pub(super) fn node_started(&self) -> Option<Timestamp> {
        self.node_started
    }

    /// A cluster behind any client: for tests.
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

    /// Asks the API server whether it is ready. Takes at most two seconds.
    ///
    /// # Errors
    /// When it is not, with the reason.
    pub async fn ready(&self) -> Result<(), Error> {
        let what = "report its readiness";
        let request = http::Request::get("/readyz").body(Vec::new());
        let request = request.map_err(|error| Error::Object {
            problem: error.to_string(),
        })?;
        match tokio::time::timeout(READY, self.client.request_text(request)).await {
            Ok(answer) => answer
                .map_err(|error| Error::from_client(what, error))
                .map(drop),
            Err(_) => Err(Error::Timeout {
                what: what.to_owned(),
                after: READY,
            }),
        }
    }

    /// The server's version, such as `1.37.2`.
    pub async fn version(&self) -> Result<String, Error> {
        let info = bounded("report its version", self.client.apiserver_version()).await?;
        Ok(info.git_version.trim_start_matches('v').to_owned())
    }
}

/// Runs one call within the bound of an ordinary call.
pub(crate) async fn bounded<T>(
    what: &str,
    call: impl Future<Output = Result<T, ::kube::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(CALL, call).await {
        Ok(answer) => answer.map_err(|error| Error::from_client(what, error)),
        Err(_) => Err(Error::Timeout {
            what: what.to_owned(),
            after: CALL,
        }),
    }
}

/// Runs a call that may be repeated without harm, and repeats it while the server
/// is away, with growing pauses.
pub(crate) async fn persistent<T, F>(what: &str, mut call: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, ::kube::Error>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(100);
    loop {
        match bounded(what, call()).await {
            Err(error)
                if error.is_transient() && tokio::time::Instant::now() + pause < deadline =>
            {
                tracing::debug!(what, %error, "trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            answer => return answer,
        }
    }
}
