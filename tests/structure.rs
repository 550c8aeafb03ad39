//! The directions of `docs/architecture.md`: which room may name what.

use std::path::{Path, PathBuf};

/// Every source file below `src`, with its path from there and its text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for name in clearml_local::files::list(&folder).unwrap() {
            let path = folder.join(&name);
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let text = clearml_local::files::read(&path).unwrap().unwrap();
                let short = path.strip_prefix(&root).unwrap();
                sources.push((short.display().to_string(), text));
            }
        }
    }
    assert!(sources.len() > 50, "the sources were not found");
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
fn a_file_is_one_thing() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 480, "{path} has {lines} lines: is it two things?");
    }
}
