//! Damaged files of an instance: each of them is named, or ignored because it can be written
//! again. Nothing is lost, and no command waits for it.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clearml_local::testing::secrets::Secrets;
use serde_json::{Value, json};

use super::Home;
use super::engine::{Responses, host_info, node};

/// The commands that read the files; the last one removes some.
const COMMANDS: [&str; 4] = ["status", "credentials", "up", "down"];
/// The exit code for state that cannot be read.
const STATE: i32 = 72;
/// A user other than root, from whom a file can be kept.
const NOBODY: u32 = 65534;

/// A file that the program reads back.
struct Kind {
    file: &'static str,
    /// Whether it can be written again, so that a damaged one is ignored.
    cached: bool,
    /// The first command that must name it if it is damaged.
    named_by: &'static str,
}

const fn named(file: &'static str, named_by: &'static str) -> Kind {
    let cached = false;
    Kind {
        file,
        cached,
        named_by,
    }
}

const fn cached(file: &'static str) -> Kind {
    let (cached, named_by) = (true, "");
    Kind {
        file,
        cached,
        named_by,
    }
}

const KINDS: [Kind; 11] = [
    named("instance.json", "status"),
    named("secrets.json", "credentials"),
    named("data/.clearml-local.json", "up"),
    // The commands of this table do not read it.
    cached("copies.json"),
    cached("node"),
    cached("kubeconfig"),
    cached("forward.json"),
    cached("lock"),
    cached("revisions/1.json"),
    // The home has both.
    cached("data/.clearml-local-keys.json"),
    cached("data/.clearml-local-settings.json"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Torn,
    Empty,
    OtherJson,
    List,
    Binary,
    Directory,
    Pipe,
    LaterFormat,
    /// A later version added a field, which is no damage.
    LaterField,
    Unreadable,
}

const DAMAGES: [Damage; 10] = [
    Damage::Torn,
    Damage::Empty,
    Damage::OtherJson,
    Damage::List,
    Damage::Binary,
    Damage::Directory,
    Damage::Pipe,
    Damage::LaterFormat,
    Damage::LaterField,
    Damage::Unreadable,
];

impl Damage {
    fn apply(self, path: &Path) {
        let text = std::fs::read_to_string(path).unwrap();
        let with = |name: &str, value: Value| match serde_json::from_str(&text) {
            Ok(Value::Object(mut fields)) => {
                fields.insert(name.into(), value);
                Value::Object(fields).to_string()
            }
            _ => text.clone(),
        };
        let content = match self {
            Damage::Torn => text.as_bytes()[..text.len() / 2].to_vec(),
            Damage::Empty => Vec::new(),
            Damage::OtherJson => br#"{"name": "thesis", "private": true}"#.to_vec(),
            Damage::List => b"[1, 2]".to_vec(),
            Damage::Binary => vec![0xff, 0xd8, 0, 0x1b, b'[', b'2', b'J', 0xfe],
            Damage::LaterFormat => with("format", json!(2)).into_bytes(),
            Damage::LaterField => with("aLaterField", json!({"enabled": true})).into_bytes(),
            Damage::Unreadable => {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o000);
                return std::fs::set_permissions(path, mode).unwrap();
            }
            Damage::Directory | Damage::Pipe => {
                std::fs::remove_file(path).unwrap();
                let program = match self {
                    Damage::Pipe => "mkfifo",
                    _ => "mkdir",
                };
                assert!(Command::new(program).arg(path).status().unwrap().success());
                return;
            }
        };
        std::fs::write(path, content).unwrap();
    }
}

/// Returns a home whose instance has every file, and a stopped node on a host that `up`
/// refuses.
fn home() -> Home {
    let stopped = Responses::empty()
        .with_container("clearml-control-plane", node("clearml", false))
        .with("GET /info", host_info(1_000_000_000, 1));
    let home = Home::new(stopped);
    home.store_settings();
    let state = home.state();
    let settings = std::fs::read_to_string(state.join("instance.json")).unwrap();
    let mut settings: Value = serde_json::from_str(&settings).unwrap();
    settings["dataDir"] = json!(state.join("data"));
    let keys = serde_json::to_string(&Secrets::generate()).unwrap();
    let marker = json!({
        "instance": "clearml", "release": "1.5.0", "folders": ["mongodb"],
        "databases": {"mongodb": "4.4", "elasticsearch": "7", "redis": "6"},
    });
    let revision = json!({
        "number": 1, "at": "2026-11-27T12:03:11Z", "program": "0.1.0", "outcome": "ready",
        "instance": settings, "values": {},
    });
    let kubeconfig = json!({"clusters": [], "users": [], "contexts": [], "current-context": ""});
    let process = json!({"process": 1, "ports": settings["ports"]});
    for (file, text) in [
        ("instance.json", settings.to_string()),
        ("secrets.json", keys.clone()),
        ("copies.json", json!([state.join("former")]).to_string()),
        ("node", "0123\n".to_owned()),
        ("kubeconfig", kubeconfig.to_string()),
        ("forward.json", process.to_string()),
        ("lock", "`clearml-local up` (process 1)".to_owned()),
        ("revisions/1.json", revision.to_string()),
        ("data/.clearml-local.json", marker.to_string()),
        ("data/.clearml-local-keys.json", keys),
        ("data/.clearml-local-settings.json", settings.to_string()),
        ("data/mongodb/WiredTiger.wt", "data".to_owned()),
    ] {
        let path = state.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    home
}

/// Runs a command and returns its exit code and its output, or fails if it waits.
fn run(home: &Home, command: &str, damage: Damage) -> (i32, String) {
    let mut program = home.command(env!("CARGO_BIN_EXE_clearml-local"));
    program
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if damage == Damage::Unreadable && is_root() {
        program.uid(NOBODY).gid(NOBODY);
    }
    let mut child = program.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let code = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status.code().unwrap_or(-1),
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            None => {
                child.kill().unwrap();
                panic!("{command} waits");
            }
        }
    };
    // Neither fills its pipe. `status` writes to stdout.
    let mut text = String::new();
    let (mut stdout, mut stderr) = (child.stdout.unwrap(), child.stderr.unwrap());
    stdout.read_to_string(&mut text).unwrap();
    stderr.read_to_string(&mut text).unwrap();
    (code, text)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// Returns the content of every file below a directory that can be read.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
            all.insert(path, Vec::new());
        } else {
            let bytes = match path.is_file() {
                true => std::fs::read(&path).unwrap_or_default(),
                false => b"a pipe".to_vec(),
            };
            all.insert(path, bytes);
        }
    }
    all
}

/// Damages one file and runs all commands. `healthy` are their exit codes without damage. Returns
/// what is wrong.
fn problems(kind: &Kind, damage: Damage, healthy: &BTreeMap<&str, i32>) -> Vec<String> {
    let home = home();
    let path = home.state().join(kind.file);
    damage.apply(&path);
    if damage == Damage::Unreadable && is_root() {
        let owner = format!("{NOBODY}:{NOBODY}");
        let chown = Command::new("chown")
            .arg("-R")
            .arg(owner)
            .arg(home.dir.path())
            .status();
        assert!(chown.unwrap().success());
    }
    let before = contents(&home.state());
    // The lock and the files of the cluster are rewritten. Everything else must stay.
    let may_change = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        matches!(name, Some("lock" | "node" | "kubeconfig" | "forward.json"))
    };
    // These cannot be replaced by a file.
    let is_in_the_way = matches!(damage, Damage::Directory | Damage::Unreadable)
        || (damage, kind.file) == (Damage::Pipe, "lock");
    let must_work = damage == Damage::LaterField || kind.cached && !is_in_the_way;
    let mut named = false;
    let mut problems = Vec::new();
    for command in COMMANDS {
        let (code, output) = run(&home, command, damage);
        let names_file = output.contains(&path.display().to_string());
        named |= names_file;
        let after = contents(&home.state());
        let lost = before
            .iter()
            .find(|(path, bytes)| !may_change(path) && after.get(*path) != Some(bytes));
        for (is_wrong, what) in [
            (output.contains("panicked"), "panics".to_owned()),
            (must_work && code != healthy[command], "fails".into()),
            (
                code != healthy[command] && !(code == STATE && names_file),
                "fails without naming the file".into(),
            ),
            (
                command == kind.named_by && !must_work && !named,
                "does not name the file".into(),
            ),
            (
                damage == Damage::LaterFormat && names_file && !output.contains("later version"),
                "does not recognize the later version".into(),
            ),
            (lost.is_some(), format!("changes {lost:?}")),
        ] {
            if is_wrong {
                let file = kind.file;
                problems.push(format!(
                    "`{command}` with {file} {damage:?} {what}: {code}\n{output}"
                ));
            }
        }
    }
    problems
}

#[test]
fn every_damaged_file_is_named_or_ignored_and_nothing_is_lost() {
    let undamaged = home();
    let healthy: BTreeMap<&str, i32> = COMMANDS
        .into_iter()
        .map(|command| (command, run(&undamaged, command, Damage::LaterField).0))
        .collect();
    assert!(healthy.values().all(|code| *code != STATE), "{healthy:?}");
    let cases: Vec<(&Kind, Damage)> = KINDS
        .iter()
        .flat_map(|kind| DAMAGES.map(|damage| (kind, damage)))
        .collect();
    let healthy = &healthy;
    let problems: Vec<String> = std::thread::scope(|scope| {
        let parts = cases.chunks(cases.len().div_ceil(4)).map(|part| {
            scope.spawn(move || {
                let each = part.iter();
                each.flat_map(|(kind, damage)| problems(kind, *damage, healthy))
                    .collect::<Vec<_>>()
            })
        });
        let running: Vec<_> = parts.collect();
        running
            .into_iter()
            .flat_map(|part| part.join().unwrap())
            .collect()
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_lost_marker_is_written_again_if_the_keys_show_whose_data_they_are() {
    let home = home();
    let data = home.state().join("data");
    std::fs::remove_file(data.join(".clearml-local.json")).unwrap();
    let foreign = "contains files that clearml-local did not create";
    let (_, output) = run(&home, "up", Damage::LaterField);
    assert!(!output.contains(foreign), "{output}");
    let others = serde_json::to_string(&Secrets::generate()).unwrap();
    std::fs::write(data.join(".clearml-local-keys.json"), others).unwrap();
    let (_, output) = run(&home, "up", Damage::LaterField);
    assert!(output.contains(foreign), "{output}");
}
