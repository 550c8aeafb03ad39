//! The user's kubeconfig, and the output of its credential plugins, which do not run.

use std::path::Path;

use clearml_local::testing::kube::{UserConfig, install_crypto};
use clearml_local::testing::path::HostPath;
use clearml_local::testing::{kubeconfig, yaml};
use serde_json::{Value, json};

use crate::bounds;
use crate::mutations::Mutations;
use crate::runner::{self, Outcome};

/// The certificate of an authority.
const CA: &str = include_str!("../commands/tls/ca.pem");

#[test]
fn random_kubeconfigs_cause_no_panic_and_need_bounded_memory() {
    bounds::run("kubeconfig::random_files", 60 + runner::cases() / 50);
}

#[test]
#[ignore = "runs as a child process"]
fn random_files() {
    install_crypto();
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (documents, answer) = (documents(), plugin_answer());
    let mut usable = 0;
    runner::run(30, |mutations, number| {
        let document = &documents[number % documents.len()];
        let text = text(mutations, document, number);
        let output = match mutations.one_in(2) {
            true => mutations.text(&answer),
            false => answer.to_string().into_bytes(),
        };
        let input = Input {
            text: &text,
            output: &output,
            dir: dir.path(),
            completely: mutations.one_in(50),
        };
        runtime.block_on(read(&input, &mut usable))
    });
    let enough = 5 * usable > runner::inputs();
    assert!(enough || runner::is_repeated(), "only {usable} contexts");
}

struct Input<'a> {
    text: &'a [u8],
    /// The output of the credential plugin.
    output: &'a [u8],
    dir: &'a Path,
    /// Whether the slow parts run too: reading the certificates of the host, and writing files.
    completely: bool,
}

/// A document as JSON or as usual YAML.
fn text(mutations: &mut Mutations, document: &Value, number: usize) -> Vec<u8> {
    if number.is_multiple_of(2) {
        return mutations.text(document);
    }
    let mut text = yaml::to_string(&mutations.tree(document)).into_bytes();
    if mutations.one_in(8) {
        mutations.bytes(&mut text);
    }
    text
}

async fn read(input: &Input<'_>, usable: &mut usize) -> Outcome {
    let path: HostPath = input.dir.join("config").into();
    write(&path, input.text);
    let environment = |name: &str| match name {
        "HTTPS_PROXY" => Some("http://user:secret@proxy.corp:3128".to_owned()),
        _ => None,
    };
    let config = UserConfig::find(Some(&path), environment, None, false).unwrap();
    let contexts = config.contexts();
    // All contexts are read in the same way.
    for context in contexts.iter().flatten().take(1) {
        let prepared = config.prepare_with(context, input.output).await;
        let connection = prepared.and_then(|prepared| {
            *usable += 1;
            input.completely.then(|| prepared.connect()).transpose()
        });
        if let Err(error) = connection {
            let shown = format!("{error} {error:?}");
            assert!(shown.len() < 1 << 20, "an error is unlimited");
        }
    }
    // Our context in the same file.
    let name = "demo".parse().unwrap();
    if input.completely && kubeconfig::merge(&path, &name, OURS).is_ok() {
        assert!(kubeconfig::remove(&path, &name).unwrap());
    }
    Outcome::of(&contexts)
}

const OURS: &str = "\
apiVersion: v1
clusters: [{name: demo, cluster: {server: 'https://127.0.0.1:40000'}}]
users: [{name: kubernetes-admin, user: {client-key-data: c2VjcmV0}}]
contexts: [{name: x, context: {cluster: demo, user: kubernetes-admin}}]
";

fn documents() -> [Value; 3] {
    use base64::Engine as _;
    let ca = base64::prelude::BASE64_STANDARD.encode(CA);
    let config = |cluster: Value, user: Value| {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "work", "preferences": {},
            "clusters": [{"name": "work", "cluster": cluster}],
            "users": [{"name": "me", "user": user}],
            "contexts": [
                {"name": "work", "context": {"cluster": "work", "user": "me", "namespace": "ml"}},
                {"name": "none", "context": {"cluster": "work"}},
            ],
        })
    };
    [
        config(
            json!({"server": "https://10.0.0.1:6443", "certificate-authority-data": ca,
                "tls-server-name": "kubernetes", "proxy-url": "socks5://proxy.corp:1080",
                "extensions": [{"name": "x", "extension": {"version": "0123"}}]}),
            json!({"token": "12e4", "username": "ann", "password": "secret"}),
        ),
        config(
            json!({"server": "http://10.0.0.1:8080", "insecure-skip-tls-verify": true}),
            json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login",
                "args": ["get-token", "--cluster", "work"], "env": [{"name": "A", "value": "b"}],
                "interactiveMode": "IfAvailable", "provideClusterInfo": true,
                "installHint": "install it"}}),
        ),
        config(
            json!({"server": "https://work.corp", "certificate-authority-data": ca}),
            json!({"client-certificate-data": "LS0t", "client-key-data": "LS0t",
                "auth-provider": {"name": "gcp", "config": {"a": "b"}}}),
        ),
    ]
}

fn plugin_answer() -> Value {
    json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": "secret-token", "expirationTimestamp": "2036-11-23T13:41:00Z"},
    })
}

#[expect(clippy::disallowed_methods, reason = "bytes that may not be text")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}
