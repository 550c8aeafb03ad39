//! `support-bundle` of a real instance: it is complete, and it contains no secret.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Instance, run};

/// Values with secrets, all of which begin with `planted`.
pub const VALUES: &str = "\
redis: {usePassword: true, password: planted-redis-password}
imageCredentials:
  enabled: true
  registry: registry.invalid
  username: ann
  password: planted-registry-password
  email: ann@example.com
apiserver:
  extraEnvs:
    - {name: MY_PASSWORD, value: planted-in-the-environment}
    - {name: UPSTREAM, value: \"http://ann:planted-in-a-url@127.0.0.1:9\"}
  podAnnotations: {example.com/token: planted-in-an-annotation}
";

/// An argument with a secret.
pub const SET: &str = "--set=secret.authToken=plantedAuthTokenOfArguments";

/// Writes the secrets to the log of a component.
pub fn show_secrets(instance: &Instance, log: &str) {
    let secrets = "planted-redis-password planted-registry-password planted-in-a-url \
        planted-in-the-environment plantedAuthTokenOfArguments";
    let script = format!(
        "for secret in {secrets}; do time=$(date -u +%FT%T.%NZ); \
         echo \"$time stdout F login failed: $secret\" >>{log}; \
         echo \"$time stdout F $(printf %s $secret | base64)\" >>{log}; done"
    );
    run("docker", &["exec", &instance.node(), "sh", "-c", &script]).expect(0);
}

/// Creates a bundle and checks that it has these parts, that others were not read, and that it
/// contains no secret.
#[track_caller]
pub fn check(instance: &Instance, contained: &[&str], unread: &[&str]) {
    let path = instance.path("bundle.tar.gz");
    let file = path.display().to_string();
    let created = instance
        .run(&["support-bundle", &file, "-o", "json"])
        .expect(0);
    let events = created.events();
    let done = events.last().unwrap();
    let named = |list: &Value, field: &str, name: &str| {
        let mut items = list.as_array().unwrap().iter();
        items.any(|item| item[field].as_str().unwrap().starts_with(name))
    };
    for part in contained {
        assert!(named(&done["files"], "path", part), "{part}: {done:#}");
    }
    for part in unread {
        assert!(named(&done["unread"], "part", part), "{part}: {done:#}");
    }
    if unread.is_empty() {
        assert_eq!(done["unread"], serde_json::json!([]), "{done:#}");
    }
    let directory = instance.path("bundle");
    std::fs::create_dir(&directory).unwrap();
    let target = directory.display().to_string();
    run("tar", &["-xzf", &file, "-C", &target]).expect(0);
    let mut secrets = vec!["planted".to_owned()];
    secrets.extend(stored_secrets(instance));
    let mut files = 0;
    each_file(&directory, &mut |path, text| {
        files += 1;
        for secret in &secrets {
            assert!(
                !text.contains(secret),
                "{}: {secret}\n{text}",
                path.display()
            );
        }
    });
    assert!(files > 8, "{done:#}");
    std::fs::remove_dir_all(&directory).unwrap();
    std::fs::remove_file(&path).unwrap();
}

/// Returns the generated keys and the key of the kubeconfig.
pub fn stored_secrets(instance: &Instance) -> Vec<String> {
    fn add(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.values().for_each(|value| add(value, found)),
            Value::String(text) => found.push(text.clone()),
            _ => {}
        }
    }
    let read = |name: &str| std::fs::read_to_string(instance.state_dir().join(name)).unwrap();
    let mut found = Vec::new();
    add(
        &serde_json::from_str(&read("secrets.json")).unwrap(),
        &mut found,
    );
    let kubeconfig = read("kubeconfig");
    let key = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("client-key-data: "));
    found.push(key.unwrap().to_owned());
    found.retain(|secret| secret.len() > 10);
    assert!(found.len() > 10, "{}", found.len());
    found
}

fn each_file(directory: &Path, found: &mut dyn FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => each_file(&path, found),
            false => found(&path, &std::fs::read_to_string(&path).unwrap()),
        }
    }
}
