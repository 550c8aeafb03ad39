//! A running server whose surroundings are damaged: the cause is named, and `up` repairs what
//! it can.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::harness::{Instance, run};
use crate::named;

/// How long it may take until the cause is named, with the time of `status` itself.
const NAMED: Duration = Duration::from_secs(15);

#[test]
#[ignore = "needs an engine: tests/run"]
fn damage_is_named_and_repaired() {
    let instance = Instance::new("damaged");
    instance.up(&[]).expect(0);
    named::failures_of_components(&instance);
    the_cluster_has_no_dns(&instance);
    the_proxy_for_services_is_deleted(&instance);
    two_pods_have_one_address(&instance);
    a_published_port_is_silent(&instance);
    a_port_is_taken_while_the_server_is_stopped(&instance);
}

fn in_kube_system(instance: &Instance, arguments: &[&str]) {
    let node = instance.node();
    let all = [&["exec", &node, "kubectl", "-n", "kube-system"], arguments].concat();
    run("docker", &all).expect(0);
}

/// Waits until `status` reports a failure.
#[track_caller]
fn await_failure(instance: &Instance, id: &str) {
    let deadline = Instant::now() + NAMED;
    loop {
        let status = instance.run(&["status", "-o", "json"]);
        if status.stdout.contains(&format!("\"{id}\"")) {
            assert_eq!(status.code, 4, "{}", status.stdout);
            return;
        }
        assert!(Instant::now() < deadline, "{}", status.stdout);
    }
}

fn the_cluster_has_no_dns(instance: &Instance) {
    in_kube_system(instance, &["scale", "deployment/coredns", "--replicas=0"]);
    await_failure(instance, "cluster-dns-down");
    let doctor = instance.run(&["doctor"]).expect(50);
    let cause = "the DNS of the cluster (coredns) has 0 desired pods";
    assert!(doctor.stdout.contains(cause), "{}", doctor.stdout);
    let up = instance.up(&[]).expect(0);
    let restored = |line: &str| line.contains("add-ons") && line.ends_with("coredns");
    assert!(up.stderr.lines().any(restored), "{}", up.stderr);
    instance.run(&["status"]).expect(0);
}

/// The DNS of the cluster keeps running while `up` installs the proxy again.
fn the_proxy_for_services_is_deleted(instance: &Instance) {
    // Those of the last repair may still be about to end.
    let dns = || {
        let names = "-ogo-template={{range .items}}{{if not .metadata.deletionTimestamp}}\
            {{.metadata.name}} {{end}}{{end}}";
        let label = "-lk8s-app=kube-dns";
        instance.kubectl(&["get", "pods", "-n", "kube-system", label, names])
    };
    let before = dns();
    in_kube_system(instance, &["delete", "daemonset/kube-proxy"]);
    await_failure(instance, "cluster-network-down");
    instance.up(&[]).expect(0);
    instance.run(&["status"]).expect(0);
    assert_eq!(dns(), before);
}

/// The list of addresses loses that of Redis, and the next new pod gets it.
fn two_pods_have_one_address(instance: &Instance) {
    let pods = |component: &str, field: &str| {
        let label = format!("-lclearml-local.io/component={component}");
        let path = format!("-ojsonpath={{.items[*]{field}}}");
        instance.kubectl(&["get", "pods", &label, &path])
    };
    let address = pods("redis", ".status.podIP");
    let (network, last) = address.rsplit_once('.').unwrap();
    let previous = format!("{network}.{}", last.parse::<u8>().unwrap() - 1);
    let script =
        "cd /run/cni-ipam-state/kindnet && rm \"$0\" && printf %s \"$1\" >last_reserved_ip.0";
    let node = instance.node();
    let forget = ["exec", &node, "sh", "-c", script, &address, &previous];
    run("docker", &forget).expect(0);
    instance.kubectl(&["delete", "pod", &pods("webserver", ".metadata.name")]);
    await_failure(instance, "pod-address-conflict");
    instance.up(&[]).expect(0);
    assert_ne!(
        pods("redis", ".status.podIP"),
        pods("webserver", ".status.podIP")
    );
    instance.run(&["status"]).expect(0);
}

/// Packets to the web app are dropped: first only those from outside of the node, and then
/// all.
fn a_published_port_is_silent(instance: &Instance) {
    let node = instance.node();
    let rule = |change: &str, chain: &str| {
        let port = ["-p", "tcp", "--dport", "30080", "-j", "DROP"];
        let all = ["exec", &node, "iptables", "-t", "raw", change, chain];
        run("docker", &[&all[..], &port].concat()).expect(0);
    };
    for (chain, id, words) in [
        ("PREROUTING", "published-ports-refused", "does not answer"),
        (
            "OUTPUT",
            "cluster-network-down",
            "in the node at port 30080",
        ),
    ] {
        rule("-I", chain);
        let failed = instance.up(&[]).expect(50);
        assert!(
            failed.stderr.contains(&format!("[{id}]")),
            "{}",
            failed.stderr
        );
        assert!(failed.stderr.contains(words), "{}", failed.stderr);
    }
    rule("-D", "PREROUTING");
    rule("-D", "OUTPUT");
    instance.up(&[]).expect(0);
}

fn a_port_is_taken_while_the_server_is_stopped(instance: &Instance) {
    instance.run(&["stop"]).expect(0);
    let taken = TcpListener::bind(("127.0.0.1", instance.web)).unwrap();
    let failed = instance.run(&["start"]).expect(21);
    assert!(failed.stderr.contains("[port-in-use]"), "{}", failed.stderr);
    assert!(
        failed.stderr.contains(&instance.web.to_string()),
        "{}",
        failed.stderr
    );
    drop(taken);
    instance.run(&["start"]).expect(0);
}
