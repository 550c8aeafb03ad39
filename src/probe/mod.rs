//! Checks the server as a user would: through its published ports, with a login and an
//! uploaded file.

mod api;
mod endpoints;
mod files;
mod http;
mod ingress;
mod loopback;

use std::time::{Duration, Instant};

use reqwest::Client;
use serde::Serialize;
use serde_json::Value;

pub(crate) use self::api::Api;
pub use self::endpoints::Endpoints;
pub(crate) use self::endpoints::Targets;
pub(crate) use self::files::Files;
use self::http::{CLOCK, OF_AUTHORITY, TIMED_OUT, send};
pub(crate) use self::http::{USER_AGENT, client, is_untrusted, reason, refused, refused_at};
pub(crate) use self::ingress::ingress_hint;
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kubectl::Kubectl;
use crate::secrets::Credentials;
use crate::words::listed;

/// The directory of the file server in which probes store a file.
pub(crate) const FILES_DIR: &str = "clearml-local-probe/";
/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Such as `login`.
    pub name: &'static str,
    #[serde(skip)]
    pub took: Duration,
    /// Why it failed, unless it succeeded.
    pub failure: Option<String>,
}

impl Check {
    /// Whether it failed because of the certificate of the server.
    pub(crate) fn is_about_certificate(&self) -> bool {
        let mut failure = self.failure.iter();
        failure.any(|why| why.contains("certificate"))
    }

    fn is_untrusted(&self) -> bool {
        self.failure.as_deref().is_some_and(is_untrusted)
    }

    fn is_about_clock(&self) -> bool {
        self.failure
            .as_deref()
            .is_some_and(|why| why.contains(CLOCK))
    }

    /// Returns the name and the reason of a failed check.
    pub(crate) fn failed(&self) -> Option<String> {
        let why = self.failure.as_deref()?;
        Some(format!("`{}` fails: {why}", self.name))
    }
}

/// Runs the checks.
pub struct Probe {
    client: Client,
    targets: Targets,
    credentials: Credentials,
    /// When checks that have not finished are cancelled.
    deadline: Option<Instant>,
}

impl Probe {
    /// Creates a probe that logs in with `credentials`.
    ///
    /// # Panics
    /// If [`crate::kube::install_crypto`] was not called before.
    pub(crate) fn new(targets: Targets, credentials: Credentials) -> Probe {
        Probe {
            client: client(&targets),
            targets,
            credentials,
            deadline: None,
        }
    }

    /// Sets a deadline for all checks.
    #[must_use]
    pub fn with_deadline(self, deadline: Instant) -> Probe {
        Probe {
            deadline: Some(deadline),
            ..self
        }
    }

    /// Runs all checks at the same time. Returns them in the order in which they are
    /// shown.
    pub async fn run(&self) -> Vec<Check> {
        self.run_checks(false).await.0
    }

    /// Runs all checks, and reads the server's version.
    pub async fn run_with_version(&self) -> (Vec<Check>, Option<String>) {
        self.run_checks(true).await
    }

    /// Runs the file check and reads the version after the login, because they need its
    /// token.
    async fn run_checks(&self, version: bool) -> (Vec<Check>, Option<String>) {
        let with_token = async {
            let (login, token) = self.timed("login", self.login()).await;
            let ingress = self.timed(ingress::NAME, self.through_ingress(token.as_deref()));
            let Some(token) = &token else {
                let files = Check {
                    name: "files",
                    took: Duration::ZERO,
                    failure: Some("skipped because there is no login".into()),
                };
                return ([login, files, ingress.await.0], None);
            };
            let server = async {
                match version {
                    true => self.timed("version", self.server_version(token)).await.1,
                    false => None,
                }
            };
            let files = self.timed(
                "files",
                self.file_round_trip(&self.targets.servers.files, token),
            );
            let (files, server, ingress) = tokio::join!(files, server, ingress);
            ([login, files.0, ingress.0], server)
        };
        let all = async {
            tokio::join!(
                self.timed("api", self.ping(&self.targets.servers.api)),
                with_token,
                self.timed("web", self.web_page(&self.targets.servers.web)),
                self.timed("web to api", self.web_proxy()),
            )
        };
        let (ping, ([login, files, ingress], server), web, proxy) = Box::pin(all).await;
        let mut checks = vec![ping.0, login, web.0, proxy.0, files];
        if !self.targets.by_name.is_empty() {
            checks.push(ingress);
        }
        (checks, server)
    }

    /// Runs a check until the deadline, and measures how long it takes.
    async fn timed<T>(
        &self,
        name: &'static str,
        check: impl Future<Output = Result<T, String>>,
    ) -> (Check, Option<T>) {
        let began = Instant::now();
        let answer = match self.deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.into(), check)
                .await
                .unwrap_or_else(|_| Err(TIMED_OUT.into())),
            None => check.await,
        };
        let (value, failure) = match answer {
            Ok(value) => (Some(value), None),
            Err(failure) => (None, Some(failure)),
        };
        let check = Check {
            name,
            took: began.elapsed(),
            failure,
        };
        (check, value)
    }

    /// Returns the server's version, such as `1.5.0-192`. Newer servers require a login
    /// for it.
    async fn server_version(&self, token: &str) -> Result<String, String> {
        let request = self
            .client
            .post(format!("{}/server.info", self.targets.servers.api));
        let request = request.bearer_auth(token).json(&serde_json::json!({}));
        let body: Value = send(request).await?.json().await.map_err(reason)?;
        let version = body["data"]["version"].as_str();
        let version = version.ok_or("the response contains no version")?;
        let build = body["data"]["build"].as_str().filter(|b| !b.is_empty());
        Ok(build.map_or_else(|| version.to_owned(), |build| format!("{version}-{build}")))
    }

    async fn ping(&self, api: &str) -> Result<(), String> {
        let url = format!("{api}/debug.ping");
        send(self.client.get(url)).await.map(drop)
    }

    /// Logs in and returns the token.
    async fn login(&self) -> Result<String, String> {
        let request = self
            .client
            .post(format!("{}/auth.login", self.targets.servers.api));
        let key = &self.credentials.access_key;
        let request = request.basic_auth(key, Some(&self.credentials.secret_key));
        let response = send(request.json(&serde_json::json!({}))).await?;
        let body: Value = response.json().await.map_err(reason)?;
        let token = body["data"]["token"].as_str().filter(|t| !t.is_empty());
        token
            .map(str::to_owned)
            .ok_or_else(|| "the response contains no token".into())
    }

    async fn web_page(&self, web: &str) -> Result<(), String> {
        let page = send(self.client.get(format!("{web}/"))).await?;
        let text = page.text().await.map_err(reason)?;
        if text.to_lowercase().contains("<html") {
            Ok(())
        } else {
            Err("the response is not a web page".into())
        }
    }

    /// Checks the API server through the web app's proxy.
    async fn web_proxy(&self) -> Result<(), String> {
        let url = format!("{}/api/debug.ping", self.targets.servers.web);
        send(self.client.post(url).json(&serde_json::json!({})))
            .await
            .map(drop)
    }

    /// Uploads, downloads and deletes a small file.
    async fn file_round_trip(&self, files: &str, token: &str) -> Result<(), String> {
        let path = format!("{FILES_DIR}{:016x}.txt", rand::random::<u64>());
        let content = format!("clearml-local {path}");
        let files = Files {
            client: &self.client,
            url: files,
            token,
        };
        files.upload(&path, content.clone()).await?;
        let stored = files.download(&files.url(&path)).await?;
        if !files.delete(&path).await? {
            return Err("the uploaded file is missing".into());
        }
        if stored == content {
            Ok(())
        } else {
            Err("the downloaded file differs from the uploaded one".into())
        }
    }
}

/// The pods are running, but a check of the server fails.
#[derive(Debug, thiserror::Error)]
#[error("the server is running, but {}", failures(checks))]
pub struct ChecksFailed {
    pub checks: Vec<Check>,
    /// Looks into the cluster, for the hint.
    pub(crate) kubectl: Kubectl,
}

/// Describes the failed checks; those with the same reason together.
fn failures(checks: &[Check]) -> String {
    let mut by_reason: Vec<(&str, Vec<String>)> = Vec::new();
    for check in checks {
        let Some(why) = check.failure.as_deref() else {
            continue;
        };
        let name = format!("`{}`", check.name);
        match by_reason.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, names)) => names.push(name),
            None => by_reason.push((why, vec![name])),
        }
    }
    let described = by_reason.iter().map(|(why, names)| {
        let verb = if names.len() == 1 { "fails" } else { "fail" };
        format!("{} {verb}: {why}", listed(names))
    });
    described.collect::<Vec<_>>().join("; ")
}

impl ChecksFailed {
    fn is_untrusted(&self) -> bool {
        self.checks.iter().any(Check::is_untrusted)
    }
}

impl Explain for ChecksFailed {
    fn failure(&self) -> Failure {
        if self.checks.iter().any(Check::is_about_clock) {
            Failure::ClockSkew
        } else if self.is_untrusted() {
            Failure::ServerCertificate
        } else if ingress_hint(&self.checks, &self.kubectl).is_some() {
            Failure::IngressCheckFailed
        } else {
            Failure::CheckFailed
        }
    }

    fn hints(&self) -> Vec<Hint> {
        if self.failure() == Failure::ClockSkew {
            return self.failure().remedies();
        }
        let failed = |name| {
            self.checks
                .iter()
                .any(|check| check.name == name && check.failure.is_some())
        };
        let component = if failed("api") || failed("login") {
            "apiserver"
        } else if failed("files") {
            "fileserver"
        } else {
            "webserver"
        };
        let log = Hint::run("see its logs", ours!(Logs, "{component}"));
        let is_of_authority = |check: &Check| check.failure.as_deref() == Some(OF_AUTHORITY);
        let first = if self.checks.iter().any(is_of_authority) {
            Hint::run(
                "create one for the server",
                "openssl req -x509 -addext basicConstraints=critical,CA:FALSE …",
            )
        } else if self.is_untrusted() {
            Hint::text(
                "add its certificate authority to this machine, or name its file in SSL_CERT_FILE",
            )
        } else {
            ingress_hint(&self.checks, &self.kubectl).unwrap_or(log)
        };
        vec![first, Hint::run("see the full status", ours!(Status))]
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::http::NOT_TRUSTED;
    use super::*;
    use crate::settings::HostPorts;

    fn failed(name: &'static str) -> ChecksFailed {
        let check = Check {
            name,
            took: Duration::ZERO,
            failure: Some("HTTP status 500".into()),
        };
        ChecksFailed {
            checks: vec![check],
            kubectl: Kubectl::in_node("demo-control-plane"),
        }
    }

    #[test]
    fn checks_with_the_same_reason_are_named_together() {
        let check = |name, why: Option<&str>| Check {
            name,
            took: Duration::ZERO,
            failure: why.map(str::to_owned),
        };
        let checks = [
            check("api", Some("refused")),
            check("login", Some("refused")),
            check("web", None),
            check("files", Some("skipped")),
        ];
        assert_eq!(
            failures(&checks),
            "`api` and `login` fail: refused; `files` fails: skipped"
        );
    }

    /// A server whose answers have a date, and which refuses every token. It issues tokens with
    /// one claim, a time.
    fn dated(
        ahead: jiff::SignedDuration,
        (claim, at): (&'static str, jiff::SignedDuration),
    ) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(&client).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                let basic = lines
                    .take_while(|line| !line.is_empty())
                    .any(|line| line.to_lowercase().starts_with("authorization: basic"));
                let now = jiff::Timestamp::now();
                let at = (now + at).as_second();
                let claims = BASE64_URL_SAFE_NO_PAD.encode(format!("{{\"{claim}\": {at}}}"));
                let body = match basic {
                    true => format!("{{\"data\": {{\"token\": \"e30.{claims}.x\"}}}}"),
                    false => "<html>".to_owned(),
                };
                let refused = !basic && !first.contains("ping") && !first.starts_with("GET / ");
                let status = if refused {
                    "401 Unauthorized"
                } else {
                    "200 OK"
                };
                let date = (now + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT");
                // The client may be gone.
                let _ = write!(
                    &client,
                    "HTTP/1.1 {status}\r\nDate: {date}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        port
    }

    #[tokio::test]
    async fn a_clock_is_named_when_a_token_is_refused() {
        crate::kube::install_crypto();
        let refused = async |ahead: i64, (claim, at): (&'static str, i64)| {
            let minutes = |number| jiff::SignedDuration::from_mins(number);
            let port = dated(minutes(ahead), (claim, minutes(at)));
            let endpoints = Endpoints::on_loopback(HostPorts {
                web: port,
                api: port,
                files: port,
            });
            let credentials = Credentials {
                access_key: "key".to_owned(),
                secret_key: "secret".to_owned(),
            };
            let probe = Probe::new(Targets::at(endpoints), credentials);
            ChecksFailed {
                checks: probe.run().await,
                kubectl: Kubectl::in_node("demo-control-plane"),
            }
        };
        let right = refused(0, ("iat", 0)).await;
        assert_eq!(right.failure(), Failure::CheckFailed, "{right}");
        // Two and a half hours, because the answer takes a moment.
        let ahead = refused(150, ("iat", 150)).await;
        assert_eq!(ahead.failure(), Failure::ClockSkew, "{ahead}");
        let text = ahead.to_string();
        assert!(
            text.contains("the credentials were rejected; the clock of the server is 2 h"),
            "{text}"
        );
        assert!(text.contains(" ahead of the one of this machine"), "{text}");
        let issuer = refused(0, ("iat", -150)).await;
        assert_eq!(issuer.failure(), Failure::ClockSkew, "{issuer}");
        let text = issuer.to_string();
        assert!(
            text.contains(" behind the one of the server that refused it"),
            "{text}"
        );
        let expired = refused(0, ("exp", -1)).await;
        assert_eq!(expired.failure(), Failure::ClockSkew, "{expired}");
        let text = expired.to_string();
        assert!(
            text.contains("is ahead of the one of the API server"),
            "{text}"
        );
        let valid = refused(0, ("exp", 60)).await;
        assert_eq!(valid.failure(), Failure::CheckFailed, "{valid}");
    }

    #[test]
    fn an_unknown_certificate_authority_has_its_own_hint() {
        let mut failure = failed("api");
        failure.checks[0].failure = Some(NOT_TRUSTED.into());
        assert!(failure.hints()[0].to_string().contains("SSL_CERT_FILE"));
        assert!(failure.checks[0].is_about_certificate());
        failure.checks[0].failure = Some(OF_AUTHORITY.into());
        assert_eq!(failure.failure(), Failure::ServerCertificate);
        assert!(failure.hints()[0].to_string().contains("CA:FALSE"));
    }

    #[test]
    fn a_failure_states_what_fails_and_where_to_look() {
        let failure = failed("files");
        assert_eq!(
            failure.to_string(),
            "the server is running, but `files` fails: HTTP status 500"
        );
        assert!(
            failure.hints()[0]
                .to_string()
                .ends_with("clearml-local logs fileserver")
        );
        let ingress = failed("ingress").hints()[0].to_string();
        assert!(
            ingress.contains("docker exec demo-control-plane kubectl"),
            "{ingress}"
        );
    }
}
