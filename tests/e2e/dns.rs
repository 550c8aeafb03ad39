//! A DNS that is silent, as the cluster's is for some seconds after a node started.

use std::net::Ipv4Addr;
use std::process::{Command, Output, Stdio};

use crate::harness::run;

const IMAGE: &str = "allegroai/clearml:1.5.0";
const SCRIPT: &str = include_str!("../../templates/clearml/wait.sh");

/// An address of the engine's own network that nobody has: what is sent there gets no
/// answer.
fn silent_address() -> String {
    let format = "{{(index .IPAM.Config 0).Subnet}}";
    let subnet = run("docker", &["network", "inspect", "bridge", "-f", format]).expect(0);
    let (address, bits) = subnet.stdout.trim().split_once('/').unwrap();
    let (address, bits): (Ipv4Addr, u32) = (address.parse().unwrap(), bits.parse().unwrap());
    // The last but one, before the broadcast address.
    Ipv4Addr::from(u32::from(address) | (u32::MAX >> bits) & !1).to_string()
}

fn text(output: &Output) -> String {
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(&[stdout.as_slice(), stderr].concat()).into_owned()
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn the_web_server_is_not_started_while_dns_is_silent() {
    let address = silent_address();
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
    // What it is kept from.
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
