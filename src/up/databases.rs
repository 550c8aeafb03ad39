//! On a new node the databases need not wait for the server's image, which is larger
//! than theirs together: each begins once its own image is there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Plan;
use crate::component::{Component, NAMESPACE};
use crate::error::Result;
use crate::event::{Events, Step};
use crate::images::{Arrivals, Identities, RequiredImage};
use crate::kube::{COMPONENT_LABEL, Cluster, wave};
use crate::manifests::Object;
use crate::secrets::Secrets;

/// Applies what needs no image, and each database as its image arrives; returns the
/// step, which applies the rest. `None` where nothing may be applied yet, because
/// databases outside are asked first.
pub(super) async fn apply_early(
    plan: &Plan,
    secrets: &Secrets,
    mut images: Arrivals,
    cluster: &Cluster,
    events: &Events,
) -> Result<Option<Step>> {
    if !plan.outside().is_empty() {
        return Ok(None);
    }
    let step = events.step("apply");
    let wanted = plan.images();
    let mut applied = BTreeSet::new();
    let mut first = true;
    loop {
        let there = images.borrow_and_update().clone();
        let has = |image: &RequiredImage| there.contains_key(&image.reference);
        if wanted.iter().all(has) {
            return Ok(Some(step));
        }
        let begins = beginning(plan, &there, &applied);
        if first || !begins.is_empty() {
            applied.extend(begins);
            let objects = of(&plan.objects(secrets, &there)?, &applied);
            cluster.apply(&objects, NAMESPACE).await?;
            first = false;
        }
        step.state("waiting for the images of the other components");
        // The other end is gone when all have arrived, or one cannot be had.
        if images.changed().await.is_err() {
            return Ok(Some(step));
        }
    }
}

/// The databases whose image is there, and that were not applied yet.
fn beginning(plan: &Plan, there: &Identities, applied: &BTreeSet<Component>) -> Vec<Component> {
    let mut begin = plan.values.installed();
    begin.retain(|component| {
        component.is_database()
            && !applied.contains(component)
            && there.contains_key(plan.values.image(*component))
    });
    begin
}

/// The objects that run nothing, and those of these components.
fn of(objects: &[Object], components: &BTreeSet<Component>) -> Vec<Value> {
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

/// Whether objects of this kind need an image.
fn runs_pods(kind: &str) -> bool {
    wave(kind) == wave("Deployment")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::EngineInfo;
    use crate::settings::Instance;

    fn plan() -> Plan {
        let place = std::path::PathBuf::from("/data").into();
        let instance = Instance::with_defaults(place);
        let name = "demo".parse().unwrap();
        Plan::new(name, instance, None, &EngineInfo::default()).unwrap()
    }

    #[test]
    fn a_database_begins_once_its_own_image_is_there() {
        let plan = plan();
        let mut there = Identities::new();
        let mut applied = BTreeSet::new();
        assert_eq!(beginning(&plan, &there, &applied), []);
        for component in [Component::Apiserver, Component::Elasticsearch] {
            let image = plan.values.image(component).clone();
            there.insert(image, "sha256:00".into());
        }
        let begins = beginning(&plan, &there, &applied);
        assert_eq!(begins, [Component::Elasticsearch]);
        applied.extend(begins);
        assert_eq!(beginning(&plan, &there, &applied), []);

        let objects = plan.objects(&Secrets::generate(), &there).unwrap();
        let mut early = of(&objects, &applied);
        early.retain(|object| runs_pods(object["kind"].as_str().unwrap()));
        let names: Vec<_> = early.iter().map(|o| &o["metadata"]["name"]).collect();
        assert_eq!(names, ["clearml-elastic-master"]);
    }
}
