//! The directions of `docs/architecture.md`: which module may name what.

use std::path::{Path, PathBuf};

use clearml_local::testing::files;

/// Every source file with its path and its text. Paths are relative to `src`, or begin with
/// `crates/NAME/`.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = below(&root.join("src"), "");
    let crates = files::list(&root.join("crates")).unwrap();
    assert!(!crates.is_empty(), "the crates were not found");
    for name in crates {
        let source = root.join("crates").join(&name).join("src");
        sources.extend(below(&source, &format!("crates/{name}/")));
    }
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

/// The source files below a folder. Their paths begin with `prefix`.
fn below(root: &Path, prefix: &str) -> Vec<(String, String)> {
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for name in files::list(&folder).unwrap() {
            let path = folder.join(&name);
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let text = files::read(&path).unwrap().unwrap();
                let short = path.strip_prefix(root).unwrap();
                sources.push((format!("{prefix}{}", short.display()), text));
            }
        }
    }
    sources
}

/// Files outside `rooms` whose code (not comments) has one of the words.
fn outside(rooms: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources() {
        if rooms.iter().any(|room| path.starts_with(room)) {
            continue;
        }
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        // Our own room is called like the library.
        for line in code.map(|line| line.replace("crate::kube", "our_kube")) {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{path}: {}", line.trim()));
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
        outside(&["cli/", "options/"], &["clap::"]),
        ["settings/pull.rs: use clap::ValueEnum;"]
    );
}

#[test]
fn one_room_observes_the_cluster_and_one_reads_logs() {
    let words = [".observe(", ".observe_nodes(", "diagnose::assess"];
    assert_eq!(outside(&["kube/", "health/"], &words), [""; 0]);
    assert_eq!(outside(&["kube/", "logs/"], &[".open_log("]), [""; 0]);
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
fn lower_rooms_do_not_know_the_upper_ones() {
    let lower = [
        "docker/",
        "kube/",
        "diagnose/",
        "health/",
        "logs/",
        "node/",
        "images/",
        "manifests/",
        "values/",
        "state/",
    ];
    let upper = [
        "crate::up",
        "crate::cli",
        "crate::ui",
        "crate::down",
        "crate::status",
    ];
    for (path, text) in sources() {
        if lower.iter().any(|room| path.starts_with(room)) {
            for word in upper {
                assert!(!text.contains(word), "{path} names {word}");
            }
        }
    }
}

#[test]
fn values_and_settings_do_not_know_the_options() {
    let of_user = ["crate::options", "crate::settings"];
    for (path, text) in sources() {
        let unknown = match path.split('/').next() {
            Some("values") => &of_user[..],
            Some("settings") => &of_user[..1],
            _ => &[],
        };
        for word in unknown {
            assert!(!text.contains(word), "{path} names {word}");
        }
    }
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
    let mut files = 0;
    for (path, text) in sources() {
        if path.starts_with("crates/helm-values/") {
            files += 1;
            for word in words {
                let found = text.to_ascii_lowercase().contains(word);
                assert!(!found, "{path} names {word}");
            }
        }
    }
    assert!(files > 5, "{files}");
    // Only the crate parses values files.
    assert_eq!(
        outside(&["crates/helm-values/"], &["granit_parser"]),
        [""; 0]
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

#[test]
fn a_file_is_one_thing() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 480, "{path} has {lines} lines: is it two things?");
    }
}
