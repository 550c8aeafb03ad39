//! GPUs of a local node, with devices that the tests describe to the engine: no machine of the
//! tests has a real one.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Instance, run};

/// A specification of the test in a directory that engines with CDI watch.
const SPECIFICATION: &str = "/etc/cdi/clearml-local-e2e.json";
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/libcuda.so.570.1";

/// What NVIDIA's hook does, which the specification of its toolkit names too.
const LINK: &str = r#"#!/bin/sh
bundle=$(jq -r .bundle)
root=$(jq -r .root.path "$bundle/config.json")
ln -sf libcuda.so.570.1 "$root/usr/lib/x86_64-linux-gnu/libcuda.so.1"
"#;

/// Two GPUs that the engine gives to containers until this is dropped.
pub struct Gpus;

impl Gpus {
    /// Returns `None` if the engine has no CDI.
    fn new(instance: &Instance) -> Option<Gpus> {
        let directories = &engine()["CDISpecDirs"];
        if !directories.to_string().contains("/etc/cdi") {
            return None;
        }
        let library = instance.write("libcuda.so.570.1", "the driver of the test");
        let hook = instance.write("link", LINK);
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        // They behave like /dev/null and /dev/zero.
        let node =
            |path: &str, minor: u32| json!({"path": path, "type": "c", "major": 1, "minor": minor});
        let gpus = [node("/dev/nvidia0", 3), node("/dev/nvidia1", 5)];
        let specification = json!({
            "cdiVersion": "0.6.0",
            "kind": "nvidia.com/gpu",
            "devices": [{"name": "all", "containerEdits": {"deviceNodes": gpus}}],
            "containerEdits": {
                "deviceNodes": [node("/dev/nvidiactl", 3)],
                "mounts": [{
                    "hostPath": library,
                    "containerPath": LIBRARY,
                    "options": ["ro", "nosuid", "nodev", "bind"],
                }],
                "hooks": [{"hookName": "createContainer", "path": hook}],
            },
        });
        std::fs::create_dir_all(Path::new(SPECIFICATION).parent().unwrap()).unwrap();
        std::fs::write(SPECIFICATION, specification.to_string()).unwrap();
        let gpus = Gpus;
        let deadline = Instant::now() + Duration::from_secs(30);
        while !discovered().to_string().contains("nvidia.com/gpu=all") {
            assert!(Instant::now() < deadline, "{}", discovered());
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(gpus)
    }
}

impl Drop for Gpus {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(SPECIFICATION);
    }
}

fn engine() -> Value {
    run("docker", &["info", "--format", "{{json .}}"])
        .expect(0)
        .json()
}

fn discovered() -> Value {
    engine()["DiscoveredDevices"].clone()
}

/// Gives GPUs to the node of a server that has an agent: the pods of the agent have one each, also
/// after a stop. Returns the GPUs, without which the node cannot be started again.
pub fn agents_have_gpus(instance: &Instance, image: &str) -> Option<Gpus> {
    let Some(gpus) = Gpus::new(instance) else {
        refused_without_gpus(instance);
        return None;
    };
    let up = instance.run(&["up", "--gpus"]).expect(0);
    assert!(
        up.stderr.contains("--gpus changes from none to all"),
        "{}",
        up.stderr
    );
    let agent = [
        "agent",
        "up",
        "--gpus",
        "--replicas=2",
        "--image",
        image,
        "--timeout=3m",
    ];
    instance.run(&agent).expect(0);
    each_pod_has_one(instance);
    let status = instance.run(&["status", "-o", "json"]).json();
    assert_eq!(status["gpus"], 2, "{status}");
    // More than there are.
    let more = instance.run(&["agent", "up", "--gpus=3"]).expect(53);
    assert!(
        more.stderr.contains("offer 2 `nvidia.com/gpu`"),
        "{}",
        more.stderr
    );

    instance.run(&["stop"]).expect(0);
    instance.run(&["start"]).expect(0);
    let deadline = Instant::now() + Duration::from_secs(90);
    let set = ["get", "statefulset", "clearml-local-agent", "-o"];
    let ready = [&set[..], &["jsonpath={.status.availableReplicas}"]].concat();
    while instance.kubectl(&ready) != "2" {
        assert!(
            Instant::now() < deadline,
            "{}",
            instance.run(&["agent", "status"]).stdout
        );
        std::thread::sleep(Duration::from_millis(500));
    }
    each_pod_has_one(instance);
    Some(gpus)
}

/// Looks into the pods: other GPUs, and the library under the name that programs load.
fn each_pod_has_one(instance: &Instance) {
    let script = "ls /dev/nvidia* && head -c 1 /dev/nvidia[01] | wc -c && echo x >/dev/nvidiactl \
                  && cat /usr/local/nvidia/lib64/libcuda.so.1 && echo && tr '\\0' '\\n' </proc/1/environ";
    let mut given = [0, 1].map(|pod| {
        let pod = format!("clearml-local-agent-{pod}");
        let arguments = ["exec", &pod, "-c", "agent", "--", "sh", "-c", script];
        instance.kubectl(&arguments)
    });
    // `ls` names the GPU first.
    given.sort();
    for (gpu, seen) in given.iter().enumerate() {
        let devices: Vec<&str> = seen
            .lines()
            .filter(|line| line.starts_with("/dev/"))
            .collect();
        let own = format!("/dev/nvidia{gpu}");
        assert_eq!(devices, [own.as_str(), "/dev/nvidiactl"], "{seen}");
        assert!(seen.contains("the driver of the test"), "{seen}");
        assert!(
            seen.contains("LD_LIBRARY_PATH=/usr/local/nvidia/lib64"),
            "{seen}"
        );
    }
    // The devices work: the first is like /dev/null, the second like /dev/zero.
    let bytes = given.map(|seen| seen.lines().nth(2).map(str::to_owned));
    assert_eq!(bytes, ["0", "1"].map(|number| Some(number.to_owned())));
}

/// The engine has no GPU, which is said before anything changes.
fn refused_without_gpus(instance: &Instance) {
    let id = || run("docker", &["inspect", "-f", "{{.Id}}", &instance.node()]).expect(0);
    let before = id().stdout;
    let up = instance.run(&["up", "--gpus"]);
    assert_ne!(up.code, 0);
    assert!(up.stderr.contains("[docker-without-gpus]"), "{}", up.stderr);
    let agent = instance.run(&["agent", "up", "--gpus"]).expect(53);
    assert!(agent.stderr.contains("nvidia-ctk"), "{}", agent.stderr);
    // The setting is not kept.
    instance.run(&["up"]).expect(0);
    assert_eq!(id().stdout, before);
}
