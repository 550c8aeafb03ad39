//! Databases outside of the cluster: containers beside the node, with passwords.

use std::process::Command;

use crate::harness::{Instance, run};

const REDIS_PASSWORD: &str = "redis $word";
const ELASTIC_PASSWORD: &str = "elastic \"word\"";

/// The three databases on the node's network, which are gone when the test ends.
struct Databases {
    prefix: String,
}

impl Databases {
    fn start(instance: &Instance) -> Databases {
        let databases = Databases {
            prefix: instance.name.clone(),
        };
        let redis = ["--requirepass", REDIS_PASSWORD];
        databases.run("redis", &[], "redis:6.2", &redis);
        databases.run("mongodb", &[], "mongo:4.4.29", &[]);
        let password = format!("ELASTIC_PASSWORD={ELASTIC_PASSWORD}");
        let elasticsearch = [
            "-ediscovery.type=single-node",
            "-expack.security.enabled=true",
            "-e",
            &password,
        ];
        let image = "docker.elastic.co/elasticsearch/elasticsearch:7.17.29";
        databases.run("elasticsearch", &elasticsearch, image, &[]);
        databases
    }

    fn run(&self, name: &str, options: &[&str], image: &str, arguments: &[&str]) {
        let name = self.host(name);
        let mut all = vec!["run", "-d", "--network=kind", "--name", &name];
        all.extend(options);
        all.push(image);
        all.extend(arguments);
        run("docker", &all).expect(0);
    }

    fn host(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        for name in ["redis", "mongodb", "elasticsearch"] {
            let _ = Command::new("docker")
                .args(["rm", "-fv", &self.host(name)])
                .output();
        }
    }
}

/// A values file that names them, with those keys for their credentials.
fn values(instance: &Instance, credentials: &str) -> String {
    let databases = ["redis", "mongodb", "elasticsearch"];
    let off = databases.map(|name| format!("{name}: {{enabled: false}}\n"));
    let hosts = databases.map(|name| format!("  {name}Host: {}-{name}\n", instance.name));
    format!(
        "{}externalServices:\n{}{credentials}",
        off.concat(),
        hosts.concat()
    )
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn databases_outside_are_asked_first_and_then_used() {
    let instance = Instance::new("outside");
    let file = tempfile::NamedTempFile::new().unwrap();
    let flag = format!("--values={}", file.path().display());
    let write_credentials = |keys: &str| {
        std::fs::write(file.path(), values(&instance, keys)).unwrap();
    };
    let write = |redis: &str| {
        write_credentials(&format!(
            "  redisPassword: '{redis}'\n  elasticsearchUsername: elastic\n  elasticsearchPassword: '{ELASTIC_PASSWORD}'\n"
        ));
    };
    let installed = || instance.kubectl(&["get", "deployments,statefulsets,pods", "-o=name"]);

    // Nobody is there: all three are told, and nothing is applied.
    write(REDIS_PASSWORD);
    let failed = instance.up(&[&flag]).expect(67);
    for name in ["redis", "mongodb", "elasticsearch"] {
        let told = format!("the name {}-{name} does not resolve", instance.name);
        assert!(failed.stderr.contains(&told), "{}", failed.stderr);
    }
    assert_eq!(installed(), "");

    let _databases = Databases::start(&instance);
    write("wrong");
    let failed = instance.up(&[&flag]).expect(67);
    assert!(
        failed.stderr.contains("it rejected the password"),
        "{}",
        failed.stderr
    );
    assert!(
        failed.stderr.contains("externalServices.redisPassword"),
        "{}",
        failed.stderr
    );
    assert!(!failed.stderr.contains(ELASTIC_PASSWORD));
    assert_eq!(installed(), "");

    write(REDIS_PASSWORD);
    instance.up(&[&flag]).expect(0);
    instance.run(&["status"]).expect(0);
    let found = installed();
    for server in ["apiserver", "fileserver", "webserver"] {
        assert!(found.contains(server), "{found}");
    }
    for inside in ["redis", "mongodb", "elastic", "check"] {
        assert!(!found.contains(inside), "{found}");
    }

    // What is known is not asked again.
    let again = instance.up(&["--progress=plain"]).expect(0);
    assert!(!again.stderr.contains("outside: "), "{}", again.stderr);
    assert!(again.stderr.contains("nothing changed"), "{}", again.stderr);

    // The same credentials out of a Secret of the user's own, once it is there.
    write_credentials("  existingSecret: databases\n");
    let missing = instance.up(&[&flag]).expect(67);
    assert!(
        missing.stderr.contains("create secret generic databases"),
        "{}",
        missing.stderr
    );
    let redis = format!("--from-literal=redis_password={REDIS_PASSWORD}");
    let elastic = format!("--from-literal=elasticsearch_password={ELASTIC_PASSWORD}");
    let user = "--from-literal=elasticsearch_username=elastic";
    instance.kubectl(&[
        "create",
        "secret",
        "generic",
        "databases",
        &redis,
        &elastic,
        user,
    ]);
    instance.up(&[&flag]).expect(0);
    instance.run(&["status"]).expect(0);
    let secrets = instance.kubectl(&["get", "secrets", "-o=name"]);
    assert!(!secrets.contains("clearml-outside"), "{secrets}");
}
