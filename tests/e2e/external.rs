//! External databases: containers in the node's network, with passwords.

use std::process::Command;

use crate::harness::{Instance, run};

pub const REDIS_PASSWORD: &str = "redis $word";
const ELASTIC_PASSWORD: &str = "elastic \"word\"";

/// Three databases in the network of the nodes, which are removed when the test ends.
pub struct Databases {
    prefix: String,
}

impl Databases {
    /// Starts containers whose names begin with the prefix.
    pub fn start(prefix: &str) -> Databases {
        let databases = Databases {
            prefix: prefix.to_owned(),
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

/// Returns a values file for the databases with that prefix, with these keys for credentials.
pub fn values(prefix: &str, credentials: &str) -> String {
    let databases = ["redis", "mongodb", "elasticsearch"];
    let off = databases.map(|name| format!("{name}: {{enabled: false}}\n"));
    let hosts = databases.map(|name| format!("  {name}Host: {prefix}-{name}\n"));
    format!(
        "{}externalServices:\n{}{credentials}",
        off.concat(),
        hosts.concat()
    )
}

/// Returns the keys with the password of Elasticsearch, and this one for Redis.
pub fn passwords(redis: &str) -> String {
    format!(
        "  redisPassword: '{redis}'\n  elasticsearchUsername: elastic\n  elasticsearchPassword: '{ELASTIC_PASSWORD}'\n"
    )
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn external_databases_are_checked_and_then_used() {
    let instance = Instance::new("outside");
    let file = tempfile::NamedTempFile::new().unwrap();
    let flag = format!("--values={}", file.path().display());
    let write_credentials = |keys: &str| {
        std::fs::write(file.path(), values(&instance.name, keys)).unwrap();
    };
    let write = |redis: &str| write_credentials(&passwords(redis));
    let installed = || instance.kubectl(&["get", "deployments,statefulsets,pods", "-o=name"]);

    // The databases do not exist: all three are reported, and nothing is applied.
    write(REDIS_PASSWORD);
    let failed = instance.up(&[&flag]).expect(67);
    for name in ["redis", "mongodb", "elasticsearch"] {
        let expected = format!("the name {}-{name} does not resolve", instance.name);
        assert!(failed.stderr.contains(&expected), "{}", failed.stderr);
    }
    assert_eq!(installed(), "");

    let _databases = Databases::start(&instance.name);
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
    let names = installed();
    for server in ["apiserver", "fileserver", "webserver"] {
        assert!(names.contains(server), "{names}");
    }
    for internal in ["redis", "mongodb", "elastic", "check"] {
        assert!(!names.contains(internal), "{names}");
    }

    // Unchanged databases are not checked again.
    let again = instance.up(&["--progress=plain"]).expect(0);
    assert!(!again.stderr.contains("external: "), "{}", again.stderr);
    assert!(again.stderr.contains("nothing changed"), "{}", again.stderr);

    // The same credentials from the user's Secret, once it exists.
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
