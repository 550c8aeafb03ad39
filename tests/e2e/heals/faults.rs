//! Faults of a running server.

use std::path::Path;
use std::time::{Duration, Instant};

use super::engine::{self, Moment};
use crate::harness::{Instance, run};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The first process of a database's container is killed.
    Database(&'static str),
    /// A workload is deleted.
    Deleted(&'static str),
    /// A workload is scaled to 0 pods.
    Scaled(&'static str),
    NodeKilled,
    /// The node is killed while a pod is frozen, as runc does with cgroup v1 for a moment: Docker
    /// cannot end it.
    NodeFrozen,
    /// The node is stopped, and another container gets its address.
    AddressTaken,
    /// The engine stops all containers, and starts with an empty /run.
    Rebooted,
    EngineKilled(Moment),
}

impl Fault {
    /// The faults of the node, and of the engine if the test may stop it.
    pub fn of_node() -> Vec<Fault> {
        let mut faults = vec![Fault::NodeKilled, Fault::AddressTaken];
        if can_freeze() {
            faults.push(Fault::NodeFrozen);
        }
        if engine::may_be_stopped() {
            faults.push(Fault::Rebooted);
            faults.extend(Moment::ALL.map(Fault::EngineKilled));
        }
        faults
    }

    pub const DATABASES: [&'static str; 3] = ["mongodb", "elasticsearch", "redis"];

    /// Causes the fault. Returns what must be removed after the server was healed.
    #[must_use]
    pub fn cause(self, instance: &Instance) -> Cleanup {
        let mut cleanup = Cleanup::default();
        match self {
            Fault::Database(component) => kill_process(instance, component),
            Fault::Deleted(component) => {
                let label = label(component);
                let kinds = "deployments,statefulsets";
                instance.kubectl(&["delete", kinds, "-l", &label]);
            }
            Fault::Scaled(component) => {
                let kinds = "deployments,statefulsets";
                let label = label(component);
                let workload = instance.kubectl(&["get", kinds, "-l", &label, "-o", "name"]);
                instance.kubectl(&["scale", workload.trim(), "--replicas=0"]);
            }
            Fault::NodeKilled => {
                run("docker", &["kill", &instance.node()]).expect(0);
            }
            Fault::NodeFrozen => freeze_and_kill(instance),
            Fault::AddressTaken => cleanup = take_address(instance),
            Fault::Rebooted => engine::reboot(),
            Fault::EngineKilled(moment) => engine::kill_at(moment, instance),
        }
        cleanup
    }
}

/// Where the freezer of cgroup v1 is, on a host and in a node.
const FREEZER: &str = "/sys/fs/cgroup/freezer";

/// Returns whether a node that is killed while a pod is frozen does not end.
pub fn can_freeze() -> bool {
    Path::new(FREEZER).exists()
}

/// What the engine says if it cannot end a container, for example because a process of it is
/// frozen with cgroup v1.
pub const STUCK: &str = "did not receive an exit event";

/// Containers that are removed at the end.
#[derive(Default)]
pub struct Cleanup {
    containers: Vec<String>,
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        for container in &self.containers {
            run("docker", &["rm", "-f", container]);
        }
    }
}

pub fn label(component: &str) -> String {
    format!("clearml-local.io/component={component}")
}

/// Kills the first process of a component's container.
fn kill_process(instance: &Instance, component: &str) {
    let path = "jsonpath={.items[0].status.containerStatuses[0].containerID}";
    let container = instance.kubectl(&["get", "pods", "-l", &label(component), "-o", path]);
    let container = container.rsplit('/').next().unwrap();
    let node = instance.node();
    let kill = "ctr -n k8s.io task kill -s SIGKILL \"$1\"";
    run(
        "docker",
        &["exec", &node, "sh", "-c", kill, "sh", container],
    )
    .expect(0);
}

/// Freezes a database, as soon as it runs, and kills the node, which Docker then shows as running.
pub fn freeze_and_kill(instance: &Instance) {
    let node = instance.node();
    let freeze = "for state in $(find \"$1\" -path '*cri-containerd-*' -name freezer.state); do
        grep -q redis-server \"/proc/$(head -n 1 \"${state%/*}/cgroup.procs\")/cmdline\" \\
            && echo FROZEN >\"$state\" && exit; done; exit 1";
    let freeze = ["exec", &node, "sh", "-c", freeze, "sh", FREEZER];
    let deadline = Instant::now() + Duration::from_secs(60);
    while run("docker", &freeze).code != 0 {
        assert!(Instant::now() < deadline, "the database does not start");
        std::thread::sleep(Duration::from_millis(100));
    }
    let killed = run("docker", &["kill", &node]).expect(1);
    assert!(killed.stderr.contains(STUCK), "{}", killed.stderr);
}

/// Stops the node and gives its address to another container.
fn take_address(instance: &Instance) -> Cleanup {
    let node = instance.node();
    let inspect = |format: &str, container: &str| {
        let output = run("docker", &["inspect", "-f", format, container]).expect(0);
        output.stdout.trim().to_owned()
    };
    const ADDRESS: &str = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let address = inspect(ADDRESS, &node);
    let network = inspect(
        "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}",
        &node,
    );
    let image = inspect("{{.Config.Image}}", &node);
    run("docker", &["stop", &node]).expect(0);
    let mut cleanup = Cleanup::default();
    let mut start_taker = |arguments: &[&str]| {
        let name = format!("{}-taker-{}", instance.name, cleanup.containers.len());
        cleanup.containers.push(name.clone());
        let run_taker = ["run", "-d", "--name", &name, "--network", &network];
        let sleep = ["--entrypoint", "sleep", &image, "600"];
        let started = run("docker", &[&run_taker[..], arguments, &sleep].concat());
        started.code == 0 && inspect(ADDRESS, &name) == address
    };
    // Some engines refuse to choose an address in a network whose range they chose, but give
    // the lowest free one to the next container.
    let is_taken = start_taker(&["--ip", &address]) || (0..8).any(|_| start_taker(&[]));
    if !is_taken {
        eprintln!("SKIPPED: no container got the address {address}; the node is only stopped");
    }
    cleanup
}
