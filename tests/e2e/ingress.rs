//! Access by host name, through a real ingress controller, with TLS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use clearml_local::testing::manifests::TRAEFIK_IMAGE;
use reqwest::multipart::{Form, Part};
use reqwest::{Certificate, Client, Response};
use serde_json::{Value, json};

use crate::agents::reaches_the_server_by_name;
use crate::browser::Browser;
use crate::harness::{Instance, free_port, has, run};
use crate::sdk::agent_image;
use crate::server::User;
use crate::verify::assert_verified;

const HOSTS: [&str; 3] = ["app.e2e.invalid", "api.e2e.invalid", "files.e2e.invalid"];
/// The Secret for two of them; the third one has no TLS.
const SECRET: &str = "own-certificate";
/// The size of a model. Traefik and the file server stream it.
const BIG: usize = 20 << 20;

/// Returns whether the engine has the image of Traefik, and prints a message if not.
pub fn has_traefik() -> bool {
    let image = TRAEFIK_IMAGE.to_string();
    let found = run("docker", &["image", "inspect", &image]).code == 0;
    if !found {
        eprintln!(
            "SKIPPED: the image {image} is missing: build it with tests/rig/traefik (needs Go)"
        );
    }
    found
}

/// Creates a self-signed certificate for hosts, and its key.
pub fn make_certificate(dir: &Path, hosts: &[&str]) -> [String; 2] {
    let paths = ["tls.crt", "tls.key"].map(|name| dir.join(name).display().to_string());
    let names: Vec<String> = hosts.iter().map(|host| format!("DNS:{host}")).collect();
    let names = format!("subjectAltName={}", names.join(","));
    // Without this, a self-signed certificate counts as an authority, which cannot be a
    // server.
    let server = "basicConstraints=critical,CA:FALSE";
    let arguments = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=e2e",
        "-addext", server, "-addext", &names, "-out", &paths[0], "-keyout", &paths[1],
    ];
    run("openssl", &arguments).expect(0);
    paths
}

/// Returns a client like a browser: host names resolve to this address, and it only trusts
/// this certificate.
pub fn browser(certificate: &str, hosts: &[&str], address: IpAddr) -> Client {
    clearml_local::testing::kube::install_crypto();
    let pem = std::fs::read(certificate).unwrap();
    let mut client = Client::builder()
        .no_proxy()
        .tls_certs_only([Certificate::from_pem(&pem).unwrap()]);
    for host in hosts {
        client = client.resolve(host, SocketAddr::from((address, 0)));
    }
    client.build().unwrap()
}

/// Returns the page once the controller uses the certificate.
async fn page(client: &Client, url: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let reason = match client.get(url).send().await {
            Ok(response) if response.status() == 200 => return response.text().await.unwrap(),
            Ok(response) => response.status().to_string(),
            Err(error) => format!("{error:?}"),
        };
        assert!(Instant::now() < deadline, "{url}: {reason}");
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
    let response = request.json(&json!({})).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
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
async fn servers_are_reached_by_name_with_tls_and_then_by_port() {
    if !has("openssl") {
        return;
    }
    if !has_traefik() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let [certificate, key] = make_certificate(dir.path(), &HOSTS);
    let (http, https) = (free_port(), free_port());
    let instance = Instance::new("ingress");
    let [app, api, files] = HOSTS;
    let mut arguments = vec![
        "--with-ingress".to_owned(),
        format!("--http-port={http}"),
        format!("--https-port={https}"),
        format!("--set=ingress.app.tlsSecretName={SECRET}"),
        format!("--set=ingress.files.tlsSecretName={SECRET}"),
        // Its page asks its own origin, as that of the published image does.
        "--set=webserver.extraEnvs[0].name=STANDIN_WEB_APP".to_owned(),
        "--set=webserver.extraEnvs[0].value=published".to_owned(),
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
    let client = browser(&certificate, &HOSTS, Ipv4Addr::LOCALHOST.into());
    assert!(page(&client, &urls[0]).await.contains("<html"));
    if let Some(mut browser) = Browser::by_name(&HOSTS, Ipv4Addr::LOCALHOST.into()) {
        browser.sees(&urls[0], &format!("{}/api", urls[0]), &["Ada Lovelace"]);
    }

    let credentials = instance.run(&["credentials", "-o", "json"]);
    let credentials = credentials.expect(0).json();
    let [web, api, files] = &urls;
    let expected = json!({"web": web, "api": api, "files": files});
    assert_eq!(credentials["endpoints"], expected);
    let response = login(&client, &credentials).await;
    assert!(response["data"]["token"].is_string(), "{response}");

    let content: Vec<u8> = (0..BIG).map(|at| (at % 251) as u8).collect();
    let name = "e2e/model.bin";
    let stored = upload(&client, files, name, content.clone()).await;
    assert_eq!(stored.status(), 200);
    let downloaded = client.get(format!("{files}/{name}")).send().await.unwrap();
    assert_eq!(downloaded.status(), 200);
    assert!(
        downloaded.bytes().await.unwrap() == content,
        "the content has changed"
    );

    let status = instance.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["endpoints"], expected);
    let checks = status["checks"].as_array().unwrap().iter();
    let names: Vec<&Value> = checks.map(|check| &check["name"]).collect();
    assert!(names.contains(&&json!("ingress")), "{names:?}");
    let verified = instance.run(&["verify", "-o", "json"]).expect(0);
    assert_eq!(assert_verified(&verified)["endpoints"], expected);
    if let Some(image) = agent_image() {
        let user = User::with(
            client.clone(),
            [api, files].map(String::clone),
            &credentials,
        );
        let run = |arguments: &[&str]| instance.run(arguments);
        reaches_the_server_by_name(run, image, &user.await, files).await;
    }
    let second = instance.run(&["up"]).expect(0);
    assert!(
        second.stderr.contains("nothing changed"),
        "{}",
        second.stderr
    );
    assert!(!second.stderr.contains(&command), "{}", second.stderr);

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
    let names = instance.kubectl(&["get", kinds, "-o", "name"]);
    assert!(!names.contains("traefik"), "{names}");
    let url = format!("http://127.0.0.1:{}/{name}", instance.files);
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), BIG);
}
