//! Converts between bollard's models and ours; pure.

use std::collections::HashMap;
use std::path::PathBuf;

use bollard::errors::Error as BollardError;
use bollard::models as model;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::gpus;
use crate::docker::{Container, ContainerSpec, EngineInfo, Error, Image, Mount};
use crate::proxy::Proxies;

pub(super) fn error(what: String, error: BollardError) -> Error {
    match error {
        BollardError::DockerResponseServerError {
            status_code,
            message,
        } => Error::Refused {
            what,
            status: status_code,
            message: message.trim().to_owned(),
        },
        BollardError::DockerStreamError { error } => Error::Refused {
            what,
            status: 0,
            message: error.trim().to_owned(),
        },
        other => Error::Broken {
            what,
            reason: innermost(&other),
        },
    }
}

/// Returns the innermost cause of an error. The causes above it say only that something
/// failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

fn positive(number: Option<i64>) -> u64 {
    number.unwrap_or_default().max(0).unsigned_abs()
}

pub(super) fn info(info: model::SystemInfo, api: (usize, usize)) -> EngineInfo {
    let architecture = match info.architecture.unwrap_or_default().as_str() {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        other => other.to_owned(),
    };
    let proxy = [
        ("HTTP_PROXY", info.http_proxy),
        ("HTTPS_PROXY", info.https_proxy),
        ("NO_PROXY", info.no_proxy),
    ];
    let proxy = proxy
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    EngineInfo {
        proxies: Proxies::of(proxy).with_source("the Docker engine"),
        security: info.security_options.unwrap_or_default(),
        missing_controllers: [
            ("memory", info.memory_limit),
            ("cpu", info.cpu_cfs_quota),
            ("pids", info.pids_limit),
        ]
        .into_iter()
        .filter(|(_, supported)| *supported == Some(false))
        .map(|(name, _)| name)
        .collect(),
        time: info.system_time.map(|t| t.to_string()).unwrap_or_default(),
        version: info.server_version.unwrap_or_default(),
        api,
        architecture,
        operating_system: info.operating_system.unwrap_or_default(),
        memory: positive(info.mem_total),
        cpus: u32::try_from(positive(info.ncpu)).unwrap_or(u32::MAX),
        cgroup_version: info
            .cgroup_version
            .map_or_else(String::new, |v| v.to_string()),
        storage_driver: info.driver.unwrap_or_default(),
        root_dir: info.docker_root_dir.unwrap_or_default().into(),
        gpus: gpus::found(info.discovered_devices, info.runtimes),
    }
}

pub(super) fn image(image: model::ImageInspect) -> Image {
    let layers = image.root_fs.and_then(|fs| fs.layers).unwrap_or_default();
    let driver = image
        .graph_driver
        .filter(|driver| driver.name == "overlay2");
    let dirs = driver.map_or_else(Vec::new, |driver| layer_dirs(&driver.data));
    Image {
        // If the numbers differ, directories cannot be assigned to layers.
        layer_dirs: Some(dirs)
            .filter(|dirs| dirs.len() == layers.len())
            .unwrap_or_default(),
        id: image.id.unwrap_or_default(),
        architecture: image.architecture.unwrap_or_default(),
        os: image.os.unwrap_or_default(),
        size: positive(image.size),
        layers,
    }
}

/// Returns the directories of an image's layers, lowest first. `overlay2` lists the
/// topmost separately, and those below it from the top down.
fn layer_dirs(data: &HashMap<String, String>) -> Vec<PathBuf> {
    let upper = data.get("UpperDir").into_iter().map(String::as_str);
    let lower = data.get("LowerDir").into_iter().flat_map(|d| d.split(':'));
    let mut dirs: Vec<PathBuf> = upper.chain(lower).map(PathBuf::from).collect();
    dirs.reverse();
    dirs
}

/// Returns whether the engine is removing a container that has stopped. Its state does not show the
/// removal of a running one.
pub(super) fn is_being_removed(found: &model::ContainerInspectResponse) -> bool {
    let status = found.state.as_ref().and_then(|state| state.status);
    status == Some(model::ContainerStateStatusEnum::REMOVING)
}

pub(super) fn container(found: model::ContainerInspectResponse) -> Container {
    let state = found.state.unwrap_or_default();
    let running = state.running.unwrap_or_default();
    let config = found.config.unwrap_or_default();
    let host = found.host_config.unwrap_or_default();
    let policy = host.restart_policy.and_then(|policy| policy.name);
    let restart_policy = policy.map(|name| name.to_string());
    let bindings = found
        .network_settings
        .and_then(|settings| settings.ports)
        .filter(|ports| !ports.is_empty())
        .or(host.port_bindings);
    let mounts = found.mounts.unwrap_or_default().into_iter();
    Container {
        id: found.id.unwrap_or_default(),
        name: found
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        running,
        paused: state.paused.unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        ports: ports(bindings.unwrap_or_default()),
        mounts: mounts
            .map(|mount| {
                let source = mount.name.or(mount.source).unwrap_or_default();
                (source, mount.destination.unwrap_or_default())
            })
            .collect(),
        exit_code: state.exit_code.filter(|_| !running),
        network_mode: host.network_mode,
        started: state.started_at.and_then(|at| at.parse().ok()),
        restart_policy,
        gpus: host.device_requests.is_some_and(|all| !all.is_empty()),
    }
}

fn ports(bindings: model::PortMap) -> Vec<(u16, String, u16)> {
    let mut ports = Vec::new();
    for (port, hosts) in bindings {
        let Some(container_port) = port.split('/').next().and_then(|p| p.parse().ok()) else {
            continue;
        };
        for host in hosts.unwrap_or_default() {
            let host_port = host.host_port.and_then(|p| p.parse().ok()).unwrap_or(0);
            ports.push((container_port, host.host_ip.unwrap_or_default(), host_port));
        }
    }
    ports.sort();
    ports
}

pub(super) fn create_body(spec: &ContainerSpec) -> model::ContainerCreateBody {
    let exposed = spec.ports.iter().map(|p| format!("{}/tcp", p.container));
    let anonymous = spec.mounts.iter().filter_map(|mount| match mount {
        Mount::Anonymous(target) => Some(target.clone()),
        _ => None,
    });
    model::ContainerCreateBody {
        image: Some(spec.image.to_string()),
        hostname: spec.node.then(|| spec.name.clone()),
        tty: Some(spec.node),
        entrypoint: spec.entrypoint.clone(),
        cmd: (!spec.command.is_empty()).then(|| spec.command.clone()),
        env: Some(spec.env.clone()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        exposed_ports: Some(exposed.collect()),
        volumes: Some(anonymous.collect()),
        stop_timeout: spec.stop_timeout,
        host_config: Some(host_config(spec)),
        ..model::ContainerCreateBody::default()
    }
}

fn host_config(spec: &ContainerSpec) -> model::HostConfig {
    // Paths of users go into `mounts`: in `binds`, a colon ends a path.
    let (mut binds, mut mounts) = (Vec::new(), Vec::new());
    let mut tmpfs = HashMap::new();
    for mount in &spec.mounts {
        match mount {
            Mount::Bind(source, target, read_only) => mounts.push(model::Mount {
                typ: Some(model::MountType::BIND),
                source: Some(source.display().to_string()),
                target: Some(target.clone()),
                read_only: Some(*read_only),
                ..model::Mount::default()
            }),
            Mount::System(path, read_only) => {
                let mode = if *read_only { ":ro" } else { "" };
                binds.push(format!("{path}:{path}{mode}"));
            }
            Mount::Volume(name, target) => mounts.push(model::Mount {
                typ: Some(model::MountType::VOLUME),
                source: Some(name.clone()),
                target: Some(target.clone()),
                ..model::Mount::default()
            }),
            Mount::Tmpfs(target) => {
                tmpfs.insert(target.clone(), String::new());
            }
            Mount::Anonymous(_) => {}
        }
    }
    let mut bindings = model::PortMap::new();
    for port in &spec.ports {
        let host = if port.host == 0 {
            String::new()
        } else {
            port.host.to_string()
        };
        bindings
            .entry(format!("{}/tcp", port.container))
            .or_default()
            .get_or_insert_default()
            .push(model::PortBinding {
                host_ip: Some(port.address.to_string()),
                host_port: Some(host),
            });
    }
    let mut config = model::HostConfig {
        binds: Some(binds),
        mounts: Some(mounts),
        tmpfs: Some(tmpfs),
        port_bindings: Some(bindings),
        network_mode: spec.network.clone(),
        // Like kind: engines with `userns-remap` otherwise refuse a privileged container.
        // Data belong to the users that the node sees.
        userns_mode: Some("host".into()),
        log_config: Some(log_config()),
        device_requests: spec.gpus.as_ref().map(|wanted| vec![gpus::request(wanted)]),
        ..model::HostConfig::default()
    };
    if let Some(other) = &spec.enters {
        config.privileged = Some(true);
        config.pid_mode = Some(format!("container:{other}"));
        config.auto_remove = Some(true);
    }
    if spec.node {
        config.privileged = Some(true);
        config.security_opt = Some(vec![
            "seccomp=unconfined".into(),
            "apparmor=unconfined".into(),
        ]);
        config.cgroupns_mode = Some(model::HostConfigCgroupnsModeEnum::PRIVATE);
        config.init = Some(false);
        config.restart_policy = Some(model::RestartPolicy {
            name: Some(model::RestartPolicyNameEnum::ON_FAILURE),
            maximum_retry_count: Some(1),
        });
    }
    config
}

/// Selects a log driver that can be read, even if the engine's default driver sends logs
/// elsewhere or discards them.
fn log_config() -> model::HostConfigLogConfig {
    let bounds = [("max-size", "10m"), ("max-file", "2")];
    let bounds = bounds.map(|(key, value)| (key.to_owned(), value.to_owned()));
    model::HostConfigLogConfig {
        typ: Some("json-file".into()),
        config: Some(bounds.into()),
    }
}

/// Returns the query parameter for a platform such as `linux/amd64`.
pub(super) fn platform_query(platform: &str) -> String {
    let (os, architecture) = platform.split_once('/').unwrap_or(("linux", platform));
    let json = json!({"os": os, "architecture": architecture}).to_string();
    format!("platform={}", utf8_percent_encode(&json, NON_ALPHANUMERIC))
}

pub(super) fn restart_update(policy: &str) -> model::ContainerUpdateBody {
    let restart_policy = model::RestartPolicy {
        name: policy.parse().ok(),
        maximum_retry_count: None,
    };
    model::ContainerUpdateBody {
        restart_policy: Some(restart_policy),
        ..model::ContainerUpdateBody::default()
    }
}

/// Appends a query parameter, which must be encoded already.
pub(super) fn with_query(
    mut request: bollard::BollardRequest,
    parameter: &str,
) -> bollard::BollardRequest {
    let uri = request.uri();
    let separator = if uri.query().is_some() { '&' } else { '?' };
    if let Ok(changed) = format!("{uri}{separator}{parameter}").parse() {
        *request.uri_mut() = changed;
    }
    request
}

/// Adds the credentials for a registry, which must be encoded already.
pub(super) fn with_auth(
    mut request: bollard::BollardRequest,
    header: &str,
) -> bollard::BollardRequest {
    if let Ok(value) = header.parse() {
        request.headers_mut().insert("X-Registry-Auth", value);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Gpus;

    #[test]
    fn only_system_paths_are_mounted_as_binds() {
        let spec = ContainerSpec {
            mounts: vec![
                Mount::System("/lib/modules".into(), true),
                Mount::Bind("/srv/12:30 run".into(), "/data".into(), false),
                Mount::Volume("images".into(), "/images".into()),
            ],
            ..ContainerSpec::new("c", "image".parse().unwrap())
        };
        let config = host_config(&spec);
        assert_eq!(config.binds.unwrap(), ["/lib/modules:/lib/modules:ro"]);
        let mounts = config.mounts.unwrap();
        let sources: Vec<_> = mounts.iter().filter_map(|m| m.source.as_deref()).collect();
        assert_eq!(sources, ["/srv/12:30 run", "images"]);
    }

    #[test]
    fn only_a_container_with_gpus_asks_for_devices() {
        let requested = |gpus| {
            let image = "image".parse().unwrap();
            let spec = ContainerSpec {
                gpus,
                ..ContainerSpec::new("c", image)
            };
            host_config(&spec).device_requests
        };
        assert_eq!(requested(None), None);
        let wanted = Gpus::Cdi(vec!["nvidia.com/gpu=all".into()]);
        assert_eq!(
            requested(Some(wanted.clone())),
            Some(vec![gpus::request(&wanted)])
        );
    }

    #[test]
    fn every_container_has_a_readable_log_and_the_users_of_the_host() {
        let config = host_config(&ContainerSpec::new("c", "image".parse().unwrap()));
        assert_eq!(config.userns_mode.as_deref(), Some("host"));
        assert_eq!(config.log_config.unwrap().typ.as_deref(), Some("json-file"));
    }

    #[test]
    fn layer_dirs_are_known_only_for_overlay2_and_only_all_together() {
        let inspected = |driver: &str, layers: &[&str]| {
            let data = [
                ("UpperDir", "/o/top/diff"),
                ("LowerDir", "/o/mid/diff:/o/base/diff"),
            ];
            let data = data.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let layers = layers.iter().map(|layer| (*layer).to_owned()).collect();
            image(model::ImageInspect {
                graph_driver: Some(model::DriverData {
                    name: driver.into(),
                    data: data.into(),
                }),
                root_fs: Some(model::ImageInspectRootFs {
                    layers: Some(layers),
                    ..model::ImageInspectRootFs::default()
                }),
                ..model::ImageInspect::default()
            })
        };
        let dirs = inspected("overlay2", &["base", "mid", "top"]).layer_dirs;
        let wanted = ["/o/base/diff", "/o/mid/diff", "/o/top/diff"].map(PathBuf::from);
        assert_eq!(dirs, wanted);
        let none: [PathBuf; 0] = [];
        assert_eq!(inspected("btrfs", &["base", "mid", "top"]).layer_dirs, none);
        assert_eq!(inspected("overlay2", &["base", "top"]).layer_dirs, none);
    }

    #[test]
    fn platform_is_encoded_for_the_query() {
        assert_eq!(
            platform_query("linux/amd64"),
            "platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22amd64%22%7D"
        );
    }
}
