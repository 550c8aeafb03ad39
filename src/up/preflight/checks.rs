//! The checks, each a function from what is there to what is in the way.

use std::net::{IpAddr, SocketAddr, TcpListener};

use super::Finding;
use crate::docker::{Container, Engine, EngineInfo};
use crate::error::{Code, Explain, Result};
use crate::files;
use crate::node::spec::{self, KIND_CLUSTER_LABEL};
use crate::settings::DataPlace;
use crate::state::{self, Marker};
use crate::up::{Error, Plan, data};

/// The oldest Docker API that has what we use (Docker 19.03).
const OLDEST_API: (usize, usize) = (1, 40);
/// Processors below which Kubernetes' own pods leave no room.
const FEWEST_CPUS: u32 = 2;
/// Bytes that a first `up` may write where images are unpacked.
const FRESH_IMAGES: u64 = 8_000_000_000;
/// Bytes below which Elasticsearch stops writing, with some room to work.
const LEAST_FREE: u64 = 1_500_000_000;

/// The engine and the machine that it runs on.
pub(super) fn machine(plan: &Plan, info: &EngineInfo) -> Vec<Finding> {
    let mut findings = Vec::new();
    if info.api < OLDEST_API {
        findings.push(Finding {
            what: format!(
                "Docker {} is too old: it speaks API {}.{}, and {}.{} is needed",
                info.version, info.api.0, info.api.1, OLDEST_API.0, OLDEST_API.1
            ),
            remedies: vec!["update Docker".into()],
            code: Code::DockerUnsupported,
        });
    }
    if !matches!(info.architecture.as_str(), "amd64" | "arm64") {
        findings.push(Finding {
            what: format!("there are no images for {} machines", info.architecture),
            remedies: vec!["use an amd64 or arm64 machine".into()],
            code: Code::DockerUnsupported,
        });
    }
    let needed = plan.profile.memory_needed();
    if info.memory < needed {
        findings.push(Finding {
            what: format!(
                "the server needs {} of memory, and Docker has {}",
                gib(needed),
                gib(info.memory)
            ),
            remedies: vec!["give Docker more memory (Docker Desktop: Settings, Resources)".into()],
            code: Code::HostTooSmall,
        });
    }
    if info.cpus < FEWEST_CPUS {
        findings.push(Finding {
            what: format!(
                "the server needs {FEWEST_CPUS} processors, and Docker has {}",
                info.cpus
            ),
            remedies: vec![
                "give Docker more processors (Docker Desktop: Settings, Resources)".into(),
            ],
            code: Code::HostTooSmall,
        });
    }
    findings
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown with one digit behind the point"
)]
fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

/// The node's name, or kind's cluster of that name, belongs to somebody else.
pub(super) async fn name_taken(
    plan: &Plan,
    engine: &dyn Engine,
    node: Option<&Container>,
) -> Result<Option<Finding>> {
    let label = format!("{KIND_CLUSTER_LABEL}={}", plan.name);
    let others = engine.containers(&label).await?;
    let other = others
        .iter()
        .chain(node)
        .find(|container| !spec::is_ours(container, &plan.name));
    Ok(other.map(|container| {
        let maker = if container.labels.contains_key(KIND_CLUSTER_LABEL) {
            "a kind cluster that clearml-local did not make"
        } else {
            "something that clearml-local did not make"
        };
        Finding {
            what: format!(
                "the name `{}` is taken: the container {} is {maker}",
                plan.name, container.name
            ),
            remedies: vec!["use another name: clearml-local up --name NAME".into()],
            code: Code::NameTaken,
        }
    }))
}

/// The place for the data is ours, and its databases fit the release.
pub(super) async fn data(plan: &Plan, engine: &dyn Engine) -> Result<Option<Finding>> {
    let place = &plan.instance.data_dir;
    let checked = match place {
        DataPlace::Folder(folder) => plan.marker().check(folder),
        DataPlace::Volume(name) => match engine.volume_labels(name).await? {
            None => Ok(()),
            Some(labels) => match Marker::from_labels(&labels) {
                Some(found) => plan.marker().check_against(found, place),
                None => Err(state::Error::VolumeForeign { name: name.clone() }),
            },
        },
    };
    Ok(checked.err().map(|error| Finding {
        what: error.to_string(),
        remedies: error.hints(),
        code: error.code(),
    }))
}

/// The data are where they were: another place would begin with nothing.
pub(super) async fn data_elsewhere(plan: &Plan, engine: &dyn Engine) -> Result<Option<Finding>> {
    let wanted = &plan.instance.data_dir;
    let Some(former) = plan
        .former_data_dir
        .as_ref()
        .filter(|former| *former != wanted)
    else {
        return Ok(None);
    };
    let marker = data::marker_at(former, engine).await?;
    if marker.is_none_or(|marker| marker.instance != plan.name) {
        return Ok(None);
    }
    Ok(Some(Finding {
        what: format!(
            "the data of `{}` are in {former}, not in {wanted}",
            plan.name
        ),
        remedies: vec![
            "go on with them: leave --data-dir away".into(),
            "or begin anew under another name: clearml-local up --name NEW --data-dir DIR".into(),
        ],
        code: Code::Usage,
    }))
}

/// The host ports are free.
pub(super) fn ports(plan: &Plan) -> Vec<Finding> {
    let ports = plan.instance.ports;
    [
        (ports.web, "--web-port"),
        (ports.api, "--api-port"),
        (ports.files, "--files-port"),
    ]
    .into_iter()
    .filter(|(port, _)| !is_free(plan.instance.listen, *port))
    .map(|(port, flag)| Finding {
        what: format!("port {port} on {} is in use", plan.instance.listen),
        remedies: vec![
            format!("see who uses it: ss -ltnp 'sport = :{port}'"),
            format!("or use another: clearml-local up {flag} PORT"),
        ],
        code: Code::PortInUse,
    })
    .collect()
}

fn is_free(address: IpAddr, port: u16) -> bool {
    TcpListener::bind(SocketAddr::new(address, port)).is_ok()
}

/// The node that is there can do what is asked for.
pub(super) fn conflicts(plan: &Plan, node: &Container, info: &EngineInfo) -> Option<Finding> {
    let differences = plan.node("", &[], info).differences(node);
    if differences.is_empty() {
        return None;
    }
    let words = differences
        .iter()
        .map(|(what, is, wanted)| format!("{what} is {is}, not {wanted}"));
    let error = Error::NodeDiffers {
        name: plan.name.clone(),
        differences: words.collect::<Vec<_>>().join("; "),
    };
    Some(Finding {
        what: error.to_string(),
        remedies: error.hints(),
        code: error.code(),
    })
}

/// There is room for images and data, where the daemon's folders can be seen
/// from here.
pub(super) fn disk(plan: &Plan, info: &EngineInfo, fresh: bool) -> Vec<Finding> {
    let for_images = if fresh { FRESH_IMAGES } else { LEAST_FREE };
    let mut findings: Vec<Finding> = Vec::new();
    let root = Some((info.root_dir.as_path(), for_images, "Docker's folder"));
    let data = plan.instance.data_dir.folder();
    let data = data.map(|folder| (folder, LEAST_FREE, "the data directory"));
    for (path, needed, what) in root.into_iter().chain(data) {
        let visible = path.is_absolute() && !info.in_virtual_machine();
        let Some(free) = files::free_space(path).filter(|_| visible) else {
            continue;
        };
        if free < needed {
            findings.push(Finding {
                what: format!(
                    "{what} {} has {} free, and {} may be needed",
                    path.display(),
                    gib(free),
                    gib(needed)
                ),
                remedies: vec!["see what fills the disk: docker system df".into()],
                code: Code::DiskFull,
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap();
        assert!(!is_free(taken.ip(), taken.port()));
        drop(listener);
        assert!(is_free(taken.ip(), taken.port()));
    }
}
