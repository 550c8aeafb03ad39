//! The whole command line in a home of its own, without an engine.

use std::collections::BTreeSet;
use std::path::Path;

use assert_cmd::Command;
use clearml_local::testing::{files, manifests};
use tempfile::TempDir;

/// A home with nothing in it, and an engine that is not there.
struct Home(TempDir);

/// What a command left, with the home's path taken out.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        files::write(&self.path().join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(&[("LANG", "C")], arguments)
    }

    /// The same with more variables, which win.
    fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = Command::cargo_bin("clearml-local").unwrap();
        let output = command
            .env_clear()
            .env("HOME", self.path())
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .envs(variables.iter().copied())
            .current_dir(self.path())
            .args(arguments)
            .output()
            .unwrap();
        let home = self.path().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&home, "HOME");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    fn state(&self, name: &str) -> std::path::PathBuf {
        self.path().join(".local/share/clearml-local").join(name)
    }
}

#[test]
fn a_node_image_that_is_not_a_reference_is_refused_where_it_was_written() {
    let home = Home::new();
    let flag = home.run(&["up", "--node-image", "kindest/Node:v1.37.0"]);
    assert_eq!(flag.code, 2);
    insta::assert_snapshot!(flag.stderr, @"
    error: invalid value 'kindest/Node:v1.37.0' for '--node-image <IMAGE>': repository name `kindest/Node` must be lowercase

    For more information, try '--help'.
    ");
    let text = "webPort: 8080\nnodeImage: kindest/node:v1@sha256:00\n";
    home.write("clearml-local.yaml", text);
    let file = home.run(&["up"]);
    assert_eq!(file.code, 2);
    insta::assert_snapshot!(file.stderr, @"
    error: invalid settings in HOME/clearml-local.yaml: error: line 2 column 12: invalid image reference `kindest/node:v1@sha256:00`: invalid digest `sha256:00`: expected sha256: and 64 lowercase hexadecimal digits
      hint: see all settings: clearml-local up --help
    ");
}

#[test]
fn an_engine_that_is_not_there_is_said_with_what_to_do() {
    let home = Home::new();
    let ran = home.run(&["up"]);
    assert_eq!(ran.code, 10);
    insta::assert_snapshot!(ran.stderr, @r"
    error: cannot connect to the Docker engine at unix:///nowhere/docker.sock (DOCKER_HOST): the socket does not exist
      hint: start it, or choose another: unset DOCKER_HOST, docker context ls
    ");
    assert!(
        !home.state("clearml").join("instance.json").exists(),
        "nothing was changed"
    );
}

#[test]
fn a_remote_engine_is_refused() {
    let home = Home::new();
    let mut command = Command::cargo_bin("clearml-local").unwrap();
    let output = command
        .env_clear()
        .env("HOME", home.path())
        .env("DOCKER_HOST", "ssh://me@far.away")
        .arg("up")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(11));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is on another machine"), "{said}");
}

#[test]
fn an_address_of_ipv6_is_refused_with_what_to_use() {
    let home = Home::new();
    for (address, instead) in [("::1", "use 127.0.0.1"), ("::", "use 0.0.0.0")] {
        let ran = home.run(&["up", "--listen", address]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(instead), "{}", ran.stderr);
        home.write("clearml-local.yaml", &format!("listen: '{address}'\n"));
        let ran = home.run(&["up"]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(instead), "{}", ran.stderr);
        home.write("clearml-local.yaml", "");
    }
}

#[test]
fn programs_get_the_failure_as_the_last_line() {
    let ran = Home::new().run(&["up", "-o", "json"]);
    let last = ran.stdout.lines().last().unwrap();
    let event: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(event["event"], "failed");
    assert_eq!(event["code"], 10);
    assert!(event["hints"][0].is_string());
}

#[test]
fn settings_that_cannot_be_meant_are_refused_before_anything_else() {
    let home = Home::new();
    home.write("clearml-local.yaml", "webPort: 8080\nports: 1\n");
    let ran = home.run(&["up"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr
            .contains("invalid settings in HOME/clearml-local.yaml"),
        "{}",
        ran.stderr
    );

    let home = Home::new();
    let ran = home.run(&["up", "--name", "Not_A_Name"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("invalid name `Not_A_Name`"),
        "{}",
        ran.stderr
    );
    assert_eq!(home.run(&["up", "--timeout", "5"]).code, 2);
    assert_eq!(home.run(&["frobnicate"]).code, 2);
    assert_eq!(home.run(&["logs", "mongo"]).code, 2);
    assert_eq!(home.run(&["logs", "--grep", "("]).code, 2);
    let ran = home.run(&["logs", "--since", "yesterday"]);
    assert!(
        ran.stderr
            .contains(": expected a number with a unit, such as 90s, 10m or 2h"),
        "{}",
        ran.stderr
    );
}

#[test]
fn wrong_values_are_told_all_at_once_with_file_and_line() {
    let home = Home::new();
    home.write(
        "values.yaml",
        "apiserver:\n  replicas: 2\nredis:\n  image:\n    tag: []\n",
    );
    let ran = home.run(&[
        "render",
        "-f",
        "values.yaml",
        "--set",
        "mongodb.persistence.size=lots",
    ]);
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r#"
    error: 3 invalid values
      values.yaml:2: unknown key `apiserver.replicas`; did you mean `apiserver.replicaCount`?
      values.yaml:5: invalid value for `redis.image.tag`: expected a tag, such as 1.5.0, got a list
      --set mongodb.persistence.size=lots: invalid value for `mongodb.persistence.size`: expected a quantity such as 50Gi, got `lots`
    "#);
    let ran = home.run(&["render", "-f", "nowhere.yaml"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr
            .contains("values file nowhere.yaml does not exist"),
        "{}",
        ran.stderr
    );
}

#[test]
fn render_needs_no_engine_and_keeps_secrets() {
    let home = Home::new();
    let masked = home.run(&["render"]);
    assert_eq!(masked.code, 0, "{}", masked.stderr);
    assert!(
        masked.stdout.contains("# Masked, and so without content: "),
        "{}",
        masked.stdout
    );
    assert!(!masked.stdout.contains("stringData"));
    assert_eq!(masked.stdout, home.run(&["render"]).stdout);
    // Made by the first who asks for them, and kept.
    let shown = home.run(&["render", "--show-secrets"]);
    assert!(shown.stdout.contains("stringData"));
    assert_eq!(shown.stdout, home.run(&["render", "--show-secrets"]).stdout);
    assert_eq!(masked.stdout, home.run(&["render"]).stdout);
}

#[test]
fn render_prints_the_warnings_that_check_prints() {
    let home = Home::new();
    home.write("values.yaml", "ingress: {name: mine}\n");
    let rendered = home.run(&["render", "-f", "values.yaml"]);
    let checked = home.run(&["values", "check", "values.yaml"]);
    assert!(rendered.stderr.starts_with("warning: values.yaml:1: "));
    assert_eq!(rendered.stderr, checked.stderr);
    assert!(!rendered.stdout.contains("warning"));
}

#[test]
fn render_fills_a_folder_of_its_own_and_no_other() {
    let home = Home::new();
    let names = || files::list(&home.path().join("out")).unwrap();
    assert_eq!(home.run(&["render", "--dir", "out"]).code, 0);
    let all = names();
    assert_eq!(all[0], "00-namespace-clearml.yaml");
    assert!(all.contains(&"40-deployment-clearml-apiserver.yaml".to_owned()));
    home.write(
        "out/30-service-former.yaml",
        &format!("{}\n", manifests::HEADER),
    );
    let again = home.run(&["render", "--dir", "out"]);
    assert_eq!((again.code, names()), (0, all.clone()), "{}", again.stderr);

    home.write("out/notes.yaml", "mine: true\n");
    let refused = home.run(&[
        "render",
        "--dir",
        "out",
        "--set",
        "webserver.replicaCount=2",
    ]);
    assert_eq!(refused.code, 2);
    insta::assert_snapshot!(refused.stderr, @r"
    error: the directory HOME/out contains files that `render` did not write, such as `notes.yaml`; nothing was written
      hint: use an empty directory: clearml-local render --dir DIR
    ");
    assert_eq!(names().len(), all.len() + 1);
}

#[test]
fn there_is_no_history_before_the_first_up() {
    let home = Home::new();
    let ran = home.run(&["history"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    insta::assert_snapshot!(ran.stderr, @"No revisions yet. Create one: clearml-local up");
    assert_eq!(home.run(&["history", "-o", "json"]).stdout, "[]\n");
}

#[test]
fn credentials_and_logs_of_nothing_say_what_to_do() {
    let home = Home::new();
    let ran = home.run(&["credentials", "--name", "demo"]);
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    error: instance `demo` does not exist yet, so it has no credentials
      hint: create it: clearml-local up --name demo
    ");
    assert_eq!(home.run(&["logs"]).code, 2);
}

#[test]
fn logs_of_a_node_need_the_engine_and_no_component() {
    let home = Home::new();
    assert_eq!(home.run(&["logs", "--node", "redis"]).code, 2);
    assert_eq!(home.run(&["logs", "--node", "--previous"]).code, 2);
    assert_eq!(home.run(&["logs", "--node"]).code, 10);
}

#[test]
fn logs_ask_the_engine_where_the_kubernetes_api_does_not_answer() {
    let home = Home::new();
    let kubeconfig = "apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
";
    files::create_dir(&home.state("clearml")).unwrap();
    home.write(".local/share/clearml-local/clearml/kubeconfig", kubeconfig);
    let ran = home.run(&["logs"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("cannot connect to the Docker engine"),
        "{}",
        ran.stderr
    );
}

#[test]
fn purge_without_a_terminal_wants_to_be_meant() {
    let ran = Home::new().run(&["down", "--purge"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("hint: confirm with: --yes"),
        "{}",
        ran.stderr
    );
}

#[test]
fn help_of_each_verb_has_an_example() {
    let home = Home::new();
    for verb in [
        "up",
        "down",
        "stop",
        "start",
        "status",
        "list",
        "logs",
        "credentials",
        "render",
        "values",
        "completions",
        "man",
    ] {
        let ran = home.run(&[verb, "--help"]);
        assert_eq!(ran.code, 0);
        assert!(
            ran.stdout.contains(&format!("  clearml-local {verb}")),
            "{}",
            ran.stdout
        );
    }
    assert!(
        home.run(&["--version"])
            .stdout
            .starts_with("clearml-local 0.")
    );
}

#[test]
fn values_are_said_with_helms_flags_in_helms_order() {
    let home = Home::new();
    home.write(
        "values.yaml",
        "redis:\n  extraEnvs: [{name: A, value: f}]\n",
    );
    home.write("motd", "from a file");
    home.write("clearml-local.yaml", "setJson: ['redis.replicas=1']\n");
    let item = "redis.extraEnvs[0].value";
    let rendered = |arguments: &[&str]| {
        let ran = home.run(&[&["render", "-f", "values.yaml"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let lines = ran.stdout.lines();
        let mut behind = lines.skip_while(|line| !line.ends_with("- name: A"));
        behind.nth(1).unwrap().trim().to_owned()
    };
    let [json, set, string, file] = ["json", "1", "2", "motd"].map(|is| format!("{item}={is}"));
    let json = json.replace("json", "\"json\"");
    assert_eq!(rendered(&[]), "value: f");
    assert_eq!(rendered(&["--set-json", &json]), "value: json");
    assert_eq!(
        rendered(&["--set-string", &string, "--set", &set, "--set-json", &json]),
        "value: \"2\""
    );
    assert_eq!(
        rendered(&["--set-file", &file, "--set-string", &string]),
        "value: from a file"
    );
}

#[test]
fn values_that_cannot_be_read_are_all_told_with_their_place() {
    let home = Home::new();
    home.write("values.yaml", "redis:\n  image: {tag: 1}\n image: 2\n");
    let ran = home.run(&[
        "render",
        "-f",
        "values.yaml",
        "--set",
        "redis.image",
        "--set-json",
        "redis={",
    ]);
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    error: 3 invalid values
      values.yaml:3: the indentation matches no line above, or a `:` is missing
      --set-json redis={: invalid JSON at character 1: unexpected end within an object
      --set redis.image: missing value for `image`: write KEY=VALUE
    ");
    let ran = home.run(&["render", "--set-file", "a=none.txt"]);
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @"error: file none.txt does not exist (--set-file a=none.txt)");
}

#[test]
fn a_path_is_read_as_it_is_meant() {
    let home = Home::new();
    let shown = |ran: Ran| {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout
    };
    home.write("12:30 run.yaml", "apiserver: {replicaCount: 3}\n");
    home.write("other.yaml", "apiserver: {replicaCount: 2}\n");
    home.write("motd", "hello");
    let colon = shown(home.run(&["values", "check", "./12:30 run.yaml"]));
    assert_eq!(colon, "./12:30 run.yaml: fine\n");
    let colon = shown(home.run(&["values", "--changed", "-f", "12:30 run.yaml"]));
    assert!(colon.contains("12:30 run.yaml:1"), "{colon}");
    // Only the variable holds several.
    let variable = home.run_with(
        &[("CLEARML_LOCAL_VALUES", "other.yaml:~/other.yaml")],
        &["values", "--changed"],
    );
    let variable = shown(variable);
    assert!(variable.contains("~/other.yaml:1"), "{variable}");
    let file = shown(home.run(&["values", "--changed", "--set-file", "redis.password=~/motd"]));
    assert!(file.contains("redis.password"), "{file}");

    for arguments in [
        ["values", "--data-dir", "~bob/data"],
        ["values", "--ca-file", "~bob/ca.pem"],
        ["values", "--values", "~bob/values.yaml"],
    ] {
        let ran = home.run(&arguments);
        assert_eq!(ran.code, 2);
        let said = &ran.stderr;
        assert!(said.contains("another user's home"), "{said}");
        assert!(said.contains(arguments[1]), "{said}");
    }
    let ran = home.run(&["values", "--set-file", "redis.password=~bob/motd"]);
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @"error: invalid path: `~bob` is another user's home: write the path in full, or `./~bob` for a directory of that name (--set-file redis.password=~bob/motd)");
    let ran = home.run(&["values", "--release", "~bob/release.yaml"]);
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @r"
    error: invalid value for --release: `~bob` is another user's home: write the path in full, or `./~bob` for a directory of that name
      hint: use 1.5.0, 2.3 or the path of a release file
    ");
}

#[test]
fn values_show_what_is_in_force_and_where_it_comes_from() {
    let home = Home::new();
    home.write("values.yaml", "apiserver:\n  replicaCount: 2\n");
    let ran = home.run(&[
        "values",
        "--changed",
        "-f",
        "values.yaml",
        "--set",
        "redis.usePassword=true,redis.password=hidden",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stdout, @r"
    apiserver.replicaCount  2         values.yaml:2
    redis.usePassword       true      --set
    redis.password          ********  --set
    ");
    let ran = home.run(&["values", "-o", "json"]);
    let all: Vec<serde_json::Value> = serde_json::from_str(&ran.stdout).unwrap();
    let port = all
        .iter()
        .find(|one| one["key"] == "apiserver.service.port")
        .unwrap();
    assert_eq!(
        *port,
        serde_json::json!({"key": "apiserver.service.port", "value": 8008, "from": "chart"})
    );
    assert_eq!(home.run(&["values", "--set", "a=1"]).code, 2);
    let ran = home.run(&["values", "--changed", "--with-ingress"]);
    insta::assert_snapshot!(ran.stdout, @r"
    ingress.app.enabled    true  --with-ingress
    ingress.api.enabled    true  --with-ingress
    ingress.files.enabled  true  --with-ingress
    ");
}

#[test]
fn values_files_are_checked() {
    let home = Home::new();
    home.write("good.yaml", "ingress:\n  name: mine\n");
    home.write("bad.yaml", "redis:\n  image: 1\n");
    let ran = home.run(&["values", "check", "good.yaml"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "good.yaml: fine\n"),
        "{}",
        ran.stderr
    );
    insta::assert_snapshot!(ran.stderr, @"warning: good.yaml:2: `ingress.name` has no effect, as in chart 4.0.0: the chart names its ingresses by component");
    let ran = home.run(&["values", "check", "good.yaml", "bad.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(ran.stderr, @"error: bad.yaml:2: invalid value for `redis.image`: expected a map of keys, got a number");
    let refused = home.run(&["values", "check", "good.yaml", "--set", "redis.a=1"]);
    assert_eq!(refused.code, 2);
    assert_eq!(home.run(&["values", "check"]).code, 2);
}

#[test]
fn check_shows_all_findings_when_asked() {
    let home = Home::new();
    let wrong: String = (0..25).map(|i| format!("wrong{i}: 1\n")).collect();
    home.write("values.yaml", &wrong);
    let check = ["values", "check", "values.yaml"];
    let ran = home.run(&check);
    assert_eq!(ran.code, 2);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines[0], "error: 25 invalid values");
    assert_eq!(lines.len(), 22);
    assert_eq!(lines[21], "  and 5 more; add -v to see all");
    let all = home.run(&[&check[..], &["-v"]].concat());
    assert_eq!(all.stderr.lines().count(), 26, "{}", all.stderr);
    assert!(
        all.stderr
            .ends_with("values.yaml:25: unknown key `wrong24`\n")
    );

    let json = home.run(&[&check[..], &["-o", "json"]].concat());
    let events: Vec<serde_json::Value> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 26, "25 findings and the failure");
    assert_eq!(events[24]["event"], "finding");
    assert_eq!(events[24]["place"], "values.yaml:25");
    assert_eq!(events[25]["event"], "failed");
    assert_eq!(events[25]["details"].as_array().unwrap().len(), 25);

    home.write(
        "values.yaml",
        "ingress: {name: mine}\nredis: {rbac: {create: true}}\n",
    );
    let valid = home.run(&[&check[..], &["-o", "json"]].concat());
    let events: Vec<&str> = valid.stdout.lines().collect();
    assert!(events[0].contains(r#""level":"warning""#), "{events:?}");
    assert!(events.last().unwrap().contains(r#""event":"valid""#));
}

#[test]
fn the_default_values_are_fine_themselves() {
    let home = Home::new();
    let defaults = home.run(&["values", "--defaults"]);
    assert_eq!(defaults.code, 0, "{}", defaults.stderr);
    home.write("values.yaml", &defaults.stdout);
    let ran = home.run(&["values", "check", "values.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let schema = home.run(&["values", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).unwrap();
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn a_variable_that_is_empty_is_not_set() {
    let home = Home::new();
    // The reference is generated from the options.
    let reference = include_str!("../docs/settings.md");
    let words = reference.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names: BTreeSet<&str> = words
        .filter(|word| word.starts_with("CLEARML_LOCAL_"))
        .collect();
    assert!(names.len() >= 27, "{names:?}");
    let others = [
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
        "XDG_DATA_HOME",
        "HTTPS_PROXY",
        "http_proxy",
        "KUBECONFIG",
        "NO_COLOR",
        "TMPDIR",
    ];
    let all = names.into_iter().chain(others);
    let empty: Vec<(&str, &str)> = all.map(|name| (name, "")).collect();
    let plain = home.run(&["values", "-o", "json"]);
    let ran = home.run_with(&empty, &["values", "-o", "json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, plain.stdout);
    let ran = home.run_with(&empty, &["up"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let ran = home.run_with(&[("DOCKER_HOST", "")], &["status"]);
    assert!(!ran.stderr.contains("DOCKER_HOST"), "{}", ran.stderr);
}

#[test]
fn an_error_from_a_variable_names_it() {
    let home = Home::new();
    let said = |name: &str, value: &str, arguments: &[&str]| {
        let ran = home.run_with(&[(name, value)], arguments);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.stderr.lines().take(2).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(
        said("CLEARML_LOCAL_WEB_PORT", "http", &["up"]),
        @"error: invalid value 'http' for 'CLEARML_LOCAL_WEB_PORT': invalid digit found in string"
    );
    insta::assert_snapshot!(
        said("CLEARML_LOCAL_NAME", "Mine", &["status"]).lines().next().unwrap_or_default(),
        @"error: invalid value 'Mine' for 'CLEARML_LOCAL_NAME': invalid name `Mine`: expected at most 49 lower case letters, digits, `-` and `.`, starting and ending with a letter or digit"
    );
    let both = home.run_with(
        &[("CLEARML_LOCAL_WEB_PORT", "80")],
        &["up", "--web-port", "http"],
    );
    assert!(
        both.stderr.contains("'--web-port <PORT>'"),
        "{}",
        both.stderr
    );
    insta::assert_snapshot!(
        said("CLEARML_LOCAL_TIMEOUT", "5", &["up"]),
        @"error: invalid value '5' for 'CLEARML_LOCAL_TIMEOUT': invalid duration `5`: expected a number with a unit, such as 90s, 15m or 1h30m"
    );
    insta::assert_snapshot!(said("CLEARML_LOCAL_VALUES", "none.yaml", &["render"]), @r"
    error: values file none.yaml does not exist
      `none.yaml` comes from the environment variable CLEARML_LOCAL_VALUES
    ");
}

#[test]
fn an_empty_pipe_chooses_no_values() {
    let home = Home::new();
    for (piped, code) in [("", 2), (" \n", 2), ("redis: {}\n", 0)] {
        let mut command = Command::cargo_bin("clearml-local").unwrap();
        let output = command
            .env_clear()
            .env("HOME", home.path())
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .current_dir(home.path())
            .args(["values", "--changed", "-f", "-"])
            .write_stdin(piped)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(code == 2, said.contains("--reset-values"), "{said}");
    }
}

#[test]
fn a_home_that_cannot_be_written_to_comes_with_another_place() {
    let home = Home::new();
    let ran = home.run_with(&[("HOME", "/proc")], &["render", "--show-secrets"]);
    assert_eq!(ran.code, 72);
    assert!(
        ran.stderr.contains("cannot create the directory /proc/"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("hint: use a writable directory: export XDG_DATA_HOME=DIR"),
        "{}",
        ran.stderr
    );
}
