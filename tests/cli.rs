//! The command line in a temporary home, without an engine.

use std::collections::BTreeSet;
use std::path::Path;

use assert_cmd::Command;
use clearml_local::testing::failures::Failure;
use clearml_local::testing::{files, manifests};
use tempfile::TempDir;

/// An empty home, with `DOCKER_HOST` set to a missing socket.
struct Home(TempDir);

/// The result of a command, with the home's path replaced.
struct Output {
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

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(&[("LANG", "C")], arguments)
    }

    /// Runs a command with variables that override the defaults.
    fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
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
        Output {
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
fn an_invalid_node_image_is_reported_with_its_source() {
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
    insta::assert_snapshot!(file.stderr, @r"
    error: invalid settings in HOME/clearml-local.yaml: error: line 2 column 12: invalid image reference `kindest/node:v1@sha256:00`: invalid digest `sha256:00`: expected sha256: and 64 lowercase hexadecimal digits [invalid-settings-file]
      hint: see all settings: clearml-local up --help
    ");
}

#[test]
fn a_missing_engine_is_reported_with_a_hint() {
    let home = Home::new();
    let output = home.run(&["up"]);
    assert_eq!(output.code, 10);
    insta::assert_snapshot!(output.stderr, @r"
    error: cannot connect to the Docker engine at unix:///nowhere/docker.sock (DOCKER_HOST): the socket does not exist [docker-unreachable]
      hint: start it, or choose another: unset DOCKER_HOST, docker context ls
    ");
    assert!(
        !home.state("clearml").join("instance.json").exists(),
        "nothing must change"
    );
}

#[test]
fn refuses_a_remote_engine() {
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
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("is on another machine"), "{stderr}");
}

#[test]
fn refuses_ipv6_addresses_with_an_alternative() {
    let home = Home::new();
    for (address, instead) in [("::1", "use 127.0.0.1"), ("::", "use 0.0.0.0")] {
        let output = home.run(&["up", "--listen", address]);
        assert_eq!(output.code, 2);
        assert!(output.stderr.contains(instead), "{}", output.stderr);
        home.write("clearml-local.yaml", &format!("listen: '{address}'\n"));
        let output = home.run(&["up"]);
        assert_eq!(output.code, 2);
        assert!(output.stderr.contains(instead), "{}", output.stderr);
        home.write("clearml-local.yaml", "");
    }
}

#[test]
fn json_output_ends_with_the_failure() {
    let output = Home::new().run(&["up", "-o", "json"]);
    let last = output.stdout.lines().last().unwrap();
    let event: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(event["event"], "failed");
    assert_eq!(event["code"], 10);
    assert!(event["hints"][0].is_string());
}

#[test]
fn invalid_settings_are_reported_first() {
    let home = Home::new();
    home.write("clearml-local.yaml", "webPort: 8080\nports: 1\n");
    let output = home.run(&["up"]);
    assert_eq!(output.code, 2);
    assert!(
        output
            .stderr
            .contains("invalid settings in HOME/clearml-local.yaml"),
        "{}",
        output.stderr
    );

    let home = Home::new();
    let output = home.run(&["up", "--name", "Not_A_Name"]);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("invalid name `Not_A_Name`"),
        "{}",
        output.stderr
    );
    assert_eq!(home.run(&["up", "--timeout", "5"]).code, 2);
    assert_eq!(home.run(&["frobnicate"]).code, 2);
    assert_eq!(home.run(&["logs", "mongo"]).code, 2);
    assert_eq!(home.run(&["logs", "--grep", "("]).code, 2);
    let output = home.run(&["logs", "--since", "yesterday"]);
    assert!(
        output
            .stderr
            .contains(": expected a number with a unit, such as 90s, 10m or 2h"),
        "{}",
        output.stderr
    );
}

#[test]
fn all_invalid_values_are_reported_with_file_and_line() {
    let home = Home::new();
    home.write(
        "values.yaml",
        "apiserver:\n  replicas: 2\nredis:\n  image:\n    tag: []\n",
    );
    let output = home.run(&[
        "render",
        "-f",
        "values.yaml",
        "--set",
        "mongodb.persistence.size=lots",
    ]);
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr, @r"
    error: 3 invalid values [invalid-values]
      values.yaml:2: unknown key `apiserver.replicas`; did you mean `apiserver.replicaCount`?
      values.yaml:5: invalid value for `redis.image.tag`: expected a tag, such as 1.5.0, got a list
      --set mongodb.persistence.size=lots: invalid value for `mongodb.persistence.size`: expected a quantity such as 50Gi, got `lots`
    ");
    let output = home.run(&["render", "-f", "nowhere.yaml"]);
    assert_eq!(output.code, 2);
    assert!(
        output
            .stderr
            .contains("values file nowhere.yaml does not exist"),
        "{}",
        output.stderr
    );
}

#[test]
fn render_needs_no_engine_and_stores_secrets() {
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
    // Secrets are generated on first use and then stored.
    let shown = home.run(&["render", "--show-secrets"]);
    assert!(shown.stdout.contains("stringData"));
    assert_eq!(shown.stdout, home.run(&["render", "--show-secrets"]).stdout);
    assert_eq!(masked.stdout, home.run(&["render"]).stdout);
}

#[test]
fn render_prints_the_same_warnings_as_values_check() {
    let home = Home::new();
    home.write("values.yaml", "ingress: {name: mine}\n");
    let rendered = home.run(&["render", "-f", "values.yaml"]);
    let checked = home.run(&["values", "check", "values.yaml"]);
    assert!(rendered.stderr.starts_with("warning: values.yaml:1: "));
    assert_eq!(rendered.stderr, checked.stderr);
    assert!(!rendered.stdout.contains("warning"));
}

#[test]
fn render_writes_only_to_its_own_directory() {
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
    let second = home.run(&["render", "--dir", "out"]);
    assert_eq!(
        (second.code, names()),
        (0, all.clone()),
        "{}",
        second.stderr
    );

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
    error: the directory HOME/out contains files that `render` did not write, such as `notes.yaml`; nothing was written [directory-in-use]
      hint: use an empty directory: clearml-local render --dir DIR
    ");
    assert_eq!(names().len(), all.len() + 1);
}

#[test]
fn values_of_variables_for_agents_are_not_printed() {
    let home = Home::new();
    let run = |option| home.run(&["agent", "up", "--env", option]);
    for (option, reason) in [
        ("CLEARML_API_HOST=hidden", "cannot set `CLEARML_API_HOST`"),
        ("AWS-KEY=hidden", "expected NAME=VALUE, NAME or NAME-"),
        ("AWS_KEY", "`--env AWS_KEY` has no value"),
    ] {
        let refused = run(option);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(reason), "{}", refused.stderr);
        assert!(!refused.stderr.contains("hidden"), "{}", refused.stderr);
    }
    // A valid one needs the server.
    let arguments = ["-vvv", "agent", "up", "--env", "AWS_KEY"];
    let without_engine = home.run_with(&[("AWS_KEY", "hidden")], &arguments);
    assert_ne!(without_engine.code, 2, "{}", without_engine.stderr);
    assert!(!without_engine.stderr.contains("hidden"));
}

#[test]
fn history_is_empty_before_the_first_up() {
    let home = Home::new();
    let output = home.run(&["history"]);
    assert_eq!((output.code, output.stdout.as_str()), (0, ""));
    insta::assert_snapshot!(output.stderr, @"No revisions yet. Create one: clearml-local up");
    assert_eq!(home.run(&["history", "-o", "json"]).stdout, "[]\n");
}

#[test]
fn credentials_and_logs_of_an_absent_instance_have_hints() {
    let home = Home::new();
    let output = home.run(&["credentials", "--name", "demo"]);
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr, @r"
    error: instance `demo` does not exist yet, so it has no credentials [not-installed]
      hint: create it: clearml-local up --name demo
    ");
    assert_eq!(home.run(&["logs"]).code, 2);
}

#[test]
fn logs_of_a_node_need_the_engine_and_accept_no_component() {
    let home = Home::new();
    assert_eq!(home.run(&["logs", "--node", "redis"]).code, 2);
    assert_eq!(home.run(&["logs", "--node", "--previous"]).code, 2);
    assert_eq!(home.run(&["logs", "--node"]).code, 10);
}

#[test]
fn logs_use_the_engine_if_the_kubernetes_api_is_unreachable() {
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
    let output = home.run(&["logs"]);
    assert_eq!(output.code, 10, "{}", output.stderr);
    assert!(
        output
            .stderr
            .contains("cannot connect to the Docker engine"),
        "{}",
        output.stderr
    );
}

#[test]
fn purge_without_a_terminal_needs_yes() {
    let output = Home::new().run(&["down", "--purge"]);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("hint: confirm with: --yes"),
        "{}",
        output.stderr
    );
}

#[test]
fn help_of_each_command_has_an_example() {
    let home = Home::new();
    for command in [
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
        let output = home.run(&[command, "--help"]);
        assert_eq!(output.code, 0);
        assert!(
            output
                .stdout
                .contains(&format!("  clearml-local {command}")),
            "{}",
            output.stdout
        );
    }
    assert!(
        home.run(&["--version"])
            .stdout
            .starts_with("clearml-local 0.")
    );
}

#[test]
fn value_flags_are_applied_in_helms_order() {
    let home = Home::new();
    home.write(
        "values.yaml",
        "redis:\n  extraEnvs: [{name: A, value: f}]\n",
    );
    home.write("motd", "from a file");
    home.write("clearml-local.yaml", "setJson: ['redis.replicas=1']\n");
    let item = "redis.extraEnvs[0].value";
    let rendered = |arguments: &[&str]| {
        let output = home.run(&[&["render", "-f", "values.yaml"], arguments].concat());
        assert_eq!(output.code, 0, "{}", output.stderr);
        let lines = output.stdout.lines();
        let mut after_name = lines.skip_while(|line| !line.ends_with("- name: A"));
        after_name.nth(1).unwrap().trim().to_owned()
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
fn all_unreadable_values_are_reported_with_their_position() {
    let home = Home::new();
    home.write("values.yaml", "redis:\n  image: {tag: 1}\n image: 2\n");
    let output = home.run(&[
        "render",
        "-f",
        "values.yaml",
        "--set",
        "redis.image",
        "--set-json",
        "redis={",
    ]);
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr, @r"
    error: 3 invalid values [invalid-values]
      values.yaml:3: the indentation matches no line above, or a `:` is missing
      --set-json redis={: invalid JSON at character 1: unexpected end within an object
      --set redis.image: missing value for `image`: write KEY=VALUE
    ");
    let output = home.run(&["render", "--set-file", "a=none.txt"]);
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr, @"error: file none.txt does not exist (--set-file a=none.txt) [invalid-input-file]");
}

#[test]
fn paths_with_colons_and_tildes_are_resolved() {
    let home = Home::new();
    let shown = |output: Output| {
        assert_eq!(output.code, 0, "{}", output.stderr);
        output.stdout
    };
    home.write("12:30 run.yaml", "apiserver: {replicaCount: 3}\n");
    home.write("other.yaml", "apiserver: {replicaCount: 2}\n");
    home.write("motd", "hello");
    let colon = shown(home.run(&["values", "check", "./12:30 run.yaml"]));
    assert_eq!(colon, "./12:30 run.yaml: fine\n");
    let colon = shown(home.run(&["values", "--changed", "-f", "12:30 run.yaml"]));
    assert!(colon.contains("12:30 run.yaml:1"), "{colon}");
    // Only the variable accepts several paths.
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
        let output = home.run(&arguments);
        assert_eq!(output.code, 2);
        let stderr = &output.stderr;
        assert!(stderr.contains("another user's home"), "{stderr}");
        assert!(stderr.contains(arguments[1]), "{stderr}");
    }
    let output = home.run(&["values", "--set-file", "redis.password=~bob/motd"]);
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr, @"error: invalid path: `~bob` is another user's home: write the path in full, or `./~bob` for a directory of that name (--set-file redis.password=~bob/motd) [invalid-option]");
    let output = home.run(&["values", "--release", "~bob/release.yaml"]);
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr, @r"
    error: invalid value for --release: `~bob` is another user's home: write the path in full, or `./~bob` for a directory of that name [invalid-release]
      hint: use 1.5.0, 2.3 or the path of a release file
    ");
}

#[test]
fn values_shows_resolved_values_and_their_sources() {
    let home = Home::new();
    home.write("values.yaml", "apiserver:\n  replicaCount: 2\n");
    let output = home.run(&[
        "values",
        "--changed",
        "-f",
        "values.yaml",
        "--set",
        "redis.usePassword=true,redis.password=hidden",
    ]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    insta::assert_snapshot!(output.stdout, @r"
    apiserver.replicaCount  2         values.yaml:2
    redis.usePassword       true      --set
    redis.password          ********  --set
    ");
    let output = home.run(&["values", "-o", "json"]);
    let all: Vec<serde_json::Value> = serde_json::from_str(&output.stdout).unwrap();
    let port = all
        .iter()
        .find(|one| one["key"] == "apiserver.service.port")
        .unwrap();
    assert_eq!(
        *port,
        serde_json::json!({"key": "apiserver.service.port", "value": 8008, "from": "chart"})
    );
    assert_eq!(home.run(&["values", "--set", "a=1"]).code, 2);
    let output = home.run(&["values", "--changed", "--with-ingress"]);
    insta::assert_snapshot!(output.stdout, @r"
    ingress.app.enabled    true  --with-ingress
    ingress.api.enabled    true  --with-ingress
    ingress.files.enabled  true  --with-ingress
    ");
}

#[test]
fn values_check_reports_errors_and_warnings() {
    let home = Home::new();
    home.write("good.yaml", "ingress:\n  name: mine\n");
    home.write("bad.yaml", "redis:\n  image: 1\n");
    let output = home.run(&["values", "check", "good.yaml"]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (0, "good.yaml: fine\n"),
        "{}",
        output.stderr
    );
    insta::assert_snapshot!(output.stderr, @"warning: good.yaml:2: `ingress.name` has no effect, as in chart 4.0.0: the chart names its ingresses by component");
    let output = home.run(&["values", "check", "good.yaml", "bad.yaml"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    insta::assert_snapshot!(output.stderr, @"error: bad.yaml:2: invalid value for `redis.image`: expected a map of keys, got a number [invalid-values]");
    let refused = home.run(&["values", "check", "good.yaml", "--set", "redis.a=1"]);
    assert_eq!(refused.code, 2);
    assert_eq!(home.run(&["values", "check"]).code, 2);
}

#[test]
fn values_check_shows_all_findings_with_verbose() {
    let home = Home::new();
    let invalid: String = (0..25).map(|i| format!("wrong{i}: 1\n")).collect();
    home.write("values.yaml", &invalid);
    let check = ["values", "check", "values.yaml"];
    let output = home.run(&check);
    assert_eq!(output.code, 2);
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines[0], "error: 25 invalid values [invalid-values]");
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
fn the_default_values_are_valid() {
    let home = Home::new();
    let defaults = home.run(&["values", "--defaults"]);
    assert_eq!(defaults.code, 0, "{}", defaults.stderr);
    home.write("values.yaml", &defaults.stdout);
    let output = home.run(&["values", "check", "values.yaml"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let schema = home.run(&["values", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).unwrap();
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn an_empty_variable_counts_as_unset() {
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
    let output = home.run_with(&empty, &["values", "-o", "json"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    assert_eq!(output.stdout, plain.stdout);
    let output = home.run_with(&empty, &["up"]);
    assert_eq!(output.code, 10, "{}", output.stderr);
    let output = home.run_with(&[("DOCKER_HOST", "")], &["status"]);
    assert!(!output.stderr.contains("DOCKER_HOST"), "{}", output.stderr);
}

#[test]
fn an_error_names_the_variable_that_causes_it() {
    let home = Home::new();
    let stderr = |name: &str, value: &str, arguments: &[&str]| {
        let output = home.run_with(&[(name, value)], arguments);
        assert_eq!(output.code, 2, "{}", output.stderr);
        output.stderr.lines().take(2).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(
        stderr("CLEARML_LOCAL_WEB_PORT", "http", &["up"]),
        @"error: invalid value 'http' for 'CLEARML_LOCAL_WEB_PORT': invalid digit found in string"
    );
    insta::assert_snapshot!(
        stderr("CLEARML_LOCAL_NAME", "Mine", &["status"]).lines().next().unwrap_or_default(),
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
        stderr("CLEARML_LOCAL_TIMEOUT", "5", &["up"]),
        @"error: invalid value '5' for 'CLEARML_LOCAL_TIMEOUT': invalid duration `5`: expected a number with a unit, such as 90s, 15m or 1h30m"
    );
    insta::assert_snapshot!(stderr("CLEARML_LOCAL_VALUES", "none.yaml", &["render"]), @r"
    error: values file none.yaml does not exist [invalid-input-file]
      `none.yaml` comes from the environment variable CLEARML_LOCAL_VALUES
    ");
}

#[test]
fn an_empty_stdin_is_refused_as_values() {
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
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert_eq!(code == 2, stderr.contains("--reset-values"), "{stderr}");
    }
}

#[test]
fn a_home_that_is_not_writable_is_reported_with_a_hint() {
    let home = Home::new();
    let output = home.run_with(&[("HOME", "/proc")], &["render", "--show-secrets"]);
    assert_eq!(output.code, 72);
    assert!(
        output.stderr.contains("cannot create the directory /proc/"),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stderr
            .contains("hint: use a writable directory: export XDG_DATA_HOME=DIR"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_role_is_printed_without_an_engine() {
    let home = Home::new();
    let output = home.run(&["render", "--role", "--namespace", "ml"]);
    assert_eq!((output.code, &*output.stderr), (0, ""));
    assert_eq!(output.stdout.matches("\nkind: Role\n").count(), 1);
    assert!(
        output.stdout.contains("\n  namespace: ml\n"),
        "{}",
        output.stdout
    );
    let default = home.run(&["render", "--role"]);
    assert!(default.stdout.contains("\n  namespace: clearml\n"));
}

#[test]
fn options_that_have_no_effect_in_an_existing_cluster_are_refused() {
    let home = Home::new();
    let variables = [("CLEARML_LOCAL_NODE_IMAGE", "node:1")];
    let output = home.run_with(
        &variables,
        &["render", "--context", "prod", "--web-port", "1"],
    );
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr, @r"
    error: `--web-port` and `--node-image` have no effect in the existing cluster of the context `prod`: they are options of the node in Docker [unsupported-here]
      `--node-image` comes from the environment variable CLEARML_LOCAL_NODE_IMAGE
      hint: leave `--web-port` and `--node-image` out
      hint: set `service` and `ingress` of the servers in the values instead
    ");
    let output = home.run(&["render", "--namespace", "ml"]);
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr, @r"
    error: `--namespace` has no effect: no context is set, and the server runs in a node in Docker [unsupported-here]
      hint: name the context of the cluster: clearml-local up --context CONTEXT
    ");
}

#[test]
fn every_command_uses_the_context_of_the_environment() {
    let home = Home::new();
    let kubeconfig = "contexts: [{name: staging, context: {cluster: c}}]\n";
    home.write("kubeconfig", kubeconfig);
    let variables = [
        ("CLEARML_LOCAL_CONTEXT", "production"),
        ("CLEARML_LOCAL_KUBECONFIG", "kubeconfig"),
    ];
    for command in ["up", "logs", "down", "credentials", "diff"] {
        let output = home.run_with(&variables, &[command]);
        for message in [
            "unknown context `production`: expected `staging`",
            "`production` comes from the environment variable CLEARML_LOCAL_CONTEXT",
        ] {
            assert!(
                output.stderr.contains(message),
                "{command}: {}",
                output.stderr
            );
        }
    }
    let status = home.run_with(&variables, &["status"]);
    assert!(
        status.stdout.contains("unknown context `production`"),
        "{}",
        status.stdout
    );
    let variables = [("CLEARML_LOCAL_NAMESPACE", "Not A Namespace")];
    let output = home.run_with(&variables, &["status"]);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("CLEARML_LOCAL_NAMESPACE"),
        "{}",
        output.stderr
    );
}

#[test]
fn explain_prints_the_page_of_a_failure() {
    let home = Home::new();
    let page = home.run(&["explain", "image-unauthorized"]);
    assert_eq!(page.code, 0, "{}", page.stderr);
    insta::assert_snapshot!(page.stdout);
    assert_eq!(home.run(&["explain", "32"]).code, 0);
    // The exit code of one failure only.
    let kubeadm = home.run(&["explain", "41"]).stdout;
    assert!(kubeadm.starts_with("kubeadm-failed: "), "{kubeadm}");
}

#[test]
fn explain_lists_the_failures_with_an_exit_code() {
    let home = Home::new();
    insta::assert_snapshot!(home.run(&["explain", "22"]).stdout);
    let all = home.run(&["explain"]).stdout;
    assert_eq!(
        all.lines().filter(|line| line.starts_with("  ")).count(),
        Failure::ALL.len()
    );
    let json = home.run(&["explain", "-o", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.as_array().unwrap().len(), Failure::ALL.len());
}

#[test]
fn explain_suggests_similar_failures() {
    let home = Home::new();
    let unknown = home.run(&["explain", "prot-in-use"]);
    assert_eq!(unknown.code, 2);
    insta::assert_snapshot!(unknown.stderr, @"
    error: unknown failure `prot-in-use`; did you mean `port-in-use`? [unknown-failure]
      hint: list all failures: clearml-local explain
    ");
    let unused = home.run(&["explain", "99"]);
    assert!(
        unused
            .stderr
            .starts_with("error: no failure has the exit code 99")
    );
}

#[test]
fn pages_fit_a_terminal_of_80_columns() {
    let home = Home::new();
    for failure in Failure::ALL {
        let page = home.run(&["explain", failure.id()]);
        assert_eq!(page.code, 0);
        for line in page.stdout.lines() {
            // A command is not wrapped, because users copy it.
            let is_command = line.starts_with("      ");
            assert!(line.chars().count() <= 80 || is_command, "{line}");
        }
    }
}

#[test]
fn doctor_works_without_an_engine() {
    let home = Home::new();
    let output = home.run(&["doctor"]);
    assert_eq!(output.code, 10);
    insta::assert_snapshot!(output.stdout);
    let json = home.run(&["doctor", "--fix", "-o", "json"]);
    assert_eq!(json.code, 10);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["findings"][0]["failure"], "docker-unreachable");
    assert_eq!(json["fixed"], serde_json::json!([]));
}
