//! Changed settings of a running server, and changes to its node by others.

use std::net::{Ipv4Addr, TcpListener};

use crate::browser::Browser;
use crate::harness::{Instance, free_port, run};
use crate::server::{User, api_of_page};

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn changed_settings_recreate_the_node_and_keep_the_data() {
    let mut instance = Instance::new("change");
    let kubeconfig = instance.state_dir().with_file_name("users-kubeconfig");
    let up = |instance: &Instance, more: &[&str]| {
        let mut command = instance.up_command();
        instance.run_command(command.args(more).env("KUBECONFIG", &kubeconfig))
    };
    up(&instance, &["--merge-kubeconfig"]).expect(0);
    let context = format!("clearml-local-{}", instance.name);
    let text = || std::fs::read_to_string(&kubeconfig).unwrap_or_default();
    assert!(text().contains(&context), "{}", text());
    let work = User::of(&instance).await.work().await;

    // The requested port is in use: nothing changes.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let name = instance.node();
    let node = |format: &str| run("docker", &["inspect", "-f", format, &name]).stdout;
    let before = node("{{.Id}}");
    let refused = instance
        .run(&["up", &format!("--web-port={port}")])
        .expect(21);
    let user = format!("(process {})", std::process::id());
    assert!(refused.stderr.contains(&user), "{}", refused.stderr);
    assert_eq!(node("{{.Id}}"), before);

    instance.web = free_port();
    let data = instance.state_dir().join("else where:1");
    let data_dir = format!("--data-dir={}/./", data.display());
    let changed = up(&instance, &[&data_dir, "--autostart=false"]).expect(0);
    for words in [
        "the data are copied to",
        "the old data are kept in",
        "in the node already",
        "its page may stay empty",
    ] {
        assert!(changed.stderr.contains(words), "{}", changed.stderr);
    }
    // The web app of 1.5.0 only knows two sets of ports.
    assert_eq!(api_of_page(&instance).await, "http://127.0.0.1:8008");
    if let Some(mut browser) = Browser::start() {
        let seen = browser.visit(&format!("http://localhost:{}", instance.web));
        let problems = seen.problems.join("\n");
        for words in ["no user is logged in", "POST http://localhost:8008/"] {
            assert!(problems.contains(words), "{seen:#?}");
        }
    }
    User::of(&instance).await.finds(&work).await;
    assert_eq!(
        run(
            "docker",
            &[
                "inspect",
                "-f",
                "{{.HostConfig.RestartPolicy.Name}}",
                &instance.node()
            ]
        )
        .stdout
        .trim(),
        "no"
    );
    assert!(data.join(".clearml-local.json").exists());

    // Another spelling of the same path does not recreate the node.
    let before = node("{{.Id}}");
    let relative = format!("share/clearml-local/{}/./else where:1/", instance.name);
    up(&instance, &["--data-dir", &relative]).expect(0);
    assert_eq!(node("{{.Id}}"), before);

    let mut down = instance.command();
    instance
        .run_command(down.arg("down").env("KUBECONFIG", &kubeconfig))
        .expect(0);
    assert!(!text().contains(&context), "{}", text());
    // Moving the data keeps the previous directory, and `--purge` reports it.
    let purged = instance.run(&["down", "--purge", "--yes"]).expect(0);
    let reason = ": it contains the data from before they were moved";
    assert!(purged.stderr.contains(reason), "{}", purged.stderr);
    assert!(!data.exists());
    let remaining = instance.state_dir().join("data");
    let mount = format!("{}:/left", remaining.display());
    let image = node_image();
    let clear = [
        "run",
        "--rm",
        "-v",
        &mount,
        "--entrypoint",
        "sh",
        &image,
        "-c",
        "rm -rf /left/*",
    ];
    run("docker", &clear).expect(0);
}

fn node_image() -> String {
    std::env::var("CLEARML_LOCAL_NODE_IMAGE")
        .unwrap_or_else(|_| clearml_local::testing::settings::DEFAULT_NODE_IMAGE.to_string())
}

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn up_repairs_changes_to_the_node_by_others() {
    let mut instance = Instance::new("others");
    instance.up(&[]).expect(0);
    let other = Instance::new("beside");
    let (listed, work) = (
        other.up(&[]).expect(0),
        User::of(&instance).await.work().await,
    );
    assert!(
        listed
            .stdout
            .contains(&format!("http://localhost:{}", other.web))
    );
    let names = || {
        let listed = instance.run(&["list", "-o", "json"]).expect(0).json();
        let all = listed.as_array().unwrap().iter();
        let name = |one: &serde_json::Value| one["name"].as_str().unwrap_or_default().to_owned();
        let mut names: Vec<String> = all.map(name).collect();
        names.retain(|name| [&instance.name, &other.name].contains(&name));
        names.sort();
        names
    };
    let mut both = vec![instance.name.clone(), other.name.clone()];
    both.sort();
    assert_eq!(names(), both);

    run("docker", &["pause", &instance.node()]).expect(0);
    let paused = instance.run(&["status"]).expect(5);
    assert!(paused.stdout.contains("paused"), "{}", paused.stdout);
    assert!(instance.run(&["list"]).expect(0).stdout.contains("paused"));
    instance.run(&["start"]).expect(0);

    // Killed and started in the other order: the nodes' addresses change.
    let mut nodes = [&instance, &other].map(|one| (address(one), one));
    nodes.sort_by_key(|(address, _)| *address);
    for (_, one) in nodes {
        run("docker", &["kill", &one.node()]).expect(0);
        assert_eq!(one.run(&["status"]).code, 5);
    }
    for (_, one) in nodes.into_iter().rev() {
        one.run(&["start"]).expect(0);
    }
    let (previous, last) = nodes[1];
    assert_ne!(address(last), previous);
    // The same happens after a reboot of the host.
    last.assert_restarts(1);
    for (_, one) in nodes {
        one.run(&["status"]).expect(0);
    }

    instance.api = free_port();
    let changed = instance.up(&[]).expect(0);
    for words in ["the node is recreated", "in the node already"] {
        assert!(changed.stderr.contains(words), "{}", changed.stderr);
    }
    User::of(&instance).await.finds(&work).await;

    // Removed with its volumes.
    run("docker", &["rm", "-fv", &instance.node()]).expect(0);
    assert_eq!(instance.run(&["status"]).code, 6);
    instance.run(&["up"]).expect(0);
    User::of(&instance).await.finds(&work).await;

    other.run(&["status"]).expect(0);
}

/// Returns the address of a running node.
fn address(instance: &Instance) -> Ipv4Addr {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let inspected = run("docker", &["inspect", "-f", format, &instance.node()]);
    inspected.expect(0).stdout.trim().parse().unwrap()
}
