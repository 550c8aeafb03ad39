//! From nothing to a node whose Kubernetes API answers.

use std::time::Duration;

use ipnet::IpNet;

use super::kubeadm::{self, Config};
use super::{Error, kubernetes_version, prepare, proxy, spec, verifies_pulls};
use crate::docker::{self, Container, ContainerSpec, Engine, ensure_network, exec_ok, write_file};
use crate::event::Step;
use crate::settings::InstanceName;
use crate::wait::{Look, Reason, Wait};

/// Written in the node when kubeadm has ended well: without it a node is half made.
const DONE_FILE: &str = "/kind/clearml-local-ready";
/// Written in the node when it has its pod network and storage class: an `up` may
/// end between kubeadm and these.
const FURNISHED_FILE: &str = "/kind/clearml-local-furnished";
/// How long the engine may take to finish a container that somebody else asked for.
const CREATION_PATIENCE: Duration = Duration::from_secs(60);
/// How long containerd may take to answer after the container's start.
const CONTAINERD_PATIENCE: Duration = Duration::from_secs(90);

/// Makes and starts the node container, with its network and image volume, and waits
/// until its containerd answers. A refusal leaves nothing of it.
///
/// # Errors
/// When the engine refuses, such as for a port in use.
pub async fn make(engine: &dyn Engine, node: &spec::NodeSpec<'_>) -> Result<String, Error> {
    let volume = spec::image_volume(node.name, node.image_id);
    let had_volume = engine.volume_labels(&volume).await?.is_some();
    ensure_network(engine, spec::NETWORK).await?;
    let networks = engine.networks(spec::NETWORK).await?;
    let ranges: Vec<IpNet> = networks.into_iter().flat_map(|n| n.subnets).collect();
    let container = node.container(&ranges);
    let made = async {
        let labels = spec::labels(node.name);
        engine.ensure_volume(&volume, &labels).await?;
        create(engine, &container, node.name).await?;
        let started = start_in_network(engine, &container.name).await;
        if started.is_err() {
            // It never ran: nothing in it is worth keeping. The refusal says more than
            // what may go wrong here.
            let _ = engine.remove(&container.name).await;
        }
        started.map_err(Error::from)
    };
    if let Err(error) = made.await {
        if !had_volume {
            let _ = engine.remove_volume(&volume).await;
        }
        return Err(error);
    }
    drop_former_image_volumes(engine, node.name, &volume).await?;
    await_containerd(engine, &container.name).await?;
    let variables = proxy::variables(node.proxies, &container.name, &ranges);
    if proxy::tell_systemd(engine, &container.name, &variables).await? {
        await_containerd(engine, &container.name).await?;
    }
    Ok(container.name)
}

/// Creates the node's container. A command that was interrupted while it created one
/// left the engine to finish that: ours that never ran is removed first.
async fn create(
    engine: &dyn Engine,
    container: &ContainerSpec,
    instance: &InstanceName,
) -> Result<(), Error> {
    let mut refusal = None;
    let created = Wait::new("the container's name")
        .within(CREATION_PATIENCE)
        .run(async || {
            match engine.create(container).await {
                Ok(_) => return Ok(Look::Done(())),
                Err(error) if error.is_conflict() => refusal = Some(error),
                Err(error) => return Err(error.into()),
            }
            match engine.container(&container.name).await? {
                Some(found) if !spec::is_ours(&found, instance) => {
                    return Err(Error::NameTaken {
                        container: found.name,
                    });
                }
                Some(found) if !found.running => engine.remove(&found.name).await?,
                // A name is taken as soon as a creation begins, and seen at its end.
                Some(_) | None => {}
            }
            Ok(Look::NotYet("it is in use".into()))
        })
        .await?;
    match (created, refusal) {
        (Err(_), Some(refusal)) => Err(refusal.into()),
        _ => Ok(()),
    }
}

/// Drops the image volumes of former node images: no other containerd may read them,
/// and they are large.
async fn drop_former_image_volumes(
    engine: &dyn Engine,
    instance: &InstanceName,
    current: &str,
) -> Result<(), Error> {
    let label = format!("{}={instance}", spec::INSTANCE_LABEL);
    let prefix = spec::image_volume_prefix(instance);
    for other in engine.volumes(&label).await? {
        if other != current && other.starts_with(&prefix) {
            engine.remove_volume(&other).await?;
        }
    }
    Ok(())
}

/// Starts a node that was stopped, also one whose network was removed meanwhile, and
/// lets one go on that was paused.
///
/// # Errors
/// When the engine refuses.
pub async fn start(engine: &dyn Engine, node: &Container) -> Result<(), Error> {
    if node.paused {
        return Ok(engine.unpause(&node.name).await?);
    }
    // Also removes duplicates, with which no container would start.
    ensure_network(engine, spec::NETWORK).await?;
    Ok(start_in_network(engine, &node.name).await?)
}

/// Starts a container in the network as it is now: engines do not find one that was
/// removed and created again by themselves.
async fn start_in_network(engine: &dyn Engine, name: &str) -> Result<(), docker::Error> {
    match engine.start(name).await {
        Err(error) if error.is_network_missing() => {
            ensure_network(engine, spec::NETWORK).await?;
            engine.reconnect(spec::NETWORK, name).await?;
            engine.start(name).await
        }
        result => result,
    }
}

/// Whether kubeadm has ended well in a running node.
///
/// # Errors
/// When the engine does not answer.
pub async fn is_bootstrapped(engine: &dyn Engine, node: &str) -> Result<bool, Error> {
    let output = engine.exec(node, &["test", "-f", DONE_FILE], None).await?;
    Ok(output.code == 0)
}

/// Whether a running node was given its pod network and storage class.
///
/// # Errors
/// When the engine does not answer.
pub async fn is_furnished(engine: &dyn Engine, node: &str) -> Result<bool, Error> {
    let argv = ["test", "-f", FURNISHED_FILE];
    Ok(engine.exec(node, &argv, None).await?.code == 0)
}

/// Notes that it was.
///
/// # Errors
/// When the engine does not answer.
pub async fn note_furnished(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    exec_ok(engine, node, &["touch", FURNISHED_FILE]).await?;
    Ok(())
}

/// Waits until containerd in the node answers: from then on images can be
/// brought.
///
/// # Errors
/// When the node ends or containerd is silent for too long.
pub async fn await_containerd(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let wait = Wait::new("containerd")
        .every(Duration::from_millis(150))
        .within(CONTAINERD_PATIENCE);
    let answered = wait.run(async || match engine.container(node).await? {
        Some(container) if container.running => Ok(containerd(engine, node).await),
        ended => Err(Error::Ended {
            node: node.to_owned(),
            code: ended.and_then(|c| c.exit_code).unwrap_or(-1),
            tail: log_tail(engine, node).await,
        }),
    });
    match answered.await? {
        Ok(()) => Ok(()),
        Err(late) => Err(Error::NoContainerd {
            node: node.to_owned(),
            late,
            tail: log_tail(engine, node).await,
        }),
    }
}

/// Asks containerd in a running node once.
async fn containerd(engine: &dyn Engine, node: &str) -> Look<()> {
    let argv = ["ctr", "-n", "k8s.io", "version"];
    match engine.exec(node, &argv, None).await {
        Ok(output) if output.code == 0 => Look::Done(()),
        Ok(output) => {
            let last = output.stderr.lines().last().unwrap_or_default();
            Look::NotYet(Reason::new("ctr", last.trim().trim_start_matches("ctr: ")))
        }
        Err(error) => Look::NotYet(Reason::new("engine", error.to_string())),
    }
}

async fn log_tail(engine: &dyn Engine, node: &str) -> Vec<String> {
    let log = engine.log(node, 20).await.unwrap_or_default();
    log.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Makes the running node a cluster and returns a kubeconfig that works from
/// the host.
///
/// # Errors
/// [`Error::Kubeadm`] with the lines that matter when kubeadm fails.
pub async fn bootstrap(
    engine: &dyn Engine,
    instance: &InstanceName,
    node: &str,
    cgroup_v1: bool,
    step: &Step,
) -> Result<String, Error> {
    if !is_bootstrapped(engine, node).await? {
        step.state("kubeadm init");
        init(engine, instance, node, cgroup_v1).await?;
    } else if verifies_pulls(&kubernetes_version(engine, node).await?) {
        prepare::never_verify_pulls(engine, node).await?;
    }
    kubeconfig(engine, node).await
}

async fn init(
    engine: &dyn Engine,
    instance: &InstanceName,
    node: &str,
    cgroup_v1: bool,
) -> Result<(), Error> {
    let version = kubernetes_version(engine, node).await?;
    let address = exec_ok(engine, node, &["getent", "ahostsv4", node]).await?;
    let token = kubeadm::random_token();
    let config = Config {
        instance: instance.as_str(),
        node,
        node_address: address.split_whitespace().next().unwrap_or_default(),
        version: &version,
        token: &token,
        cgroup_v1,
    };
    write_file(engine, node, "/kind/kubeadm.conf", &config.render()).await?;
    let argv = [
        "kubeadm",
        "init",
        "--config=/kind/kubeadm.conf",
        "--skip-token-print",
    ];
    let output = engine.exec(node, &argv, None).await?;
    if output.code != 0 {
        let journal = engine
            .exec(
                node,
                &["journalctl", "-u", "kubelet", "--no-pager", "-n", "400"],
                None,
            )
            .await?
            .stdout;
        let said = format!("{}\n{}", output.stdout, output.stderr);
        let (reason, tail) = kubeadm::what_matters(&said, &journal);
        return Err(Error::Kubeadm {
            node: node.to_owned(),
            reason,
            tail,
            log: format!("{said}\n--- journal of the kubelet\n{journal}"),
        });
    }
    finish(engine, node, &token).await
}

/// What remains after kubeadm: the node serves load balancers like any other,
/// names resolve as soon as `CoreDNS` runs, the token is gone, and the node is known
/// to be whole.
async fn finish(engine: &dyn Engine, node: &str, token: &str) -> Result<(), Error> {
    let id = token.split('.').next().unwrap_or_default();
    // kubeadm's probe asks every 10 s, and until it has, no name resolves.
    let dns = r#"{"spec":{"replicas":1,"template":{"spec":{"containers":[{"name":"coredns","readinessProbe":{"periodSeconds":1}}]}}}}"#;
    let script = "kubectl label node \"$1\" node.kubernetes.io/exclude-from-external-load-balancers- >/dev/null && \
         kubectl -n kube-system patch deployment coredns -p \"$4\" >/dev/null && \
         kubectl -n kube-system delete secret \"bootstrap-token-$2\" --ignore-not-found >/dev/null && \
         sed -i '/^ *- token: /d;/^ *ttl: /d;/^bootstrapTokens:/d' /kind/kubeadm.conf && \
         touch \"$3\"";
    exec_ok(
        engine,
        node,
        &["sh", "-c", script, "sh", node, id, DONE_FILE, dns],
    )
    .await?;
    Ok(())
}

/// The image volume outlives nodes and remembers their containers. containerd
/// would report them to the kubelet as dead ones to be looked after.
///
/// # Errors
/// When containerd does not come back.
pub async fn forget_former_containers(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let script = "names=$(ctr -n k8s.io containers ls -q) && [ -n \"$names\" ] || exit 0; \
         ctr -n k8s.io containers rm $names >/dev/null 2>&1; \
         for s in $(ctr -n k8s.io sandboxes ls -q 2>/dev/null); do ctr -n k8s.io sandboxes rm \"$s\" >/dev/null 2>&1; done; \
         systemctl restart containerd";
    exec_ok(engine, node, &["sh", "-c", script]).await?;
    Ok(())
}

/// The administrator's kubeconfig, with the address that the host reaches.
///
/// # Errors
/// When the node does not run, or is not bootstrapped.
pub async fn kubeconfig(engine: &dyn Engine, node: &str) -> Result<String, Error> {
    let text = exec_ok(engine, node, &["cat", "/etc/kubernetes/admin.conf"]).await?;
    let container = engine.container(node).await?.unwrap_or_default();
    let port = spec::api_server_port(&container).unwrap_or_default();
    Ok(with_server(&text, &format!("https://127.0.0.1:{port}")))
}

/// A kubeconfig of kubeadm's with another server. kubeadm writes one cluster,
/// with its server on a line of its own.
fn with_server(kubeconfig: &str, server: &str) -> String {
    let mut text = String::new();
    for line in kubeconfig.lines() {
        match line.split_once("server: ") {
            Some((indent, _)) => text.push_str(&format!("{indent}server: {server}")),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::FakeEngine;
    use crate::error::{Code, Explain};
    use crate::proxy::Proxies;
    use crate::settings::Wishes;

    #[tokio::test]
    async fn another_node_image_gets_a_volume_of_its_own() {
        let name = "demo".parse().unwrap();
        let instance = Wishes::default()
            .instance(None, std::path::PathBuf::from("/data").into())
            .unwrap();
        let mut node = spec::NodeSpec {
            name: &name,
            instance: &instance,
            node_ports: instance.ports,
            image_id: "sha256:0000000000001",
            proxies: &Proxies::default(),
            api_server_port: 40000,
            device_mapper: false,
        };
        let engine = FakeEngine::default();
        let data = spec::data_volume(&name);
        engine
            .ensure_volume(&data, &spec::labels(&name))
            .await
            .unwrap();
        make(&engine, &node).await.unwrap();
        engine.remove("demo-control-plane").await.unwrap();
        make(&engine, &node).await.unwrap();
        engine.remove("demo-control-plane").await.unwrap();
        node.image_id = "sha256:1111111111111";
        make(&engine, &node).await.unwrap();
        let volumes: Vec<String> = engine.state().volumes.keys().cloned().collect();
        let images = "clearml-local-demo-images-111111111111";
        assert_eq!(volumes, [data.as_str(), images], "data are never dropped");
    }

    /// A node of an instance that keeps its data in a folder.
    async fn made(engine: &FakeEngine) -> Result<String, Error> {
        let name = "demo".parse().unwrap();
        let instance = Wishes::default()
            .instance(None, std::path::PathBuf::from("/data").into())
            .unwrap();
        let node = spec::NodeSpec {
            name: &name,
            instance: &instance,
            node_ports: instance.ports,
            image_id: "sha256:0000000000001",
            proxies: &Proxies::default(),
            api_server_port: 40000,
            device_mapper: false,
        };
        make(engine, &node).await
    }

    #[tokio::test]
    async fn a_refusal_leaves_nothing() {
        for call in ["create demo-control-plane", "start demo-control-plane"] {
            let engine = FakeEngine::default();
            engine
                .state()
                .refuse(call, "privileged mode is incompatible with user namespaces");
            made(&engine).await.unwrap_err();
            let state = engine.state();
            assert!(state.volumes.is_empty(), "{call}");
            assert!(state.containers.is_empty(), "{call}");
        }
    }

    #[tokio::test]
    async fn a_node_whose_network_was_removed_starts_in_a_new_one() {
        let engine = FakeEngine::default();
        made(&engine).await.unwrap();
        engine.state().networks.clear();
        engine
            .state()
            .refuse_once("start demo-control-plane", "network 0123 not found");
        let node = engine
            .container("demo-control-plane")
            .await
            .unwrap()
            .unwrap();
        start(&engine, &node).await.unwrap();
        let state = engine.state();
        assert_eq!(state.networks.len(), 1);
        let calls = &state.calls[state.calls.len() - 3..];
        assert_eq!(
            calls,
            [
                "start demo-control-plane",
                "reconnect demo-control-plane to kind",
                "start demo-control-plane"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_an_interrupted_command_left_is_replaced() {
        let (name, other) = ("demo".parse().unwrap(), "other".parse().unwrap());
        let left = |labels, running| Container {
            name: "demo-control-plane".into(),
            labels,
            running,
            ..Container::default()
        };
        let wanted = ContainerSpec {
            name: "demo-control-plane".into(),
            ..ContainerSpec::default()
        };
        let made = async |left: Container| {
            let engine = FakeEngine::default();
            engine.state().containers.insert(left.name.clone(), left);
            let created = create(&engine, &wanted, &name).await;
            let calls = engine.state().calls.clone();
            (created, calls)
        };
        let (created, calls) = made(left(spec::labels(&name), false)).await;
        created.unwrap();
        let create = "create demo-control-plane";
        assert_eq!(calls, [create, "remove demo-control-plane", create]);
        let (created, calls) = made(left(spec::labels(&other), false)).await;
        assert_eq!(created.unwrap_err().code(), Code::NameTaken);
        assert_eq!(calls, [create]);
        let (created, calls) = made(left(spec::labels(&name), true)).await;
        assert!(created.is_err());
        assert!(
            !calls.iter().any(|call| call.starts_with("remove")),
            "somebody uses it"
        );
    }

    #[test]
    fn the_kubeconfig_names_the_published_port() {
        let text =
            "clusters:\n- cluster:\n    server: https://demo-control-plane:6443\n  name: demo\n";
        assert_eq!(
            with_server(text, "https://127.0.0.1:40000"),
            "clusters:\n- cluster:\n    server: https://127.0.0.1:40000\n  name: demo\n"
        );
    }
}
