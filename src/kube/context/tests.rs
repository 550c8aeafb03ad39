use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::error::Explain;
use crate::failures::{Code, Failure};
use crate::files::write;

/// A directory with the user's files.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        crate::kube::install_crypto();
        Home(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        crate::files::create_dir(self.path(name).parent().unwrap()).unwrap();
        write(&self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    /// Returns a user with a credential plugin: a shell and its script. (A script that was
    /// just written could not be executed while another test starts a process.)
    fn plugin(&self, shell: &str, script: &str, more: &str) -> String {
        let script = self.write("script", script);
        format!(
            "exec: {{apiVersion: {VERSION}, command: '{shell}', args: ['{script}', get-token], {more}}}"
        )
    }

    /// Writes a kubeconfig with the context `c`.
    fn config(&self, server: &str, cluster: &str, user: &str) -> UserConfig {
        self.write(".kube/config", &kubeconfig("c", server, cluster, user));
        self.find(&[])
    }

    fn find(&self, variables: &[(&str, &str)]) -> UserConfig {
        let environment = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        UserConfig::find(None, environment, Some(self.0.path()), false).unwrap()
    }
}

/// A kubeconfig with one context; `cluster` and `user` are the remaining fields.
fn kubeconfig(name: &str, server: &str, cluster: &str, user: &str) -> String {
    format!(
        "contexts: [{{name: {name}, context: {{cluster: {name}, user: {name}}}}}]\n\
         clusters: [{{name: {name}, cluster: {{server: '{server}', {cluster}}}}}]\n\
         users: [{{name: {name}, user: {{{user}}}}}]\n\
         current-context: {name}\n"
    )
}

fn tls(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands/tls");
    dir.join(name)
}

/// A server that requires a client certificate.
fn mutual_tls() -> ServerConfig {
    let certificate = |name| CertificateDer::from_pem_file(tls(name)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let key = PrivateKeyDer::from_pem_file(tls("server-key.pem")).unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(vec![certificate("server.pem")], key)
        .unwrap()
}

type Heads = Arc<Mutex<Vec<String>>>;

/// Reads the head of a request, or returns `None` at the end of the connection.
fn head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

/// Starts an API server that knows only its version, and accepts the token `good` if it
/// requires one. Returns its port and the heads of its requests.
fn serve(tls: Option<ServerConfig>, requires_token: bool) -> (u16, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Heads::default();
    let (kept, tls) = (heads.clone(), tls.map(Arc::new));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, kept) = (stream.unwrap(), kept.clone());
            let tls = tls.clone();
            std::thread::spawn(move || match tls {
                Some(tls) => {
                    let connection = ServerConnection::new(tls).unwrap();
                    answer(StreamOwned::new(connection, stream), &kept, requires_token);
                }
                None => answer(stream, &kept, requires_token),
            });
        }
    });
    (port, heads)
}

fn answer(mut stream: impl Read + Write, kept: &Heads, requires_token: bool) {
    while let Some(head) = head(&mut stream) {
        let lower = head.to_lowercase();
        let accepted = !requires_token || lower.contains("authorization: bearer good\r\n");
        kept.lock().unwrap().push(head);
        let (status, body) = match accepted {
            true => (
                "200 OK",
                r#"{"major":"1","minor":"37","gitVersion":"v1.37.2","gitCommit":"","gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#,
            ),
            false => (
                "401 Unauthorized",
                r#"{"kind":"Status","status":"Failure","code":401,"reason":"Unauthorized","message":"Unauthorized"}"#,
            ),
        };
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        if stream.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn copy_both(client: TcpStream, server: TcpStream) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    let (mut from, mut to) = (server, client);
    let _ = std::io::copy(&mut from, &mut to);
}

/// Starts an HTTP proxy, which connects to `port` for any host.
fn http_proxy(port: u16) -> (u16, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let heads = Heads::default();
    let kept = heads.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            kept.lock().unwrap().push(head(&mut stream).unwrap());
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            std::thread::spawn(move || copy_both(stream, server));
        }
    });
    (own, heads)
}

/// Starts a SOCKS proxy, which connects to `port` for any host. Returns its port and the
/// requested names.
fn socks_proxy(port: u16) -> (u16, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    let heads = Heads::default();
    let kept = heads.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut greeting = [0; 2];
            stream.read_exact(&mut greeting).unwrap();
            stream.consume(0);
            stream.read_exact(&mut vec![0; greeting[1].into()]).unwrap();
            stream.get_mut().write_all(&[5, 0]).unwrap();
            // Version, command, reserved, 3 for a name, length of the name.
            let mut request = [0; 5];
            stream.read_exact(&mut request).unwrap();
            assert_eq!(request[3], 3, "a name, which the proxy resolves");
            let mut name = vec![0; request[4].into()];
            stream.read_exact(&mut name).unwrap();
            stream.read_exact(&mut [0; 2]).unwrap();
            kept.lock().unwrap().push(String::from_utf8(name).unwrap());
            let reply = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            stream.get_mut().write_all(&reply).unwrap();
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            std::thread::spawn(move || copy_both(stream.into_inner(), server));
        }
    });
    (own, heads)
}

async fn version(config: &UserConfig) -> Result<String, crate::error::Error> {
    Ok(config.connect("c").await?.version().await?)
}

async fn refused(config: &UserConfig) -> crate::error::Error {
    version(config).await.unwrap_err()
}

fn refused_files(config: &UserConfig, context: &str) -> Error {
    let documents = Documents::read(&config.source);
    documents.and_then(|all| all.find(context)).err().unwrap()
}

#[test]
fn an_unknown_context_lists_the_others_with_similar_names_first() {
    let home = Home::new();
    let mut text = "contexts:\n".to_owned();
    for name in ["dev", "gke_corp_europe_production", "prod"] {
        text.push_str(&format!("- {{name: {name}, context: {{cluster: a}}}}\n"));
    }
    let path = home.write(".kube/config", &text);
    let error = refused_files(&home.find(&[]), "production");
    assert_eq!(
        error.to_string(),
        format!(
            "unknown context `production`: expected `gke_corp_europe_production`, `prod` or `dev` ({path})"
        )
    );
    assert_eq!(error.code(), Code::Usage);
    home.write(".kube/config", "contexts: []\n");
    let error = refused_files(&home.find(&[]), "production");
    assert_eq!(
        error.to_string(),
        format!("unknown context `production`: {path} has no contexts")
    );
}

#[test]
fn lists_only_some_of_many_contexts() {
    let home = Home::new();
    let entries = (0..14).map(|n| format!("- {{name: cluster-{n}, context: {{cluster: a}}}}\n"));
    home.write(
        ".kube/config",
        &format!("contexts:\n{}", entries.collect::<String>()),
    );
    let error = refused_files(&home.find(&[]), "cluster-13x").to_string();
    assert!(error.contains(" has `cluster-13`, "), "{error}");
    assert!(error.ends_with(" and 4 others"), "{error}");
}

#[test]
fn refuses_missing_and_broken_files() {
    let home = Home::new();
    let error = refused_files(&home.find(&[]), "c").to_string();
    let expected = format!(
        "cannot find a kubeconfig: `KUBECONFIG` is not set, and {} does not exist",
        home.path(".kube/config").display()
    );
    assert_eq!(error, expected);
    let variable = home.find(&[("KUBECONFIG", "/nonexistent/a:/nonexistent/b")]);
    assert_eq!(
        refused_files(&variable, "c").to_string(),
        "cannot find a kubeconfig: `KUBECONFIG` names only missing files: /nonexistent/a and /nonexistent/b"
    );
    let file = HostPath::from(Path::new("/nonexistent/c"));
    let option = UserConfig::find(Some(&file), |_| Some("/other".into()), None, false);
    assert_eq!(
        refused_files(&option.unwrap(), "c").to_string(),
        "the kubeconfig /nonexistent/c does not exist"
    );
    let path = home.write(
        "broken",
        "contexts:\n- name: c\n  context: {cluster: c\nusers: []\n",
    );
    let broken = home.find(&[("KUBECONFIG", &path)]);
    let error = refused_files(&broken, "c").to_string();
    assert!(
        error.contains(&format!("cannot use the kubeconfig {path}: ")),
        "{error}"
    );
    assert!(error.contains("line "), "{error}");
}

#[test]
fn the_first_of_several_files_determines_an_entry() {
    let home = Home::new();
    let first = home.write(
        "one/config",
        &kubeconfig("c", "https://one", "", "token: a"),
    );
    let second = home.write(
        "two/config",
        &(kubeconfig("c", "https://two", "", "token: b").replace("contexts: [", "contexts: [{name: d, context: {cluster: only-here}}, ")
            .replace("clusters: [", "clusters: [{name: only-here, cluster: {server: 'two:6443', certificate-authority: ../ca.pem}}, ")),
    );
    let variable = format!("{first}:/nonexistent::{second}");
    let config = home.find(&[("KUBECONFIG", &variable)]);
    let documents = Documents::read(&config.source).unwrap();
    assert_eq!(documents.contexts(), ["c", "d"]);
    let c = documents.find("c").unwrap();
    assert_eq!(c.cluster.server.as_deref(), Some("https://one"));
    assert_eq!(c.file, Path::new(&first));
    let d = documents.find("d").unwrap();
    assert_eq!(d.cluster.server.as_deref(), Some("https://two:6443"));
    let authority = d.cluster.certificate_authority.unwrap();
    assert_eq!(authority, home.path("two/../ca.pem").display().to_string());
}

#[test]
fn refuses_two_contexts_with_the_same_name_in_a_file() {
    let home = Home::new();
    let two = "contexts: [{name: c, context: {cluster: a}}, {name: c, context: {cluster: b}}]\n";
    let path = home.write(".kube/config", two);
    assert_eq!(
        refused_files(&home.find(&[]), "c").to_string(),
        format!("the kubeconfig {path} has more than one context `c`")
    );
}

#[test]
fn refuses_a_context_whose_cluster_or_user_is_missing() {
    let home = Home::new();
    for (text, reason) in [
        ("contexts: [{name: c}]", "it has no `cluster`"),
        (
            "contexts: [{name: c, context: {cluster: a}}]",
            "there is no cluster `a`",
        ),
        (
            "contexts: [{name: c, context: {cluster: a}}]\nclusters: [{name: a, cluster: {server: ''}}]",
            "the cluster `a` has no `server`",
        ),
        (
            "contexts: [{name: c, context: {cluster: a, user: u}}]\nclusters: [{name: a, cluster: {server: a}}]",
            "there is no user `u`",
        ),
    ] {
        let path = home.write(".kube/config", text);
        assert_eq!(
            refused_files(&home.find(&[]), "c").to_string(),
            format!("cannot use the context `c` in {path}: {reason}")
        );
    }
}

#[tokio::test]
async fn connects_with_certificates_in_files_that_are_relative_to_the_kubeconfig() {
    let home = Home::new();
    let (port, _) = serve(Some(mutual_tls()), false);
    for name in ["ca.pem", "client.pem", "client-key.pem"] {
        let text = crate::files::read(&tls(name)).unwrap().unwrap();
        home.write(&format!(".kube/pki/{name}"), &text);
    }
    let user = "client-certificate: pki/client.pem, client-key: ./pki/client-key.pem";
    let server = format!("https://127.0.0.1:{port}");
    let config = home.config(&server, "certificate-authority: pki/ca.pem", user);
    assert_eq!(version(&config).await.unwrap(), "1.37.2");
    // Without the authority.
    let error = refused(&home.config(&server, "", user)).await;
    assert_eq!(
        error.to_string(),
        "the cluster of the context `c` is unreachable: its certificate is signed by an unknown authority"
    );
    assert_eq!(error.code(), Code::ClusterUnreachable);
    let insecure = home.config(&server, "insecure-skip-tls-verify: true", user);
    assert_eq!(version(&insecure).await.unwrap(), "1.37.2");
}

#[tokio::test]
async fn checks_the_certificate_for_the_tls_server_name() {
    let home = Home::new();
    let (port, _) = serve(Some(mutual_tls()), false);
    let authority = tls("ca.pem").display().to_string();
    let user = format!(
        "client-certificate: '{}', client-key: '{}'",
        tls("client.pem").display(),
        tls("client-key.pem").display()
    );
    let server = format!("https://127.0.0.1:{port}");
    for (name, expected) in [("localhost", true), ("other.corp", false)] {
        let cluster = format!("certificate-authority: '{authority}', tls-server-name: {name}");
        let result = version(&home.config(&server, &cluster, &user)).await;
        assert_eq!(result.is_ok(), expected, "{name}: {result:?}");
    }
}

#[tokio::test]
async fn connects_through_the_proxies_of_the_kubeconfig() {
    let home = Home::new();
    let (port, requests) = serve(None, false);
    let (own, connected) = http_proxy(port);
    let proxy = format!("proxy-url: 'http://me:p%40ss@127.0.0.1:{own}'");
    let config = home.config("http://api.corp:6443", &proxy, "");
    assert_eq!(version(&config).await.unwrap(), "1.37.2");
    let head = connected.lock().unwrap()[0].to_lowercase();
    assert!(head.starts_with("connect api.corp:6443"), "{head}");
    assert!(
        head.contains("proxy-authorization: basic bwu6cebzcw=="),
        "{head}"
    );
    let (own, names) = socks_proxy(port);
    let proxy = format!("proxy-url: 'socks5://127.0.0.1:{own}'");
    let config = home.config("http://api.corp:6443", &proxy, "");
    assert_eq!(version(&config).await.unwrap(), "1.37.2");
    assert_eq!(*names.lock().unwrap(), ["api.corp"]);
    assert_eq!(requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn connects_through_the_proxy_of_the_environment() {
    let home = Home::new();
    let (port, _) = serve(None, false);
    let (own, connected) = http_proxy(port);
    home.config("http://api.corp:6443", "", "");
    let url = format!("http://127.0.0.1:{own}");
    let proxied = home.find(&[("HTTP_PROXY", &url), ("NO_PROXY", "localhost,,other.corp")]);
    assert_eq!(version(&proxied).await.unwrap(), "1.37.2");
    assert_eq!(connected.lock().unwrap().len(), 1);
    // Servers on this host, and those of NO_PROXY.
    home.config(&format!("http://127.0.0.1:{port}"), "", "");
    let direct = home.find(&[("HTTP_PROXY", "http://127.0.0.1:1")]);
    assert_eq!(version(&direct).await.unwrap(), "1.37.2");
    home.config("http://api.corp.invalid:6443", "", "");
    let direct = home.find(&[("HTTP_PROXY", &url), ("no_proxy", ".corp.invalid")]);
    let error = refused(&direct).await.to_string();
    assert!(
        error.ends_with("is unreachable: the host name does not resolve"),
        "{error}"
    );
    assert_eq!(connected.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_unreachable_proxy_is_named_without_its_password() {
    let home = Home::new();
    let proxy = "proxy-url: 'http://me:secret@127.0.0.1:1'";
    let error = refused(&home.config("https://api.corp", proxy, "")).await;
    assert_eq!(
        error.to_string(),
        "the cluster of the context `c` is unreachable through the proxy \
         http://me:***@127.0.0.1:1 (proxy-url): connection refused"
    );
    let error = refused(&home.config("https://api.corp", "proxy-url: 'ftp://x'", "")).await;
    assert_eq!(
        error.to_string(),
        "cannot use the proxy of `proxy-url`: unsupported scheme `ftp`: expected http, https, socks5 or socks5h"
    );
}

#[tokio::test]
async fn reads_tokens_from_the_kubeconfig_and_from_files() {
    let home = Home::new();
    let (port, _) = serve(None, true);
    let server = format!("http://127.0.0.1:{port}");
    assert!(
        version(&home.config(&server, "", "token: good"))
            .await
            .is_ok()
    );
    home.write(".kube/token", "good\n");
    let file = home.config(&server, "", "tokenFile: token");
    assert!(version(&file).await.is_ok());
    let missing = refused(&home.config(&server, "", "tokenFile: missing")).await;
    assert_eq!(
        missing.to_string(),
        format!(
            "cannot read the token of the context `c`: {} does not exist",
            home.path(".kube/missing").display()
        )
    );
    let error = refused(&home.config(&server, "", "token: bad")).await;
    assert_eq!(
        error.to_string(),
        "the cluster of the context `c` refused the credentials of the user `c`"
    );
    assert_eq!(error.code(), Code::ClusterDenied);
}

#[tokio::test]
async fn the_clock_of_a_cluster_that_refuses_the_credentials_is_named() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            while head(&mut stream).is_some() {
                let theirs = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(3);
                let date = theirs.strftime("%a, %d %b %Y %H:%M:%S GMT");
                let head = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n";
                // The client may be gone.
                let _ = write!(stream, "{head}date: {date}\r\n\r\n");
            }
        }
    });
    let server = format!("http://127.0.0.1:{port}");
    let error = refused(&home.config(&server, "", "token: good")).await;
    assert_eq!(error.failure(), Failure::ClockSkew);
    let text = error.to_string();
    assert!(
        text.starts_with(
            "the cluster of the context `c` refused the credentials of the user `c`; its clock is 3 h"
        ) && text.ends_with(" behind the one of this machine"),
        "{text}"
    );
}

const VERSION: &str = "client.authentication.k8s.io/v1";

fn credential(status: &str) -> String {
    format!(
        r#"printf '%s' '{{"apiVersion":"{VERSION}","kind":"ExecCredential","status":{{{status}}}}}'"#
    )
}

#[tokio::test]
async fn runs_a_credential_plugin_once_until_its_token_ends() {
    let home = Home::new();
    let (port, _) = serve(None, true);
    let runs = home.path("runs").display().to_string();
    let script = |end: &str| {
        let credential = credential(&format!(r#""token":"good","expirationTimestamp":"{end}""#));
        format!(
            "echo \"$1 $VARIABLE $KUBERNETES_EXEC_INFO\" >>{runs}\necho Hello >&2\n{credential}"
        )
    };
    home.write(".kube/bin/shell.txt", "");
    std::os::unix::fs::symlink("/bin/sh", home.path(".kube/bin/shell")).unwrap();
    let more =
        "env: [{name: VARIABLE, value: v}], interactiveMode: IfAvailable, provideClusterInfo: true";
    for (end, expected) in [("2099-01-01T00:00:00Z", 1), ("2020-01-01T00:00:00Z", 3)] {
        let _ = crate::files::remove(&home.path("runs"));
        let user = home.plugin("bin/shell", &script(end), more);
        let server = format!("http://127.0.0.1:{port}");
        let shown: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = shown.clone();
        let config = home.config(&server, "", &user);
        let config = config.with_messages(Arc::new(move |line| {
            kept.lock().unwrap().push(line.to_owned())
        }));
        let cluster = config.connect("c").await.unwrap();
        for _ in 0..2 {
            assert_eq!(cluster.version().await.unwrap(), "1.37.2");
        }
        let runs = crate::files::read(&home.path("runs")).unwrap().unwrap();
        assert_eq!(runs.lines().count(), expected, "{runs}");
        let expected = format!(
            r#"get-token v {{"apiVersion":"{VERSION}","kind":"ExecCredential","spec":{{"interactive":false,"cluster":{{"#
        );
        assert!(runs.starts_with(&expected), "{runs}");
        assert!(runs.contains(&server), "{runs}");
        assert_eq!(shown.lock().unwrap()[0], "Hello");
    }
}

#[tokio::test]
async fn a_credential_plugin_may_return_a_certificate() {
    let home = Home::new();
    let (port, _) = serve(Some(mutual_tls()), false);
    let pem = |name| {
        let text = crate::files::read(&tls(name)).unwrap().unwrap();
        text.replace('\n', "\\n")
    };
    let status = format!(
        r#""clientCertificateData":"{}","clientKeyData":"{}""#,
        pem("client.pem"),
        pem("client-key.pem")
    );
    let user = home.plugin("/bin/sh", &credential(&status), "");
    let cluster = format!("certificate-authority: '{}'", tls("ca.pem").display());
    let server = format!("https://127.0.0.1:{port}");
    let config = home.config(&server, &cluster, &user);
    assert_eq!(version(&config).await.unwrap(), "1.37.2");
}

#[tokio::test]
async fn a_missing_or_failing_plugin_is_named_with_its_message() {
    let home = Home::new();
    let server = "http://127.0.0.1:1";
    let hint = "installHint: \"install corp-login: https://corp/login\"";
    let missing = home.plugin("corp-login", "", hint);
    let error = refused(&home.config(server, "", &missing)).await;
    assert_eq!(
        error.to_string(),
        "the credential plugin `corp-login` of the context `c` is not installed"
    );
    assert_eq!(error.hints(), ["install corp-login: https://corp/login"]);
    assert_eq!(error.code(), Code::ClusterDenied);
    let user = home.plugin("sh", "echo 'Your session has expired' >&2\nexit 3", "");
    let error = refused(&home.config(server, "", &user)).await;
    assert_eq!(
        error.to_string(),
        "the credential plugin `sh` of the context `c` failed: it exited with status 3"
    );
    assert_eq!(error.details(), ["Your session has expired"]);
    let always = home.plugin("sh", "", "interactiveMode: Always");
    let error = refused(&home.config(server, "", &always)).await.to_string();
    assert!(error.ends_with("failed: it needs a terminal"), "{error}");
    for (script, reason) in [
        ("echo secret [", "its output is not an ExecCredential"),
        (
            &credential(r#""other":1"#),
            "it returned neither a token nor a certificate",
        ),
        (
            r#"echo '{"apiVersion":"client.authentication.k8s.io/v1beta1"}'"#,
            "the kubeconfig requires the version `client.authentication.k8s.io/v1`, and it returned `client.authentication.k8s.io/v1beta1`",
        ),
    ] {
        let user = home.plugin("sh", script, "");
        let error = refused(&home.config(server, "", &user)).await.to_string();
        assert!(error.ends_with(&format!("failed: {reason}")), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn the_local_node_is_reached_without_the_users_proxies() {
    let (port, _) = serve(None, false);
    // `connect` does not read the environment at all; `NO_PROXY=localhost,` is an error of
    // the crate.
    let text = kubeconfig("c", &format!("http://127.0.0.1:{port}"), "", "");
    let cluster = Cluster::connect(&text).await.unwrap();
    assert_eq!(cluster.version().await.unwrap(), "1.37.2");
}
