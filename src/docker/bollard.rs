//! The real engine, through bollard. Only this module uses bollard; `convert` converts
//! its models, and every request goes through `calls`.

mod calls;
mod connect;
mod convert;
mod create;
mod describe;
mod exec;
mod gpus;
mod image;
mod layers;
mod network;
mod transfer;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bollard::errors::Error as BollardError;
use bollard::models::{ContainerInspectResponse, VolumeCreateRequest};
use bollard::query_parameters as query;
use futures_util::TryStreamExt;
use serde_json::Value;

use self::calls::{Call, Calls};
use super::{
    ByteStream, Container, ContainerSpec, Credentials, Endpoint, Engine, EngineInfo, Error, Image,
    Limits, Network, Output, PullProgress, Subject,
};
use crate::image_ref::ImageRef;

/// How long a removal may take that the engine has begun for another command. Longer waits are
/// those of the caller, who can show them.
const REMOVAL: Duration = Duration::from_secs(5);

pub struct Docker {
    calls: Calls,
    endpoint: Endpoint,
}

impl Docker {
    /// Connects to the engine and negotiates the API version.
    ///
    /// # Errors
    /// [`Error::Remote`] for engines on other hosts, [`Error::Unreachable`] if nothing
    /// answers.
    pub async fn connect(endpoint: Endpoint, limits: Limits) -> Result<Docker, Error> {
        if !endpoint.address.is_local() {
            return Err(Error::Remote {
                endpoint: endpoint.address.to_string(),
                chosen_by: endpoint.chosen_by,
            });
        }
        let unreachable = |error: BollardError| connect::unreachable(&endpoint, &error);
        let client = connect::client(&endpoint)?;
        let negotiated =
            tokio::time::timeout(limits.connect, connect::negotiate(client, &endpoint));
        let client = match negotiated.await {
            Ok(client) => client.map_err(unreachable)?,
            Err(_) => return Err(connect::timed_out(&endpoint)),
        };
        Ok(Docker {
            calls: Calls::new(client, endpoint.clone(), limits),
            endpoint,
        })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// Returns `None` if the engine answered that the object does not exist.
fn optional<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn by_label(label: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![label.to_owned()])])
}

#[async_trait]
impl Engine for Docker {
    async fn info(&self) -> Result<EngineInfo, Error> {
        let call = Call::read("return its information");
        let request = |client: bollard::Docker| async move { client.info().await };
        let info = self.calls.answer(call, request).await?;
        Ok(convert::info(info, self.calls.api()))
    }

    async fn describe(&self, subject: Subject<'_>) -> Result<Value, Error> {
        self.describe_as_json(subject).await
    }

    async fn image(&self, reference: &ImageRef) -> Result<Option<Image>, Error> {
        let found = self.find_image(reference).await?;
        Ok(found.map(|(_, image)| convert::image(image)))
    }

    async fn pull(
        &self,
        reference: &ImageRef,
        platform: &str,
        credentials: Option<&Credentials>,
        progress: PullProgress<'_>,
    ) -> Result<(), Error> {
        self.pull_image(reference, platform, credentials, progress)
            .await
    }

    async fn tag(&self, reference: &ImageRef, name: &ImageRef) -> Result<(), Error> {
        let options = query::TagImageOptionsBuilder::default()
            .repo(name.repository())
            .tag(name.tag_or_default())
            .build();
        let call = Call::idempotent(format!("tag the image {name}"));
        let (reference, options) = (reference.to_string(), Some(options));
        let request = |client: bollard::Docker| {
            let (reference, options) = (reference.clone(), options.clone());
            async move { client.tag_image(&reference, options).await }
        };
        self.calls.answer(call, request).await
    }

    fn export(&self, references: &[&ImageRef], platform: &str) -> ByteStream {
        self.export_images(references, platform)
    }

    async fn container(&self, name: &str) -> Result<Option<Container>, Error> {
        let found = self.inspect(name).await?;
        Ok(found
            .filter(|found| !convert::is_being_removed(found))
            .map(convert::container))
    }

    async fn containers(&self, label: &str) -> Result<Vec<Container>, Error> {
        let options = query::ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&by_label(label))
            .build();
        let mut containers = Vec::new();
        for summary in self.list_containers(options).await? {
            if let Some(found) = self.container(&summary.id.unwrap_or_default()).await? {
                containers.push(found);
            }
        }
        Ok(containers)
    }

    async fn container_publishing(&self, port: u16) -> Result<Option<String>, Error> {
        let filters = HashMap::from([("publish".to_owned(), vec![port.to_string()])]);
        let options = query::ListContainersOptionsBuilder::default()
            .filters(&filters)
            .build();
        let listed = self.list_containers(options).await?;
        // The filter also matches ports inside containers.
        let publishes = |found: &&bollard::models::ContainerSummary| {
            let mut ports = found.ports.iter().flatten();
            ports.any(|mapped| mapped.public_port == Some(port))
        };
        let name = listed
            .iter()
            .find(publishes)
            .and_then(|c| c.names.as_ref()?.first());
        Ok(name.map(|name| name.trim_start_matches('/').to_owned()))
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String, Error> {
        self.create_container(spec).await
    }

    async fn start(&self, name: &str) -> Result<(), Error> {
        let call = Call::idempotent(format!("start the container {name}"));
        let request = |client: bollard::Docker| async move {
            let options = None::<query::StartContainerOptions>;
            client.start_container(name, options).await
        };
        self.calls.answer(call, request).await
    }

    async fn unpause(&self, name: &str) -> Result<(), Error> {
        let request = |client: bollard::Docker| async move { client.unpause_container(name).await };
        let done = || async move {
            let found = self.container(name).await?;
            Ok(found
                .filter(|found| found.running && !found.paused)
                .map(drop))
        };
        let what = format!("unpause the container {name}");
        self.calls.unless_done(&what, request, done).await
    }

    async fn stop(&self, name: &str, seconds: u32) -> Result<(), Error> {
        let options = query::StopContainerOptionsBuilder::default()
            .t(i32::try_from(seconds).unwrap_or(i32::MAX))
            .build();
        let call = Call::idempotent(format!("stop the container {name}"));
        let call = call.and(Duration::from_secs(seconds.into()));
        let request = |client: bollard::Docker| {
            let options = Some(options.clone());
            async move { client.stop_container(name, options).await }
        };
        self.calls.answer(call, request).await
    }

    async fn set_restart_policy(&self, name: &str, policy: &str) -> Result<(), Error> {
        let call = Call::idempotent(format!("update the container {name}"));
        let request = |client: bollard::Docker| async move {
            let update = convert::restart_update(policy);
            client.update_container(name, update).await
        };
        self.calls.answer(call, request).await
    }

    async fn remove(&self, name: &str) -> Result<(), Error> {
        let options = query::RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let call = Call::idempotent(format!("remove the container {name}"));
        let request = |client: bollard::Docker| {
            let options = Some(options.clone());
            async move { client.remove_container(name, options).await }
        };
        match self.calls.answer(call, request).await {
            // The engine continues a removal that an interrupted command has started.
            Err(error) if error.is_conflict() => self.await_removal(name, error).await,
            removed => optional(removed).map(|_| ()),
        }
    }

    async fn wait(&self, name: &str) -> Result<i64, Error> {
        self.await_exit(name).await
    }

    async fn log(&self, name: &str, tail: usize) -> Result<String, Error> {
        let options = query::LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(&tail.to_string())
            .build();
        let call = Call::read(format!("read the log of {name}"));
        let request = |client: bollard::Docker| {
            let options = Some(options.clone());
            async move {
                let mut log = Vec::new();
                let mut stream = client.logs(name, options);
                while let Some(item) = stream.try_next().await? {
                    exec::keep(&mut log, &item.into_bytes(), exec::OUTPUT_LIMIT);
                }
                Ok(String::from_utf8_lossy(&log).into_owned())
            }
        };
        self.calls.answer(call, request).await
    }

    async fn exec(
        &self,
        name: &str,
        argv: &[&str],
        input: Option<ByteStream>,
    ) -> Result<Output, Error> {
        self.run(name, argv, input).await
    }

    async fn exec_stream(
        &self,
        name: &str,
        what: &str,
        argv: &[&str],
        line: Option<&str>,
    ) -> Result<ByteStream, Error> {
        self.run_streamed(name, what, argv, line).await
    }

    fn archive(&self, name: &str, path: &str) -> ByteStream {
        self.download(name, path)
    }

    async fn networks(&self, name: &str) -> Result<Vec<Network>, Error> {
        self.networks_named(name).await
    }

    async fn create_network(&self, name: &str) -> Result<(), Error> {
        self.create_network_named(name).await
    }

    async fn remove_network(&self, id: &str) -> Result<(), Error> {
        let call = Call::idempotent(format!("remove the network {id}"));
        let request = |client: bollard::Docker| async move { client.remove_network(id).await };
        optional(self.calls.answer(call, request).await).map(drop)
    }

    async fn reconnect(&self, network: &str, container: &str) -> Result<(), Error> {
        self.reconnect_to(network, container).await
    }

    async fn ensure_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let wanted = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        let call = Call::idempotent(format!("create the volume {name}"));
        let request = |client: bollard::Docker| {
            let wanted = wanted.clone();
            async move { client.create_volume(wanted).await }
        };
        self.calls.answer(call, request).await.map(drop)
    }

    async fn volume_labels(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error> {
        let call = Call::read(format!("inspect the volume {name}"));
        let request = |client: bollard::Docker| async move { client.inspect_volume(name).await };
        let volume = optional(self.calls.answer(call, request).await)?;
        Ok(volume.map(|volume| volume.labels.into_iter().collect()))
    }

    async fn volumes(&self, label: &str) -> Result<Vec<String>, Error> {
        let options = query::ListVolumesOptionsBuilder::default()
            .filters(&by_label(label))
            .build();
        let request = |client: bollard::Docker| {
            let options = Some(options.clone());
            async move { client.list_volumes(options).await }
        };
        let listed = self
            .calls
            .answer(Call::read("list volumes"), request)
            .await?;
        let volumes = listed.volumes.unwrap_or_default().into_iter();
        let mut names: Vec<String> = volumes.map(|volume| volume.name).collect();
        names.sort();
        Ok(names)
    }

    async fn remove_volume(&self, name: &str) -> Result<(), Error> {
        let call = Call::idempotent(format!("remove the volume {name}"));
        let request = |client: bollard::Docker| async move {
            let options = None::<query::RemoveVolumeOptions>;
            client.remove_volume(name, options).await
        };
        optional(self.calls.answer(call, request).await).map(drop)
    }
}

impl Docker {
    async fn list_containers(
        &self,
        options: query::ListContainersOptions,
    ) -> Result<Vec<bollard::models::ContainerSummary>, Error> {
        let request = |client: bollard::Docker| {
            let options = Some(options.clone());
            async move { client.list_containers(options).await }
        };
        let call = Call::read("list containers");
        self.calls.answer(call, request).await
    }

    async fn inspect(&self, name: &str) -> Result<Option<ContainerInspectResponse>, Error> {
        let call = Call::read(format!("inspect {name}"));
        let request = |client: bollard::Docker| async move {
            let options = None::<query::InspectContainerOptions>;
            client.inspect_container(name, options).await
        };
        optional(self.calls.answer(call, request).await)
    }

    /// Waits until a container has exited. It may run for any time.
    async fn await_exit(&self, name: &str) -> Result<i64, Error> {
        let owned = name.to_owned();
        let request = move |client: bollard::Docker| {
            let name = owned.clone();
            let waiting = async move {
                let options = None::<query::WaitContainerOptions>;
                let mut stream = client.wait_container(&name, options);
                match stream.try_next().await {
                    Ok(ended) => Ok(ended.map(|ended| ended.status_code)),
                    Err(BollardError::DockerContainerWaitError { code, .. }) => Ok(Some(code)),
                    Err(error) => Err(error),
                }
            };
            Box::pin(futures_util::stream::once(waiting))
        };
        let what = format!("wait for {name}");
        loop {
            let call = Call::read(&what);
            let limit = self.calls.limits.answer;
            let mut ended = self.calls.stream(call, limit, request.clone());
            match ended.try_next().await {
                Ok(Some(Some(code))) => return Ok(code),
                // It may have exited while the answer was lost.
                Err(Error::Timeout { .. }) => {}
                Ok(None | Some(None)) => {
                    return Err(Error::Broken {
                        what,
                        reason: "it returned nothing".into(),
                    });
                }
                Err(error) => return Err(error),
            }
            match self.container(name).await? {
                Some(found) if found.running => {}
                Some(Container {
                    exit_code: Some(code),
                    ..
                }) => return Ok(code),
                _ => {
                    return Err(Error::Broken {
                        what,
                        reason: "the container no longer exists".into(),
                    });
                }
            }
        }
    }

    /// Waits a moment until a container is gone that the engine is already removing. Returns
    /// `refusal`, the engine's error, if it stays.
    async fn await_removal(&self, name: &str, refusal: Error) -> Result<(), Error> {
        // Not a `Wait`: the compiler cannot prove that its closure is `Send` here.
        let deadline = Instant::now() + REMOVAL.min(self.calls.limits.answer);
        while self.inspect(name).await?.is_some() {
            if Instant::now() > deadline {
                return Err(refusal);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }
}
