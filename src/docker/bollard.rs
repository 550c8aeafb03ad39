//! The real engine, through bollard. Only this module uses bollard; `convert` converts
//! its models.

mod connect;
mod convert;
mod describe;
mod image;
mod layers;
mod network;
mod streamed;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bollard::errors::Error as BollardError;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters as query;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use self::layers::Layers;
use super::{
    ByteStream, Container, ContainerSpec, Credentials, Endpoint, Engine, EngineInfo, Error, Image,
    Network, Output, PullProgress, Subject,
};
use crate::image_ref::ImageRef;

/// Timeout of an ordinary request, in seconds.
const TIMEOUT: u64 = 120;
/// Timeout of bulk transfers and waits until the response begins, in seconds.
const BULK_TIMEOUT: u64 = 3600;

pub struct Docker {
    client: bollard::Docker,
    endpoint: Endpoint,
    api: (usize, usize),
}

impl Docker {
    /// Connects to the engine and negotiates the API version.
    ///
    /// # Errors
    /// [`Error::Remote`] for engines on other hosts, [`Error::Unreachable`] if nothing
    /// answers.
    pub async fn connect(endpoint: Endpoint) -> Result<Docker, Error> {
        if !endpoint.address.is_local() {
            return Err(Error::Remote {
                endpoint: endpoint.address.to_string(),
                chosen_by: endpoint.chosen_by,
            });
        }
        let unreachable = |error: BollardError| connect::unreachable(&endpoint, &error);
        let client = connect::client(&endpoint)?;
        let negotiated = tokio::time::timeout(Duration::from_secs(10), connect::negotiate(client));
        let client = match negotiated.await {
            Ok(client) => client.map_err(unreachable)?,
            Err(_) => return Err(connect::timed_out(&endpoint)),
        };
        let version = client.client_version();
        Ok(Docker {
            client,
            api: (version.major_version, version.minor_version),
            endpoint,
        })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn bulk(&self) -> bollard::Docker {
        self.client
            .clone()
            .with_timeout(Duration::from_secs(BULK_TIMEOUT))
    }

    fn failed(what: impl Into<String>) -> impl FnOnce(BollardError) -> Error {
        let what = what.into();
        move |error| convert::error(what, error)
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
        let info = self.client.info().await;
        let info = info.map_err(Docker::failed("return its information"))?;
        Ok(convert::info(info, self.api))
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
        let options = query::CreateImageOptionsBuilder::default()
            .from_image(&reference.to_string())
            .platform(platform)
            .build();
        let mut client = self.bulk();
        // bollard does not encode its header with the URL-safe alphabet that engines
        // expect.
        if let Some(header) = credentials.map(Credentials::header) {
            client =
                client.with_request_modifier(move |request| convert::with_auth(request, &header));
        }
        let mut stream = client.create_image(Some(options), None, None);
        let mut layers = Layers::default();
        while let Some(item) = stream.next().await {
            let item = item.map_err(Docker::failed(format!("pull {reference}")))?;
            let detail = item.progress_detail.unwrap_or_default();
            if let (Some(layer), Some(done), Some(total)) = (item.id, detail.current, detail.total)
                && item.status.as_deref() == Some("Downloading")
            {
                progress(layers.add(layer, done, total));
            }
        }
        Ok(())
    }

    async fn tag(&self, reference: &ImageRef, name: &ImageRef) -> Result<(), Error> {
        let options = query::TagImageOptionsBuilder::default()
            .repo(name.repository())
            .tag(name.tag_or_default())
            .build();
        let reference = reference.to_string();
        let tagged = self.client.tag_image(&reference, Some(options)).await;
        tagged.map_err(Docker::failed(format!("tag the image {name}")))
    }

    fn export(&self, references: &[&ImageRef], platform: &str) -> ByteStream {
        let mut client = self.bulk();
        // Engines with the containerd store export an index of all platforms with the
        // blobs of only one, unless the request names a platform
        // (kubernetes-sigs/kind#3795). API 1.48 and later support that.
        if self.api >= (1, 48) {
            let query = convert::platform_query(platform);
            client =
                client.with_request_modifier(move |request| convert::with_query(request, &query));
        }
        let references: Vec<String> = references.iter().map(ToString::to_string).collect();
        let what = format!("export {}", references.join(" "));
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        // The stream owns its client.
        let stream = client.export_images(&references).boxed();
        Box::pin(stream.map_err(move |error| convert::error(what.clone(), error)))
    }

    async fn container(&self, name: &str) -> Result<Option<Container>, Error> {
        let inspected = self
            .client
            .inspect_container(name, None::<query::InspectContainerOptions>)
            .await;
        let found = optional(inspected.map_err(Docker::failed(format!("inspect {name}"))))?;
        Ok(found.map(convert::container))
    }

    async fn containers(&self, label: &str) -> Result<Vec<Container>, Error> {
        let options = query::ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&by_label(label))
            .build();
        let listed = self.client.list_containers(Some(options)).await;
        let mut containers = Vec::new();
        for summary in listed.map_err(Docker::failed("list containers"))? {
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
        let listed = self.client.list_containers(Some(options)).await;
        let listed = listed.map_err(Docker::failed("list containers"))?;
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
        let options = query::CreateContainerOptionsBuilder::default()
            .name(&spec.name)
            .build();
        let mut body = convert::create_body(spec);
        if spec.image.digest().is_some() {
            let found = self.find_image(&spec.image).await?;
            body.image = found.map(|(name, _)| name).or(body.image);
        }
        let created = self.client.create_container(Some(options), body).await;
        let created = created.map_err(Docker::failed(format!(
            "create the container {}",
            spec.name
        )))?;
        Ok(created.id)
    }

    async fn start(&self, name: &str) -> Result<(), Error> {
        let started = self
            .client
            .start_container(name, None::<query::StartContainerOptions>)
            .await;
        started.map_err(Docker::failed(format!("start the container {name}")))
    }

    async fn unpause(&self, name: &str) -> Result<(), Error> {
        let unpaused = self.client.unpause_container(name).await;
        unpaused.map_err(Docker::failed(format!("unpause the container {name}")))
    }

    async fn stop(&self, name: &str, seconds: u32) -> Result<(), Error> {
        let options = query::StopContainerOptionsBuilder::default()
            .t(i32::try_from(seconds).unwrap_or(i32::MAX))
            .build();
        let stopped = self.bulk().stop_container(name, Some(options)).await;
        stopped.map_err(Docker::failed(format!("stop the container {name}")))
    }

    async fn set_restart_policy(&self, name: &str, policy: &str) -> Result<(), Error> {
        let updated = self
            .client
            .update_container(name, convert::restart_update(policy))
            .await;
        updated.map_err(Docker::failed(format!("update the container {name}")))
    }

    async fn remove(&self, name: &str) -> Result<(), Error> {
        let options = query::RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let removed = self.client.remove_container(name, Some(options)).await;
        match removed.map_err(Docker::failed(format!("remove the container {name}"))) {
            // The engine continues a removal that an interrupted command has started.
            Err(error) if error.is_conflict() => self.await_removal(name, error).await,
            removed => optional(removed).map(|_| ()),
        }
    }

    async fn wait(&self, name: &str) -> Result<i64, Error> {
        let client = self.bulk();
        let mut stream = client.wait_container(name, None::<query::WaitContainerOptions>);
        match stream.next().await {
            Some(Ok(response)) => Ok(response.status_code),
            Some(Err(BollardError::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(convert::error(format!("wait for {name}"), error)),
            None => Err(Error::Broken {
                what: format!("wait for {name}"),
                reason: "it returned nothing".into(),
            }),
        }
    }

    async fn log(&self, name: &str, tail: usize) -> Result<String, Error> {
        let options = query::LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(&tail.to_string())
            .build();
        let mut text = String::new();
        let mut stream = self.client.logs(name, Some(options));
        while let Some(item) = stream.next().await {
            let item = item.map_err(Docker::failed(format!("read the log of {name}")))?;
            let room = streamed::OUTPUT_LIMIT.saturating_sub(text.len());
            let bytes = item.into_bytes();
            text.push_str(&String::from_utf8_lossy(&bytes[..bytes.len().min(room)]));
        }
        Ok(text)
    }

    async fn exec(
        &self,
        name: &str,
        argv: &[&str],
        input: Option<ByteStream>,
    ) -> Result<Output, Error> {
        let what = || format!("run a command in {name}");
        let options = CreateExecOptions {
            attach_stdin: Some(input.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(argv.to_vec()),
            ..CreateExecOptions::default()
        };
        let exec = self.client.create_exec(name, options).await;
        let exec = exec.map_err(Docker::failed(what()))?;
        let client = self.bulk();
        let started = client.start_exec(&exec.id, None::<StartExecOptions>).await;
        let StartExecResults::Attached {
            output,
            input: stdin,
        } = started.map_err(Docker::failed(what()))?
        else {
            return Err(Error::Broken {
                what: what(),
                reason: "it detached from the command".into(),
            });
        };
        let feed = async move {
            let mut stdin = stdin;
            if let Some(mut input) = input {
                while let Some(chunk) = input.try_next().await? {
                    // A command that exits early closes its input. Its exit code is more
                    // useful than this error.
                    if stdin.write_all(&chunk).await.is_err() {
                        return Ok(());
                    }
                }
            }
            let _ = stdin.shutdown().await;
            Ok::<(), Error>(())
        };
        let mut result = Output {
            argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
            ..Output::default()
        };
        let (fed, read) = tokio::join!(feed, streamed::collect(output, &mut result));
        read.map_err(Docker::failed(what()))?;
        fed?;
        let inspected = self.client.inspect_exec(&exec.id).await;
        let inspected = inspected.map_err(Docker::failed(what()))?;
        result.code = inspected.exit_code.unwrap_or(-1);
        Ok(result)
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
        let removed = self.client.remove_network(id).await;
        optional(removed.map_err(Docker::failed(format!("remove the network {id}")))).map(drop)
    }

    async fn reconnect(&self, network: &str, container: &str) -> Result<(), Error> {
        self.reconnect_to(network, container).await
    }

    async fn ensure_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        let created = self.client.create_volume(request).await;
        created.map_err(Docker::failed(format!("create the volume {name}")))?;
        Ok(())
    }

    async fn volume_labels(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error> {
        let inspected = self.client.inspect_volume(name).await;
        let what = format!("inspect the volume {name}");
        let volume = optional(inspected.map_err(Docker::failed(what)))?;
        Ok(volume.map(|volume| volume.labels.into_iter().collect()))
    }

    async fn volumes(&self, label: &str) -> Result<Vec<String>, Error> {
        let options = query::ListVolumesOptionsBuilder::default()
            .filters(&by_label(label))
            .build();
        let listed = self.client.list_volumes(Some(options)).await;
        let volumes = listed.map_err(Docker::failed("list volumes"))?.volumes;
        let mut names: Vec<String> = volumes
            .unwrap_or_default()
            .into_iter()
            .map(|volume| volume.name)
            .collect();
        names.sort();
        Ok(names)
    }

    async fn remove_volume(&self, name: &str) -> Result<(), Error> {
        let removed = self
            .client
            .remove_volume(name, None::<query::RemoveVolumeOptions>)
            .await;
        optional(removed.map_err(Docker::failed(format!("remove the volume {name}")))).map(drop)
    }
}

impl Docker {
    /// Waits until a container is gone that the engine is already removing. Returns
    /// `refusal`, the engine's error, if it stays.
    async fn await_removal(&self, name: &str, refusal: Error) -> Result<(), Error> {
        // Not a `Wait`: the compiler cannot prove that its closure is `Send` here.
        let deadline = Instant::now() + Duration::from_secs(TIMEOUT);
        while self.container(name).await?.is_some() {
            if Instant::now() > deadline {
                return Err(refusal);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }
}
