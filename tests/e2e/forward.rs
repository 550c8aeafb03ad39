//! Ports of this host that lead to the pods.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::browser::Browser;
use crate::harness::{Instance, free_ports, run};
use crate::sdk::Sdk;
use crate::server::User;

/// The size of an artifact; a stream has a buffer of 1 MiB.
const BIG: usize = 20 << 20;

/// Ends a process with a signal, and returns its exit code.
fn end(mut process: Child, signal: &str) -> Option<i32> {
    let id = process.id().to_string();
    run("kill", &["-s", signal, &id]).expect(0);
    process.wait().unwrap().code()
}

fn is_open(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Returns the answer to a client that ends its half of the connection after the request.
fn answer_after_half_close(port: u16) -> String {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let request = "GET /debug.ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an engine: tests/run"]
async fn forwarded_ports_lead_to_ready_pods() {
    let instance = Instance::new("forward");
    instance.up(&["--release=2.3"]).expect(0);
    if let Some(sdk) = Sdk::of(&instance) {
        sdk.runs_an_experiment();
    }
    let [web, api, files] = free_ports();
    let ports = [
        format!("--web-port={web}"),
        format!("--api-port={api}"),
        format!("--files-port={files}"),
    ];
    let forward_command = |more: &[&str]| {
        let mut command = instance.command();
        command.arg("forward").args(&ports).args(more);
        command
    };
    let forward = |more: &[&str]| instance.run_command(&mut forward_command(more));

    let mut process = forward_command(&["-o", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut events =
        lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).expect("JSON lines"));
    let started = events.next().unwrap();
    assert_eq!(started["event"], "forwarding");
    let expected = format!("http://localhost:{api}");
    assert_eq!(started["endpoints"]["api"], expected, "{started}");

    let user = User::at(&instance, api, files).await;
    let work = user.work().await;
    user.finds(&work).await;
    let content: Vec<u8> = (0..BIG).map(|index| (index % 251) as u8).collect();
    user.store("e2e/big.bin", content.clone()).await;
    // Streams do not wait for each other.
    let reads = (0..8).map(|_| user.read("e2e/big.bin"));
    for read in futures_util::future::join_all(reads).await {
        assert!(read == content, "the content has changed");
    }
    let page = format!("http://localhost:{web}");
    if let Some(mut browser) = Browser::start() {
        browser.sees(&page, &format!("{page}/api"), &["end to end"]);
    }

    let answer = answer_after_half_close(api);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let component = "clearml-local.io/component=apiserver";
    instance.kubectl(&["delete", "pod", "-l", component, "--wait=false"]);
    User::at(&instance, api, files).await.finds(&work).await;
    let replaced = events.find(|event| event["event"] == "pod-replaced");
    let replaced = replaced.unwrap();
    assert_eq!(replaced["component"], "apiserver", "{replaced}");
    assert_ne!(replaced["pod"], replaced["previous"], "{replaced}");

    let refused = forward(&["--detach"]).expect(21);
    for port in [web, api, files] {
        let message = format!("port {port} on 127.0.0.1 is in use by clearml-local");
        assert!(refused.stderr.contains(&message), "{}", refused.stderr);
    }
    assert_eq!(end(process, "INT"), Some(0));
    assert!(!is_open(api));

    let detached = forward(&["--detach"]).expect(0);
    let message = "Forwarding in the background (process ";
    assert!(detached.stderr.contains(message), "{}", detached.stderr);
    let setting = format!("api_server: http://localhost:{api}\n");
    assert!(detached.stdout.contains(&setting), "{}", detached.stdout);
    User::at(&instance, api, files).await.finds(&work).await;
    let again = forward(&["--detach"]).expect(0);
    let message = "Already forwarding in the background";
    assert!(again.stderr.contains(message), "{}", again.stderr);
    let other = instance.run(&["forward", "--detach"]).expect(2);
    assert!(
        other.stderr.contains("a forward with other ports runs"),
        "{}",
        other.stderr
    );
    let stopped = instance.run(&["forward", "--stop"]).expect(0);
    assert!(stopped.stderr.contains("Stopped"), "{}", stopped.stderr);
    assert!(!is_open(api));

    // The file of a process that was killed does not count.
    let event = forward(&["--detach", "-o", "json"]).expect(0).events();
    let id = event[0]["process"].to_string();
    run("kill", &["-KILL", &id]).expect(0);
    let deadline = Instant::now() + Duration::from_secs(5);
    while is_open(api) {
        assert!(Instant::now() < deadline, "process {id} still listens");
    }
    let nothing = instance.run(&["forward", "--stop"]).expect(0);
    assert!(
        nothing.stderr.contains("nothing to do"),
        "{}",
        nothing.stderr
    );
    forward(&["--detach"]).expect(0);
    instance.run(&["down"]).expect(0);
    assert!(!is_open(api));
    let refused = forward(&[]).expect(2);
    let hint = format!("clearml-local up --name {}", instance.name);
    assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
}
