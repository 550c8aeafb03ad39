//! Where images come from: Docker's store, Docker's pull or the node's.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::docker::fake::{FakeEngine, State};
use crate::docker::{EngineInfo, Image, Output};
use crate::event::{Event, Events, Reporter};
use crate::settings::Pull;

const MANIFEST: &str = r#"{"config": {"digest": "sha256:config"}, "layers": []}"#;
const UNREACHABLE: &str =
    "ctr: failed to resolve reference: dial tcp 1.2.3.4:443: connect: connection refused";

#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Reporter for Warnings {
    fn report(&self, _: Duration, event: &Event) {
        if let Event::Warning { text } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

/// What a delivery of `mongo:7` did.
struct Delivered {
    result: Result<Delivery, Error>,
    /// Such as `pull in the node`.
    ways: Vec<&'static str>,
    warnings: Vec<String>,
}

/// An image without layers.
pub(super) fn image(id: &str) -> Image {
    Image {
        id: id.into(),
        architecture: "amd64".into(),
        os: "linux".into(),
        size: 1,
        layers: Vec::new(),
        layer_folders: Vec::new(),
    }
}

/// Delivers to an empty node. Pulls in it fail with `refusal`, and Docker's own where
/// its registry is empty.
async fn delivered(pull: Pull, state: State, refusal: Option<&'static str>) -> Delivered {
    delivered_with(None, pull, state, refusal).await
}

/// The same with a folder of Docker's configuration.
async fn delivered_with(
    docker_config: Option<PathBuf>,
    pull: Pull,
    state: State,
    refusal: Option<&'static str>,
) -> Delivered {
    let listing = Arc::new(Mutex::new(String::from(
        "REF TYPE DIGEST SIZE PLATFORMS LABELS\n",
    )));
    let node = Arc::clone(&listing);
    let engine = FakeEngine::new(state).with_exec(Box::new(move |_, argv| {
        let mut output = Output::default();
        let comes = match argv {
            [.., "get", _] => {
                output.stdout = MANIFEST.into();
                false
            }
            [.., "ls"] => {
                output.stdout = node.lock().unwrap().clone();
                false
            }
            argv if argv.contains(&"pull") => {
                if let Some(refusal) = refusal {
                    output.code = 1;
                    output.stderr = refusal.into();
                }
                refusal.is_none()
            }
            argv => argv.contains(&"import"),
        };
        if comes {
            let line = "docker.io/library/mongo:7 t sha256:m 1 MiB linux/amd64 a=b\n";
            node.lock().unwrap().push_str(line);
        }
        output
    }));
    let warnings = Arc::new(Warnings::default());
    let events = Events::new(warnings.clone());
    let sources = Sources {
        pull,
        docker_config,
        ..Sources::default()
    };
    let wanted = [Wanted::of("mongo:7".parse().unwrap())];
    let (arrived, arriving) = arrivals();
    let info = EngineInfo {
        architecture: "amd64".into(),
        ..EngineInfo::default()
    };
    let result = deliver(&engine, "n", &wanted, &info, &sources, arrived, &events);
    let result = result.await;
    if let Ok(delivery) = &result {
        assert_eq!(
            *arriving.borrow(),
            delivery.identities,
            "told as it arrived"
        );
    }
    let calls = engine.state().calls.clone();
    let ways = calls.iter().filter_map(|call| match call.as_str() {
        call if call.starts_with("pull ") => Some("pull by Docker"),
        call if call.contains("images pull") => Some("pull in the node"),
        call if call.starts_with("export ") => Some("load from Docker"),
        _ => None,
    });
    let warnings = warnings.0.lock().unwrap().clone();
    Delivered {
        ways: ways.collect(),
        result,
        warnings,
    }
}

/// An engine that has the image, can pull it, or neither.
fn engine(has: bool, can_pull: bool) -> State {
    let mut state = State::default();
    let reference: ImageRef = "mongo:7".parse().unwrap();
    if has {
        state.images.insert(reference.clone(), image("sha256:e"));
    }
    if can_pull {
        state.registry.insert(reference, image("sha256:e"));
    }
    state
}

#[tokio::test(start_paused = true)]
async fn an_image_takes_the_shortest_way_into_the_node() {
    for (pull, has, ways, identity) in [
        (Pull::Auto, true, vec!["load from Docker"], "sha256:e"),
        (Pull::Auto, false, vec!["pull in the node"], "sha256:config"),
        (Pull::Engine, true, vec!["load from Docker"], "sha256:e"),
        (
            Pull::Engine,
            false,
            vec!["pull by Docker", "load from Docker"],
            "sha256:e",
        ),
        (Pull::Node, true, vec!["pull in the node"], "sha256:config"),
        (Pull::Node, false, vec!["pull in the node"], "sha256:config"),
    ] {
        let done = delivered(pull, engine(has, true), None).await;
        assert_eq!(done.ways, ways, "{pull:?} {has}");
        let identities = done.result.unwrap().identities;
        assert_eq!(identities.values().collect::<Vec<_>>(), [identity]);
        assert_eq!(done.warnings, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn docker_pulls_what_the_node_cannot_reach_and_it_is_said_why() {
    let done = delivered(Pull::Auto, engine(false, true), Some(UNREACHABLE)).await;
    let ways = ["pull in the node", "pull by Docker", "load from Docker"];
    assert_eq!(done.ways, ways, "the node is not asked twice");
    assert!(done.result.is_ok());
    assert_eq!(
        done.warnings,
        ["Docker pulls from docker.io because the node cannot: the registry is unreachable"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_registry_refuses_is_not_asked_for_twice() {
    let refusal = "ctr: pull access denied: authorization failed: no basic auth credentials";
    let done = delivered(Pull::Auto, engine(false, true), Some(refusal)).await;
    assert_eq!(done.ways, ["pull in the node"]);
    assert_eq!(done.result.unwrap_err().code(), Code::ImageUnauthorized);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_for_docker() {
    let dir = tempfile::tempdir().unwrap();
    // The user `<token>`, as helpers of clouds have it.
    let config = r#"{"auths": {"https://index.docker.io/v1/": {"identitytoken": "t"}}}"#;
    crate::files::write(&dir.path().join("config.json"), config).unwrap();
    let refusal = "ctr: pull access denied: authorization failed: no basic auth credentials";
    let config = Some(dir.path().to_owned());
    let done = delivered_with(config, Pull::Auto, engine(false, true), Some(refusal)).await;
    let ways = ["pull in the node", "pull by Docker", "load from Docker"];
    assert_eq!(done.ways, ways);
    assert_eq!(
        done.warnings,
        ["Docker pulls from docker.io because the node cannot: the login is a token"]
    );
}

#[tokio::test(start_paused = true)]
async fn only_who_was_chosen_pulls() {
    let done = delivered(Pull::Node, engine(true, true), Some(UNREACHABLE)).await;
    assert!(done.ways.iter().all(|way| *way == "pull in the node"));
    assert_eq!(done.result.unwrap_err().code(), Code::ImageFailed);
    let mut refused = engine(false, false);
    refused.refuse("pull mongo:7 linux/amd64", "dial tcp: i/o timeout");
    let done = delivered(Pull::Engine, refused, None).await;
    assert!(done.ways.iter().all(|way| *way == "pull by Docker"));
    assert_eq!(done.result.unwrap_err().code(), Code::ImageFailed);
}

#[tokio::test(start_paused = true)]
async fn where_both_fail_both_are_told() {
    let mut refused = engine(false, false);
    refused.refuse("pull mongo:7 linux/amd64", "proxyconnect tcp: EOF");
    let done = delivered(Pull::Auto, refused, Some(UNREACHABLE)).await;
    assert_eq!(
        done.result.unwrap_err().to_string(),
        "cannot pull mongo:7: failed to resolve reference: dial tcp 1.2.3.4:443: connect: connection refused; with Docker: proxyconnect tcp: EOF"
    );
    // An answer of the registry says more than a connection that failed.
    let done = delivered(Pull::Auto, engine(false, false), Some(UNREACHABLE)).await;
    assert_eq!(done.result.unwrap_err().code(), Code::ImageNotFound);
}
