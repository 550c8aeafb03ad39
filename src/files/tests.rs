use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn private_files_are_readable_only_by_their_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets");
    write_private(&path, "x").unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn own_files_are_read_without_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    write(&at("text"), "x").unwrap();
    std::fs::write(at("binary"), [0xff, 0, 1]).unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .arg(at("pipe"))
        .status();
    assert!(pipe.unwrap().success());
    for (name, expected) in [
        ("missing", Own::Missing),
        ("text", Own::Text("x".into())),
        ("binary", Own::Other("a binary file")),
        ("pipe", Own::Other("a pipe or a device")),
        (".", Own::Other("a directory")),
    ] {
        assert_eq!(read_own(&at(name)).unwrap(), expected, "{name}");
    }
}

#[test]
fn unfinished_files_of_killed_processes_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let unfinished = format!("{UNFINISHED}a1B2c3");
    for name in ["mine", &unfinished] {
        write(&dir.path().join(name), "x").unwrap();
    }
    remove_unfinished(dir.path(), Duration::from_secs(60)).unwrap();
    let both = [unfinished.as_str(), "mine"];
    assert_eq!(list(dir.path()).unwrap(), both, "it may be in use");
    remove_unfinished(dir.path(), Duration::ZERO).unwrap();
    assert_eq!(list(dir.path()).unwrap(), ["mine"]);
}

#[test]
fn errors_name_the_path() {
    let error = write(Path::new("/nonexistent/dir/file"), "x").unwrap_err();
    assert!(
        error.to_string().contains("/nonexistent/dir/file"),
        "{error}"
    );
}

#[test]
fn a_link_never_replaces_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    write(&link, "a user's file").unwrap();
    assert!(!create_link(dir.path(), &link));
    assert_eq!(read(&link).unwrap().unwrap(), "a user's file");
}

#[test]
fn a_link_at_the_path_of_a_file_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    write(&target, "theirs").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    assert!(open_lock(&link).is_err());
    assert!(create_private(&link).is_err());
    assert!(NewFile::create(&link).is_err());
    assert_eq!(read(&target).unwrap().unwrap(), "theirs");
    write_private(&link, "ours").unwrap();
    assert_eq!(
        read(&target).unwrap().unwrap(),
        "theirs",
        "the link is replaced"
    );
    let missing = dir.path().join("missing");
    std::os::unix::fs::symlink(&missing, dir.path().join("dangling")).unwrap();
    assert!(NewFile::create(&dir.path().join("dangling")).is_err());
    assert!(!missing.exists());
}

#[test]
fn new_directories_are_accessible_only_to_their_owner() {
    let dir = tempfile::tempdir().unwrap();
    create_dir(&dir.path().join("a/b")).unwrap();
    for name in ["a", "a/b"] {
        let mode = std::fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
}
