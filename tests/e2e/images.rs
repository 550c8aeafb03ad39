//! Images from registries: with credentials, through a mirror, from faulty registries,
//! and by the node if the engine cannot pull.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clearml_local::testing::docker::{Docker, Endpoint, Limits};
use clearml_local::testing::error::Explain;
use clearml_local::testing::event::{Event, Events, Reporter};
use clearml_local::testing::failures::{Code, Failure};
use clearml_local::testing::images::{Error, RequiredImage, Sources, pull};
use clearml_local::testing::settings::Pull;

use crate::harness::{Instance, has, run};
use crate::registry::{Config, Fault, PASSWORD, Registry, faulty, faulty_on};

const IMAGE: &str = "redis:6.2";

#[derive(Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Reporter for Recorder {
    fn report(&self, _: Duration, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Recorder {
    /// Returns the number of retries.
    fn retries(&self) -> usize {
        let events = self.0.lock().unwrap();
        let is_retry = |event: &&Event| matches!(event, Event::StepState { text, .. } if text.contains("again in"));
        events.iter().filter(is_retry).count()
    }

    fn warnings(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        let warning = |event: &Event| match event {
            Event::Warning { text } => Some(text.clone()),
            _ => None,
        };
        events.iter().filter_map(warning).collect()
    }

    /// Returns the distinct byte counts.
    fn bytes(&self) -> Vec<u64> {
        let events = self.0.lock().unwrap();
        let mut reported: Vec<u64> = events
            .iter()
            .filter_map(|event| match event {
                Event::StepBytes { progress, .. } => Some(progress.done),
                _ => None,
            })
            .collect();
        reported.dedup();
        reported
    }
}

/// Pulls an image, and removes it from the engine afterwards.
fn pull_and_remove(
    reference: &str,
    config: &Path,
    mirror: Option<&str>,
) -> (Result<(), Error>, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let events = Events::new(recorder.clone());
    let sources = Sources {
        mirror: mirror.unwrap_or("none").parse().unwrap(),
        docker_config: Some(config.to_owned()),
        from_values: None,
        pull: Pull::Engine,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = runtime.block_on(async {
        let socket = "unix:///var/run/docker.sock".to_owned();
        let address = std::env::var("DOCKER_HOST").unwrap_or(socket);
        let endpoint = Endpoint::new(&address, "the test", None).unwrap();
        let engine = Docker::connect(endpoint, Limits::default()).await.unwrap();
        let step = events.step("images");
        let wanted = RequiredImage::of(reference.parse().unwrap());
        pull(&engine, &wanted, "amd64", &sources, &step).await
    });
    run("docker", &["rmi", reference]);
    (result.map(|_| ()), recorder)
}

/// Creates an image of 12 MB with a unique layer.
fn random_image(dir: &Path) -> String {
    let mut random = std::fs::File::open("/dev/urandom").unwrap().take(12 << 20);
    let mut file = std::fs::File::create(dir.join("random")).unwrap();
    std::io::copy(&mut random, &mut file).unwrap();
    let (directory, archive) = (dir.to_str().unwrap(), dir.join("random.tar"));
    let archive = archive.to_str().unwrap();
    run("tar", &["-C", directory, "-cf", archive, "random"]).expect(0);
    let name = format!("e2e-random:{}", std::process::id());
    run("docker", &["import", archive, &name]).expect(0);
    name
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn the_engine_pulls_with_the_users_credentials_and_retries() {
    if !has("docker-registry") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start(dir.path(), "127.0.0.1", None);
    let login = Config::login(&registry.address, PASSWORD);
    let image = random_image(dir.path());
    registry.push(&image, "hub/library/e2e-image:1", &login);
    // The engine does not pull layers that it still has.
    run("docker", &["rmi", &image]).expect(0);
    let reference = format!("{}/hub/library/e2e-image:1", registry.address);

    let (result, recorder) = pull_and_remove(&reference, login.dir.path(), None);
    result.unwrap();
    assert_eq!(recorder.retries(), 0);

    let wrong_password = Config::login(&registry.address, "guess");
    let no_login = Config::new("{}");
    let no_helper = Config::new(r#"{"credsStore": "e2e-missing"}"#);
    for (config, warnings) in [(wrong_password, 0), (no_login, 0), (no_helper, 1)] {
        let (result, recorder) = pull_and_remove(&reference, config.dir.path(), None);
        let reported = recorder.warnings();
        assert_eq!(reported.len(), warnings, "{reported:?}");
        assert!(
            reported
                .iter()
                .all(|w| w.contains("docker-credential-e2e-missing"))
        );
        let error = result.unwrap_err();
        assert_eq!(error.code(), Code::ImageUnauthorized, "{error}");
        assert_eq!(recorder.retries(), 0, "{error}");
        let login = format!("docker login {}", registry.address);
        assert!(
            error.hints()[0].to_string().ends_with(&login),
            "{:?}",
            error.hints()
        );
    }

    let absent = format!("{}/hub/library/e2e-image:2", registry.address);
    let (result, recorder) = pull_and_remove(&absent, login.dir.path(), None);
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::ImageNotFound, "{error}");
    assert_eq!(recorder.retries(), 0, "{error}");

    let mirror = format!("{}/hub", registry.address);
    let (result, _) = pull_and_remove("e2e-image:1", login.dir.path(), Some(&mirror));
    result.unwrap();
    run("docker", &["rmi", &reference]);

    // Content with another digest is never accepted, and named.
    let address = faulty(registry.address, Fault::Wrong(usize::MAX));
    let wrong = Config::login(&address, PASSWORD);
    let reference = format!("{address}/hub/library/e2e-image:1");
    let (result, _) = pull_and_remove(&reference, wrong.dir.path(), None);
    let error = result.unwrap_err();
    assert_eq!(error.failure(), Failure::ImageDigestMismatch, "{error}");
    assert_eq!(error.code(), Code::ImageFailed);
    let hints = error.hints();
    assert!(
        hints
            .iter()
            .any(|hint| hint.to_string().contains("--registry-mirror")),
        "{hints:?}"
    );

    for fault in [
        Fault::TooMany(2),
        Fault::Cut,
        Fault::Wrong(2),
        Fault::Slow(4 << 20),
    ] {
        let address = faulty(registry.address, fault);
        let login = Config::login(&address, PASSWORD);
        let reference = format!("{address}/hub/library/e2e-image:1");
        let (result, recorder) = pull_and_remove(&reference, login.dir.path(), None);
        result.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        // Some engines retry by themselves.
        if let Fault::Slow(_) = fault {
            let bytes = recorder.bytes();
            assert!(bytes.len() > 5 && bytes.is_sorted(), "{bytes:?}");
        }
    }
}

/// Returns the host's address in the engine's default network. An engine that has just
/// created the network only reports its subnet.
pub fn gateway() -> String {
    let format = "{{with index .IPAM.Config 0}}{{.Gateway}} {{.Subnet}}{{end}}";
    let reported = run("docker", &["network", "inspect", "bridge", "-f", format]).expect(0);
    let (gateway, subnet) = reported.stdout.trim_end().split_once(' ').unwrap();
    match gateway {
        "" => format!("{}.1", subnet.rsplit_once('.').unwrap().0),
        gateway => gateway.to_owned(),
    }
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn the_node_pulls_from_a_registry_that_the_engine_does_not_trust() {
    if !has("docker-registry") || !has("openssl") {
        return;
    }
    let gateway = &gateway();
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("ca.pem"), dir.path().join("key.pem"));
    let name = format!("subjectAltName=IP:{gateway}");
    let paths = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    let arguments = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=e2e",
        "-addext", &name, "-out", paths[0], "-keyout", paths[1],
    ];
    run("openssl", &arguments).expect(0);
    {
        let plain = Registry::start(dir.path(), "127.0.0.1", None);
        let login = Config::login(&plain.address, PASSWORD);
        plain.push(IMAGE, "hub/library/e2e-in-node:1", &login);
    }
    let registry = Registry::start(dir.path(), gateway, Some((&certificate, &key)));

    let instance = Instance::new("mirror");
    let (config, programs) = Config::helper(&registry.address.to_string());
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let arguments = [
        format!("--registry-mirror={}/hub", registry.address),
        format!("--ca-file={}", certificate.display()),
        "--set=redis.image.repository=e2e-in-node".to_owned(),
        "--set=redis.image.tag=1".to_owned(),
    ];
    let up = |arguments: &[String]| {
        let mut command = instance.up_command();
        command
            .args(arguments)
            .env("DOCKER_CONFIG", config.dir.path())
            .env("PATH", &path);
        instance.run_command(&mut command)
    };
    let done = up(&arguments).expect(0);
    assert!(
        done.stderr.contains("pulling e2e-in-node:1 in the node"),
        "{}",
        done.stderr
    );
    // Docker neither has the image nor pulled it.
    assert!(!done.stderr.contains("Docker pulls"), "{}", done.stderr);
    let in_docker = run("docker", &["image", "inspect", "e2e-in-node:1"]);
    assert_ne!(in_docker.code, 0, "{}", in_docker.stdout);
    await_removal_of_layers(&instance, &registry.address.to_string());
    let second = up(&[]).expect(0);
    assert!(
        second.stderr.contains("nothing changed"),
        "{}",
        second.stderr
    );

    // Kubernetes itself pulls, with a Secret that contains the user's login.
    let private = [
        "--registry-mirror=none".to_owned(),
        format!(
            "--set=redis.image.repository={}/hub/library/e2e-in-node",
            registry.address
        ),
        "--set=redis.image.tag=1,redis.image.pullPolicy=Always".to_owned(),
        "--set=imageCredentials.enabled=true".to_owned(),
        format!("--set=imageCredentials.registry={}", registry.address),
    ];
    up(&private).expect(0);
    await_event(
        &instance,
        &format!("Successfully pulled image \"{}/hub", registry.address),
    );

    // Without a login nothing changes, and with an invalid one nothing is applied.
    let applied = || {
        let mut versions = instance.versions();
        // Pods of the previous workloads may still be terminating.
        versions.retain(|version| !version.starts_with("Pod/"));
        versions
    };
    let before = applied();
    let mut command = instance.up_command();
    let no_login = Config::new("{}");
    command
        .args(&private)
        .env("DOCKER_CONFIG", no_login.dir.path());
    let refused = instance.run_command(&mut command).expect(32);
    let login = format!("docker login {}", registry.address);
    assert!(refused.stderr.contains(&login), "{}", refused.stderr);
    let mut wrong_password = private.to_vec();
    wrong_password.push("--set=redis.image.tag=2".to_owned());
    wrong_password
        .push("--set=imageCredentials.username=me,imageCredentials.password=guess".to_owned());
    up(&wrong_password).expect(32);
    assert_eq!(applied(), before);

    a_wrong_layer_is_never_accepted(&instance, dir.path(), gateway);
    if std::env::var_os("E2E_FULL").is_some() {
        a_killed_pull_continues(&instance, dir.path(), gateway);
    }
}

/// Waits for an event with these words. The kubelet sends its events some time after the fact.
fn await_event(instance: &Instance, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let messages = instance.kubectl(&["get", "events", "-o", "jsonpath={.items[*].message}"]);
        if messages.contains(words) {
            return;
        }
        assert!(Instant::now() < deadline, "no `{words}` in {messages}");
    }
}

fn ctr(instance: &Instance, arguments: &[&str]) -> String {
    let node = instance.node();
    let argv = [&["exec", &node, "ctr", "-n", "k8s.io"], arguments].concat();
    run("docker", &argv).expect(0).stdout
}

/// Waits until only manifest and configuration of the images from a registry remain,
/// because their layers are unpacked.
fn await_removal_of_layers(instance: &Instance, registry: &str) {
    let source = format!("distribution.source.{registry}=");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let listing = ctr(instance, &["content", "ls"]);
        let remaining = listing.lines().filter(|line| line.contains(&source));
        if remaining.count() <= 2 {
            return;
        }
        assert!(Instant::now() < deadline, "{listing}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Pushes a new image to a registry, whose last layer has this many random bytes.
fn push_random(plain: &Registry, dir: &Path, name: &str, size: u64) {
    let login = Config::login(&plain.address, PASSWORD);
    let mut random = std::fs::File::open("/dev/urandom").unwrap().take(size);
    let file = dir.join(name);
    std::io::copy(&mut random, &mut std::fs::File::create(&file).unwrap()).unwrap();
    let container = format!("{name}-{}", std::process::id());
    run("docker", &["create", "--name", &container, IMAGE]).expect(0);
    let target = format!("{container}:/random");
    run("docker", &["cp", file.to_str().unwrap(), &target]).expect(0);
    run("docker", &["commit", &container, &container]).expect(0);
    run("docker", &["rm", &container]).expect(0);
    plain.push(&container, &format!("hub/library/{name}:1"), &login);
    run("docker", &["rmi", &container]).expect(0);
}

/// A layer with another digest is refused in the node too, and does not stay there: a mirror
/// with the right one is enough.
fn a_wrong_layer_is_never_accepted(instance: &Instance, dir: &Path, gateway: &str) {
    let plain = Registry::start(dir, "127.0.0.1", None);
    push_random(&plain, dir, "e2e-wrong", 1 << 20);
    let up = |fault| {
        let (address, _) = faulty_on(gateway, plain.address, fault);
        let config = Config::login(&address, PASSWORD);
        let mut command = instance.up_command();
        command
            .arg(format!("--registry-mirror=http://{address}/hub"))
            .arg("--set=redis.image.repository=e2e-wrong,redis.image.tag=1")
            .env("DOCKER_CONFIG", config.dir.path());
        instance.run_command(&mut command)
    };
    let refused = up(Fault::Wrong(usize::MAX)).expect(30);
    assert!(
        refused.stderr.contains("[image-digest-mismatch]"),
        "{}",
        refused.stderr
    );
    up(Fault::Wrong(1)).expect(0);
}

/// Data that were downloaded before `up` was killed are not downloaded again.
fn a_killed_pull_continues(instance: &Instance, dir: &Path, gateway: &str) {
    let plain = Registry::start(dir, "127.0.0.1", None);
    push_random(&plain, dir, "e2e-large", 12 << 20);
    let (address, sent) = faulty_on(gateway, plain.address, Fault::Slow(4 << 20));
    let config = Config::login(&address, PASSWORD);
    let up = || {
        let mut command = instance.up_command();
        command
            .arg(format!("--registry-mirror=http://{address}/hub"))
            .arg("--set=redis.image.repository=e2e-large,redis.image.tag=1")
            .env("DOCKER_CONFIG", config.dir.path());
        command
    };
    let mut killed = up().stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while sent.load(Ordering::SeqCst) < 6 << 20 {
        assert!(Instant::now() < deadline, "no data were pulled");
        std::thread::sleep(Duration::from_millis(50));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    instance.run_command(&mut up()).expect(0);

    let name = format!("name=={address}/hub/library/e2e-large:1");
    let listing = ctr(instance, &["images", "ls", &name]);
    let digest = listing.lines().nth(1).unwrap().split_whitespace().nth(2);
    let manifest = ctr(instance, &["content", "get", digest.unwrap()]);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let sizes = manifest["layers"].as_array().unwrap().iter();
    let size: u64 = sizes.map(|layer| layer["size"].as_u64().unwrap()).sum();
    // Data in transit are lost when the connection ends.
    let sent = sent.load(Ordering::SeqCst) as u64;
    assert!(sent < size + (3 << 20), "{sent} bytes were sent for {size}");
}
