//! `configure` and `example`: files of the user, of which nothing is lost.

use std::os::unix::fs::PermissionsExt;

use super::engine::Responses;
use super::*;

/// A home with an instance.
fn home() -> Home {
    let home = Home::new(Responses::empty());
    home.store_settings();
    home.store_keys();
    home
}

impl Home {
    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.contains(".conf")).collect();
        names.sort();
        names
    }
}

#[test]
fn configure_writes_a_file_and_removes_it() {
    let home = home();
    let printed = home.run(&["configure", "--print"]);
    assert_eq!(home.names(), [""; 0]);
    let output = home.run(&["configure"]);
    assert!(
        output.ends_with("Wrote ~/clearml.conf: the SDK uses http://localhost:API.\n"),
        "{output}"
    );
    let file = home.file("clearml.conf");
    assert!(printed.contains(&home.normalize(&file)), "{printed}");
    let mode = home.dir.path().join("clearml.conf").metadata().unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let again = home.run(&["configure"]);
    assert!(again.contains("nothing changed"), "{again}");
    let status = home.run(&["status"]);
    assert!(status.contains("configured in ~/clearml.conf"), "{status}");
    let removed = home.run(&["configure", "--remove"]);
    assert!(removed.contains("Removed ~/clearml.conf"), "{removed}");
    assert_eq!(home.names(), [""; 0]);
    let again = home.run(&["configure", "--remove"]);
    assert!(again.contains("nothing to do"), "{again}");
}

#[test]
fn configure_keeps_what_the_user_wrote() {
    let home = home();
    let path = home.dir.path().join("clearml.conf");
    let theirs = "api.api_server: https://api.clear.ml\nsdk.network.retries: 3\n";
    std::fs::write(&path, theirs).unwrap();
    let refused = home.run(&["configure"]);
    assert!(
        refused.contains("is for another server, https://api.clear.ml")
            && refused.starts_with("exit code 2\n"),
        "{refused}"
    );
    assert_eq!(home.file("clearml.conf"), theirs);
    let status = home.run(&["status"]);
    assert!(
        status.contains("uses https://api.clear.ml (~/clearml.conf); to use this server: clearml-local configure"),
        "{status}"
    );

    let output = home.run(&["configure", "--yes"]);
    assert!(
        output.contains("The previous file is in ~/clearml.conf.bak-"),
        "{output}"
    );
    assert!(home.file("clearml.conf").starts_with(theirs));
    let names = home.names();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(home.file(&names[1]), theirs);

    // From now on, only our part changes.
    let mut moved = home.command(env!("CARGO_BIN_EXE_clearml-local"));
    let settings = home.state().join("instance.json");
    let text = std::fs::read_to_string(&settings).unwrap();
    let [_, api, files] = home.ports.map(|port| port.to_string());
    let text = text.replace(&files, "30081");
    std::fs::write(&settings, text).unwrap();
    moved
        .arg("configure")
        .env("CLEARML_API_HOST", "http://localhost:1");
    let output = home.output_of(&mut moved);
    assert!(
        output.contains("recorded before use the URL http://localhost:FILES"),
        "{output}"
    );
    assert!(
        output.contains("the SDK uses CLEARML_API_HOST of the environment"),
        "{output}"
    );
    assert_eq!(home.names().len(), 2);
    assert!(
        home.file("clearml.conf")
            .contains(&format!("api_server: http://localhost:{api}"))
    );

    home.run(&["configure", "--remove"]);
    assert_eq!(home.file("clearml.conf"), theirs);
}

#[test]
fn configure_refuses_a_file_that_it_cannot_read() {
    let home = home();
    let path = home.dir.path().join("clearml.conf");
    let theirs = "api {\n  api_server: http://localhost:1\n";
    std::fs::write(&path, theirs).unwrap();
    let output = home.run(&["configure"]);
    assert!(
        output.contains("the `{` in line 1 is not closed [invalid-sdk-configuration]"),
        "{output}"
    );
    assert_eq!(home.file("clearml.conf"), theirs);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let output = home.run(&["configure"]);
    assert!(
        output.contains("cannot read") && output.contains("clearml.conf"),
        "{output}"
    );
}

#[test]
fn the_example_is_written_once() {
    let home = home();
    let output = home.run(&["example"]);
    assert!(
        output.contains(
            "  clearml-local configure\n  pip install clearml\n  python first_experiment.py\n"
        ),
        "{output}"
    );
    home.run(&["configure"]);
    let again = home.run(&["example"]);
    assert!(
        again.contains("is there already") && !again.contains("configure"),
        "{again}"
    );
    std::fs::write(home.dir.path().join("train.py"), "mine").unwrap();
    let output = home.run(&["example", "train.py"]);
    assert!(
        output.contains("it already exists [file-exists]"),
        "{output}"
    );
    assert_eq!(home.file("train.py"), "mine");
    let printed = home.run(&["example", "-"]);
    assert!(
        printed.contains(&home.file("first_experiment.py")),
        "{printed}"
    );
}

#[test]
fn there_is_nothing_to_open_without_a_running_server() {
    let output = home().run(&["open"]);
    assert!(
        output.contains("does not exist yet") && output.contains("clearml-local up"),
        "{output}"
    );
    let stopped =
        Responses::empty().with_container("clearml-control-plane", node("clearml", false));
    let home = Home::new(stopped);
    home.store_settings();
    let output = home.run(&["open"]);
    assert!(
        output.contains("is stopped") && output.contains("clearml-local start"),
        "{output}"
    );
}
