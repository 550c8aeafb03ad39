//! Images from registries: with credentials, through a mirror, on bad days, and in
//! the node where the engine cannot.

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clearml_local::testing::docker::{Docker, Endpoint};
use clearml_local::testing::error::{Code, Explain};
use clearml_local::testing::event::{Event, Events, Reporter};
use clearml_local::testing::images::{Error, Sources, Wanted, pull};
use clearml_local::testing::settings::Pull;

use crate::harness::{Instance, has, run};
use crate::registry::{Config, Fault, PASSWORD, Registry, in_front, misbehaving};

const IMAGE: &str = "redis:6.2";

#[derive(Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Reporter for Recorder {
    fn report(&self, _: Duration, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Recorder {
    /// How often something was tried again.
    fn tries_again(&self) -> usize {
        let events = self.0.lock().unwrap();
        let again = |event: &&Event| matches!(event, Event::StepState { text, .. } if text.contains("again in"));
        events.iter().filter(again).count()
    }

    fn warnings(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        let warning = |event: &Event| match event {
            Event::Warning { text } => Some(text.clone()),
            _ => None,
        };
        events.iter().filter_map(warning).collect()
    }

    /// The byte counts that were told, each once.
    fn bytes(&self) -> Vec<u64> {
        let events = self.0.lock().unwrap();
        let mut told: Vec<u64> = events
            .iter()
            .filter_map(|event| match event {
                Event::StepBytes { progress, .. } => Some(progress.done),
                _ => None,
            })
            .collect();
        told.dedup();
        told
    }
}

/// Pulls an image that the engine does not have (any more).
fn pulled(
    reference: &str,
    config: &Path,
    mirror: Option<&str>,
) -> (Result<(), Error>, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let events = Events::new(recorder.clone());
    let sources = Sources {
        mirror: mirror.map(|mirror| mirror.parse().unwrap()),
        docker_config: Some(config.to_owned()),
        given: None,
        pull: Pull::Engine,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let result = runtime.block_on(async {
        let socket = "unix:///var/run/docker.sock".to_owned();
        let address = std::env::var("DOCKER_HOST").unwrap_or(socket);
        let endpoint = Endpoint::new(&address, "the test", None).unwrap();
        let engine = Docker::connect(endpoint).await.unwrap();
        let step = events.step("images");
        let wanted = Wanted::of(reference.parse().unwrap());
        pull(&engine, &wanted, "amd64", &sources, &step).await
    });
    run("docker", &["rmi", reference]);
    (result.map(|_| ()), recorder)
}

/// An image of 12 MB whose layer no other image has.
fn random_image(dir: &Path) -> String {
    let mut random = std::fs::File::open("/dev/urandom").unwrap().take(12 << 20);
    let mut file = std::fs::File::create(dir.join("random")).unwrap();
    std::io::copy(&mut random, &mut file).unwrap();
    let (folder, archive) = (dir.to_str().unwrap(), dir.join("random.tar"));
    let archive = archive.to_str().unwrap();
    run("tar", &["-C", folder, "-cf", archive, "random"]).expect(0);
    let name = format!("e2e-random:{}", std::process::id());
    run("docker", &["import", archive, &name]).expect(0);
    name
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn the_engine_pulls_with_the_users_credentials_also_on_bad_days() {
    if !has("docker-registry") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start(dir.path(), "127.0.0.1", None);
    let login = Config::login(&registry.address, PASSWORD);
    let image = random_image(dir.path());
    registry.push(&image, "hub/library/e2e-image:1", &login);
    // Layers that the engine still has would not be pulled.
    run("docker", &["rmi", &image]).expect(0);
    let own = format!("{}/hub/library/e2e-image:1", registry.address);

    let (result, recorder) = pulled(&own, login.dir.path(), None);
    result.unwrap();
    assert_eq!(recorder.tries_again(), 0);

    let wrong = Config::login(&registry.address, "guess");
    let nobody = Config::new("{}");
    let no_helper = Config::new(r#"{"credsStore": "e2e-missing"}"#);
    for (config, warnings) in [(wrong, 0), (nobody, 0), (no_helper, 1)] {
        let (result, recorder) = pulled(&own, config.dir.path(), None);
        let told = recorder.warnings();
        assert_eq!(told.len(), warnings, "{told:?}");
        assert!(
            told.iter()
                .all(|w| w.contains("docker-credential-e2e-missing"))
        );
        let error = result.unwrap_err();
        assert_eq!(error.code(), Code::ImageUnauthorized, "{error}");
        assert_eq!(recorder.tries_again(), 0, "{error}");
        let login = format!("docker login {}", registry.address);
        assert!(
            error.hints()[0].to_string().ends_with(&login),
            "{:?}",
            error.hints()
        );
    }

    let absent = format!("{}/hub/library/e2e-image:2", registry.address);
    let (result, recorder) = pulled(&absent, login.dir.path(), None);
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::ImageNotFound, "{error}");
    assert_eq!(recorder.tries_again(), 0, "{error}");

    let mirror = format!("{}/hub", registry.address);
    let (result, _) = pulled("e2e-image:1", login.dir.path(), Some(&mirror));
    result.unwrap();
    run("docker", &["rmi", &own]);

    for fault in [Fault::TooMany(2), Fault::Cut, Fault::Slow(4 << 20)] {
        let front = misbehaving(registry.address, fault);
        let login = Config::login(&front, PASSWORD);
        let reference = format!("{front}/hub/library/e2e-image:1");
        let (result, recorder) = pulled(&reference, login.dir.path(), None);
        result.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        // Some engines try again by themselves, others leave it to us.
        if let Fault::Slow(_) = fault {
            let bytes = recorder.bytes();
            assert!(bytes.len() > 5 && bytes.is_sorted(), "{bytes:?}");
        }
    }
}

/// This machine's address on the engine's own network. An engine that has just made
/// that network tells its subnet alone.
pub fn gateway() -> String {
    let format = "{{with index .IPAM.Config 0}}{{.Gateway}} {{.Subnet}}{{end}}";
    let told = run("docker", &["network", "inspect", "bridge", "-f", format]).expect(0);
    let (gateway, subnet) = told.stdout.trim_end().split_once(' ').unwrap();
    match gateway {
        "" => format!("{}.1", subnet.rsplit_once('.').unwrap().0),
        gateway => gateway.to_owned(),
    }
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn the_node_pulls_what_the_engine_does_not_trust() {
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
        instance.ran(&mut command)
    };
    let done = up(&arguments).expect(0);
    assert!(
        done.stderr.contains("pulling e2e-in-node:1 in the node"),
        "{}",
        done.stderr
    );
    // Docker has neither the image nor was it asked.
    assert!(!done.stderr.contains("Docker pulls"), "{}", done.stderr);
    let in_docker = run("docker", &["image", "inspect", "e2e-in-node:1"]);
    assert_ne!(in_docker.code, 0, "{}", in_docker.stdout);
    await_discarded_layers(&instance, &registry.address.to_string());
    let again = up(&[]).expect(0);
    assert!(again.stderr.contains("nothing changed"), "{}", again.stderr);

    // Kubernetes itself pulls, with a Secret of the user's own login.
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
    let pulled = instance.kubectl(&["get", "events", "-o", "jsonpath={.items[*].message}"]);
    let image = format!("Successfully pulled image \"{}/hub", registry.address);
    assert!(pulled.contains(&image), "{pulled}");

    // Without a login nothing is changed, and with a wrong one nothing is applied.
    let applied = || {
        let mut versions = instance.versions();
        // Those of the former workloads end in their own time.
        versions.retain(|version| !version.starts_with("Pod/"));
        versions
    };
    let before = applied();
    let mut nobody = instance.up_command();
    let nowhere = Config::new("{}");
    nobody
        .args(&private)
        .env("DOCKER_CONFIG", nowhere.dir.path());
    let refused = instance.ran(&mut nobody).expect(32);
    let login = format!("docker login {}", registry.address);
    assert!(refused.stderr.contains(&login), "{}", refused.stderr);
    let mut wrong = private.to_vec();
    wrong.push("--set=redis.image.tag=2".to_owned());
    wrong.push("--set=imageCredentials.username=me,imageCredentials.password=guess".to_owned());
    up(&wrong).expect(32);
    assert_eq!(applied(), before);

    if std::env::var_os("E2E_FULL").is_some() {
        a_killed_pull_continues(&instance, dir.path(), gateway);
    }
}

fn ctr(instance: &Instance, arguments: &[&str]) -> String {
    let node = instance.node();
    let argv = [&["exec", &node, "ctr", "-n", "k8s.io"], arguments].concat();
    run("docker", &argv).expect(0).stdout
}

/// Of what came from a registry only manifest and configuration stay: the layers are
/// unpacked.
fn await_discarded_layers(instance: &Instance, registry: &str) {
    let source = format!("distribution.source.{registry}=");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let listing = ctr(instance, &["content", "ls"]);
        let left = listing.lines().filter(|line| line.contains(&source));
        if left.count() <= 2 {
            return;
        }
        assert!(Instant::now() < deadline, "{listing}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What was downloaded before `up` was killed is not downloaded again.
fn a_killed_pull_continues(instance: &Instance, dir: &Path, gateway: &str) {
    let plain = Registry::start(dir, "127.0.0.1", None);
    let login = Config::login(&plain.address, PASSWORD);
    let mut random = std::fs::File::open("/dev/urandom").unwrap().take(12 << 20);
    let file = dir.join("large");
    std::io::copy(&mut random, &mut std::fs::File::create(&file).unwrap()).unwrap();
    let container = format!("e2e-large-{}", std::process::id());
    run("docker", &["create", "--name", &container, IMAGE]).expect(0);
    let target = format!("{container}:/large");
    run("docker", &["cp", file.to_str().unwrap(), &target]).expect(0);
    run("docker", &["commit", &container, &container]).expect(0);
    run("docker", &["rm", &container]).expect(0);
    plain.push(&container, "hub/library/e2e-large:1", &login);
    run("docker", &["rmi", &container]).expect(0);

    let (front, sent) = in_front(gateway, plain.address, Fault::Slow(4 << 20));
    let config = Config::login(&front, PASSWORD);
    let up = || {
        let mut command = instance.up_command();
        command
            .arg(format!("--registry-mirror=http://{front}/hub"))
            .arg("--set=redis.image.repository=e2e-large,redis.image.tag=1")
            .env("DOCKER_CONFIG", config.dir.path());
        command
    };
    let mut killed = up().stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while sent.load(Ordering::SeqCst) < 6 << 20 {
        assert!(Instant::now() < deadline, "nothing is pulled");
        std::thread::sleep(Duration::from_millis(50));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    instance.ran(&mut up()).expect(0);

    let name = format!("name=={front}/hub/library/e2e-large:1");
    let listing = ctr(instance, &["images", "ls", &name]);
    let digest = listing.lines().nth(1).unwrap().split_whitespace().nth(2);
    let manifest = ctr(instance, &["content", "get", digest.unwrap()]);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let sizes = manifest["layers"].as_array().unwrap().iter();
    let size: u64 = sizes.map(|layer| layer["size"].as_u64().unwrap()).sum();
    // What was on its way when the connection ended is lost.
    let sent = sent.load(Ordering::SeqCst) as u64;
    assert!(sent < size + (3 << 20), "{sent} bytes were sent for {size}");
}
