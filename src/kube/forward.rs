//! Port-forwards: listeners on this host whose connections end in pods.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::kube::Api;
use ::kube::api::{ListParams, Portforwarder};
use futures_util::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::calls::read;
use super::{COMPONENT_LABEL, Cluster, convert};
use crate::component::Component;

/// The name of the port of each server.
const PORT: &str = "http";
/// How long a connection waits for a ready pod, such as while one is replaced.
const PATIENCE: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_millis(250);
/// How long an answer may take after the client has ended its half of a connection. The
/// protocol cannot tell the pod of that end, and a client that is gone looks the same.
const NO_ANSWER: Duration = Duration::from_secs(30);
/// How long an answer that has begun may pause then.
const ANSWER_PAUSE: Duration = Duration::from_secs(2);
/// How long the API server may take to close a stream.
const CLOSE: Duration = Duration::from_secs(1);
/// How an error begins that the crate reports after a pod has ended its stream in order: it then
/// sends the end of the client too. Its type is private.
const AFTER_END: &str = "failed to send a WebSocket message";
const BUFFER: usize = 16 * 1024;

/// A listener whose connections are forwarded to a ready pod of a component. The pod is chosen
/// for each connection, so it may be replaced. Forwards until it is dropped.
#[derive(Debug)]
pub(crate) struct Forward {
    cluster: watch::Sender<Cluster>,
    /// Aborted when this value is dropped.
    _accepting: JoinSet<()>,
}

/// What happens to the connections of a forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// New connections use another pod, because the previous one is no longer ready.
    Replaced {
        component: Component,
        previous: String,
        pod: String,
    },
    /// A connection failed, for a reason that was not reported since one succeeded.
    Failed {
        component: Component,
        reason: String,
    },
}

impl Forward {
    /// Forwards the connections of a listener.
    pub(crate) fn start(
        listener: TcpListener,
        component: Component,
        cluster: Cluster,
        notify: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Forward {
        let cluster = watch::Sender::new(cluster);
        let target = Arc::new(Target {
            component,
            cluster: cluster.subscribe(),
            state: Mutex::default(),
            notify: Box::new(notify),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, target));
        Forward {
            cluster,
            _accepting: accepting,
        }
    }

    /// Uses another connection to the cluster for later connections.
    pub(crate) fn set_cluster(&self, cluster: Cluster) {
        self.cluster.send_replace(cluster);
    }
}

/// The pods that connections are forwarded to.
struct Target {
    component: Component,
    cluster: watch::Receiver<Cluster>,
    state: Mutex<State>,
    notify: Box<dyn Fn(Notice) + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// The pod of the latest connection.
    pod: Option<String>,
    /// Why connections fail since the latest success.
    failure: Option<String>,
}

/// A pod that is ready, and the port that its server listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ReadyPod {
    name: String,
    port: u16,
}

/// A stream to a pod.
struct Stream {
    forwarder: Portforwarder,
    bytes: DuplexStream,
    port: u16,
}

async fn accept(listener: TcpListener, target: Arc<Target>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let target = Arc::clone(&target);
                connections.spawn(async move { target.serve(client).await });
            }
            // Such as too many open files: wait until a connection has ended.
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection");
                sleep(INTERVAL).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

impl Target {
    async fn serve(&self, mut client: TcpStream) {
        let _ = client.set_nodelay(true);
        let served = match self.open().await {
            Ok(stream) => forward(&mut client, stream).await,
            Err(reason) => Err(reason),
        };
        if let Err(reason) = served {
            // The client must not take an answer that was cut off for a complete one.
            let _ = client.set_zero_linger();
            self.failed(reason);
        }
    }

    /// Opens a stream to a ready pod, and waits for one if there is none.
    async fn open(&self) -> Result<Stream, String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let reason = match self.try_open().await {
                Ok(stream) => return Ok(stream),
                Err(reason) => reason,
            };
            if Instant::now() + INTERVAL > until {
                return Err(reason);
            }
            sleep(INTERVAL).await;
        }
    }

    async fn try_open(&self) -> Result<Stream, String> {
        let api: Api<Pod> = self.cluster.borrow().namespaced();
        let label = format!("{COMPONENT_LABEL}={}", self.component);
        let labelled = ListParams::default().labels(&label);
        let pods = read("list pods", || api.list(&labelled)).await;
        let pods = pods.map_err(|error| error.reason().to_string())?;
        let latest = self.state().pod.clone();
        let pod = choose(&pods.items, latest.as_deref());
        let pod = pod.ok_or_else(|| format!("no pod of {} is ready", self.component))?;
        let what = format!("forward to {}", pod.name);
        let ports = [pod.port];
        let opening = read(&what, || api.portforward(&pod.name, &ports));
        let mut forwarder = opening.await.map_err(|error| error.to_string())?;
        let bytes = forwarder.take_stream(pod.port);
        let bytes = bytes.ok_or_else(|| format!("{what}: no stream"))?;
        self.opened(pod.name);
        Ok(Stream {
            forwarder,
            bytes,
            port: pod.port,
        })
    }

    /// Records that a stream to a pod was opened.
    fn opened(&self, pod: String) {
        let mut state = self.state();
        state.failure = None;
        let previous = state.pod.replace(pod.clone());
        drop(state);
        if let Some(previous) = previous.filter(|previous| *previous != pod) {
            (self.notify)(Notice::Replaced {
                component: self.component,
                previous,
                pod,
            });
        }
    }

    fn failed(&self, reason: String) {
        let mut state = self.state();
        if state.failure.replace(reason.clone()).as_ref() == Some(&reason) {
            return;
        }
        drop(state);
        (self.notify)(Notice::Failed {
            component: self.component,
            reason,
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the latest pod if it is still ready, otherwise the newest ready one.
fn choose(pods: &[Pod], latest: Option<&str>) -> Option<ReadyPod> {
    let ready = pods.iter().filter_map(|pod| {
        let is_deleted = pod.metadata.deletion_timestamp.is_some();
        let port = port(pod)?;
        let pod = convert::pod(pod);
        (pod.ready && !is_deleted).then_some((pod, port))
    });
    let key =
        |pod: &crate::diagnose::PodObservation| (latest == Some(pod.name.as_str()), pod.created);
    let chosen = ready.max_by_key(|(pod, _)| key(pod));
    chosen.map(|(pod, port)| ReadyPod {
        name: pod.name,
        port,
    })
}

/// Returns the port of a server's pod. Other software may have added containers.
fn port(pod: &Pod) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    let port = ports.find(|port| port.name.as_deref() == Some(PORT))?;
    port.container_port.try_into().ok()
}

/// Copies in both directions until one side has ended.
///
/// # Errors
/// The stream to the pod broke before the pod ended it.
async fn forward(client: &mut TcpStream, stream: Stream) -> Result<(), String> {
    let Stream {
        mut forwarder,
        bytes,
        port,
    } = stream;
    let message = forwarder.take_error(port);
    let ended_by_pod = copy(client, bytes).await;
    // The stream is dropped, which closes the connection to the API server.
    let message = message.and_then(|message| message.now_or_never().flatten());
    let closed = close(forwarder).await;
    if !ended_by_pod {
        return Ok(());
    }
    if let Some(message) = message {
        return Err(message.trim().to_owned());
    }
    closed?;
    let _ = client.shutdown().await;
    Ok(())
}

/// Closes the connection to the API server.
///
/// # Errors
/// It broke before.
async fn close(forwarder: Portforwarder) -> Result<(), String> {
    let Ok(Err(error)) = timeout(CLOSE, forwarder.join()).await else {
        return Ok(());
    };
    let error = error.to_string();
    match error.starts_with(AFTER_END) {
        true => Ok(()),
        false => Err(error),
    }
}

/// Returns whether the pod ended the stream, not the client.
async fn copy(client: &mut TcpStream, pod: DuplexStream) -> bool {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_pod, mut to_pod) = tokio::io::split(pod);
    let count = AtomicU64::new(0);
    let received = || count.load(Ordering::Relaxed);
    let request = async {
        let mut buffer = vec![0; BUFFER];
        let mut before_answer = 0;
        loop {
            match from_client.read(&mut buffer).await {
                Ok(0) => break,
                Ok(length) => {
                    before_answer = received();
                    if to_pod.write_all(&buffer[..length]).await.is_err() {
                        // The other direction has the end of the stream.
                        return std::future::pending().await;
                    }
                }
                Err(_) => return false,
            }
        }
        loop {
            let before = received();
            sleep(match before == before_answer {
                true => NO_ANSWER,
                false => ANSWER_PAUSE,
            })
            .await;
            if received() == before {
                return false;
            }
        }
    };
    let answer = async {
        let mut buffer = vec![0; BUFFER];
        loop {
            match from_pod.read(&mut buffer).await {
                Ok(0) | Err(_) => return true,
                Ok(length) => {
                    count.fetch_add(length as u64, Ordering::Relaxed);
                    if to_client.write_all(&buffer[..length]).await.is_err() {
                        return false;
                    }
                }
            }
        }
    };
    tokio::select! {
        ended = answer => ended,
        ended = request => ended,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::net::TcpStream;
    use tokio::sync::mpsc;

    use super::*;
    use crate::kube::mock::{cluster, refusal};

    fn pod(name: &str, created: &str, ready: bool) -> Value {
        json!({
            "metadata": {"name": name, "creationTimestamp": created},
            "spec": {"containers": [
                {"name": "proxy", "ports": [{"containerPort": 15090, "name": "http-metrics"}]},
                {"name": "clearml", "ports": [{"containerPort": 8008, "name": "http"}]},
            ]},
            "status": {"conditions": [
                {"type": "Ready", "status": if ready { "True" } else { "False" }},
            ]},
        })
    }

    fn chosen(pods: &[Value], latest: Option<&str>) -> Option<ReadyPod> {
        let pods: Vec<Pod> = pods
            .iter()
            .map(|pod| serde_json::from_value(pod.clone()).unwrap())
            .collect();
        choose(&pods, latest)
    }

    #[test]
    fn chooses_the_latest_pod_while_it_is_ready_and_then_the_newest() {
        let old = pod("old", "2026-01-01T00:00:00Z", true);
        let new = pod("new", "2026-01-02T00:00:00Z", true);
        let starting = pod("starting", "2026-01-03T00:00:00Z", false);
        let mut stopping = pod("stopping", "2026-01-04T00:00:00Z", true);
        stopping["metadata"]["deletionTimestamp"] = json!("2026-01-05T00:00:00Z");
        let all = [old, new, starting.clone(), stopping.clone()];
        let name = |latest| chosen(&all, latest).map(|pod| pod.name);
        assert_eq!(name(None).as_deref(), Some("new"));
        assert_eq!(name(Some("old")).as_deref(), Some("old"));
        assert_eq!(name(Some("stopping")).as_deref(), Some("new"));
        assert_eq!(chosen(&all, None).map(|pod| pod.port), Some(8008));
        assert_eq!(chosen(&[starting, stopping], None), None);
    }

    #[tokio::test]
    async fn a_failed_connection_is_reported_once_and_does_not_end_the_listener() {
        let (cluster, record) = cluster(|request| match request.path.contains("portforward") {
            true => refusal(500, "InternalError", "no agent available"),
            false => (
                200,
                json!({"items": [pod("a", "2026-01-01T00:00:00Z", true)]}),
            ),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, mut notices) = mpsc::unbounded_channel();
        let forward = Forward::start(listener, Component::Apiserver, cluster, move |notice| {
            sender.send(notice).unwrap();
        });
        tokio::time::pause();
        for _ in 0..2 {
            let mut client = TcpStream::connect(address).await.unwrap();
            let mut answer = Vec::new();
            assert!(client.read_to_end(&mut answer).await.is_err(), "{answer:?}");
        }
        let Some(Notice::Failed { component, reason }) = notices.recv().await else {
            panic!("no failure");
        };
        assert_eq!(component, Component::Apiserver);
        assert!(reason.contains("forward to a"), "{reason}");
        assert!(notices.try_recv().is_err());
        assert!(record.lock().unwrap().len() > 4);
        drop(forward);
        tokio::time::resume();
        sleep(Duration::from_millis(50)).await;
        assert!(TcpStream::connect(address).await.is_err());
    }
}
