//! What must be true before anything is changed; everything that is not is told
//! at once.

mod checks;

use super::Plan;
use crate::docker::{Engine, EngineInfo};
use crate::error::{Code, Explain, Result};
use crate::event::Events;
use crate::node::spec;

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
    let mut findings = checks::machine(plan, info);
    findings.extend(checks::name_taken(plan, engine, node.as_ref()).await?);
    findings.extend(checks::data(plan, engine).await?);
    let ours = node.filter(|node| spec::is_ours(node, &plan.name));
    if ours.as_ref().is_none_or(|node| !node.running) {
        findings.extend(checks::ports(plan));
    }
    match &ours {
        Some(node) => findings.extend(checks::conflicts(plan, node, info)),
        None => findings.extend(checks::data_elsewhere(plan, engine).await?),
    }
    let fresh = engine.image(&plan.instance.node_image).await?.is_none() || ours.is_none();
    findings.extend(checks::disk(plan, info, fresh));
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Failed { findings }.into())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::path::PathBuf;

    use super::*;
    use crate::docker::Container;
    use crate::docker::fake::{FakeEngine, State};
    use crate::node::spec::KIND_CLUSTER_LABEL;
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
        let earlier = former.map(|dir| wishes.instance(None, dir.into()).unwrap());
        let instance = wishes.instance(None, data_dir.into()).unwrap();
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
}
