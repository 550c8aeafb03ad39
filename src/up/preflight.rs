//! What must be true before anything is changed; everything that is not is told
//! at once.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;

use super::{Error, Plan};
use crate::docker::{Container, Engine, EngineInfo};
use crate::error::{Code, Explain, Result};
use crate::event::Events;
use crate::files;
use crate::node::spec::{self, KIND_CLUSTER_LABEL};
use crate::state::Marker;

/// The oldest Docker API that has what we use (Docker 19.03).
const OLDEST_API: (usize, usize) = (1, 40);
/// Processors below which Kubernetes' own pods leave no room.
const FEWEST_CPUS: u32 = 2;
/// Bytes that a first `up` may write where images are unpacked.
const FRESH_IMAGES: u64 = 8_000_000_000;
/// Bytes below which Elasticsearch stops writing, with some room to work.
const LEAST_FREE: u64 = 1_500_000_000;

/// One thing that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, and why it matters.
    pub what: String,
    /// What to type or do.
    pub remedies: Vec<String>,
    /// The exit code.
    pub code: Code,
}

/// Everything that is in the way.
#[derive(Debug, thiserror::Error)]
#[error("{}", summary(findings))]
pub struct Failed {
    /// At least one.
    pub findings: Vec<Finding>,
}

fn summary(findings: &[Finding]) -> String {
    match findings {
        [one] => one.what.clone(),
        many => format!("{} things are in the way; nothing was changed", many.len()),
    }
}

impl Explain for Failed {
    fn code(&self) -> Code {
        self.findings.first().map_or(Code::Unexpected, |f| f.code)
    }

    fn details(&self) -> Vec<String> {
        match &self.findings[..] {
            [_] => Vec::new(),
            many => many.iter().map(|f| format!("- {}", f.what)).collect(),
        }
    }

    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = Vec::new();
        for hint in self.findings.iter().flat_map(|f| &f.remedies) {
            if !hints.contains(hint) {
                hints.push(hint.clone());
            }
        }
        hints
    }
}

/// Checks everything.
pub(super) async fn run(
    plan: &Plan,
    engine: &dyn Engine,
    info: &EngineInfo,
    events: &Events,
) -> Result<()> {
    let step = events.step("preflight");
    let result = check(plan, engine, info).await;
    step.end(result, |()| (false, String::new()))
}

async fn check(plan: &Plan, engine: &dyn Engine, info: &EngineInfo) -> Result<()> {
    let node = engine.container(&spec::name(&plan.name)).await?;
    let mut findings = machine(plan, info);
    findings.extend(name_taken(plan, engine, node.as_ref()).await?);
    findings.extend(data(plan));
    let ours = node.filter(|node| spec::is_ours(node, &plan.name));
    if ours.as_ref().is_none_or(|node| !node.running) {
        findings.extend(ports(plan));
    }
    match &ours {
        Some(node) => findings.extend(conflicts(plan, node, info)),
        None => findings.extend(data_elsewhere(plan)),
    }
    let fresh = engine.image(&plan.instance.node_image).await?.is_none() || ours.is_none();
    findings.extend(disk(plan, info, fresh));
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Failed { findings }.into())
    }
}

/// The engine and the machine that it runs on.
fn machine(plan: &Plan, info: &EngineInfo) -> Vec<Finding> {
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
async fn name_taken(
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

/// The data directory is ours, and its databases fit the release.
fn data(plan: &Plan) -> Option<Finding> {
    let error = plan.marker().check(&plan.instance.data_dir).err()?;
    Some(Finding {
        what: error.to_string(),
        remedies: error.hints(),
        code: error.code(),
    })
}

/// The data are where they were: another folder would begin with nothing.
fn data_elsewhere(plan: &Plan) -> Option<Finding> {
    let former = plan.former_data_dir.as_ref()?;
    let wanted = &plan.instance.data_dir;
    let marker = Marker::read(former).ok().flatten()?;
    if former == wanted || marker.instance != plan.name {
        return None;
    }
    Some(Finding {
        what: format!(
            "the data of `{}` are in {}, not in {}",
            plan.name,
            former.display(),
            wanted.display()
        ),
        remedies: vec![
            "go on with them: leave --data-dir away".into(),
            "or begin anew under another name: clearml-local up --name NEW --data-dir DIR".into(),
        ],
        code: Code::Usage,
    })
}

/// The host ports are free.
fn ports(plan: &Plan) -> Vec<Finding> {
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
fn conflicts(plan: &Plan, node: &Container, info: &EngineInfo) -> Option<Finding> {
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
fn disk(plan: &Plan, info: &EngineInfo, fresh: bool) -> Vec<Finding> {
    let for_images = if fresh { FRESH_IMAGES } else { LEAST_FREE };
    let mut findings: Vec<Finding> = Vec::new();
    let places: [(&Path, u64, &str); 2] = [
        (&info.root_dir, for_images, "Docker's folder"),
        (&plan.instance.data_dir, LEAST_FREE, "the data directory"),
    ];
    for (path, needed, what) in places {
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
    use std::path::PathBuf;

    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::settings::Wishes;

    fn machine_that_fits() -> EngineInfo {
        EngineInfo {
            api: (1, 41),
            architecture: "amd64".into(),
            memory: 8_000_000_000,
            cpus: 4,
            ..EngineInfo::default()
        }
    }

    fn plan_at(data_dir: PathBuf, former: Option<PathBuf>, info: &EngineInfo) -> Plan {
        let ports = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [web, api, files] = ports.map(|p| Some(p.local_addr().unwrap().port()));
        let wishes = Wishes {
            web_port: web,
            api_port: api,
            files_port: files,
            ..Wishes::default()
        };
        let earlier = former.map(|dir| wishes.instance(None, dir).unwrap());
        let instance = wishes.instance(None, data_dir).unwrap();
        Plan::new("demo".parse().unwrap(), instance, earlier.as_ref(), info).unwrap()
    }

    async fn found(plan: &Plan, info: &EngineInfo, state: State) -> Vec<Code> {
        let engine = FakeEngine::new(state);
        let Err(error) = check(plan, &engine, info).await else {
            return Vec::new();
        };
        assert!(engine.state().calls.is_empty(), "nothing was changed");
        let mut codes = vec![error.code()];
        codes.extend(error.details().iter().skip(1).map(|_| error.code()));
        codes
    }

    #[tokio::test]
    async fn an_empty_machine_that_fits_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        let info = machine_that_fits();
        let plan = plan_at(dir.path().join("data"), None, &info);
        assert_eq!(found(&plan, &info, State::default()).await, []);
    }

    #[tokio::test]
    async fn a_machine_that_is_too_small_hears_everything_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let info = EngineInfo {
            memory: 1_000_000_000,
            cpus: 1,
            architecture: "riscv64".into(),
            api: (1, 24),
            ..EngineInfo::default()
        };
        let plan = plan_at(dir.path().join("data"), None, &info);
        assert_eq!(found(&plan, &info, State::default()).await.len(), 4);
    }

    #[tokio::test]
    async fn a_cluster_of_somebody_else_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let info = machine_that_fits();
        let plan = plan_at(dir.path().join("data"), None, &info);
        let node = Container {
            name: "demo-control-plane".into(),
            running: true,
            labels: [(KIND_CLUSTER_LABEL.to_owned(), "demo".to_owned())].into(),
            ..Container::default()
        };
        let state = State {
            containers: [(node.name.clone(), node)].into(),
            ..State::default()
        };
        assert_eq!(found(&plan, &info, state).await, [Code::NameTaken]);
    }

    #[tokio::test]
    async fn data_are_not_left_behind_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        let info = machine_that_fits();
        let former = dir.path().join("former");
        let plan = plan_at(dir.path().join("new"), Some(former.clone()), &info);
        assert_eq!(found(&plan, &info, State::default()).await, []);
        plan.marker().write(&former).unwrap();
        assert_eq!(found(&plan, &info, State::default()).await, [Code::Usage]);
    }

    fn finding(what: &str, remedy: &str, code: Code) -> Finding {
        Finding {
            what: what.into(),
            remedies: vec![remedy.into()],
            code,
        }
    }

    #[test]
    fn one_finding_is_the_error_itself() {
        let failed = Failed {
            findings: vec![finding("port 1 is in use", "use another", Code::PortInUse)],
        };
        assert_eq!(failed.to_string(), "port 1 is in use");
        assert!(failed.details().is_empty());
    }

    #[test]
    fn many_findings_are_told_at_once_and_no_remedy_twice() {
        let failed = Failed {
            findings: vec![
                finding("a", "see docker", Code::PortInUse),
                finding("b", "see docker", Code::DiskFull),
            ],
        };
        assert_eq!(
            failed.to_string(),
            "2 things are in the way; nothing was changed"
        );
        assert_eq!(failed.details(), ["- a", "- b"]);
        assert_eq!(failed.hints(), ["see docker"]);
        assert_eq!(failed.code(), Code::PortInUse);
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap();
        assert!(!is_free(taken.ip(), taken.port()));
        drop(listener);
        assert!(is_free(taken.ip(), taken.port()));
    }
}
