//! Files, directories and links that another user planted in a shared place are not used.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use super::Home;
use super::engine::Responses;

/// A user who owns nothing.
const OTHER: u32 = 65_533;

/// A home, and a directory like `/tmp` beside it.
struct Shared {
    home: Home,
    dir: tempfile::TempDir,
}

/// Returns `None` if this user cannot give files to another one.
fn shared() -> Option<Shared> {
    let dir = tempfile::tempdir().unwrap();
    let probe = dir.path().join("probe");
    std::fs::write(&probe, "").unwrap();
    if chown(&probe, Some(OTHER), None).is_err() {
        // Not captured, unlike `eprintln!`.
        let note = b"SKIPPED: planted files: only root can create files of other users\n";
        std::io::stderr().write_all(note).unwrap();
        return None;
    }
    std::fs::remove_file(&probe).unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    Some(Shared {
        home: Home::new(Responses::empty()),
        dir,
    })
}

impl Shared {
    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Plants a link of the other user.
    fn plant_link(&self, target: &Path, name: &str) {
        symlink(target, self.at(name)).unwrap();
        lchown(self.at(name), Some(OTHER), None).unwrap();
    }

    /// Runs a command in the shared directory, with another data directory for its state if one
    /// is given. Returns its exit code, and all of its output.
    fn run(&self, arguments: &[&str], state: Option<&Path>) -> (i32, String) {
        let mut command = self.home.command(env!("CARGO_BIN_EXE_clearml-local"));
        if let Some(state) = state {
            command.env("XDG_DATA_HOME", state);
        }
        let output = command
            .args(arguments)
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        (output.status.code().unwrap(), text)
    }

    #[track_caller]
    fn is_refused(&self, arguments: &[&str], state: Option<&Path>) {
        let (code, output) = self.run(arguments, state);
        assert_eq!(code, 2, "{output}");
        assert!(
            output.contains("belongs to another user (uid 65533)"),
            "{output}"
        );
        assert!(
            output.contains("[untrusted-file]") && output.contains("ls -ld "),
            "{output}"
        );
    }
}

#[test]
fn a_state_directory_of_another_user_is_refused() {
    let Some(shared) = shared() else { return };
    let (code, output) = shared.run(&["list"], Some(&shared.at("")));
    assert_eq!(code, 0, "an empty directory is used: {output}");
    std::fs::create_dir_all(shared.at("clearml-local/clearml")).unwrap();
    std::fs::write(shared.at("clearml-local/clearml/instance.json"), "{}").unwrap();
    chown(shared.at("clearml-local"), Some(OTHER), None).unwrap();
    for command in ["status", "up", "list", "down"] {
        shared.is_refused(&[command], Some(&shared.at("")));
    }
}

#[test]
fn a_link_at_the_state_directory_is_not_followed() {
    let Some(shared) = shared() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    shared.plant_link(elsewhere.path(), "clearml-local");
    shared.is_refused(&["up"], Some(&shared.at("")));
    assert!(
        std::fs::read_dir(elsewhere.path())
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn a_settings_file_of_another_user_is_refused() {
    let Some(shared) = shared() else { return };
    let settings = shared.at("clearml-local.yaml");
    std::fs::write(&settings, "context: work\nkubeconfig: ./config\n").unwrap();
    chown(&settings, Some(OTHER), None).unwrap();
    shared.is_refused(&["status"], None);
    std::fs::remove_file(&settings).unwrap();
    shared.plant_link(Path::new("/etc/hostname"), "clearml-local.yaml");
    shared.is_refused(&["status"], None);
}

#[test]
fn a_data_directory_of_another_user_is_refused() {
    let Some(shared) = shared() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    shared.plant_link(elsewhere.path(), "link");
    std::fs::create_dir(shared.at("theirs")).unwrap();
    chown(shared.at("theirs"), Some(OTHER), None).unwrap();
    for name in ["link", "link/data", "theirs", "theirs/data"] {
        let data = shared.at(name).display().to_string();
        let (code, output) = shared.run(&["up", "--data-dir", &data], None);
        assert_ne!(code, 0, "{output}");
        let planted = shared.at(name.split('/').next().unwrap());
        let refused = format!("cannot use {}: it belongs", planted.display());
        assert!(output.contains(&refused), "{output}");
        assert!(output.contains("[untrusted-file]"), "{output}");
    }
    assert!(
        std::fs::read_dir(elsewhere.path())
            .unwrap()
            .next()
            .is_none()
    );
}

/// In a data directory that everyone can write to.
#[test]
fn keys_and_markers_of_another_user_are_refused() {
    let Some(shared) = shared() else { return };
    let marker = r#"{"instance": "clearml", "release": "1.5.0", "folders": ["redis"],
        "databases": {"mongodb": "4.4", "elasticsearch": "7", "redis": "6"}}"#;
    let data = shared.at("").display().to_string();
    let marker_refused = format!("cannot use {data}.clearml-local.json: it belongs");
    for (name, refused) in [
        (".clearml-local-keys.json", "[keys-lost]"),
        (".clearml-local.json", marker_refused.as_str()),
    ] {
        std::fs::write(shared.at(".clearml-local.json"), marker).unwrap();
        std::fs::write(shared.at(".clearml-local-keys.json"), "{}").unwrap();
        chown(shared.at(name), Some(OTHER), None).unwrap();
        let (code, output) = shared.run(&["up", "--data-dir", &data], None);
        assert_ne!(code, 0, "{output}");
        assert!(output.contains(refused), "{output}");
        std::fs::remove_file(shared.at(name)).unwrap();
    }
}

#[test]
fn a_bundle_is_not_written_through_a_link() {
    let Some(shared) = shared() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    shared.plant_link(&target, "bundle.tar.gz");
    let (code, output) = shared.run(&["support-bundle", "bundle.tar.gz"], None);
    assert_ne!(code, 0, "{output}");
    assert!(output.contains("it already exists"), "{output}");
    shared.plant_link(elsewhere.path(), "link");
    shared.is_refused(&["support-bundle", "link/bundle.tar.gz"], None);
    assert!(
        std::fs::read_dir(elsewhere.path())
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn keys_are_not_written_through_a_link() {
    let Some(shared) = shared() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    std::fs::write(&target, "theirs").unwrap();
    shared.plant_link(&target, "clearml.conf");
    let file = shared.at("clearml.conf").display().to_string();
    // Keys of an instance in the state directory.
    let (_, output) = shared.run(&["render"], None);
    assert!(output.contains("kind: Deployment"), "{output}");
    let (_, output) = shared.run(&["credentials", "--write", &file], None);
    assert_eq!(
        std::fs::read_to_string(&target).unwrap(),
        "theirs",
        "{output}"
    );
}
