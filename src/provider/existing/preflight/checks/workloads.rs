//! The pods of the rendered objects.

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use serde_json::Value;

use super::{name, text};
use crate::component::Component;
use crate::kube::COMPONENT_LABEL;
use crate::quantity::bytes;

/// An object that creates pods.
pub(super) struct Workload {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) component: Option<Component>,
    pub(super) replicas: u32,
    pub(super) pod: PodSpec,
}

/// Processors and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Size {
    pub(super) cpu: f64,
    pub(super) memory: f64,
}

impl Workload {
    pub(super) fn of(object: &Value) -> Option<Workload> {
        let kind = text(object, "/kind");
        let pod = match kind {
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => {
                object.pointer("/spec/template/spec")?
            }
            "Pod" => object.get("spec")?,
            _ => return None,
        };
        let label = object["metadata"]["labels"][COMPONENT_LABEL].as_str();
        let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1);
        Some(Workload {
            kind: kind.to_owned(),
            name: name(object).to_owned(),
            component: label.and_then(Component::from_name),
            replicas: replicas.try_into().unwrap_or(u32::MAX),
            pod: serde_json::from_value(pod.clone()).ok()?,
        })
    }

    /// Returns all containers, with the path of their list in the specification.
    pub(super) fn containers(&self) -> impl Iterator<Item = (&'static str, &Container)> {
        let init = self.pod.init_containers.iter().flatten();
        let init = init.map(|container| ("initContainers", container));
        init.chain(
            self.pod
                .containers
                .iter()
                .map(|container| ("containers", container)),
        )
    }

    /// Returns what one pod requests.
    pub(super) fn requests(&self) -> Size {
        requests(&self.pod)
    }
}

impl std::fmt::Display for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl Size {
    pub(super) fn fits(self, room: Size) -> bool {
        self.cpu <= room.cpu && self.memory <= room.memory
    }
}

impl std::ops::Add for Size {
    type Output = Size;

    fn add(self, other: Size) -> Size {
        Size {
            cpu: self.cpu + other.cpu,
            memory: self.memory + other.memory,
        }
    }
}

impl std::ops::Sub for Size {
    type Output = Size;

    fn sub(self, other: Size) -> Size {
        Size {
            cpu: self.cpu - other.cpu,
            memory: self.memory - other.memory,
        }
    }
}

/// Formats a size such as `1.5 CPUs and 4.0 GiB of memory`.
impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gibibytes = self.memory / f64::from(1 << 30);
        let cpus = (self.cpu * 1000.0).round() / 1000.0;
        let plural = if cpus == 1.0 { "" } else { "s" };
        write!(f, "{cpus} CPU{plural} and {gibibytes:.1} GiB of memory")
    }
}

/// Returns what a pod requests: the sum of its containers, or the largest of the
/// containers that run before them.
pub(super) fn requests(pod: &PodSpec) -> Size {
    let mut sum = Size::default();
    for container in &pod.containers {
        sum = sum + of_container(container);
    }
    for container in pod.init_containers.iter().flatten() {
        let one = of_container(container);
        match container.restart_policy.as_deref() {
            // It keeps running beside the others.
            Some("Always") => sum = sum + one,
            _ => {
                sum.cpu = sum.cpu.max(one.cpu);
                sum.memory = sum.memory.max(one.memory);
            }
        }
    }
    sum
}

fn of_container(container: &Container) -> Size {
    let amount = |resource: &str| {
        let resources = container.resources.as_ref()?;
        request(resources, resource)
    };
    Size {
        cpu: amount("cpu").unwrap_or_default(),
        memory: amount("memory").unwrap_or_default(),
    }
}

/// Returns the request for a resource; a limit without a request is both.
pub(super) fn request(resources: &ResourceRequirements, resource: &str) -> Option<f64> {
    let requests = resources.requests.as_ref();
    let request = requests.and_then(|requests| bytes(&requests.get(resource)?.0));
    request.or_else(|| limit(resources, resource))
}

pub(super) fn limit(resources: &ResourceRequirements, resource: &str) -> Option<f64> {
    let limits = resources.limits.as_ref()?;
    bytes(&limits.get(resource)?.0)
}
