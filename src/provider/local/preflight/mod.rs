//! Preflight checks, before anything is changed. All findings are reported together.

mod address;
pub(super) mod data_dir;
mod disk;
mod inside;
mod machine;
mod network;
mod owners;
mod ports;
mod proxy;

pub(super) use self::machine::clock;
pub(super) use self::network::create as create_network;
use super::node::spec::{self, NETWORK};
use super::run::Run;
use super::{Local, recovery};
use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::kubectl::Kubectl;
use crate::plan::selectors;
use crate::preflight::Finding;
use crate::provider::Checked;
use crate::settings::Instance;

/// Checks that the address, the ports and the network of the instance's node are available.
pub(super) async fn reachable(local: &Local<'_>, settings: &Instance) -> Result<Vec<Finding>> {
    let engine = local.engine();
    let ours = recovery::node_of(local).await?;
    let own = inside::own_container(engine).await?;
    let mut findings = reach(settings, engine, ours.as_ref(), own.as_ref()).await?;
    // A start renews certificates that seem to expire, and then refuses the new ones.
    findings.extend(clock(&*local.info().await?, jiff::Timestamp::now()));
    Ok(findings)
}

/// Runs all checks of `up`.
pub(super) async fn check(run: &Run<'_>) -> Result<Checked> {
    let Run {
        local,
        info,
        request,
        plan,
    } = *run;
    let engine = local.engine();
    let name = spec::name(local.name);
    let node = engine.container(&name).await?;
    let mut findings = machine::machine(plan, info);
    findings.extend(machine::cgroups(info));
    findings.extend(machine::snap(plan, info, dirs::home_dir().as_deref()));
    findings.extend(clock(info, jiff::Timestamp::now()));
    findings.extend(owners::name_in_use(local, node.as_ref()).await?);
    findings.extend(data_dir::findings(run).await?);
    findings.extend(plan.early_findings.iter().cloned());
    findings.extend(owners::data(run).await?);
    findings.extend(owners::abandoned_data(run).await?);
    findings.extend(owners::kubeconfig(plan, request.user_kubeconfig.as_deref()));
    let ours = node.filter(|node| spec::is_ours(node, local.name));
    let own = inside::own_container(engine).await?;
    findings.extend(reach(&plan.instance, engine, ours.as_ref(), own.as_ref()).await?);
    let place = &plan.instance.node.data_dir;
    findings.extend(own.and_then(|own| inside::data(&own, place)));
    findings.extend(disk::disk(run, ours.is_none()).await?);
    if ours.is_none() {
        let labels = spec::node_labels(&name, &info.architecture);
        findings.extend(selectors::finding(
            plan,
            &[labels],
            &Kubectl::in_node(&name),
        ));
    }
    let proxies = run.proxies();
    let recreated = |node| !plan.differences(node, info).is_empty();
    let new_node = ours.as_ref().is_none_or(recreated);
    // A node that runs has its devices.
    if new_node || ours.as_ref().is_some_and(|node| !node.running) {
        findings.extend(machine::gpus(plan, info));
    }
    let mut warnings = Vec::new();
    if new_node {
        findings.extend(proxy::unusable(proxies));
        warnings.extend(proxy::warnings(proxies));
    }
    if ours.is_none() {
        warnings.extend(machine::warnings(plan, info));
    }
    Ok(Checked { findings, warnings })
}

/// Checks the address, the ports and the network. `node` is the node of this instance, if it
/// exists; `own` is the container that this program runs in.
async fn reach(
    settings: &Instance,
    engine: &dyn Engine,
    node: Option<&Container>,
    own: Option<&Container>,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let running = node.filter(|node| node.running);
    if running.is_none() {
        findings.extend(network::networks(&engine.networks(NETWORK).await?));
    }
    if let Some(finding) = own.and_then(inside::ports) {
        // The addresses and ports of this container are irrelevant.
        findings.push(finding);
        return Ok(findings);
    }
    match address::address(settings.network.listen) {
        Some(finding) => findings.push(finding),
        None => findings.extend(ports::ports(settings, engine, running).await?),
    }
    if let Some(stopped) = node.filter(|node| !node.running) {
        findings.extend(ports::kubernetes(stopped, engine).await?);
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU16, Ordering};

    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::docker::{EngineInfo, Gpus};
    use crate::failures::Failure;
    use crate::options::Options;
    use crate::plan::{Plan, Request};
    use crate::provider::local::TestInstance;
    use crate::provider::local::node::spec::KIND_CLUSTER_LABEL;
    use crate::proxy::Proxies;
    use crate::settings::{DataPlace, HostPorts, NodeGpus};

    fn suitable_host() -> EngineInfo {
        EngineInfo {
            api: (1, 41),
            architecture: "amd64".into(),
            memory: 8_000_000_000,
            cpus: 4,
            ..EngineInfo::default()
        }
    }

    /// Returns a free port that no other test uses: it is below the ephemeral ports of the
    /// system.
    fn free_port() -> u16 {
        static NEXT: AtomicU16 = AtomicU16::new(21_000);
        let mut ports = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
        let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        ports.find(free).unwrap()
    }

    fn plan_at(data_dir: PathBuf, former: Option<PathBuf>, info: &EngineInfo) -> Plan {
        let [web, api, files] = [(); 3].map(|()| free_port());
        let instance = |dir: PathBuf| Instance {
            ports: HostPorts { web, api, files },
            ..Instance::with_defaults(dir.into())
        };
        let (earlier, instance) = (former.map(instance), instance(data_dir));
        Plan::new(
            "demo".parse().unwrap(),
            instance,
            earlier.as_ref(),
            info.memory,
        )
        .unwrap()
    }

    async fn found(plan: &Plan, info: &EngineInfo, state: State) -> Vec<Failure> {
        let info = info.clone();
        let engine = FakeEngine::new(State {
            info: info.clone(),
            ..state
        });
        let demo = TestInstance::without_state();
        let (local, request) = (demo.local(&engine), Request::new(Options::default()));
        let checked = check(&Run::new(&local, &info, &request, plan)).await;
        assert!(engine.state().calls.is_empty(), "nothing was changed");
        let findings = checked.unwrap().findings.into_iter();
        findings.map(|finding| finding.failure).collect()
    }

    #[tokio::test]
    async fn a_suitable_host_has_no_findings() {
        let dir = tempfile::tempdir().unwrap();
        let info = suitable_host();
        let plan = plan_at(dir.path().join("data"), None, &info);
        assert_eq!(found(&plan, &info, State::default()).await, []);
    }

    #[tokio::test]
    async fn gpus_need_an_engine_that_can_give_them() {
        let dir = tempfile::tempdir().unwrap();
        let bare = suitable_host();
        let with_gpus = EngineInfo {
            gpus: Some(Gpus::Nvidia),
            ..suitable_host()
        };
        let mut plan = plan_at(dir.path().join("data"), None, &bare);
        plan.instance.node.gpus = NodeGpus::All;
        let refused = [Failure::DockerWithoutGpus];
        assert_eq!(found(&plan, &bare, State::default()).await, refused);
        assert_eq!(found(&plan, &with_gpus, State::default()).await, []);

        // A node that got them when the engine had some.
        for (running, expected) in [(true, &[][..]), (false, &refused)] {
            let engine = FakeEngine::new(State::default());
            let proxies = Proxies::default();
            let spec = plan.node("", &proxies, &with_gpus).container(&[]);
            engine.create(&spec).await.unwrap();
            let mut state = std::mem::take(&mut *engine.state());
            state.calls.clear();
            let node = state.containers.get_mut("demo-control-plane").unwrap();
            node.running = running;
            assert_eq!(found(&plan, &bare, state).await, expected, "{running}");
        }
    }

    #[tokio::test]
    async fn all_findings_of_a_host_that_is_too_small_are_reported() {
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
    async fn refuses_the_name_of_a_cluster_that_it_did_not_create() {
        let dir = tempfile::tempdir().unwrap();
        let info = suitable_host();
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
        assert_eq!(found(&plan, &info, state).await, [Failure::NameTaken]);
    }

    #[tokio::test]
    async fn an_ingress_port_that_is_in_use_has_a_hint_with_its_option() {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = plan_at(dir.path().join("data"), None, &suitable_host());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        plan.instance.ingress.https_port = port;
        let engine = FakeEngine::new(State::default());
        assert_eq!(
            ports::ports(&plan.instance, &engine, None).await.unwrap(),
            []
        );
        plan.instance.ingress.enabled = true;
        // The test must not depend on port 80 of the host.
        plan.instance.ingress.http_port = plan.instance.ports.web;
        let findings = ports::ports(&plan.instance, &engine, None).await.unwrap();
        let [finding] = &findings[..] else {
            panic!("{findings:?}");
        };
        assert!(finding.what.contains(&format!("port {port} ")));
        assert!(
            finding.remedies[1]
                .to_string()
                .ends_with("clearml-local up --https-port PORT")
        );
    }

    #[tokio::test]
    async fn an_unavailable_address_is_reported_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut plan = plan_at(dir.path().join("data"), None, &suitable_host());
        plan.instance.network.listen = "192.0.2.7".parse().unwrap();
        let engine = FakeEngine::new(State::default());
        let node = |running| Container {
            name: "demo-control-plane".into(),
            running,
            labels: spec::labels(&plan.name),
            ..Container::default()
        };
        for node in [None, Some(node(false)), Some(node(true))] {
            let findings = reach(&plan.instance, &engine, node.as_ref(), None)
                .await
                .unwrap();
            let [finding] = &findings[..] else {
                panic!("{findings:?}");
            };
            assert!(finding.what.contains("192.0.2.7"), "{}", finding.what);
        }
    }

    #[tokio::test]
    async fn a_wrong_clock_is_found_before_a_start() {
        let dir = tempfile::tempdir().unwrap();
        let info = EngineInfo {
            time: "2020-01-01T00:00:00Z".into(),
            ..suitable_host()
        };
        let plan = plan_at(dir.path().join("data"), None, &info);
        let demo = TestInstance::without_state();
        let engine = FakeEngine::new(State {
            info,
            ..State::default()
        });
        let findings = reachable(&demo.local(&engine), &plan.instance).await;
        let findings = findings.unwrap().into_iter().map(|one| one.failure);
        assert_eq!(findings.collect::<Vec<_>>(), [Failure::ClockSkew]);
    }

    #[tokio::test]
    async fn reports_that_the_kubernetes_port_of_a_stopped_node_is_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan_at(dir.path().join("data"), None, &suitable_host());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let node = Container {
            name: "demo-control-plane".into(),
            ports: vec![(6443, "127.0.0.1".into(), port)],
            ..Container::default()
        };
        let engine = FakeEngine::new(State::default());
        let findings = reach(&plan.instance, &engine, Some(&node), None)
            .await
            .unwrap();
        assert_eq!(findings.len(), 1, "{findings:?}");
        drop(listener);
        assert_eq!(
            reach(&plan.instance, &engine, Some(&node), None)
                .await
                .unwrap(),
            []
        );
    }

    #[tokio::test]
    async fn refuses_to_abandon_data() {
        let dir = tempfile::tempdir().unwrap();
        let info = suitable_host();
        let former = dir.path().join("former");
        let mut plan = plan_at(dir.path().join("new"), Some(former.clone()), &info);
        plan.marker().write(&former).unwrap();
        assert_eq!(found(&plan, &info, State::default()).await, []);
        plan.instance.node.data_dir = DataPlace::Volume("new".into());
        assert_eq!(
            found(&plan, &info, State::default()).await,
            [Failure::DataCannotMove]
        );
    }
}
