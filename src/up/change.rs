//! Fetching everything that a change needs before the server is stopped, so that a change that
//! is not possible does not stop a running server.

use super::run::Run;
use super::{Plan, data, node};
use crate::docker::{Container, EngineInfo};
use crate::error::{Error, Result};
use crate::hint::{Hint, ours};
use crate::images::{self, Loaded, RequiredImage, Sources};
use crate::node::spec;
use crate::recovery;
use crate::settings::{Instance, Pull};
use crate::state::StateDir;

#[derive(Debug, Clone)]
pub(super) struct Change {
    /// The node of the instance, if it exists.
    node: Option<Container>,
    recreates: bool,
    /// The settings saved by an earlier `up`.
    saved: Option<Instance>,
}

impl Change {
    /// Compares the plan with the existing node.
    pub(super) async fn find(run: &Run<'_>) -> Result<Change> {
        let Run { session, plan, .. } = *run;
        let node = recovery::node_of(session).await?;
        let differs = |node: &Container| !plan.differences(node, run.info).is_empty();
        Ok(Change {
            recreates: data::moved(plan).is_some() || node.as_ref().is_some_and(differs),
            node,
            saved: session.state.instance()?,
        })
    }

    /// Returns whether the plan needs a new node. If so, its settings are saved before the node
    /// is created.
    pub(super) fn creates_node(&self) -> bool {
        self.recreates || self.node.is_none()
    }

    /// Pulls every image that the plan needs: into the running node if its image volume is
    /// kept, or else into the engine. Returns what was loaded into the node, if anything.
    ///
    /// # Errors
    /// An image cannot be pulled. Nothing was changed then.
    pub(super) async fn fetch_images(&self, run: &Run<'_>) -> Result<Option<Loaded>> {
        let is_needed = self.recreates || self.saved.as_ref() != Some(&run.plan.instance);
        let Some(node) = self.node.as_ref().filter(|_| is_needed) else {
            return Ok(None);
        };
        let fetched = self.fetch(run, node).await;
        fetched.map_err(|error| {
            error.with_detail("nothing was changed, and the new settings are not kept")
        })
    }

    async fn fetch(&self, run: &Run<'_>, node: &Container) -> Result<Option<Loaded>> {
        let Run { session, plan, .. } = *run;
        let engine = session.engine;
        let (wanted, sources) = (plan.images(), plan.sources(run.request));
        let can_load = node.running && node::can_load_images(engine, &node.name).await?;
        let has_image_volume = match engine.image(&plan.instance.node.node_image).await? {
            Some(image) => {
                let volume = spec::image_volume(&plan.name, &image.id);
                node.mounts.iter().any(|(source, _)| *source == volume)
            }
            None => false,
        };
        if can_load && has_image_volume {
            node::trust(plan, engine, &node.name).await?;
            let (arrived, _) = images::arrivals();
            let delivery = images::load(session, &node.name, &wanted, &sources, arrived);
            return Ok(Some(delivery.await?));
        }
        if !self.recreates {
            return Ok(None);
        }
        // The volume of a stopped node cannot be read, but contains the images that the node
        // ran with.
        let former = match &self.saved {
            Some(saved) if has_image_volume => former_images(plan, saved, run.info),
            _ => Vec::new(),
        };
        // The node image must be in Docker, which creates the container from it.
        let node_image = [RequiredImage::of(plan.instance.node.node_image.clone())];
        let by_engine = Sources {
            pull: Pull::Engine,
            ..sources.clone()
        };
        images::pull_missing(session, None, &node_image, &by_engine).await?;
        let mut missing = wanted;
        missing.retain(|image| !former.contains(image));
        let through = can_load.then_some(node.name.as_str());
        images::pull_missing(session, through, &missing, &sources).await?;
        Ok(None)
    }
}

fn former_images(plan: &Plan, saved: &Instance, info: &EngineInfo) -> Vec<RequiredImage> {
    let former = Plan::new(plan.name.clone(), saved.clone(), None, info);
    former.map_or_else(|_| Vec::new(), |former| former.images())
}

/// Adds hints to undo new settings that were saved although `up` failed: every later `up` would
/// use them again. `before` are the settings saved before, and `good` is the revision to roll
/// back to.
pub(super) fn with_undo(
    error: Error,
    before: Option<&Instance>,
    state: &StateDir,
    good: Option<u32>,
) -> Error {
    let (Some(before), Ok(Some(now))) = (before, state.instance()) else {
        return error;
    };
    let mut error = error;
    let options = now.options_to_restore(before);
    if !options.is_empty() {
        let options = options.join(" ");
        error = error.with_hint(Hint::run("undo the change", ours!(Up, "{options}")));
    }
    let values_changed = now.values != before.values;
    if let Some(good) = good.filter(|_| values_changed) {
        error = error.with_hint(Hint::run(
            format!("roll back to the values of revision {good}"),
            ours!(Rollback, "{good}"),
        ));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State, image};
    use crate::docker::{Engine, Output};
    use crate::image_ref::ImageRef;
    use crate::options::Options;
    use crate::proxy::Proxies;
    use crate::session::TestInstance;
    use crate::settings::{DataPlace, HostPorts};
    use crate::up::{Request, up};

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
            let plan = Plan::new("demo".parse().unwrap(), kept.clone(), None, &info).unwrap();
            plan.marker().write(&dir.path().join("data")).unwrap();
            let mut images: Vec<ImageRef> =
                plan.images().into_iter().map(|i| i.reference).collect();
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
            let session = self.demo.session(&self.engine);
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
                let plan = Plan::new(name, kept, None, &info).unwrap();
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
}
