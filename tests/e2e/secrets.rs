//! Secrets while `up` runs and afterwards: no process, container, event, output or file shows
//! them to another user.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::harness::{Instance, Output, run};
use crate::support_bundle::{self, stored_secrets};

/// More values with secrets, besides those of the support bundle.
const MORE: &str = concat!(
    "  fixedUsers:\n    enabled: true\n    users:\n",
    "    - {username: jane, password: planted-password-of-jane, name: Jane}\n",
    "secret: {authToken: plantedAuthTokenOfAFile}\n",
);

/// The planted secrets, and how registries get a login.
fn planted() -> Vec<String> {
    // `ann:planted-registry-password` and `planted-password-of-jane` in base64.
    let encoded = [
        "YW5uOnBsYW50ZWQtcmVnaXN0cnktcGFzc3dvcmQ",
        "cGxhbnRlZC1wYXNzd29yZC1vZi1qYW5l",
    ];
    let all = ["planted"].into_iter().chain(encoded);
    all.map(str::to_owned).collect()
}

#[test]
#[ignore = "needs the rig"]
fn no_secret_is_visible_to_others() {
    let instance = Instance::new("secrets");
    let values = instance.write("values.yaml", &format!("{}{MORE}", support_bundle::VALUES));
    let since = run("date", &["+%s"]).expect(0).stdout;
    let samples = Samples::start();
    let up = instance.up(&["-f", &values, "-o", "json", "-vv"]).expect(0);
    let mut outputs = vec![("up".to_owned(), up)];
    for command in [
        "status",
        "status -o json",
        "logs --tail=200",
        "history",
        "history -o json",
        "values",
        "values -o json",
        "up --dry-run",
        "up -vv",
        "list -o json",
        "doctor -vv",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let output = match words[0] {
            "up" => instance.up(&words[1..]),
            _ => instance.run(&words),
        };
        outputs.push((command.to_owned(), output));
    }
    // The same values with another password: `diff` shows the change.
    let changed = support_bundle::VALUES.replace("planted-redis", "planted-second");
    let changed = instance.write("changed.yaml", &format!("{changed}{MORE}"));
    outputs.push(("diff".to_owned(), instance.run(&["diff", "-f", &changed])));
    let samples = samples.end();

    let mut secrets = planted();
    secrets.extend(stored_secrets(&instance));
    assert!(samples.rounds > 20, "{} rounds", samples.rounds);
    let mut search = Search {
        secrets,
        found: BTreeSet::new(),
    };
    search.outputs(&outputs);
    search.processes(&samples);
    search.containers(&instance, &samples, &since);
    search.events_of_kubernetes(&instance);
    assert!(search.found.is_empty(), "{:#?}", search.found);
    files_are_private(&instance);
    ports_are_on_loopback(&instance);
}

/// The secrets, and where they were found.
struct Search {
    secrets: Vec<String>,
    found: BTreeSet<String>,
}

impl Search {
    fn search(&mut self, what: &str, text: &str) {
        for secret in &self.secrets {
            if let Some(at) = text.find(secret.as_str()) {
                let around = at.saturating_sub(200)..(at + 80).min(text.len());
                let part = String::from_utf8_lossy(&text.as_bytes()[around]);
                self.found
                    .insert(format!("{what} shows {secret}: …{part}…"));
            }
        }
    }

    fn outputs(&mut self, outputs: &[(String, Output)]) {
        for (command, output) in outputs {
            // `diff` exits with 3 if something differs.
            let differs = output.code == 3 && command == "diff";
            assert!(output.code == 0 || differs, "{command}: {}", output.stderr);
            self.search(command, &output.stdout);
            self.search(command, &output.stderr);
        }
    }

    /// The chart passes secrets to its containers as environment variables, so the processes of
    /// pods have them, which only their own user and root can read. Everything else has none:
    /// this program, what it runs in the node, Docker and Kubernetes themselves.
    fn processes(&mut self, seen: &Seen) {
        assert!(seen.arguments.len() > 50, "{}", seen.arguments.len());
        for (text, processes) in &seen.arguments {
            self.search(&format!("the command line of {processes:?}"), text);
        }
        let is_pod = |process: &String| process.contains("kubepods");
        let mut of_pods = 0;
        for (text, processes) in &seen.environments {
            if processes.iter().all(is_pod) {
                let has = |secret: &String| text.contains(secret.as_str());
                of_pods += usize::from(self.secrets.iter().any(has));
            } else {
                self.search(&format!("the environment of {processes:?}"), text);
            }
        }
        assert!(
            of_pods > 0,
            "the secrets that the chart passes were not seen"
        );
    }

    fn containers(&mut self, instance: &Instance, seen: &Seen, since: &str) {
        let node = instance.node();
        assert!(seen.containers.iter().any(|one| one.contains(&node)));
        for container in &seen.containers {
            self.search("a container", container);
        }
        // They contain each command that was run in the node.
        let until = run("date", &["+%s"]).expect(0).stdout;
        let since = format!("--since={}", since.trim());
        let until = format!("--until={}", until.trim());
        let events = run("docker", &["events", &since, &until, "--format={{json .}}"]);
        let events = events.expect(0).stdout;
        assert!(
            events.contains("exec_create") && events.contains(&node),
            "{events}"
        );
        self.search("an event of the engine", &events);
        let log = run("docker", &["logs", &node]);
        self.search("the log of the node", &(log.stdout + &log.stderr));
    }

    fn events_of_kubernetes(&mut self, instance: &Instance) {
        let events = instance.kubectl(&["get", "events", "-A", "-o", "json"]);
        assert!(events.contains("Scheduled"), "{events}");
        self.search("an event of Kubernetes", &events);
    }
}

/// What was seen of all processes, and of all containers as the engine inspects them.
#[derive(Default)]
struct Seen {
    rounds: usize,
    /// Command lines and environments: the text, and the names of the processes.
    arguments: BTreeMap<String, BTreeSet<String>>,
    environments: BTreeMap<String, BTreeSet<String>>,
    containers: BTreeSet<String>,
}

/// Looks at all processes and containers until it is ended. The engine runs on this machine, so
/// that all processes in its containers are seen too.
struct Samples {
    done: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Samples {
    fn start() -> Samples {
        let done = Arc::new(AtomicBool::new(false));
        let ended = done.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            let mut inspected = Instant::now();
            while !ended.load(Ordering::Relaxed) {
                seen.processes();
                if inspected.elapsed() > Duration::from_secs(1) {
                    seen.containers();
                    inspected = Instant::now();
                }
                seen.rounds += 1;
                std::thread::sleep(Duration::from_millis(30));
            }
            seen
        });
        Samples { done, thread }
    }

    fn end(self) -> Seen {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

impl Seen {
    fn processes(&mut self) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let dir = entry.path();
            let read = |name: &str| {
                let bytes = std::fs::read(dir.join(name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            let arguments = read("cmdline");
            if arguments.is_empty() {
                continue;
            }
            let process = format!("{} in {}", read("comm").trim(), read("cgroup").trim());
            let environment = read("environ");
            for (all, text) in [
                (&mut self.arguments, arguments),
                (&mut self.environments, environment),
            ] {
                all.entry(text).or_default().insert(process.clone());
            }
        }
    }

    fn containers(&mut self) {
        let ids = run("docker", &["ps", "-aq", "--no-trunc"]).stdout;
        for id in ids.lines() {
            // It may be gone.
            self.containers
                .insert(run("docker", &["inspect", id]).stdout);
        }
    }
}

/// Others reach nothing below the state directory. The directories of the databases in it belong
/// to their users.
fn files_are_private(instance: &Instance) {
    let state = instance.state_dir();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700, "{}", state.display());
    assert_eq!(mode(state.parent().unwrap()), 0o700);
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        names.insert(path.file_name().unwrap().to_string_lossy().into_owned());
        let allowed = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(
            mode(&path) & !allowed,
            0,
            "{}: {:o}",
            path.display(),
            mode(&path)
        );
    }
    for name in [
        "instance.json",
        "secrets.json",
        "kubeconfig",
        "data",
        "revisions",
    ] {
        assert!(names.contains(name), "{names:?}");
    }
    let private = [".clearml-local-keys.json", ".clearml-local-settings.json"];
    for name in private {
        assert_eq!(mode(&state.join("data").join(name)), 0o600, "{name}");
    }
}

fn ports_are_on_loopback(instance: &Instance) {
    let published = run("docker", &["port", &instance.node()]).expect(0).stdout;
    let listening = run("ss", &["-ltnH"]).expect(0).stdout;
    let mut found = 0;
    for line in published.lines() {
        let (address, port) = line.rsplit_once(' ').unwrap().1.rsplit_once(':').unwrap();
        assert_eq!(address, "127.0.0.1", "{published}");
        let suffix = format!(":{port}");
        for line in listening.lines() {
            let local = line.split_whitespace().nth(3).unwrap();
            if local.ends_with(&suffix) {
                assert_eq!(local, format!("127.0.0.1:{port}"), "{listening}");
                found += 1;
            }
        }
    }
    for port in [instance.web, instance.api, instance.files] {
        assert!(
            published.contains(&format!("127.0.0.1:{port}")),
            "{published}"
        );
    }
    assert!(
        found >= 4,
        "the servers and the Kubernetes API: {published}\n{listening}"
    );
}
