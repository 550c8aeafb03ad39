//! GPUs in the engine's information and in its requests; pure.

use std::collections::HashMap;

use bollard::models::{DeviceInfo, DeviceRequest, Runtime};

use crate::docker::Gpus;

/// The kind of NVIDIA's GPUs in CDI. The name of a device follows after `=`.
const KIND: &str = "nvidia.com/gpu=";
/// The name of the device that stands for all of them.
const ALL: &str = "nvidia.com/gpu=all";
/// The runtime that NVIDIA's container toolkit adds to the engine.
const RUNTIME: &str = "nvidia";

/// Returns how the engine can give GPUs to a container. What it has discovered takes precedence:
/// such a request names devices that exist.
pub(super) fn found(
    devices: Option<Vec<DeviceInfo>>,
    runtimes: Option<HashMap<String, Runtime>>,
) -> Option<Gpus> {
    let devices = devices.unwrap_or_default().into_iter();
    let devices = devices.filter(|device| device.source.as_deref() == Some("cdi"));
    let names = devices.filter_map(|device| device.id);
    let mut names: Vec<String> = names.filter(|name| name.starts_with(KIND)).collect();
    if names.iter().any(|name| name == ALL) {
        return Some(Gpus::Cdi(vec![ALL.to_owned()]));
    }
    if names.is_empty() {
        let is_installed = runtimes.is_some_and(|all| all.contains_key(RUNTIME));
        return is_installed.then_some(Gpus::Nvidia);
    }
    names.sort();
    Some(Gpus::Cdi(names))
}

pub(super) fn request(gpus: &Gpus) -> DeviceRequest {
    match gpus {
        Gpus::Cdi(names) => DeviceRequest {
            driver: Some("cdi".to_owned()),
            device_ids: Some(names.clone()),
            ..DeviceRequest::default()
        },
        // Like `docker run --gpus all`.
        Gpus::Nvidia => DeviceRequest {
            driver: Some("nvidia".to_owned()),
            count: Some(-1),
            capabilities: Some(vec![vec!["gpu".to_owned()]]),
            ..DeviceRequest::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Returns what is found in the answer of `GET /info`.
    fn found_in(info: &Value) -> Option<Gpus> {
        let of = |key: &str| info.get(key).cloned().unwrap_or_default();
        found(
            serde_json::from_value(of("DiscoveredDevices")).unwrap(),
            serde_json::from_value(of("Runtimes")).unwrap(),
        )
    }

    fn cdi(names: &[&str]) -> Option<Gpus> {
        let names = names.iter().map(|name| (*name).to_owned());
        Some(Gpus::Cdi(names.collect()))
    }

    #[test]
    fn discovered_devices_take_precedence_over_the_runtime() {
        let device = |name: &str| json!({"Source": "cdi", "ID": name});
        let runtimes = json!({"io.containerd.runc.v2": {"path": "runc"}, "runc": {"path": "runc"},
            "nvidia": {"path": "nvidia-container-runtime"}});
        let info = |devices: Value| json!({"DiscoveredDevices": devices, "Runtimes": runtimes});
        let all = [device("nvidia.com/gpu=0"), device("nvidia.com/gpu=all")];
        assert_eq!(found_in(&info(json!(all))), cdi(&["nvidia.com/gpu=all"]));
        let each = [device("nvidia.com/gpu=1"), device("nvidia.com/gpu=0")];
        let names = ["nvidia.com/gpu=0", "nvidia.com/gpu=1"];
        assert_eq!(found_in(&info(json!(each))), cdi(&names));
        let others = [device("intel.com/gpu=all"), device("nvidia.com/nic=0")];
        assert_eq!(found_in(&info(json!(others))), Some(Gpus::Nvidia));
        assert_eq!(found_in(&info(Value::Null)), Some(Gpus::Nvidia));
    }

    #[test]
    fn an_engine_without_the_toolkit_has_none() {
        let runtimes = json!({"runc": {"path": "runc"}});
        assert_eq!(found_in(&json!({"Runtimes": runtimes})), None);
        let none = json!({"Runtimes": runtimes, "DiscoveredDevices": []});
        assert_eq!(found_in(&none), None);
    }

    #[test]
    fn requests_are_those_of_docker_run() {
        let sent = |gpus: &Gpus| serde_json::to_value(request(gpus)).unwrap();
        let all = cdi(&["nvidia.com/gpu=all"]).unwrap();
        let wanted = json!({"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=all"]});
        assert_eq!(sent(&all), wanted);
        let wanted = json!({"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]});
        assert_eq!(sent(&Gpus::Nvidia), wanted);
    }
}
