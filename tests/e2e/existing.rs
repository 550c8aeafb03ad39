//! A server in a cluster that clearml-local did not create.

mod agents;
mod clients;
mod cluster;
mod installed;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clients::{Load, Writer};
use installed::Installed;

use crate::browser::Browser;
use crate::external::{self, Databases};
use crate::harness::{self, has, known_ports, run};
use crate::images::gateway;
use crate::ingress::has_traefik;
use crate::registry::{self, Config, Registry};
use crate::verify::assert_verified;

/// The objects that hold data and keys.
const KEPT: &str = "persistentvolumeclaims,secrets";

/// Returns whether the cluster can be created, and prints a message if not.
fn can_run() -> bool {
    has("kind") && has("openssl") && has_traefik()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an engine: tests/run"]
async fn a_user_with_the_documented_role_installs_a_server_with_ingress_and_tls() {
    if !can_run() {
        return;
    }
    let mut server = Installed::new("role");
    let image = agents::load_image(server.cluster);
    server.act_as(&server.documented_role());
    let up = server.up(&[]).expect(0);
    for url in server.urls() {
        assert!(up.stdout.contains(&url), "{}", up.stdout);
    }
    let pods = server.cluster.nodes_of_pods(&server.namespace);
    let nodes: BTreeSet<&str> = pods.iter().map(|(_, node)| node.as_str()).collect();
    assert!(nodes.len() > 1, "{pods:?}");
    let user = server.user().await;
    let work = user.work().await;
    user.finds(&work).await;
    let status = server.run(&["status"]).expect(0);
    assert!(status.stdout.contains("ready"), "{}", status.stdout);
    // An experiment through the ingress, with its certificate.
    let verified = assert_verified(&server.run(&["verify", "-o", "json"]).expect(0));
    let api = verified["endpoints"]["api"].as_str().unwrap();
    assert!(server.urls().iter().any(|url| url == api), "{api}");
    // In the browser, the page asks the API at its own host name.
    let [web, api, _] = server.urls();
    if let Some(mut browser) = server.browser() {
        browser.sees(&web, &api, &["end to end", "train"]);
    }
    let again = server.up(&[]).expect(0);
    assert!(again.stderr.contains("nothing changed"), "{}", again.stderr);

    // The instance keeps its context, and ports of this host lead to its pods too.
    let [web, api, files] = known_ports();
    let forwarded = [api, files];
    let ports = [
        ("--web-port", web),
        ("--api-port", api),
        ("--files-port", files),
    ];
    let ports = ports.map(|(flag, port)| format!("{flag}={port}"));
    let [web_port, api_port, files_port] = ports.each_ref().map(|port| &**port);
    let detached = ["forward", "--detach", web_port, api_port, files_port];
    server.run(&detached).expect(0);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, api)).is_ok());
    let ping = reqwest::get(format!("http://127.0.0.1:{api}/debug.ping")).await;
    assert_eq!(ping.unwrap().status(), 200);
    if let Some(mut browser) = Browser::start() {
        let [web, api] = [web, api].map(|port| format!("http://localhost:{port}"));
        browser.sees(&web, &api, &["end to end", "train"]);
    }

    let kept = server.objects(KEPT);
    assert!(!kept.is_empty());
    server.run(&["down"]).expect(0);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, api)).is_err());
    assert_eq!(
        server.objects("deployments,statefulsets,services,ingresses"),
        [""; 0]
    );
    let claims = |objects: &[String]| {
        let claims = objects
            .iter()
            .filter(|it| it.starts_with("PersistentVolumeClaim/"));
        claims.cloned().collect::<Vec<_>>()
    };
    assert_eq!(claims(&server.objects(KEPT)), claims(&kept));
    server.up(&[]).expect(0);
    server.user().await.finds(&work).await;
    let image = image.join().unwrap();
    if let Some(image) = image {
        let run = |arguments: &[&str]| server.run(arguments);
        let [_, _, files] = server.urls();
        let user = server.user().await;
        crate::agents::reaches_the_server_by_name(run, image, &user, &files).await;
        server.run(&["agent", "down"]).expect(0);
    }

    // Without an ingress, only a port-forward reaches the servers. `verify` starts its own.
    let without = ["app", "api", "files"].map(|site| format!("--set=ingress.{site}.enabled=false"));
    server.up(&without.each_ref().map(|it| &**it)).expect(0);
    assert_eq!(server.objects("ingresses"), [""; 0]);
    let verified = assert_verified(&server.run(&["verify", "-o", "json"]).expect(0));
    let api = verified["endpoints"]["api"].as_str().unwrap();
    assert!(api.starts_with("http://127.0.0.1:"), "{api}");
    if let Some(image) = image {
        server.run(&detached).expect(0);
        agents::executes_tasks_and_is_killed(&server, image, forwarded).await;
    }

    let refused = server.run(&["down", "--purge"]).expect(2);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    server.run(&["down", "--purge", "--yes"]).expect(0);
    let all = format!("{KEPT},deployments,statefulsets,services,ingresses,configmaps");
    assert_eq!(server.objects(&all), [""; 0]);
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn a_user_with_a_permission_less_is_told_which() {
    if !can_run() {
        return;
    }
    let mut server = Installed::new("denied");
    let role = server.documented_role();
    let without = role.replace("resources: [ingresses]", "resources: [ingresses/status]");
    assert_ne!(role, without);
    server.act_as(&without);
    let refused = server.up(&[]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("ingresses"), "{}", refused.stderr);
    assert_eq!(
        server.objects("deployments,statefulsets,secrets,configmaps"),
        [""; 0]
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an engine: tests/run"]
async fn nothing_acknowledged_is_lost_when_a_node_is_drained() {
    if !can_run() {
        return;
    }
    let server = Installed::new("drain");
    server.up(&[]).expect(0);
    let user = Arc::new(server.user().await);
    let writer = Writer::start(Arc::clone(&user));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let pods = server.cluster.nodes_of_pods(&server.namespace);
    let mongodb = pods.iter().find(|(component, _)| component == "mongodb");
    let (_, node) = mongodb.unwrap();
    server.cluster.drain(node);
    let pods = server.cluster.nodes_of_pods(&server.namespace);
    assert!(pods.iter().all(|(_, other)| other != node), "{pods:?}");
    // Its volumes are on that node.
    server.cluster.uncordon(node);
    server.run(&["status", "--wait=3m"]).expect(0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let acknowledged = writer.stop().await;
    acknowledged.assert_kept(&server.user().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an engine: tests/run"]
async fn two_api_servers_are_updated_without_a_failed_request() {
    if !can_run() {
        return;
    }
    let server = Installed::new("rolling");
    server.up(&["--set", "apiserver.replicaCount=2"]).expect(0);
    let pods = || {
        let pods = server.objects("pods");
        let api = pods.into_iter().filter(|pod| pod.contains("-apiserver-"));
        api.collect::<BTreeSet<_>>()
    };
    let before = pods();
    assert_eq!(before.len(), 2, "{before:?}");
    let user = Arc::new(server.user().await);
    let load = Load::start(&user, 4);
    let change = [
        "--set",
        "apiserver.extraEnvs[0].name=CHANGED",
        "--set",
        "apiserver.extraEnvs[0].value=yes",
    ];
    server
        .up(&[&["--set", "apiserver.replicaCount=2"], &change[..]].concat())
        .expect(0);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !pods().is_disjoint(&before) {
        assert!(Instant::now() < deadline, "{:?}", pods());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let report = load.stop().await;
    assert!(report.requests > 50, "{} requests", report.requests);
    assert_eq!(report.failures, [""; 0], "{} requests", report.requests);
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn a_local_instance_is_not_disturbed() {
    if !can_run() {
        return;
    }
    let local = harness::Instance::new("beside");
    local.up(&[]).expect(0);
    let before = local.versions();
    let server = Installed::new("beside");
    server.up(&[]).expect(0);
    server.run(&["down", "--purge", "--yes"]).expect(0);
    assert_eq!(local.versions(), before);
    local.run(&["status"]).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an engine: tests/run"]
async fn external_databases_and_private_images_need_the_right_passwords() {
    if !can_run() || !has("docker-registry") {
        return;
    }
    let server = Installed::new("private");
    let _databases = Databases::start(&server.namespace);
    let directory = tempfile::tempdir().unwrap();
    {
        let plain = Registry::start(directory.path(), "127.0.0.1", None);
        let login = Config::login(&plain.address, registry::PASSWORD);
        let image = own_image("allegroai/clearml:1.5.0");
        plain.push(&image, "corp/clearml:1.5.0", &login);
        plain.push("redis:6.2", "corp/agent:1", &login);
        run("docker", &["rmi", &image]).expect(0);
    }
    let registry = Registry::start(directory.path(), &gateway(), None);
    server.cluster.trust(&registry.address);
    let up = |redis: &str, images: &str| {
        let databases = external::values(&server.namespace, &external::passwords(redis));
        let private = format!(
            "webserver: {{image: {{repository: {address}/corp/clearml}}}}\n\
             imageCredentials: {{enabled: true, registry: '{address}', username: {user}, password: '{images}'}}\n",
            address = registry.address,
            user = registry::USER,
        );
        let file = server.write_values("private.yaml", &(databases + &private));
        server.up(&["-f", file])
    };

    let refused = up("wrong", registry::PASSWORD).expect(67);
    for words in ["it rejected the password", "externalServices.redisPassword"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert_eq!(server.objects("deployments,statefulsets,pods"), [""; 0]);

    let refused = up(external::REDIS_PASSWORD, "wrong").expect(32);
    for words in ["webserver", "set `imageCredentials`"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }

    up(external::REDIS_PASSWORD, registry::PASSWORD).expect(0);
    assert_eq!(
        server.objects("statefulsets,persistentvolumeclaims").len(),
        1
    );
    let user = server.user().await;
    let work = user.work().await;
    user.finds(&work).await;
    let image = format!("{}/corp/agent:1", registry.address);
    agents::pulls_with_the_login_of_the_values(&server, &image);
}

/// Creates an image with another digest, and returns its name: the kubelet asks for
/// credentials for every name of an image that was pulled with them.
fn own_image(from: &str) -> String {
    let name = format!("e2e-own-{}", std::process::id());
    run("docker", &["create", "--name", &name, from]).expect(0);
    run(
        "docker",
        &["commit", "--change=LABEL e2e=own", &name, &name],
    )
    .expect(0);
    run("docker", &["rm", &name]).expect(0);
    name
}
