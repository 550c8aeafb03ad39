use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::*;
use crate::docker::Output;
use crate::docker::fake::{FakeEngine, State};
use crate::error::Explain;
use crate::failures::Failure;

/// The mounts of a node, as NVIDIA's toolkit adds to them.
const MOUNTS: &str = include_str!("toolkit.mountinfo");
const DEVICES: &str = "195 0 /dev/nvidia0\n195 255 /dev/nvidiactl\n510 0 /dev/nvidia-uvm\n";
const LINKS: &str = "\
    /usr/lib/x86_64-linux-gnu/libcuda.so /usr/lib/x86_64-linux-gnu/libcuda.so.570.133.07\n\
    /usr/lib/x86_64-linux-gnu/libcuda.so.1 /usr/lib/x86_64-linux-gnu/libcuda.so.570.133.07\n\
    /usr/lib/i386-linux-gnu/libcuda.so.1 /usr/lib/i386-linux-gnu/libcuda.so.570.133.07\n\
    /usr/lib/x86_64-linux-gnu/libzstd.so.1 /usr/lib/x86_64-linux-gnu/libzstd.so.1.5.4\n";

/// Runs a program of this machine with this input, and returns its output.
fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    let mut to = child.stdin.take().unwrap();
    to.write_all(input.as_bytes()).unwrap();
    drop(to);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the configuration of a container with GPUs.
fn changed(config: &Value) -> Value {
    let arguments = ["--arg", "devices", DEVICES, "--arg", "links", LINKS];
    let mounts = ["--arg", "mounts", MOUNTS, CONTAINER_FILTER];
    let text = run(
        "jq",
        &[&arguments[..], &mounts].concat(),
        &config.to_string(),
    );
    serde_json::from_str(&text).unwrap()
}

/// A part of the configuration that containerd writes.
fn config(env: &[&str]) -> Value {
    json!({
        "process": {"env": env},
        "mounts": [{"type": "proc", "source": "proc", "destination": "/proc"}],
        "linux": {"resources": {"devices": [{"allow": false, "access": "rwm"}]}},
    })
}

#[test]
fn a_container_gets_the_devices_and_the_driver_of_the_node() {
    let changed = changed(&config(&["PATH=/bin"]));
    let devices = changed["linux"]["devices"].as_array().unwrap();
    let paths: Vec<&str> = devices
        .iter()
        .filter_map(|it| it["path"].as_str())
        .collect();
    assert_eq!(paths, ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"]);
    let rules = &changed["linux"]["resources"]["devices"];
    // Everything else stays forbidden.
    assert_eq!(rules[0], json!({"allow": false, "access": "rwm"}));
    let uvm = json!({"allow": true, "type": "c", "major": 510, "minor": 0, "access": "rwm"});
    assert_eq!(rules[3], uvm);

    let mounts = changed["mounts"].as_array().unwrap();
    assert_eq!(mounts[0]["destination"], "/proc");
    let mounted = mounts[1..].iter().map(|mount| {
        assert!(mount["options"].to_string().contains("\"ro\""), "{mount}");
        let text = |key: &str| mount[key].as_str().unwrap().to_owned();
        (text("source"), text("destination"))
    });
    let mounted: Vec<_> = mounted.collect();
    let same = |path: &str| (path.to_owned(), path.to_owned());
    let library = |file: &str, name: &str| {
        (
            format!("/usr/lib/x86_64-linux-gnu/{file}"),
            format!("/usr/local/nvidia/lib64/{name}"),
        )
    };
    let cuda = "libcuda.so.570.133.07";
    let ml = "libnvidia-ml.so.570.133.07";
    let wanted = [
        same("/usr/bin/nvidia-persistenced"),
        same("/usr/bin/nvidia-smi"),
        same("/usr/lib/firmware/nvidia/570.133.07/gsp_ga10x.bin"),
        same("/usr/lib/i386-linux-gnu/libcuda.so.570.133.07"),
        same("/usr/lib/x86_64-linux-gnu/libcuda.so.570.133.07"),
        same("/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.570.133.07"),
        library(cuda, "libcuda.so"),
        library(cuda, "libcuda.so.1"),
        library(cuda, cuda),
        library(ml, ml),
    ];
    assert_eq!(mounted, wanted);
}

#[test]
fn the_directory_of_the_libraries_is_among_those_of_the_image() {
    let path = |env: &[&str]| {
        let changed = changed(&config(env));
        let variables = changed["process"]["env"].as_array().unwrap().clone();
        assert!(variables.contains(&json!("PATH=/bin")));
        variables.last().unwrap().as_str().unwrap().to_owned()
    };
    let ours = "/usr/local/nvidia/lib64";
    let plain = format!("LD_LIBRARY_PATH={ours}");
    assert_eq!(path(&["PATH=/bin"]), plain);
    assert_eq!(path(&["LD_LIBRARY_PATH=", "PATH=/bin"]), plain);
    let other = path(&["LD_LIBRARY_PATH=/opt/lib", "PATH=/bin"]);
    assert_eq!(other, format!("LD_LIBRARY_PATH=/opt/lib:{ours}"));
    // Images for CUDA.
    let cuda = format!("LD_LIBRARY_PATH=/usr/local/nvidia/lib:{ours}");
    assert_eq!(path(&["PATH=/bin", &cuda]), cuda);
}

/// kind's node image has the second version of containerd's configuration, others the third.
#[test]
fn the_runtime_has_the_settings_of_runc() {
    let copied = |config: &str| {
        let variable = format!("name={RUNTIME}");
        run("awk", &["-v", &variable, COPY_RUNTIME], config)
    };
    let second = r#"version = 2
[plugins."io.containerd.grpc.v1.cri".containerd]
  default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  # a comment
  base_runtime_spec = "/etc/containerd/cri-base.json"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    SystemdCgroup = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.test-handler]
  runtime_type = "io.containerd.runc.v2"
"#;
    assert_eq!(
        copied(second),
        r#"[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.clearml-local-gpus]
  runtime_type = "io.containerd.runc.v2"
  # a comment
  base_runtime_spec = "/etc/containerd/cri-base.json"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.clearml-local-gpus.options]
  BinaryName = "/kind/clearml-local-gpus/runtime.sh"
    SystemdCgroup = true
"#
    );
    let third = "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]\n\
        runtime_type = 'io.containerd.runc.v2'\n\
        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]\n\
        SystemdCgroup = true\n";
    let copy = copied(third).replace(&format!("runtimes.{RUNTIME}"), "runtimes.runc");
    let name = "  BinaryName = \"/kind/clearml-local-gpus/runtime.sh\"\n";
    assert_eq!(copy.replace(name, ""), third);
    assert!(copy.contains(name), "{copy}");
}

#[tokio::test]
async fn a_node_without_a_gpu_is_reported() {
    let answer = |_: &str, _: &[&str]| Output {
        code: NO_GPUS,
        ..Output::default()
    };
    let engine = FakeEngine::new(State::default()).with_exec(Box::new(answer));
    let error = install(&engine, "n").await.unwrap_err();
    assert_eq!(error.failure(), Failure::GpuDriverBroken);
    assert!(error.to_string().contains("gave the node n no GPU"));
}
