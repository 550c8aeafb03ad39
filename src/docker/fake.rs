//! An engine in memory, for unit tests. The end-to-end tests use a real one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use super::{
    ByteStream, Container, ContainerSpec, Credentials, Engine, EngineInfo, Error, Image, Network,
    Output, PullProgress, Subject,
};
use crate::image_ref::ImageRef;

/// Answers a command that runs in a container.
pub type ExecAnswer = Box<dyn Fn(&str, &[&str]) -> Output + Send + Sync>;

#[derive(Default)]
pub struct State {
    pub info: EngineInfo,
    pub images: BTreeMap<ImageRef, Image>,
    /// Images that can be pulled.
    pub registry: BTreeMap<ImageRef, Image>,
    pub containers: BTreeMap<String, Container>,
    /// Volumes with their labels.
    pub volumes: BTreeMap<String, BTreeMap<String, String>>,
    pub networks: Vec<Network>,
    /// The address range of new networks.
    pub range: Option<ipnet::IpNet>,
    /// Archives by container and path, such as `node:/var/log`.
    pub archives: BTreeMap<String, Vec<u8>>,
    /// The exit code of containers that run once.
    pub exit_code: i64,
    /// All calls that change something or run a command, in order.
    pub calls: Vec<String>,
    /// Calls that are refused, with the message and the remaining number of times.
    pub refused: BTreeMap<String, (String, usize)>,
}

impl State {
    /// Refuses a call, such as `start demo-control-plane`, every time.
    pub fn refuse(&mut self, call: &str, message: &str) {
        let refusal = (message.to_owned(), usize::MAX);
        self.refused.insert(call.to_owned(), refusal);
    }

    /// Refuses the next call.
    pub fn refuse_once(&mut self, call: &str, message: &str) {
        self.refused
            .insert(call.to_owned(), (message.to_owned(), 1));
    }
}

/// Clones share their state.
#[derive(Clone, Default)]
pub struct FakeEngine {
    state: Arc<Mutex<State>>,
    exec: Option<Arc<ExecAnswer>>,
}

impl FakeEngine {
    /// Creates an engine with this state. All commands succeed.
    pub fn new(state: State) -> Self {
        FakeEngine {
            state: Arc::new(Mutex::new(state)),
            exec: None,
        }
    }

    #[must_use]
    pub fn with_exec(mut self, answer: ExecAnswer) -> Self {
        self.exec = Some(Arc::new(answer));
        self
    }

    /// Returns the current state.
    ///
    /// # Panics
    /// If a test thread panicked while it held the lock.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics while it holds the state")
    }

    fn call(&self, text: String) {
        self.state().calls.push(text);
    }

    /// Records a call that may be refused.
    fn call_or_refuse(&self, text: String) -> Result<(), Error> {
        let mut state = self.state();
        let refused = state.refused.get_mut(&text).and_then(|(message, times)| {
            *times = times.checked_sub(1)?;
            Some(message.clone())
        });
        state.calls.push(text.clone());
        match refused {
            Some(message) => Err(Error::Refused {
                what: text,
                status: 500,
                message,
            }),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn info(&self) -> Result<EngineInfo, Error> {
        Ok(self.state().info.clone())
    }

    async fn describe(&self, subject: Subject<'_>) -> Result<serde_json::Value, Error> {
        let state = self.state();
        Ok(match subject {
            Subject::Engine => serde_json::json!({"ServerVersion": state.info.version}),
            Subject::Container(name) => {
                serde_json::json!({"Name": state.containers.get(name).map(|found| &found.name)})
            }
        })
    }

    async fn image(&self, reference: &ImageRef) -> Result<Option<Image>, Error> {
        Ok(self.state().images.get(reference).cloned())
    }

    async fn pull(
        &self,
        reference: &ImageRef,
        platform: &str,
        _: Option<&Credentials>,
        _: PullProgress<'_>,
    ) -> Result<(), Error> {
        self.call_or_refuse(format!("pull {reference} {platform}"))?;
        let mut state = self.state();
        if let Some(image) = state.registry.get(reference).cloned() {
            state.images.insert(reference.clone(), image);
            return Ok(());
        }
        Err(Error::Refused {
            what: format!("pull {reference}"),
            status: 404,
            message: "not found".into(),
        })
    }

    async fn tag(&self, reference: &ImageRef, name: &ImageRef) -> Result<(), Error> {
        self.call(format!("tag {reference} {name}"));
        Ok(())
    }

    fn export(&self, references: &[&ImageRef], _: &str) -> ByteStream {
        let references: Vec<String> = references.iter().map(ToString::to_string).collect();
        self.call(format!("export {}", references.join(" ")));
        let bytes = bytes::Bytes::from_static(b"archive");
        Box::pin(futures_util::stream::iter([Ok(bytes)]))
    }

    async fn container(&self, name: &str) -> Result<Option<Container>, Error> {
        Ok(self.state().containers.get(name).cloned())
    }

    async fn containers(&self, label: &str) -> Result<Vec<Container>, Error> {
        let (key, value) = match label.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (label, None),
        };
        let state = self.state();
        let matching = state.containers.values().filter(|container| {
            let found = container.labels.get(key);
            found.is_some_and(|found| value.is_none_or(|value| value == found))
        });
        Ok(matching.cloned().collect())
    }

    async fn container_publishing(&self, port: u16) -> Result<Option<String>, Error> {
        let state = self.state();
        let publisher = state.containers.values().find(|container| {
            container.running && container.ports.iter().any(|(_, _, host)| *host == port)
        });
        Ok(publisher.map(|container| container.name.clone()))
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String, Error> {
        self.call_or_refuse(format!("create {}", spec.name))?;
        if self.state().containers.contains_key(&spec.name) {
            return Err(Error::Refused {
                what: format!("create the container {}", spec.name),
                status: 409,
                message: format!(
                    "Conflict. The container name \"/{}\" is already in use",
                    spec.name
                ),
            });
        }
        let ports = spec.ports.iter();
        let container = Container {
            id: format!("id-{}", spec.name),
            name: spec.name.clone(),
            labels: spec.labels.clone(),
            ports: ports
                .map(|p| (p.container, p.address.to_string(), p.host))
                .collect(),
            gpus: spec.gpus.is_some(),
            ..Container::default()
        };
        self.state().containers.insert(spec.name.clone(), container);
        Ok(format!("id-{}", spec.name))
    }

    async fn start(&self, name: &str) -> Result<(), Error> {
        self.call_or_refuse(format!("start {name}"))?;
        if let Some(container) = self.state().containers.get_mut(name) {
            container.running = true;
        }
        Ok(())
    }

    async fn unpause(&self, name: &str) -> Result<(), Error> {
        self.call(format!("unpause {name}"));
        if let Some(container) = self.state().containers.get_mut(name) {
            container.paused = false;
        }
        Ok(())
    }

    async fn stop(&self, name: &str, seconds: u32) -> Result<(), Error> {
        self.call(format!("stop {name} {seconds}"));
        if let Some(container) = self.state().containers.get_mut(name) {
            container.running = false;
        }
        Ok(())
    }

    async fn set_restart_policy(&self, name: &str, policy: &str) -> Result<(), Error> {
        self.call(format!("set restart {name} {policy}"));
        if let Some(container) = self.state().containers.get_mut(name) {
            container.restart_policy = Some(policy.to_owned());
        }
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), Error> {
        self.call_or_refuse(format!("remove {name}"))?;
        self.state().containers.remove(name);
        Ok(())
    }

    async fn wait(&self, _: &str) -> Result<i64, Error> {
        Ok(self.state().exit_code)
    }

    async fn log(&self, _: &str, _: usize) -> Result<String, Error> {
        Ok(String::new())
    }

    async fn exec(
        &self,
        name: &str,
        argv: &[&str],
        _: Option<ByteStream>,
    ) -> Result<Output, Error> {
        self.call(format!("exec {name}: {}", argv.join(" ")));
        Ok(match &self.exec {
            Some(answer) => answer(name, argv),
            None => Output::default(),
        })
    }

    async fn exec_stream(
        &self,
        name: &str,
        what: &str,
        argv: &[&str],
        _: Option<&str>,
    ) -> Result<ByteStream, Error> {
        let output = self.exec(name, argv, None).await?;
        // Split at arbitrary positions, as by a real engine.
        let pieces: Vec<_> = output.stdout.as_bytes().chunks(7).collect();
        let pieces = pieces.into_iter().map(bytes::Bytes::copy_from_slice);
        let mut items: Vec<_> = pieces.map(Ok).collect();
        if let Err(error) = output.success(what) {
            items.push(Err(error));
        }
        Ok(Box::pin(futures_util::stream::iter(items)))
    }

    fn archive(&self, name: &str, path: &str) -> ByteStream {
        let place = format!("{name}:{path}");
        let found = self.state().archives.get(&place).cloned();
        let archive = found.map(bytes::Bytes::from).ok_or(Error::Refused {
            what: format!("read {path} of {name}"),
            status: 404,
            message: "not found".into(),
        });
        Box::pin(futures_util::stream::iter([archive]))
    }

    async fn networks(&self, name: &str) -> Result<Vec<Network>, Error> {
        let state = self.state();
        let named = state.networks.iter().filter(|network| network.name == name);
        Ok(named.cloned().collect())
    }

    /// Creates another network with the same name, as engines before 25 do.
    async fn create_network(&self, name: &str) -> Result<(), Error> {
        let mut state = self.state();
        let (number, range) = (state.networks.len(), state.range);
        state.networks.push(Network {
            id: format!("id-{name}-{number}"),
            name: name.to_owned(),
            created: format!("2026-01-01T00:00:{number:02}Z"),
            driver: "bridge".into(),
            subnets: range.into_iter().collect(),
            ..Network::default()
        });
        Ok(())
    }

    async fn remove_network(&self, id: &str) -> Result<(), Error> {
        self.call(format!("remove network {id}"));
        self.state().networks.retain(|network| network.id != id);
        Ok(())
    }

    async fn reconnect(&self, network: &str, container: &str) -> Result<(), Error> {
        self.call(format!("reconnect {container} to {network}"));
        Ok(())
    }

    async fn ensure_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        self.state().volumes.insert(name.to_owned(), labels.clone());
        Ok(())
    }

    async fn volume_labels(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error> {
        Ok(self.state().volumes.get(name).cloned())
    }

    async fn volumes(&self, label: &str) -> Result<Vec<String>, Error> {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        let state = self.state();
        let matching = state
            .volumes
            .iter()
            .filter(|(_, labels)| labels.get(key).is_some_and(|found| found == value));
        Ok(matching.map(|(name, _)| name.clone()).collect())
    }

    async fn remove_volume(&self, name: &str) -> Result<(), Error> {
        self.call(format!("remove volume {name}"));
        self.state().volumes.remove(name);
        Ok(())
    }
}

/// An image without layers.
pub fn image(id: &str) -> Image {
    Image {
        id: id.into(),
        architecture: "amd64".into(),
        os: "linux".into(),
        size: 1,
        layers: Vec::new(),
        layer_dirs: Vec::new(),
    }
}
