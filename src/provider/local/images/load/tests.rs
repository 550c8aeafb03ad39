//! The sources of images: Docker's store, a pull by Docker, or a pull in the node.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::*;
use crate::docker::Output;
use crate::docker::fake::{FakeEngine, State, image};
use crate::error::Explain;
use crate::event::Events;
use crate::event::fixtures::EventLog;
use crate::failures::Code;
use crate::image_ref::ImageRef;
use crate::images::arrivals;
use crate::provider::local::TestInstance;

const MANIFEST: &str = r#"{"config": {"digest": "sha256:config"}, "layers": []}"#;
const UNREACHABLE: &str =
    "ctr: failed to resolve reference: dial tcp 1.2.3.4:443: connect: connection refused";

/// The result of loading `mongo:7`.
struct Outcome {
    result: Result<Loaded, Error>,
    /// The steps, such as `pull in the node`.
    steps: Vec<&'static str>,
    warnings: Vec<String>,
}

/// Loads the image into an empty node. A pull in the node fails with `refusal`; a pull by
/// Docker fails if its registry is empty.
async fn load_one(pull: Pull, state: State, refusal: Option<&'static str>) -> Outcome {
    load_with(None, pull, state, refusal).await
}

/// The same with the directory of Docker's configuration.
async fn load_with(
    docker_config: Option<PathBuf>,
    pull: Pull,
    mut state: State,
    refusal: Option<&'static str>,
) -> Outcome {
    state.info.architecture = "amd64".into();
    let listing = Arc::new(Mutex::new(String::from(
        "REF TYPE DIGEST SIZE PLATFORMS LABELS\n",
    )));
    let node = Arc::clone(&listing);
    let engine = FakeEngine::new(state).with_exec(Box::new(move |_, argv| {
        let mut output = Output::default();
        let added = match argv {
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
        if added {
            let line = "docker.io/library/mongo:7 t sha256:m 1 MiB linux/amd64 a=b\n";
            node.lock().unwrap().push_str(line);
        }
        output
    }));
    let log = Arc::new(EventLog::default());
    let demo = TestInstance {
        events: Events::new(log.clone()),
        ..TestInstance::without_state()
    };
    let sources = Sources {
        pull,
        docker_config,
        ..Sources::default()
    };
    let wanted = [RequiredImage::of("mongo:7".parse().unwrap())];
    let (arrived, arriving) = arrivals();
    let local = demo.local(&engine);
    let result = load(&local, "n", &wanted, &sources, arrived).await;
    if let Ok(loaded) = &result {
        assert_eq!(
            *arriving.borrow(),
            loaded.identities,
            "reported while loading"
        );
    }
    let calls = engine.state().calls.clone();
    let steps = calls.iter().filter_map(|call| match call.as_str() {
        call if call.starts_with("pull ") => Some("pull by Docker"),
        call if call.contains("images pull") => Some("pull in the node"),
        call if call.starts_with("export ") => Some("load from Docker"),
        _ => None,
    });
    Outcome {
        steps: steps.collect(),
        result,
        warnings: log.warnings(),
    }
}

/// An engine that may have the image, and may be able to pull it.
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
async fn each_image_takes_the_shortest_path_into_the_node() {
    for (pull, has, steps, identity) in [
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
        let done = load_one(pull, engine(has, true), None).await;
        assert_eq!(done.steps, steps, "{pull:?} {has}");
        let identities = done.result.unwrap().identities;
        assert_eq!(identities.values().collect::<Vec<_>>(), [identity]);
        assert_eq!(done.warnings, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn docker_pulls_images_that_the_node_cannot_reach_with_a_warning() {
    let done = load_one(Pull::Auto, engine(false, true), Some(UNREACHABLE)).await;
    let steps = ["pull in the node", "pull by Docker", "load from Docker"];
    assert_eq!(done.steps, steps, "the node pulls only once");
    assert!(done.result.is_ok());
    assert_eq!(
        done.warnings,
        ["Docker pulls from docker.io because the node cannot: the registry is unreachable"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pull_that_the_registry_refuses_is_not_retried() {
    let refusal = "ctr: pull access denied: authorization failed: no basic auth credentials";
    let done = load_one(Pull::Auto, engine(false, true), Some(refusal)).await;
    assert_eq!(done.steps, ["pull in the node"]);
    assert_eq!(done.result.unwrap_err().code(), Code::ImageUnauthorized);
}

#[tokio::test(start_paused = true)]
async fn docker_pulls_if_the_login_is_a_token() {
    let dir = tempfile::tempdir().unwrap();
    // The user is `<token>`, as from the helpers of cloud registries.
    let config = r#"{"auths": {"https://index.docker.io/v1/": {"identitytoken": "t"}}}"#;
    crate::files::write(&dir.path().join("config.json"), config).unwrap();
    let refusal = "ctr: pull access denied: authorization failed: no basic auth credentials";
    let config = Some(dir.path().to_owned());
    let done = load_with(config, Pull::Auto, engine(false, true), Some(refusal)).await;
    let steps = ["pull in the node", "pull by Docker", "load from Docker"];
    assert_eq!(done.steps, steps);
    assert_eq!(
        done.warnings,
        ["Docker pulls from docker.io because the node cannot: the login is a token"]
    );
}

#[tokio::test(start_paused = true)]
async fn only_the_chosen_program_pulls() {
    let done = load_one(Pull::Node, engine(true, true), Some(UNREACHABLE)).await;
    assert!(done.steps.iter().all(|step| *step == "pull in the node"));
    assert_eq!(done.result.unwrap_err().code(), Code::ImageFailed);
    let mut refused = engine(false, false);
    refused.refuse("pull mongo:7 linux/amd64", "dial tcp: i/o timeout");
    let done = load_one(Pull::Engine, refused, None).await;
    assert!(done.steps.iter().all(|step| *step == "pull by Docker"));
    assert_eq!(done.result.unwrap_err().code(), Code::ImageFailed);
}

#[tokio::test(start_paused = true)]
async fn both_errors_are_reported_if_both_pulls_fail() {
    let mut refused = engine(false, false);
    refused.refuse("pull mongo:7 linux/amd64", "proxyconnect tcp: EOF");
    let done = load_one(Pull::Auto, refused, Some(UNREACHABLE)).await;
    assert_eq!(
        done.result.unwrap_err().to_string(),
        "cannot pull mongo:7: failed to resolve reference: dial tcp 1.2.3.4:443: connect: connection refused; with Docker: proxyconnect tcp: EOF"
    );
    // An answer of the registry is more useful than a failed connection.
    let done = load_one(Pull::Auto, engine(false, false), Some(UNREACHABLE)).await;
    assert_eq!(done.result.unwrap_err().code(), Code::ImageNotFound);
}
