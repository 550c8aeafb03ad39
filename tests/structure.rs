//! The directions of `docs/architecture.md`: which module may name what, and how large a
//! file may be.

#[path = "common/sources.rs"]
mod sources;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use clearml_local::testing::failures::Failure;
use clearml_local::testing::files;

use self::sources::{Source, all_sources, sources};

/// Rooms that every room may name. They name only each other.
const LEAVES: &[&str] = &[
    "archive",
    "clock",
    "component",
    "connection",
    "error",
    "event",
    "failures",
    "files",
    "helm_values",
    "hint",
    "hocon",
    "image_ref",
    "interrupt",
    "kubectl",
    "mounts",
    "namespace",
    "path",
    "ports",
    "preflight",
    "proxy",
    "quantity",
    "redact",
    "version",
    "wait",
    "words",
    "yaml",
];

/// Every other room, and which of the others it names besides leaves. A room names only
/// rooms below it in this table.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "testing",
        &[
            "cli",
            "diagnose",
            "docker",
            "health",
            "images",
            "inputs",
            "kube",
            "kubeconfig",
            "manifests",
            "options",
            "probe",
            "profile",
            "provider",
            "recovery",
            "release",
            "revisions",
            "secrets",
            "settings",
            "state",
            "ui",
            "up",
            "values",
        ],
    ),
    (
        "cli",
        &[
            "agent",
            "doctor",
            "down",
            "forward",
            "health",
            "images",
            "kube",
            "list",
            "logs",
            "manifests",
            "options",
            "plan",
            "probe",
            "provider",
            "recovery",
            "restart",
            "revisions",
            "sdk",
            "secrets",
            "session",
            "settings",
            "state",
            "status",
            "support_bundle",
            "ui",
            "up",
            "values",
            "verify",
        ],
    ),
    (
        "ui",
        &[
            "agent",
            "diagnose",
            "health",
            "kube",
            "options",
            "probe",
            "revisions",
            "sdk",
            "settings",
            "status",
        ],
    ),
    (
        "doctor",
        &["health", "plan", "provider", "session", "status", "up"],
    ),
    ("list", &["health", "probe", "settings", "state"]),
    ("verify", &["probe", "secrets"]),
    (
        "status",
        &[
            "agent",
            "data_size",
            "health",
            "probe",
            "provider",
            "settings",
            "state",
            "values",
        ],
    ),
    (
        "support_bundle",
        &[
            "inputs",
            "kube",
            "logs",
            "provider",
            "revisions",
            "settings",
            "state",
            "values",
        ],
    ),
    ("down", &["forward", "provider", "session"]),
    (
        "restart",
        &[
            "health", "kube", "provider", "session", "settings", "values",
        ],
    ),
    (
        "forward",
        &["kube", "provider", "session", "settings", "state"],
    ),
    (
        "up",
        &[
            "data_size",
            "docker",
            "health",
            "images",
            "kube",
            "manifests",
            "options",
            "plan",
            "probe",
            "provider",
            "recovery",
            "revisions",
            "secrets",
            "session",
            "settings",
            "state",
            "values",
        ],
    ),
    (
        "agent",
        &[
            "diagnose",
            "health",
            "kube",
            "manifests",
            "plan",
            "probe",
            "provider",
            "sdk",
            "secrets",
            "session",
            "settings",
            "state",
            "values",
        ],
    ),
    ("session", &["provider", "settings", "state"]),
    (
        "provider",
        &[
            "data_size",
            "diagnose",
            "docker",
            "health",
            "images",
            "kube",
            "kubeconfig",
            "logs",
            "manifests",
            "plan",
            "probe",
            "profile",
            "recovery",
            "revisions",
            "secrets",
            "settings",
            "state",
        ],
    ),
    (
        "plan",
        &[
            "docker",
            "images",
            "kube",
            "manifests",
            "options",
            "probe",
            "profile",
            "release",
            "secrets",
            "settings",
            "values",
        ],
    ),
    ("health", &["diagnose", "kube", "logs", "probe"]),
    ("logs", &["diagnose", "docker", "kube", "probe"]),
    ("recovery", &["kube", "secrets", "settings", "state"]),
    ("revisions", &["kube", "settings", "state", "values"]),
    (
        "manifests",
        &["images", "kube", "probe", "release", "secrets", "values"],
    ),
    ("kube", &["diagnose"]),
    ("diagnose", &["images"]),
    ("images", &["docker", "settings"]),
    ("data_size", &["settings"]),
    ("kubeconfig", &["settings"]),
    ("options", &["settings"]),
    ("sdk", &["probe", "secrets"]),
    ("probe", &["secrets", "settings"]),
    ("state", &["release", "secrets", "settings"]),
    ("settings", &["inputs", "release"]),
    ("values", &["inputs", "profile", "release", "secrets"]),
    ("docker", &[]),
    ("inputs", &[]),
    ("profile", &[]),
    ("release", &[]),
    ("secrets", &[]),
];

/// The files of the program's rooms, `main.rs` and `lib.rs` apart.
fn program() -> impl Iterator<Item = Source> {
    let all = sources().into_iter();
    all.filter(|source| !source.path.starts_with("crates/"))
        .filter(|source| source.path != "main.rs" && source.path != "lib.rs")
}

impl Source {
    /// The first part of the path: the module below the root of the crate.
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The rooms that its code names.
    fn names(&self) -> BTreeSet<String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let first = |text: &str| text.split(|c| !is_name(c)).next().unwrap().to_owned();
        let code = self.code().join("\n");
        let mut found = BTreeSet::new();
        for rest in code.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                Some(rest) => {
                    let list = rest.split('}').next().unwrap().split(',');
                    found.extend(list.map(|item| first(item.trim())));
                }
                None => _ = found.insert(first(rest)),
            }
        }
        if code.contains("helm_values::") {
            found.insert("helm_values".to_owned());
        }
        found.retain(|name| name != self.room() && !name.is_empty());
        found
    }
}

/// Files outside `rooms` whose code has one of the words.
fn outside(rooms: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources() {
        if rooms.iter().any(|room| source.path.starts_with(room)) {
            continue;
        }
        let code = source.code();
        // Our own room is called like the library.
        for line in code
            .iter()
            .map(|line| line.replace("crate::kube", "our_kube"))
        {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}: {}", source.path, line.trim()));
            }
        }
    }
    found
}

#[test]
fn only_its_room_names_a_library() {
    assert_eq!(
        outside(&["docker/bollard"], &["use bollard", "bollard::D"]),
        ["docker/mod.rs: pub use self::bollard::Docker;"]
    );
    assert_eq!(outside(&["kube/"], &["::kube::", "use ::kube"]), [""; 0]);
    assert_eq!(outside(&["yaml.rs"], &["serde_saphyr"]), [""; 0]);
    assert_eq!(
        outside(&["cli/", "options/", "settings/"], &["clap::"]),
        [""; 0]
    );
}

#[test]
fn only_the_local_provider_names_the_engine() {
    let rooms = ["provider/local/", "docker/"];
    let words = ["dyn Engine", "EngineInfo", "bollard", "docker::Container"];
    assert_eq!(outside(&rooms, &words), [""; 0]);
}

#[test]
fn nothing_below_cli_and_ui_prints_or_exits() {
    let words = [
        "println!",
        "eprintln!",
        "print!(",
        "process::exit",
        "io::stdout",
        "io::stderr",
    ];
    assert_eq!(outside(&["cli/", "ui/", "main.rs"], &words), [""; 0]);
}

#[test]
fn one_room_observes_the_cluster_and_one_reads_logs() {
    let words = [".observe(", ".observe_nodes(", "diagnose::assess"];
    assert_eq!(outside(&["kube/", "health/", "testing/"], &words), [""; 0]);
    let rooms = ["kube/", "logs/", "testing/"];
    assert_eq!(outside(&rooms, &[".open_log("]), [""; 0]);
}

/// The signatures of a source's functions.
fn signatures(code: &str) -> impl Iterator<Item = &str> {
    let functions = code.split("fn ").skip(1);
    functions.filter_map(|function| function.split(['{', ';']).next())
}

#[test]
fn a_function_takes_the_session_instead_of_two_of_its_parts() {
    let parts = [
        "dyn Engine",
        "EngineInfo",
        "StateDir",
        "Events",
        "InstanceName",
    ];
    let mut found = Vec::new();
    for source in program() {
        let code = source.code().join("\n");
        for signature in signatures(&code) {
            let (name, _) = signature.split_once('(').unwrap_or_default();
            // Without what it returns.
            let (arguments, _) = signature.rsplit_once("->").unwrap_or((signature, ""));
            if parts
                .iter()
                .filter(|part| arguments.contains(**part))
                .count()
                > 1
            {
                found.push(format!("{}: {name}", source.path));
            }
        }
    }
    found.sort();
    // The provider consists of the parts, and the others are below the session.
    assert_eq!(
        found,
        [
            "provider/existing/mod.rs: new",
            "provider/local/mod.rs: new",
            "revisions/store.rs: save",
            "state/lock.rs: acquire"
        ]
    );
}

#[test]
fn every_room_stands_in_the_table() {
    let mut there: BTreeSet<String> = program().map(|source| source.room().to_owned()).collect();
    there.insert("helm_values".to_owned());
    let known: BTreeSet<String> = LEAVES
        .iter()
        .chain(ROOMS.iter().map(|(room, _)| room))
        .map(|room| (*room).to_owned())
        .collect();
    assert_eq!(there, known);
    assert_eq!(
        known.len(),
        LEAVES.len() + ROOMS.len(),
        "a room stands twice"
    );
}

#[test]
fn a_room_names_what_the_table_says() {
    let mut wrong = String::new();
    let mut named: Vec<BTreeSet<String>> = vec![BTreeSet::new(); ROOMS.len()];
    for source in program() {
        let row = ROOMS.iter().position(|(room, _)| *room == source.room());
        for name in source.names() {
            let is_leaf = LEAVES.contains(&name.as_str());
            let allowed = match row {
                _ if is_leaf => true,
                Some(row) => ROOMS[row].1.contains(&name.as_str()),
                None => false,
            };
            if !allowed {
                writeln!(wrong, "{} names {name}", source.path).unwrap();
            }
            if let (Some(row), false) = (row, is_leaf) {
                named[row].insert(name);
            }
        }
    }
    for ((room, listed), named) in ROOMS.iter().zip(named) {
        for name in listed.iter().filter(|name| !named.contains(**name)) {
            writeln!(wrong, "{room} does not name {name} any more").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_room_names_only_rooms_below_it() {
    for (row, (room, names)) in ROOMS.iter().enumerate() {
        for name in *names {
            let at = ROOMS.iter().position(|(room, _)| room == name);
            assert!(at.is_some_and(|at| at > row), "{room} names {name}");
        }
    }
}

#[test]
fn the_table_of_rooms_is_printed_in_the_architecture() {
    const BEGIN: &str = "cargo test --test structure -->\n";
    const END: &str = "<!-- end of modules -->";
    let quoted = |rooms: &[&str]| {
        let quoted: Vec<String> = rooms.iter().map(|room| format!("`{room}`")).collect();
        quoted.join(", ")
    };
    let mut table = String::from("| Module | Names, besides leaves |\n|---|---|\n");
    for (room, names) in ROOMS {
        writeln!(table, "| `{room}` | {} |", quoted(names)).unwrap();
    }
    writeln!(table, "| leaves: {} | only each other |", quoted(LEAVES)).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let there = files::read(&path).unwrap().unwrap_or_default();
    let (before, rest) = there.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let text = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        files::write(&path, &text).unwrap();
        return;
    }
    assert!(
        there == text,
        "docs/architecture.md has another table: UPDATE_DOCS=1 cargo test --test structure"
    );
}

#[test]
fn helm_values_knows_nothing_of_this_program() {
    let words = [
        "clearml",
        "apiserver",
        "std::fs",
        "std::env",
        "std::process",
        "tracing",
    ];
    let mut count = 0;
    for source in sources() {
        if source.path.starts_with("crates/helm-values/") {
            count += 1;
            for word in words {
                let found = source.text.to_ascii_lowercase().contains(word);
                assert!(!found, "{} names {word}", source.path);
            }
        }
    }
    assert!(count > 5, "{count}");
    // Only the crate parses values files.
    assert_eq!(
        outside(&["crates/helm-values/"], &["granit_parser"]),
        [""; 0]
    );
}

/// What follows `-c`, the option of a shell for a script, without the calls that convert it.
fn scripts(code: &str) -> Vec<&str> {
    let after = code.split("\"-c\"").skip(1);
    let script = after.map(|rest| {
        let rest = rest.split_once(',').unwrap().1.trim_start();
        match rest.strip_prefix('"') {
            Some(_) => "\"",
            None => rest.split([',', ')', ']', '.']).next().unwrap().trim(),
        }
    });
    script
        .map(|script| script.trim_start_matches("json!("))
        .collect()
}

/// What users, images and clusters name is passed to shells as arguments, never in a script.
#[test]
fn a_shell_script_has_no_text_of_users() {
    let is_constant = |name: &str| name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    // How a variable with a script is made, or a parameter: of texts that are in the program.
    let of_the_program = [
        "let script = \"",
        "let script = r#\"",
        "let script = docker::script(&[",
        "script: &'static str",
    ];
    let (mut found, mut wrong) = (0, String::new());
    for source in sources() {
        let code = source.code().join("\n");
        for script in scripts(&code) {
            found += 1;
            let fine = match script {
                "\"" => true,
                "script" | "&script" => {
                    let made = code.replace("let script =\n        \"", "let script = \"");
                    let count = |text: &str| made.matches(text).count();
                    let fine: usize = of_the_program.iter().map(|text| count(text)).sum();
                    count("let script =") + count("script: &") == fine
                }
                name => is_constant(name),
            };
            if !fine {
                writeln!(wrong, "{}: {script}", source.path).unwrap();
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "a shell gets other texts than those of the program:\n{wrong}"
    );
    assert!(found > 20, "only {found} scripts were found");
}

/// The same in pods: scripts are files or constants, and get names as arguments.
#[test]
fn a_shell_script_in_a_template_has_no_text_of_users() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/clearml");
    let mut found = Vec::new();
    for name in files::list(&templates).unwrap() {
        let text = files::read(&templates.join(name)).unwrap().unwrap();
        if let Some(script) = text.strip_prefix("#!") {
            assert!(!script.contains("{{"), "a script is a template");
        }
        let after = text.split("-c, {{ ").skip(1);
        found.extend(after.map(|rest| rest.split(" }}").next().unwrap().to_owned()));
    }
    // The pause is a number of this program.
    assert_eq!(
        found,
        ["wait_script", "'sleep ' ~ stop_pause ~ '; kill -TERM -1'"]
    );
    let script = files::read(&templates.join("wait.sh")).unwrap().unwrap();
    assert!(
        !script.contains("{{") && !script.contains("eval "),
        "{script}"
    );
}

/// See `STYLE.md`.
#[test]
fn messages_are_in_plain_language() {
    let words = [
        "are to be ",
        "bring it back",
        "cannot be meant",
        "go on with",
        "is no time",
        "is to be ",
        "made anew",
        "nobody is there",
        "there is no such",
        "what was said",
        "whatever is",
    ];
    assert_eq!(outside(&[], &words), [""; 0]);
}

/// The catalogue has no entry that no code reports.
#[test]
fn every_failure_is_reported_somewhere() {
    let sources: Vec<Source> = sources()
        .into_iter()
        .filter(|source| !source.path.starts_with("failures/"))
        .collect();
    let code: String = sources.iter().flat_map(Source::code).collect();
    let words: BTreeSet<&str> = code
        .split("Failure::")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next())
        .collect();
    for failure in Failure::ALL {
        let name = format!("{failure:?}");
        assert!(words.contains(name.as_str()), "nothing reports {name}");
    }
}

#[test]
fn a_file_is_one_thing() {
    let mut long = String::new();
    for source in sources() {
        let lines = source.code().len();
        if lines > 400 {
            writeln!(long, "{} has {lines} lines of code", source.path).unwrap();
        }
    }
    assert!(long.is_empty(), "are these two things?\n{long}");
}

/// See `STYLE.md`.
#[test]
fn unit_tests_stand_in_one_way() {
    // Besides these, only `tests` and `fixtures` are compiled for tests only.
    let fakes = ["docker/fake", "kube/faulty", "kube/mock"];
    for source in all_sources() {
        let path = &source.path;
        let in_directory = path.split('/').rev().skip(1).any(|part| part == "tests");
        assert!(!in_directory, "{path}: tests of several modules?");
        for module in source.test_modules() {
            let name = module.rsplit('/').next().unwrap();
            let known = ["tests", "fixtures"].contains(&name) || fakes.contains(&module.as_str());
            assert!(known, "{path} declares {module} for tests");
        }
        if path.ends_with("/tests.rs") {
            continue;
        }
        let (code, tests) = source.halves();
        assert!(
            !tests.contains("#[path"),
            "{path} names the path of a module"
        );
        let is_test = |line: &str| line.contains("#[test]") || line.contains("#[tokio::test");
        assert!(
            !code.lines().any(is_test),
            "{path} has tests outside `mod tests`"
        );
        let (_, after) = tests.split_once("\n}\n").unwrap_or_default();
        assert!(after.is_empty(), "{path} goes on after its unit tests");
        let lines = source.text.lines().count();
        assert!(
            tests.is_empty() || lines <= 500,
            "{path} has {lines} lines: move its unit tests to `tests.rs`"
        );
    }
}
