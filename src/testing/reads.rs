//! Reads everything that the program reads from a cluster or an engine, for tests with random
//! answers.

use std::io;
use std::time::Duration;

use futures_util::{AsyncReadExt, TryStreamExt};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::diagnose::why_no_pods;
use crate::docker::{self, ByteStream, ContainerSpec, Docker, Engine, Subject, exec_ok};
use crate::error::Error;
use crate::event::Progress;
use crate::health::{self, InstanceObservation};
use crate::image_ref::ImageRef;
use crate::kube::{Cluster, LogRequest};
use crate::kubectl::Kubectl;
use crate::provider::existing::preflight;
use crate::settings::ClusterSettings;
use crate::state::StateDir;
use crate::{archive, recovery, revisions};

/// An image with a digest, which is looked up by two names.
const IMAGE: &str = concat!(
    "redis:6.2@sha256:",
    "a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
);

/// How many parts [`read_cluster`] has.
pub const PARTS: usize = 6;

/// How many answers were read, and how many were refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    pub read: usize,
    pub refused: usize,
}

impl Read {
    fn add<T, E: Into<Error>>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => {
                self.read += 1;
                Some(value)
            }
            Err(error) => {
                self.refused += 1;
                explain(&error.into());
                None
            }
        }
    }
}

/// Writes everything that is shown of an error.
fn explain(error: &Error) {
    let hints: Vec<String> = error.hints().iter().map(ToString::to_string).collect();
    let shown = format!("{error}{:?}{hints:?}", error.details());
    assert!(shown.len() < 1 << 20, "an error is unlimited");
    let _ = error.failures();
}

/// Reads one part of what the program reads from a cluster, in whose namespace `objects` are
/// applied.
pub async fn read_cluster(
    cluster: &Cluster,
    place: &ClusterSettings,
    state: &StateDir,
    objects: &[Value],
    part: usize,
) -> Read {
    let mut read = Read::default();
    match part {
        0 => components(cluster, &mut read).await,
        1 => nodes(cluster, &mut read).await,
        2 => {
            if let Some(found) = read.add(preflight::run(cluster, place, "demo", objects).await) {
                let shown = format!("{found:?}");
                assert!(shown.len() < 4 << 20, "the findings are unlimited");
            }
        }
        3 => {
            read.add(recovery::from_cluster(cluster, None).await);
            if let Some(history) = read.add(revisions::load(state, Some(cluster)).await) {
                history.entries(true);
                read.add(history.target(None).cloned());
            }
        }
        4 => {
            read.add(cluster.exposure().await);
            read.add(cluster.tls_secrets().await);
            read.add(cluster.claims_of("demo").await);
            read.add(cluster.has_objects_of("demo").await);
            for dumped in cluster.dump("demo").await {
                read.add(dumped.objects);
            }
        }
        _ => {
            if let Some(Ok(planned)) = read.add(cluster.plan("demo", objects).await) {
                read.add(cluster.compare("demo", objects, &planned).await);
            }
        }
    }
    read
}

async fn components(cluster: &Cluster, read: &mut Read) {
    let until = Instant::now() + Duration::from_secs(5);
    let observed = health::observe(cluster, None, until, Duration::from_secs(1)).await;
    let components = match observed {
        Ok(observed) => {
            read.read += 1;
            observed.components
        }
        Err(error) => {
            read.refused += 1;
            let _ = format!("{error:?}");
            return;
        }
    };
    let addons = read.add(cluster.addons().await).unwrap_or_default();
    let addons: Vec<_> = addons.iter().filter_map(|one| one.trouble()).collect();
    let diagnosis = InstanceObservation {
        at: Timestamp::now(),
        started: None,
        kubectl: Kubectl::in_node("demo-control-plane"),
        active_command: None,
        components: Ok(&components),
        checks: &[],
        certificates: None,
        addons: &addons,
        host: &[],
    }
    .diagnose();
    let hints: Vec<String> = diagnosis.hints.iter().map(ToString::to_string).collect();
    let findings: Vec<_> = components
        .iter()
        .map(|one| (&one.state, &one.finding))
        .collect();
    let shown = format!("{findings:?}{:?}{hints:?}", diagnosis.notes);
    assert!(shown.len() < 1 << 20, "the diagnosis is unlimited");
}

async fn nodes(cluster: &Cluster, read: &mut Read) {
    if let Some(nodes) = read.add(cluster.observe_nodes().await) {
        let _ = format!("{:?}", why_no_pods(&nodes));
    }
    read.add(cluster.node_labels().await);
    read.add(cluster.version().await);
    read.add(cluster.pods().await);
    let request = LogRequest {
        container: "main".to_owned(),
        previous: false,
        follow: false,
        tail: Some(10),
        since: None,
    };
    if let Some(Some(mut log)) = read.add(cluster.open_log("pod", request).await) {
        let _ = log.read_to_end(&mut Vec::new()).await;
    }
}

/// How many calls [`read_engine`] has.
pub const CALLS: usize = 20;

/// Makes one call to an engine.
pub async fn read_engine(engine: &Docker, call: usize) -> Read {
    let mut read = Read::default();
    let image: ImageRef = IMAGE.parse().expect("a valid reference");
    let name = "demo-control-plane";
    match call {
        0 => _ = read.add(engine.info().await),
        1 => _ = read.add(engine.describe(Subject::Engine).await),
        2 => _ = read.add(engine.describe(Subject::Container(name)).await),
        3 => _ = read.add(engine.image(&image).await),
        4 => {
            let progress = |progress: Progress| drop(format!("{progress:?}"));
            read.add(engine.pull(&image, "linux/amd64", None, &progress).await);
        }
        5 => _ = read.add(bytes(engine.export(&[&image], "linux/amd64")).await),
        6 => _ = read.add(engine.container(name).await),
        7 => _ = read.add(engine.containers("a=b").await),
        8 => _ = read.add(engine.container_publishing(31999).await),
        9 => {
            let spec = ContainerSpec::new(name, image);
            read.add(engine.create(&spec).await);
        }
        10 => _ = read.add(engine.start(name).await),
        11 => _ = read.add(engine.wait(name).await),
        12 => {
            let log = read.add(engine.log(name, 20).await).unwrap_or_default();
            assert!(log.len() < 16 << 20, "a log is unlimited");
        }
        13 => _ = read.add(exec_ok(engine, name, "look", &["true"]).await),
        14 => match engine.exec_stream(name, "look", &["true"], Some("x")).await {
            Ok(stream) => _ = read.add(bytes(stream).await),
            Err(error) => _ = read.add::<(), _>(Err(error)),
        },
        15 => {
            let copied = engine.archive(name, "/x").map_err(io::Error::other);
            match archive::first_file(copied.into_async_read()).await {
                Ok(_) => read.read += 1,
                Err(_) => read.refused += 1,
            }
        }
        16 => _ = read.add(engine.networks("kind").await),
        17 => _ = read.add(engine.volume_labels("demo-images").await),
        18 => _ = read.add(engine.volumes("a=b").await),
        _ => _ = read.add(engine.create_network("kind").await),
    }
    read
}

/// Reads a stream, and returns its length.
async fn bytes(stream: ByteStream) -> Result<usize, docker::Error> {
    stream
        .try_fold(0, |sum, part| async move { Ok(sum + part.len()) })
        .await
}
