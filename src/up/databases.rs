//! Early start of the databases on a new node, before everything else: the server waits for them,
//! and starts when they are ready. Each starts when its own image is loaded. The server's image
//! is larger than all of theirs together, and they do not wait for it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use serde_json::Value;

use super::run::Run;
use crate::component::Component;
use crate::error::Result;
use crate::event::Step;
use crate::images::{Arrivals, Identities, RequiredImage};
use crate::kube::{Applied, COMPONENT_LABEL, Cluster, wave};
use crate::manifests::Object;
use crate::plan::Plan;
use crate::secrets::Secrets;
use crate::wait::{Attempt, Wait};
use crate::words::listed;

/// When a database whose image is loaded has usually started.
const LATE: Duration = Duration::from_secs(4);

/// The step `apply` after the databases were applied.
pub(super) struct Early {
    pub step: Step,
    /// What was applied, with an object again each time.
    pub applied: Vec<Applied>,
}

/// Applies the objects that need no image, and each database when its image is loaded. Returns
/// `None` if external databases must be checked before anything is applied.
pub(super) async fn apply_early(
    run: &Run<'_>,
    secrets: &Secrets,
    mut images: Arrivals,
    cluster: &Cluster,
) -> Result<Option<Early>> {
    let plan = run.plan;
    if !plan.external().is_empty() {
        return Ok(None);
    }
    let mut early = Early {
        step: run.session.events.step("apply"),
        applied: Vec::new(),
    };
    let wanted = plan.images();
    let mut components = BTreeSet::new();
    loop {
        let loaded = images.borrow_and_update().clone();
        let next = startable(plan, &loaded, &components);
        if early.applied.is_empty() || !next.is_empty() {
            components.extend(next);
            let objects = select(&plan.objects(secrets, &loaded)?, &components);
            let applied = cluster.apply(&objects).await?;
            early.applied.extend(applied);
        }
        let has = |image: &RequiredImage| loaded.contains_key(&image.reference);
        if wanted.iter().all(has) {
            early
                .step
                .state("waiting for the databases and the add-ons");
            return Ok(Some(early));
        }
        early
            .step
            .state("waiting for the images of the other components");
        // The sender is dropped when all images are loaded, or when one failed.
        if images.changed().await.is_err() {
            return Ok(Some(early));
        }
    }
}

/// Waits until the containers of the databases run, or until they are obviously late: their
/// images may still be missing. On a machine with few processors, everything else that starts
/// at the same time would delay Elasticsearch, which takes longest, and the API server with it.
pub(super) async fn await_containers(run: &Run<'_>, cluster: &Cluster, step: &Step) {
    if !run.plan.external().is_empty() {
        return;
    }
    let databases = databases(run.plan);
    let wait = Wait::new("the containers of the databases")
        .every(Duration::from_millis(150))
        .within(LATE)
        .reported_by(step);
    let started = wait.run(async || -> Result<_, Infallible> {
        let pods = cluster.pods().await.unwrap_or_default();
        let running = |database| {
            let mut pods = pods.iter();
            pods.any(|(component, pod)| component == database && pod.phase == "Running")
        };
        let missing = databases.iter().filter(|database| !running(*database));
        let missing: Vec<&str> = missing.map(|database| database.name()).collect();
        Ok(match missing.is_empty() {
            true => Attempt::Done(()),
            false => Attempt::Pending(listed(&missing).into()),
        })
    });
    // The step `ready` reports what does not start.
    let _ = started.await;
}

fn databases(plan: &Plan) -> Vec<Component> {
    let mut databases = plan.values.installed();
    databases.retain(|component| component.is_database());
    databases
}

/// Returns the databases whose image is loaded and that were not applied yet.
fn startable(plan: &Plan, loaded: &Identities, applied: &BTreeSet<Component>) -> Vec<Component> {
    let mut databases = databases(plan);
    databases.retain(|component| {
        !applied.contains(component) && loaded.contains_key(plan.values.image(*component))
    });
    databases
}

/// Returns the objects without pods, and all objects of these components.
fn select(objects: &[Object], components: &BTreeSet<Component>) -> Vec<Value> {
    let belongs = |object: &Value| {
        let label = object["metadata"]["labels"][COMPONENT_LABEL].as_str();
        label
            .and_then(Component::from_name)
            .is_some_and(|component| components.contains(&component))
    };
    let objects = objects.iter().map(Object::as_value);
    let chosen = objects.filter(|object| {
        let kind = object["kind"].as_str().unwrap_or_default();
        !runs_pods(kind) || belongs(object)
    });
    chosen.cloned().collect()
}

/// Returns whether objects of this kind have pods, which need an image.
fn runs_pods(kind: &str) -> bool {
    wave(kind) == wave("Deployment")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Instance;

    fn plan() -> Plan {
        let place = std::path::PathBuf::from("/data").into();
        let instance = Instance::with_defaults(place);
        let name = "demo".parse().unwrap();
        Plan::new(name, instance, None, 0).unwrap()
    }

    #[test]
    fn a_database_starts_when_its_own_image_is_loaded() {
        let plan = plan();
        let mut loaded = Identities::new();
        let mut applied = BTreeSet::new();
        assert_eq!(startable(&plan, &loaded, &applied), []);
        for component in [Component::Apiserver, Component::Elasticsearch] {
            let image = plan.values.image(component).clone();
            loaded.insert(image, "sha256:00".into());
        }
        let next = startable(&plan, &loaded, &applied);
        assert_eq!(next, [Component::Elasticsearch]);
        applied.extend(next);
        assert_eq!(startable(&plan, &loaded, &applied), []);

        let objects = plan.objects(&Secrets::generate(), &loaded).unwrap();
        let mut early = select(&objects, &applied);
        early.retain(|object| runs_pods(object["kind"].as_str().unwrap()));
        let names: Vec<_> = early.iter().map(|o| &o["metadata"]["name"]).collect();
        assert_eq!(names, ["clearml-elastic-master"]);
    }
}
