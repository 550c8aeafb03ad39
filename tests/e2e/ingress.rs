//! By host name, through a real ingress controller, with TLS.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use clearml_local::testing::manifests::TRAEFIK_IMAGE;
use reqwest::multipart::{Form, Part};
use reqwest::{Certificate, Client, Response};
use serde_json::{Value, json};

use crate::harness::{Instance, free_port, has, run};

const HOSTS: [&str; 3] = ["app.e2e.invalid", "api.e2e.invalid", "files.e2e.invalid"];
/// The Secret of two of them; the third one goes without TLS.
const SECRET: &str = "own-certificate";
/// What a model may have. Traefik and the file server pass it on as it comes.
const BIG: usize = 20 << 20;

/// A certificate for all hosts, signed by itself, and its key.
fn make_certificate(dir: &Path) -> [String; 2] {
    let paths = ["tls.crt", "tls.key"].map(|name| dir.join(name).display().to_string());
    let names = HOSTS.map(|host| format!("DNS:{host}")).join(",");
    let names = format!("subjectAltName={names}");
    // What signs itself counts as an authority otherwise, which is no server.
    let server = "basicConstraints=critical,CA:FALSE";
    let arguments = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=e2e",
        "-addext", server, "-addext", &names, "-out", &paths[0], "-keyout", &paths[1],
    ];
    run("openssl", &arguments).expect(0);
    paths
}

/// What a browser is: names lead to this machine, and it trusts that certificate
/// alone.
fn browser(certificate: &str) -> Client {
    clearml_local::testing::kube::install_crypto();
    let pem = std::fs::read(certificate).unwrap();
    let mut client = Client::builder()
        .no_proxy()
        .tls_certs_only([Certificate::from_pem(&pem).unwrap()]);
    for host in HOSTS {
        client = client.resolve(host, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    }
    client.build().unwrap()
}

/// The page, once the controller has seen the certificate.
async fn page(client: &Client, url: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let why = match client.get(url).send().await {
            Ok(answer) if answer.status() == 200 => return answer.text().await.unwrap(),
            Ok(answer) => answer.status().to_string(),
            Err(error) => format!("{error:?}"),
        };
        assert!(Instant::now() < deadline, "{url}: {why}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn login(client: &Client, credentials: &Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let url = format!("{}/auth.login", text(&credentials["endpoints"]["api"]));
    let request = client.post(url).basic_auth(
        text(&credentials["accessKey"]),
        Some(text(&credentials["secretKey"])),
    );
    let answer = request.json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

async fn upload(client: &Client, files: &str, name: &str, content: Vec<u8>) -> Response {
    let part = Part::bytes(content).file_name("model.bin");
    let form = Form::new().part(name.to_owned(), part);
    let request = client.post(format!("{files}/"));
    request
        .multipart(form.percent_encode_noop())
        .send()
        .await
        .unwrap()
}

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn servers_are_reached_by_name_with_tls_and_by_port_again() {
    if !has("openssl") {
        return;
    }
    let image = TRAEFIK_IMAGE.to_string();
    if run("docker", &["image", "inspect", &image]).code != 0 {
        eprintln!(
            "SKIPPED: the image {image} is missing: build it with tests/rig/traefik (needs Go)"
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let [certificate, key] = make_certificate(dir.path());
    let (http, https) = (free_port(), free_port());
    let instance = Instance::new("ingress");
    let [app, api, files] = HOSTS;
    let mut arguments = vec![
        "--with-ingress".to_owned(),
        format!("--http-port={http}"),
        format!("--https-port={https}"),
        format!("--set=ingress.app.tlsSecretName={SECRET}"),
        format!("--set=ingress.files.tlsSecretName={SECRET}"),
    ];
    for (site, host) in [("app", app), ("api", api), ("files", files)] {
        arguments.push(format!("--set=ingress.{site}.enabled=true"));
        arguments.push(format!("--set=ingress.{site}.hostName={host}"));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let up = instance.up(&arguments).expect(0);
    let urls = [
        format!("https://{app}:{https}"),
        format!("http://{api}:{http}"),
        format!("https://{files}:{https}"),
    ];
    for url in &urls {
        assert!(up.stdout.contains(url.as_str()), "{}", up.stdout);
    }
    let line = format!("127.0.0.1 {app} {api} {files}");
    assert!(up.stderr.contains(&line), "{}", up.stderr);
    let command = format!("-n clearml create secret tls {SECRET} --cert FILE --key FILE");
    assert_eq!(up.stderr.matches(&command).count(), 1, "{}", up.stderr);

    let node = instance.node();
    for path in [&certificate, &key] {
        run("docker", &["cp", path, &format!("{node}:/")]).expect(0);
    }
    let secret = [
        "create",
        "secret",
        "tls",
        SECRET,
        "--cert=/tls.crt",
        "--key=/tls.key",
    ];
    instance.kubectl(&secret);
    let client = browser(&certificate);
    assert!(page(&client, &urls[0]).await.contains("<html"));

    let credentials = instance.run(&["credentials", "-o", "json"]);
    let credentials = credentials.expect(0).json();
    let [web, api, files] = &urls;
    let expected = json!({"web": web, "api": api, "files": files});
    assert_eq!(credentials["endpoints"], expected);
    let answer = login(&client, &credentials).await;
    assert!(answer["data"]["token"].is_string(), "{answer}");

    let content: Vec<u8> = (0..BIG).map(|at| (at % 251) as u8).collect();
    let name = "e2e/model.bin";
    let stored = upload(&client, files, name, content.clone()).await;
    assert_eq!(stored.status(), 200);
    let back = client.get(format!("{files}/{name}")).send().await.unwrap();
    assert_eq!(back.status(), 200);
    assert!(
        back.bytes().await.unwrap() == content,
        "it came back changed"
    );

    let status = instance.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["endpoints"], expected);
    let checks = status["checks"].as_array().unwrap().iter();
    let names: Vec<&Value> = checks.map(|check| &check["name"]).collect();
    assert!(names.contains(&&json!("ingress")), "{names:?}");
    let again = instance.run(&["up"]).expect(0);
    assert!(again.stderr.contains("nothing changed"), "{}", again.stderr);
    assert!(!again.stderr.contains(&command), "{}", again.stderr);

    let without = instance.run(&["up", "--with-ingress=false"]).expect(0);
    let by_port = format!("http://localhost:{}", instance.files);
    assert!(without.stdout.contains(&by_port), "{}", without.stdout);
    for words in [
        "--with-ingress changes from true to false",
        "the node has no ingress controller",
    ] {
        assert!(without.stderr.contains(words), "{}", without.stderr);
    }
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, http)).is_err());
    let kinds = "deployments,services,serviceaccounts,ingressclasses,clusterroles";
    let left = instance.kubectl(&["get", kinds, "-o", "name"]);
    assert!(!left.contains("traefik"), "{left}");
    let kept = format!("http://127.0.0.1:{}/{name}", instance.files);
    let kept = client.get(kept).send().await.unwrap();
    assert_eq!(kept.bytes().await.unwrap().len(), BIG);
}
