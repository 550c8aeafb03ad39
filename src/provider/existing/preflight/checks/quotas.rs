//! Quotas and limit ranges of the namespace.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem, ResourceQuota};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::claims::{Claim, claims};
use super::workloads::{Workload, limit, request};
use super::{Checked, Input};
use crate::failures::Failure;
use crate::hint::Hint;
use crate::quantity::bytes;

/// The resources of containers that quotas and limit ranges are about.
const OF_CONTAINERS: [&str; 2] = ["cpu", "memory"];

pub(super) fn check(input: &Input<'_>, workloads: &[Workload], report: &mut Checked) {
    let survey = &input.facts.survey;
    let limits = survey.limits.known().map(Vec::as_slice).unwrap_or_default();
    for quota in survey.quotas.known().into_iter().flatten() {
        // A quota with scopes is only for some pods.
        let spec = quota.spec.as_ref();
        if spec.is_some_and(|spec| spec.scopes.is_none() && spec.scope_selector.is_none()) {
            amounts(input, workloads, quota, report);
            required(workloads, quota, limits, report);
        }
    }
    for range in limits {
        for item in range.spec.iter().flat_map(|spec| &spec.limits) {
            within(input, workloads, range, item, report);
        }
    }
}

/// Returns what the rendered objects use of the resources that quotas count.
fn usage(input: &Input<'_>, workloads: &[Workload]) -> BTreeMap<String, f64> {
    let mut used: BTreeMap<String, f64> = BTreeMap::new();
    let mut add = |key: &str, amount: f64| *used.entry(key.to_owned()).or_default() += amount;
    for workload in workloads {
        let replicas = f64::from(workload.replicas);
        let size = workload.requests();
        add("pods", replicas);
        for key in ["cpu", "requests.cpu"] {
            add(key, size.cpu * replicas);
        }
        for key in ["memory", "requests.memory"] {
            add(key, size.memory * replicas);
        }
        for resource in OF_CONTAINERS {
            let containers = workload.pod.containers.iter();
            let resources = containers.filter_map(|container| container.resources.as_ref());
            let limits: f64 = resources.filter_map(|all| limit(all, resource)).sum();
            add(&format!("limits.{resource}"), limits * replicas);
        }
    }
    for Claim { class, size, .. } in claims(input) {
        add("persistentvolumeclaims", 1.0);
        add("requests.storage", size);
        if let Some(class) = class {
            let key = |rest: &str| format!("{class}.storageclass.storage.k8s.io/{rest}");
            add(&key("requests.storage"), size);
            add(&key("persistentvolumeclaims"), 1.0);
        }
    }
    for service in input.of_kind("Service") {
        add("services", 1.0);
        match service["spec"]["type"].as_str() {
            Some("NodePort") => add("services.nodeports", 1.0),
            Some("LoadBalancer") => add("services.loadbalancers", 1.0),
            _ => {}
        }
    }
    add("secrets", input.of_kind("Secret").count() as f64);
    add("configmaps", input.of_kind("ConfigMap").count() as f64);
    used
}

/// Checks the amounts of a quota. On a first installation, what others use is added.
fn amounts(input: &Input<'_>, workloads: &[Workload], quota: &ResourceQuota, report: &mut Checked) {
    let status = quota.status.as_ref();
    let used = status.and_then(|status| status.used.as_ref());
    let is_new = input.facts.live.is_empty();
    let usage = usage(input, workloads);
    for (resource, hard) in quota
        .spec
        .iter()
        .flat_map(|spec| spec.hard.iter().flatten())
    {
        let key = resource.strip_prefix("count/").unwrap_or(resource);
        let (Some(wanted), Some(most)) = (usage.get(key), bytes(&hard.0)) else {
            continue;
        };
        let others = used.and_then(|used| bytes(&used.get(resource)?.0));
        let others = others.filter(|_| is_new).unwrap_or_default();
        if wanted + others > most {
            let used = match others > 0.0 {
                true => format!(", and others use {}", amount(key, others)),
                false => String::new(),
            };
            report.find(
                Failure::QuotaExceeded,
                format!(
                    "the quota `{}` allows {} of {resource}: the server needs {}{used}",
                    quota_name(quota),
                    amount(key, most),
                    amount(key, *wanted),
                ),
                vec![Hint::text(
                    "request less in the values, or ask an administrator for a larger quota",
                )],
            );
        }
    }
}

/// Checks that each container sets what a quota counts, because others are refused.
fn required(
    workloads: &[Workload],
    quota: &ResourceQuota,
    ranges: &[LimitRange],
    report: &mut Checked,
) {
    let hard = quota.spec.as_ref().and_then(|spec| spec.hard.as_ref());
    for resource in OF_CONTAINERS {
        let counts = |keys: &[String]| {
            hard.is_some_and(|hard| keys.iter().any(|key| hard.contains_key(key)))
        };
        let of_requests = counts(&[resource.to_owned(), format!("requests.{resource}")]);
        let of_limits = counts(&[format!("limits.{resource}")]);
        for (is_counted, field) in [(of_requests, "requests"), (of_limits, "limits")] {
            if !is_counted || has_default(ranges, resource, field) {
                continue;
            }
            let lacking = workloads.iter().find_map(|workload| {
                let mut containers = workload.containers();
                let container = containers.find(|(_, container)| {
                    let resources = container.resources.as_ref();
                    let set = resources.and_then(|resources| match field {
                        "requests" => request(resources, resource),
                        _ => limit(resources, resource),
                    });
                    set.is_none()
                });
                Some((workload, container?.1))
            });
            let Some((workload, container)) = lacking else {
                continue;
            };
            report.find(
                Failure::QuotaNeedsResources,
                format!(
                    "the quota `{}` requires `resources.{field}.{resource}` of every container: \
                     the container `{}` of {workload} has none",
                    quota_name(quota),
                    container.name
                ),
                vec![Hint::text(format!(
                    "set `resources.{field}.{resource}` in the values, or add a LimitRange with a \
                     default to the namespace"
                ))],
            );
        }
    }
}

fn has_default(ranges: &[LimitRange], resource: &str, field: &str) -> bool {
    let items = ranges
        .iter()
        .flat_map(|range| range.spec.iter().flat_map(|spec| &spec.limits));
    let mut items = items.filter(|item| item.type_ == "Container");
    let has = |map: &Option<BTreeMap<String, Quantity>>| {
        map.as_ref().is_some_and(|map| map.contains_key(resource))
    };
    items.any(|item| {
        // A default limit is also the request; a maximum is also the default limit.
        let of_limits = has(&item.default) || has(&item.max);
        of_limits || (field == "requests" && (has(&item.default_request) || has(&item.min)))
    })
}

/// Checks requests and limits of containers and pods, and sizes of claims.
fn within(
    input: &Input<'_>,
    workloads: &[Workload],
    range: &LimitRange,
    item: &LimitRangeItem,
    report: &mut Checked,
) {
    let mut outside = |what: String, resource: &str, value: f64| {
        let bound =
            |map: &Option<BTreeMap<String, Quantity>>| bytes(&map.as_ref()?.get(resource)?.0);
        let (least, most) = (bound(&item.min), bound(&item.max));
        let (bound, relation) = match (least, most) {
            (_, Some(most)) if value > most => (most, "at most"),
            (Some(least), _) if value < least => (least, "at least"),
            _ => return,
        };
        report.find(
            Failure::LimitRangeExceeded,
            format!(
                "the limit range `{}` allows {relation} {} of {resource}: {what} has {}",
                range.metadata.name.as_deref().unwrap_or_default(),
                amount(resource, bound),
                amount(resource, value),
            ),
            vec![Hint::text("change `resources` or the size in the values")],
        );
    };
    match item.type_.as_str() {
        "Container" => {
            for workload in workloads {
                for (_, container) in workload.containers() {
                    let Some(resources) = &container.resources else {
                        continue;
                    };
                    for resource in OF_CONTAINERS {
                        let what = format!("the container `{}` of {workload}", container.name);
                        let request = request(resources, resource);
                        let limit = limit(resources, resource);
                        // The minimum is for the request, and the maximum for the limit.
                        let values = [request.filter(|_| limit != request), limit];
                        for value in values.into_iter().flatten() {
                            outside(what.clone(), resource, value);
                        }
                    }
                }
            }
        }
        "Pod" => {
            for workload in workloads {
                let size = workload.requests();
                for (resource, value) in [("cpu", size.cpu), ("memory", size.memory)] {
                    outside(format!("a pod of {workload}"), resource, value);
                }
            }
        }
        "PersistentVolumeClaim" => {
            for Claim { name, size, .. } in claims(input) {
                outside(format!("the claim `{name}`"), "storage", size);
            }
        }
        _ => {}
    }
}

/// Formats an amount of a resource: bytes as GiB, others as a number.
fn amount(resource: &str, value: f64) -> String {
    match resource.contains("memory") || resource.ends_with("storage") {
        true => format!("{:.1} GiB", value / f64::from(1 << 30)),
        false => format!("{}", (value * 1000.0).round() / 1000.0),
    }
}

fn quota_name(quota: &ResourceQuota) -> &str {
    quota.metadata.name.as_deref().unwrap_or_default()
}
