//! A DNS server that does not respond, like that of the cluster for some seconds after
//! the start of a node.

use std::net::Ipv4Addr;
use std::process::{Command, Output, Stdio};

use crate::harness::run;

const IMAGE: &str = "allegroai/clearml:1.5.0";
const SCRIPT: &str = include_str!("../../templates/clearml/wait.sh");

/// Returns an unused address of the engine's default network, which never responds.
fn unused_address() -> String {
    let format = "{{(index .IPAM.Config 0).Subnet}}";
    let subnet = run("docker", &["network", "inspect", "bridge", "-f", format]).expect(0);
    let (address, bits) = subnet.stdout.trim().split_once('/').unwrap();
    let (address, bits): (Ipv4Addr, u32) = (address.parse().unwrap(), bits.parse().unwrap());
    // The last address before the broadcast address.
    Ipv4Addr::from(u32::from(address) | (u32::MAX >> bits) & !1).to_string()
}

fn text(output: &Output) -> String {
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(&[stdout.as_slice(), stderr].concat()).into_owned()
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn the_web_server_does_not_start_before_dns_responds() {
    let address = unused_address();
    let in_image = |arguments: &[&str]| {
        let mut command = Command::new("docker");
        command.args(["run", "--rm", "--dns", &address]);
        command.args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let wait = ["bash", "-c", SCRIPT, "wait", "apiserver", "resolved"];
    let name = ["clearml-apiserver", "8008"];
    let bounded = ["--entrypoint", "timeout", IMAGE, "5"];
    let waiting = in_image(&[&bounded[..], &wait, &name].concat());
    // Without the wait script, the server fails.
    let started = in_image(&[IMAGE, "webserver"]);

    let waited = waiting.wait_with_output().unwrap();
    let printed = text(&waited);
    assert_eq!(waited.status.code(), Some(124), "{printed}");
    assert!(printed.contains("DNS did not respond"), "{printed}");
    let ended = started.wait_with_output().unwrap();
    let printed = text(&ended);
    assert_eq!(ended.status.code(), Some(1), "{printed}");
    assert!(printed.contains("host not found in upstream"), "{printed}");
}
