//! Ingress classes.

use std::collections::BTreeSet;

use super::{Checked, Input, text, ticked};
use crate::failures::Failure;
use crate::hint::Hint;
use crate::words::either;

const IS_DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";
/// The annotation that older controllers read instead of the class.
const LEGACY: &str = "kubernetes.io/ingress.class";

pub(super) fn check(input: &Input<'_>, report: &mut Checked) {
    let Some(classes) = input.facts.survey.ingress_classes.known() else {
        return;
    };
    let names: Vec<&str> = classes
        .iter()
        .filter_map(|class| class.metadata.name.as_deref())
        .collect();
    let is_legacy = |ingress: &&serde_json::Value| {
        ingress["metadata"]["annotations"][LEGACY]
            .as_str()
            .is_some()
    };
    let ingresses = input
        .of_kind("Ingress")
        .filter(|ingress| !is_legacy(ingress));
    let wanted: BTreeSet<&str> = ingresses
        .map(|ingress| text(ingress, "/spec/ingressClassName"))
        .collect();
    let has_default = classes.iter().any(|class| {
        let annotations = class.metadata.annotations.as_ref();
        let value = annotations.and_then(|all| all.get(IS_DEFAULT));
        value.is_some_and(|value| value == "true")
    });
    for class in wanted {
        if class.is_empty() && !has_default {
            report.warn(format!(
                "`ingress.className` is not set, and the cluster has no default ingress class: \
                 only a controller that serves ingresses without a class answers for the host \
                 names{}",
                match names.is_empty() {
                    true => String::new(),
                    false => format!("; the cluster has {}", either(&ticked(&names))),
                }
            ));
        }
        if class.is_empty() || names.contains(&class) {
            continue;
        }
        let what = match names.is_empty() {
            true => format!(
                "the ingress class `{class}` does not exist: the cluster has no ingress class"
            ),
            false => format!(
                "the ingress class `{class}` does not exist: expected {}",
                either(&ticked(&names))
            ),
        };
        report.find(
            Failure::IngressClassMissing,
            what,
            vec![
                Hint::text("set `ingress.className` in the values"),
                Hint::run(
                    "see the classes of the cluster",
                    input.place.kubectl().run("get ingressclasses"),
                ),
            ],
        );
    }
}
