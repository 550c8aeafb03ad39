use super::*;
use crate::docker::fake::{FakeEngine, State};
use crate::docker::{self, Container};
use crate::failures::Failure;
use crate::provider::local::{TestInstance, labels};

fn home() -> (tempfile::TempDir, TestInstance) {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::at(dir.path().join("demo"));
    let data = dir.path().join("data");
    let instance = Instance::with_defaults(data.into());
    state.save_instance(&instance).unwrap();
    (dir, TestInstance::new(state))
}

#[tokio::test]
async fn without_an_engine_the_stored_settings_are_shown() {
    let (_dir, demo) = home();
    let error = docker::Error::Broken {
        what: "answer".into(),
        reason: "connection refused".into(),
    };
    let status = status(&demo.state, Err(error.into()), Instant::now()).await;
    let status = status.unwrap();
    assert_eq!(
        status.health,
        Health::Unknown(Failure::DockerConnectionLost)
    );
    assert!(!status.may_recover);
    assert!(status.endpoints.is_some());
    assert!(status.notes[0].contains("connection refused"));
}

#[tokio::test]
async fn a_stopped_node_shows_whether_it_starts_after_a_reboot() {
    let (_dir, demo) = home();
    let node = Container {
        name: "demo-control-plane".into(),
        labels: labels(&demo.name),
        restart_policy: Some("unless-stopped".into()),
        ..Container::default()
    };
    let engine = FakeEngine::new(State {
        containers: [(node.name.clone(), node)].into(),
        ..State::default()
    });
    let local = demo.local(&engine);
    let status = status(&demo.state, Ok(&local), Instant::now()).await;
    let status = status.unwrap();
    assert_eq!(status.health, Health::Stopped);
    assert_eq!(status.autostart, Some(false), "it was stopped by hand");
    assert!(!status.may_recover);
}
