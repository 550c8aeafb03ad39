//! A node of an engine in memory.

use super::fixtures::TestInstance;
use crate::docker::fake::{FakeEngine, State, image};
use crate::docker::{Container, Engine, EngineInfo, Gpus, Output};
use crate::error::Error;
use crate::image_ref::ImageRef;
use crate::options::Options;
use crate::plan::{Plan, Request};
use crate::provider::local::data;
use crate::provider::local::node::spec;
use crate::provider::{GpuSource, Provider};
use crate::proxy::Proxies;
use crate::session::Session;
use crate::settings::{DataPlace, HostPorts, Instance};
use crate::state::StateDir;
use crate::up::up;

/// No process listens on port 1: the Kubernetes API is unreachable.
const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
    clusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:1\n\
    users:\n- name: u\n  user: {}\n\
    contexts:\n- name: c\n  context: {cluster: c, user: u}\n";

/// An instance with a node, and a request that adds the ingress controller.
struct Changed {
    _dir: tempfile::TempDir,
    demo: TestInstance,
    engine: FakeEngine,
    request: Request,
    kept: Instance,
}

impl Changed {
    async fn new() -> Changed {
        crate::kube::install_crypto();
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("state"));
        let info = EngineInfo {
            api: (1, 41),
            architecture: "amd64".into(),
            memory: 8_000_000_000,
            cpus: 4,
            ..EngineInfo::default()
        };
        let [web, api, files, http, https] = [(); 5].map(|()| free_port());
        let mut kept =
            Instance::with_defaults(DataPlace::Directory(dir.path().join("data").into()));
        kept.ports = HostPorts { web, api, files };
        state.save_instance(&kept).unwrap();
        state
            .save_secrets(&crate::secrets::Secrets::generate())
            .unwrap();
        let plan = Plan::new("demo".parse().unwrap(), kept.clone(), None, info.memory).unwrap();
        plan.marker().write(&dir.path().join("data")).unwrap();
        let mut images: Vec<ImageRef> = plan.images().into_iter().map(|i| i.reference).collect();
        images.push(kept.node.node_image.clone());
        let engine = FakeEngine::new(State {
            info: info.clone(),
            images: images
                .into_iter()
                .map(|name| (name.clone(), image(&name.to_string())))
                .collect(),
            ..State::default()
        })
        .with_exec(Box::new(|_, argv| Output {
            stdout: match argv {
                ["cat", "/etc/kubernetes/admin.conf"] => KUBECONFIG.into(),
                ["cat", "/kind/version"] => "v1.37.2".into(),
                _ => String::new(),
            },
            ..Output::default()
        }));
        let proxies = Proxies::default();
        let node = plan.node("id", &proxies, &info).container(&[]);
        engine.create(&node).await.unwrap();
        engine.start(&node.name).await.unwrap();
        engine.state().calls.clear();
        let options = format!("{{withIngress: true, httpPort: {http}, httpsPort: {https}}}");
        Changed {
            _dir: dir,
            demo: TestInstance::new(state),
            engine,
            request: Request::new(Options::of(&options)),
            kept,
        }
    }

    async fn up(&self) -> Error {
        let TestInstance {
            name,
            state,
            events,
        } = &self.demo;
        let session = Session {
            name,
            state,
            provider: &self.demo.local(&self.engine),
            events,
        };
        up(&session, &self.request).await.unwrap_err()
    }

    fn node(&self) -> Container {
        self.engine.state().containers["demo-control-plane"].clone()
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn an_unavailable_image_changes_nothing() {
    for keeps_images in [false, true] {
        let changed = Changed::new().await;
        let reference = &changed.kept.node.node_image;
        let volume = spec::image_volume(&changed.demo.name, &reference.to_string());
        if keeps_images {
            let mut state = changed.engine.state();
            let node = state.containers.get_mut("demo-control-plane").unwrap();
            node.mounts.push((volume, "/var/lib/containerd".into()));
        }
        let before = changed.node();
        let error = changed.up().await;
        assert!(error.to_string().contains("traefik"), "{error}");
        assert_eq!(
            error.details(),
            ["nothing was changed, and the new settings are not kept"]
        );
        assert_eq!(changed.node(), before);
        assert_eq!(
            changed.demo.state.instance().unwrap().as_ref(),
            Some(&changed.kept)
        );
        let calls = changed.engine.state().calls.clone();
        let changes = ["stop ", "remove ", "create ", "start ", "set restart "];
        let stops = |call: &&String| {
            changes.iter().any(|change| call.starts_with(change)) || call.contains("systemctl")
        };
        assert_eq!(calls.iter().find(stops), None, "{calls:?}");
    }
}

#[tokio::test]
async fn a_change_that_fails_after_the_images_has_hints_to_undo_it() {
    let changed = Changed::new().await;
    {
        let mut state = changed.engine.state();
        state
            .containers
            .get_mut("demo-control-plane")
            .unwrap()
            .running = false;
        let image = state.images[&changed.kept.node.node_image].clone();
        state
            .images
            .insert(crate::manifests::TRAEFIK_IMAGE.clone(), image);
        state.refuse("create demo-control-plane", "no space left on device");
    }
    let error = changed.up().await;
    let hints = error.hints();
    let back = "undo the change: clearml-local up --with-ingress=false";
    assert!(
        hints.iter().any(|hint| hint.to_string().starts_with(back)),
        "{error}: {hints:?}"
    );
    assert!(
        changed
            .demo
            .state
            .instance()
            .unwrap()
            .unwrap()
            .ingress
            .enabled
    );
}

#[tokio::test]
async fn a_new_data_volume_is_removed_if_the_node_cannot_be_created() {
    for existing in [false, true] {
        let mut changed = Changed::new().await;
        changed.engine.state().containers.clear();
        changed.kept.node.data_dir = DataPlace::Volume("data".into());
        changed.demo.state.save_instance(&changed.kept).unwrap();
        changed.request.options = Options::default();
        if existing {
            let (name, kept) = (changed.demo.name.clone(), changed.kept.clone());
            let info = changed.engine.info().await.unwrap();
            let plan = Plan::new(name, kept, None, info.memory).unwrap();
            data::write_marker(&plan, &changed.engine).await.unwrap();
        }
        let create = "create demo-control-plane";
        changed
            .engine
            .state()
            .refuse(create, "no space left on device");
        changed.up().await;
        let state = changed.engine.state();
        assert!(
            state.calls.iter().any(|call| call == create),
            "{:?}",
            state.calls
        );
        assert_eq!(state.volumes.contains_key("data"), existing);
    }
}

#[tokio::test]
async fn asks_the_engine_for_its_information_once_until_the_facts_are_needed() {
    let (demo, engine) = (TestInstance::without_state(), FakeEngine::default());
    let local = demo.local(&engine);
    engine.state().info.time = "before".into();
    assert_eq!(local.info().await.unwrap().time, "before");
    engine.state().info.time = "after".into();
    assert_eq!(local.info().await.unwrap().time, "before");
    local.facts().await.unwrap();
    assert_eq!(local.info().await.unwrap().time, "after");
}

#[tokio::test]
async fn gpus_come_from_the_node_or_could_come_from_the_engine() {
    let demo = TestInstance::without_state();
    let source = async |has_gpus, gives: Option<Gpus>| {
        let node = Container {
            name: spec::name(&demo.name),
            labels: spec::labels(&demo.name),
            gpus: has_gpus,
            ..Container::default()
        };
        let engine = FakeEngine::new(State {
            info: EngineInfo {
                gpus: gives,
                ..EngineInfo::default()
            },
            containers: [(node.name.clone(), node)].into(),
            ..State::default()
        });
        demo.local(&engine).gpus().await.unwrap()
    };
    assert_eq!(source(true, None).await, GpuSource::Node);
    assert_eq!(source(false, Some(Gpus::Nvidia)).await, GpuSource::Machine);
    assert_eq!(source(false, None).await, GpuSource::Nothing);
}
