//! Images whose layers are directories in Docker's store.

use std::sync::Arc;
use std::sync::Mutex as StdMutex;

use super::*;
use crate::docker::fake::{FakeEngine, State};
use crate::docker::{Image, Output};
use crate::provider::local::TestInstance;
use crate::provider::local::images::manifest::digest;
use crate::provider::local::images::{Loaded, RequiredImage, Sources, arrivals};

const CONFIG: &str = r#"{"os": "linux"}"#;

/// An image with these layers, in an engine that stores layer `x` in `/layers/x`.
fn image(layers: &[&str]) -> Image {
    Image {
        id: digest(CONFIG.as_bytes()),
        architecture: "amd64".into(),
        os: "linux".into(),
        size: 8,
        layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
        layer_dirs: layers
            .iter()
            .map(|l| format!("/layers/{l}").into())
            .collect(),
    }
}

/// An engine with the driver `overlay2`, a node, and two images that share a layer.
fn state() -> State {
    let mut state = State::default();
    state.info.architecture = "amd64".into();
    state.info.storage_driver = "overlay2".into();
    state.info.root_dir = "/var/lib/docker".into();
    for (name, layers) in [
        ("mongo:7", &["base", "mongo"]),
        ("redis:7", &["base", "redis"]),
    ] {
        let reference = name.parse().unwrap();
        state.images.insert(reference, image(layers));
    }
    let node = Container {
        name: "n".into(),
        running: true,
        mounts: vec![("images".into(), STORE.into())],
        labels: [(
            "clearml-local.io/node-image".into(),
            "kindest/node:v1".into(),
        )]
        .into(),
        ..Container::default()
    };
    state.containers.insert("n".into(), node);
    state
}

/// The output of a copy that ends after `layers` of the three layers.
fn output(layers: usize) -> String {
    let config = STANDARD.encode(CONFIG);
    let mut text = format!("config {config}\nconfig {config}\n");
    let mongo = chain(&["base".into(), "mongo".into()]);
    let redis = chain(&["base".into(), "redis".into()]);
    for name in [&mongo[0], &mongo[1], &redis[1]].into_iter().take(layers) {
        text.push_str(&format!("layer {name} 4\n"));
    }
    text
}

/// Loads both images. `copy` is the standard output and standard error of the copy.
/// Returns the relevant calls in a short form.
async fn load(state: State, copy: (String, &'static str)) -> (Result<Loaded, Error>, Vec<String>) {
    let listing = Arc::new(StdMutex::new(
        "REF TYPE DIGEST SIZE PLATFORMS LABELS\n".to_owned(),
    ));
    let node = Arc::clone(&listing);
    let engine = FakeEngine::new(state).with_exec(Box::new(move |_, argv| match argv {
        [.., "ls"] => Output {
            stdout: node.lock().unwrap().clone(),
            ..Output::default()
        },
        argv if argv.contains(&COPY) => Output {
            stdout: copy.0.clone(),
            stderr: copy.1.into(),
            code: i64::from(!copy.1.is_empty()),
            ..Output::default()
        },
        argv if argv.contains(&"import") => {
            for name in ["mongo", "redis"] {
                let line = format!("docker.io/library/{name}:7 t sha256:m 1 MiB linux/amd64 a=b\n");
                node.lock().unwrap().push_str(&line);
            }
            Output::default()
        }
        _ => Output::default(),
    }));
    let (arrived, _) = arrivals();
    let wanted = ["mongo:7", "redis:7"].map(|name| RequiredImage::of(name.parse().unwrap()));
    let sources = Sources::default();
    let demo = TestInstance::without_state();
    let local = demo.local(&engine);
    let result =
        crate::provider::local::images::load(&local, "n", &wanted, &sources, arrived).await;
    let calls = engine.state().calls.clone();
    let relevant = calls.iter().filter_map(|call| {
        let words: Vec<&str> = call.split(' ').collect();
        match words[..] {
            ["create" | "start" | "remove" | "export", ..] => Some(call.clone()),
            _ if call.contains(IMPORT) => {
                let (_, arguments) = call.split_once(IMPORT)?;
                let arguments: Vec<&str> = arguments.split_whitespace().collect();
                let [_, _, name, _, snapshots @ ..] = &arguments[..] else {
                    panic!("{call}")
                };
                Some(format!("import {name}, release {}", snapshots.len()))
            }
            _ => None,
        }
    });
    (result, relevant.collect())
}

#[tokio::test]
async fn layers_are_copied_once_and_each_image_is_imported() {
    let (result, calls) = load(state(), (output(3), "")).await;
    assert_eq!(result.unwrap().count, 2);
    assert_eq!(
        calls,
        [
            "remove n-layers",
            "create n-layers",
            "start n-layers",
            "import docker.io/library/mongo:7, release 2",
            "import docker.io/library/redis:7, release 2",
            "remove n-layers",
        ]
    );
}

#[tokio::test]
async fn images_that_cannot_be_copied_are_streamed() {
    // Docker Desktop shares only some directories of its virtual machine.
    let mut refusing = state();
    refusing.refuse("create n-layers", "Mounts denied: the path is not shared");
    let (result, calls) = load(refusing, (output(0), "")).await;
    assert_eq!(result.unwrap().count, 2);
    assert_eq!(calls.last().unwrap(), "export mongo:7 redis:7");

    // The first image has been copied when the copy fails.
    let (result, calls) = load(state(), (output(2), "cp: cannot preserve attributes")).await;
    assert_eq!(result.unwrap().count, 2);
    let end = [
        "import docker.io/library/mongo:7, release 2",
        "remove n-layers",
        "export redis:7",
    ];
    assert_eq!(calls[calls.len() - 3..], end);
}

#[tokio::test]
async fn images_are_streamed_if_owners_are_remapped_or_directories_unknown() {
    let mut rootless = state();
    rootless.info.security = vec!["name=rootless".into()];
    let mut remapped = state();
    remapped.info.security = vec!["name=userns".into()];
    let mut other_store = state();
    other_store.info.storage_driver = "overlayfs".into();
    let mut unknown = state();
    for image in unknown.images.values_mut() {
        image.layer_dirs.clear();
    }
    for state in [rootless, remapped, other_store, unknown] {
        let (result, calls) = load(state, (output(3), "")).await;
        assert_eq!(result.unwrap().count, 2);
        assert_eq!(calls, ["export mongo:7 redis:7"]);
    }
}

#[tokio::test]
async fn images_are_not_streamed_if_the_disk_is_full() {
    let copy = (output(1), "cp: error writing '/x': No space left on device");
    let (result, calls) = load(state(), copy).await;
    let error = result.unwrap_err();
    assert_eq!(
        crate::error::Explain::code(&error),
        crate::failures::Code::DiskFull
    );
    assert_eq!(
        error.to_string(),
        "cannot load mongo:7, redis:7 into the node: no space left on the disk of the Docker engine"
    );
    assert_eq!(calls.last().unwrap(), "remove n-layers");
}

#[tokio::test]
async fn the_helper_can_access_only_layers_and_configurations() {
    let engine = FakeEngine::new(state());
    let demo = TestInstance::without_state();
    let step = demo.events.step("images");
    let local = demo.local(&engine);
    let copier = Copier::new(&local, "n", &step).await;
    let copier = copier.unwrap().unwrap();
    let images = vec![("mongo:7".parse().unwrap(), image(&["base", "mongo"]))];
    let helper = copier.helper(&images, &Layers::of(&images)).unwrap();
    let hash = digest(CONFIG.as_bytes()).replace("sha256:", "");
    assert_eq!(
        helper.mounts,
        [
            Mount::Volume("images".into(), STORE.into()),
            Mount::Bind("/layers/base".into(), "/layers/0".into(), true),
            Mount::Bind("/layers/mongo".into(), "/layers/1".into(), true),
            Mount::Bind(
                format!("/var/lib/docker/image/overlay2/imagedb/content/sha256/{hash}").into(),
                "/configs/0".into(),
                true
            ),
        ]
    );
    assert_eq!(helper.enters.as_deref(), Some("n"));
}
