//! Decides from recorded observations which failure they are, on the way that `up` takes, and
//! returns what `up` prints.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::component::Component;
use crate::docker::{ContainerSpec, Docker, Engine};
use crate::error::Error;
use crate::event::Events;
use crate::failures::Failure;
use crate::health::{self, InstanceObservation, NeverStuck, TimeLimit, await_ready, missing};
use crate::image_ref::ImageRef;
use crate::kube::Cluster;
use crate::kubectl::Kubectl;
use crate::preflight::Failed;
use crate::provider::existing::preflight;
use crate::provider::local::refused_pull;
use crate::settings::ClusterSettings;
use crate::{ui, up};

/// How long a wait for components lasts that may become ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// A failure, and what `up` prints for it on 80 columns.
#[derive(Debug)]
pub struct Shown {
    pub failures: Vec<Failure>,
    pub text: String,
}

fn shown(error: impl Into<Error>) -> Shown {
    let error = error.into();
    Shown {
        failures: error.failures(),
        text: ui::error_text(&error),
    }
}

/// Waits for the components of a cluster as `up` does. `None` if they are ready.
pub async fn components(cluster: &Cluster, events: &Events) -> Option<Shown> {
    let absent = missing(cluster, &Component::ALL).await;
    let absent = match absent {
        Ok(absent) => absent,
        Err(error) => return Some(shown(error)),
    };
    let present: Vec<Component> = Component::ALL
        .into_iter()
        .filter(|one| !absent.contains(one))
        .collect();
    let time = TimeLimit::new(PATIENCE).after(&[]);
    let began = Instant::now();
    let stuck = &mut NeverStuck;
    let waited = await_ready(cluster, &present, &time, events, began, stuck, |_, _| {});
    waited.await.err().map(shown)
}

/// Checks the add-ons of a node's cluster. `None` if they work.
pub async fn addons(cluster: &Cluster) -> Option<Shown> {
    match cluster.addons().await {
        Ok(addons) => addons.iter().find_map(|one| one.trouble()).map(shown),
        Err(error) => Some(shown(error)),
    }
}

/// Assesses an instance as `status` does. `None` if it is ready.
pub async fn status(cluster: &Cluster) -> Option<Shown> {
    let until = tokio::time::Instant::now() + PATIENCE;
    let observed = health::observe(cluster, None, until, PATIENCE).await;
    let (components, unobserved) = match observed {
        Ok(observed) => (observed.components, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let diagnosis = InstanceObservation {
        at: Timestamp::now(),
        started: None,
        kubectl: Kubectl::in_node("demo-control-plane"),
        active_command: None,
        components: unobserved.map_or(Ok(&components[..]), Err),
        checks: &[],
        certificates: None,
        addons: &[],
        host: &[],
    }
    .diagnose();
    let findings = diagnosis.findings;
    (!findings.is_empty()).then(|| shown(Failed { findings }))
}

/// Waits until a node accepts pods as `up` does. `None` if it does.
pub async fn node(cluster: &Cluster, events: &Events) -> Option<Shown> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let step = events.step("ready");
    match health::await_node(cluster, deadline, &step).await {
        Ok(accepted) => accepted
            .err()
            .map(|late| shown(up::Error::NodeNotReady(late))),
        Err(error) => Some(shown(error)),
    }
}

/// Checks an existing cluster as `up` does before it applies `objects`. `None` if there are
/// no findings.
pub async fn survey(
    cluster: &Cluster,
    place: &ClusterSettings,
    objects: &[Value],
) -> Option<Shown> {
    match preflight::run(cluster, place, "demo", objects).await {
        Ok(checked) if checked.findings.is_empty() => None,
        Ok(checked) => Some(shown(Failed {
            findings: checked.findings,
        })),
        Err(error) => Some(shown(error)),
    }
}

/// Applies an object. `None` if the cluster accepts it.
pub async fn apply(cluster: &Cluster, object: Value) -> Option<Shown> {
    cluster.apply(&[object]).await.err().map(shown)
}

/// Makes the engine's part of creating a node: `create`, `start` or `network`. `None` if it
/// does not refuse.
///
/// # Panics
/// If there is no such call.
pub async fn engine(engine: &Docker, call: &str, image: ImageRef) -> Option<Shown> {
    let name = "demo-control-plane";
    let result = match call {
        "create" => engine
            .create(&ContainerSpec::new(name, image))
            .await
            .map(drop),
        "start" => engine.start(name).await,
        "remove" => engine.remove(name).await,
        "exec" => engine.exec(name, &["true"], None).await.map(drop),
        "network" => engine.create_network("kind").await,
        other => panic!("unknown call {other}"),
    };
    result.err().map(shown)
}

/// Pulls an image once with the engine. `None` if that succeeds.
pub async fn image(engine: &Docker, reference: &ImageRef) -> Option<Shown> {
    let platform = "linux/amd64";
    let pulled = engine.pull(reference, platform, None, &|_| {}).await;
    let refused = pulled.err()?;
    Some(shown(refused_pull(reference, platform, refused)))
}
