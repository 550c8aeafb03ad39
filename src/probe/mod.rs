//! The server as a user meets it: through its published ports, with a real
//! login and a file that comes back.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, multipart};
use serde::Serialize;
use serde_json::Value;

use crate::error::{Code, Explain};
use crate::secrets::Credentials;
use crate::settings::{Instance, Ports};

/// Time for one request. A login against a server without MongoDB takes 30 s
/// to fail; nobody waits that long for a page.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What is said of whatever took too long.
const LATE: &str = "no answer in time";

/// The three URLs, as people type them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// Web app.
    pub web: String,
    /// API server.
    pub api: String,
    /// File server.
    pub files: String,
}

impl Endpoints {
    /// The URLs of an instance. Ports that are open to all are reached on
    /// `localhost` too.
    pub fn of(instance: &Instance) -> Endpoints {
        let host = match instance.listen {
            address if address.is_loopback() || address.is_unspecified() => "localhost".to_owned(),
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        };
        Endpoints::at(&host, instance.ports)
    }

    /// The URLs with a literal address: `localhost` may mean `::1` first, where
    /// nothing is published.
    fn literal(instance: &Instance) -> Endpoints {
        let address = match instance.listen {
            address if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            address => address,
        };
        let host = match address {
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        };
        Endpoints::at(&host, instance.ports)
    }

    fn at(host: &str, ports: Ports) -> Endpoints {
        Endpoints {
            web: format!("http://{host}:{}", ports.web),
            api: format!("http://{host}:{}", ports.api),
            files: format!("http://{host}:{}", ports.files),
        }
    }
}

/// One check and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Such as `login`.
    pub name: &'static str,
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// Asks the server what a user would ask.
pub struct Probe {
    client: Client,
    at: Endpoints,
    credentials: Credentials,
    /// When everything is given up that has not answered.
    until: Option<Instant>,
}

impl Probe {
    /// A probe of an instance that logs in with `credentials`.
    ///
    /// # Panics
    /// When the HTTP client cannot be built, which needs nothing of the machine.
    pub fn new(instance: &Instance, credentials: Credentials) -> Probe {
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build();
        Probe {
            client: client.expect("a client without TLS needs nothing of the machine"),
            at: Endpoints::literal(instance),
            credentials,
            until: None,
        }
    }

    /// The same, giving up all that has not answered by then.
    #[must_use]
    pub fn until(self, until: Instant) -> Probe {
        Probe {
            until: Some(until),
            ..self
        }
    }

    /// All checks at once, in the order in which they are shown.
    pub async fn all(&self) -> Vec<Check> {
        self.ask(false).await.0
    }

    /// All checks, and the server's version where it tells one.
    pub async fn all_and_version(&self) -> (Vec<Check>, Option<String>) {
        self.ask(true).await
    }

    /// The file check and the version need the login's token.
    async fn ask(&self, version: bool) -> (Vec<Check>, Option<String>) {
        let with_token = async {
            let (login, token) = self.timed("login", self.login()).await;
            let Some(token) = token else {
                let files = Check {
                    name: "files",
                    took: Duration::ZERO,
                    failure: Some("not tried without a login".into()),
                };
                return ([login, files], None);
            };
            let server = async {
                match version {
                    true => self.timed("version", self.server_version(&token)).await.1,
                    false => None,
                }
            };
            let (files, server) =
                tokio::join!(self.timed("files", self.file_round_trip(&token)), server);
            ([login, files.0], server)
        };
        let (ping, ([login, files], server), web, proxy) = tokio::join!(
            self.timed("api", self.ping()),
            with_token,
            self.timed("web", self.web_page()),
            self.timed("web to api", self.web_proxy()),
        );
        (vec![ping.0, login, web.0, proxy.0, files], server)
    }

    /// One check with its time, which is bounded.
    async fn timed<T>(
        &self,
        name: &'static str,
        check: impl Future<Output = Result<T, String>>,
    ) -> (Check, Option<T>) {
        let began = Instant::now();
        let answer = match self.until {
            Some(until) => tokio::time::timeout_at(until.into(), check)
                .await
                .unwrap_or_else(|_| Err(LATE.into())),
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

    /// The server's version, such as `1.5.0-192`; newer ones tell it to users alone.
    async fn server_version(&self, token: &str) -> Result<String, String> {
        let request = self.client.post(format!("{}/server.info", self.at.api));
        let request = request.bearer_auth(token).json(&serde_json::json!({}));
        let body: Value = send(request).await?.json().await.map_err(plainly)?;
        let version = body["data"]["version"].as_str();
        let version = version.ok_or("the answer holds no version")?;
        let build = body["data"]["build"].as_str().filter(|b| !b.is_empty());
        Ok(build.map_or_else(|| version.to_owned(), |build| format!("{version}-{build}")))
    }

    async fn ping(&self) -> Result<(), String> {
        let url = format!("{}/debug.ping", self.at.api);
        send(self.client.get(url)).await.map(drop)
    }

    /// A login with the generated credentials; returns the token.
    async fn login(&self) -> Result<String, String> {
        let request = self.client.post(format!("{}/auth.login", self.at.api));
        let key = &self.credentials.access_key;
        let request = request.basic_auth(key, Some(&self.credentials.secret_key));
        let response = send(request.json(&serde_json::json!({}))).await?;
        let body: Value = response.json().await.map_err(plainly)?;
        let token = body["data"]["token"].as_str().filter(|t| !t.is_empty());
        token
            .map(str::to_owned)
            .ok_or_else(|| "the answer holds no token".into())
    }

    async fn web_page(&self) -> Result<(), String> {
        let page = send(self.client.get(format!("{}/", self.at.web))).await?;
        let text = page.text().await.map_err(plainly)?;
        if text.to_lowercase().contains("<html") {
            Ok(())
        } else {
            Err("the answer is no page".into())
        }
    }

    /// The web app's way to the API server.
    async fn web_proxy(&self) -> Result<(), String> {
        let url = format!("{}/api/debug.ping", self.at.web);
        send(self.client.post(url).json(&serde_json::json!({})))
            .await
            .map(drop)
    }

    /// A small file stored, returned and deleted.
    async fn file_round_trip(&self, token: &str) -> Result<(), String> {
        let path = format!("clearml-local-probe/{:016x}.txt", rand::random::<u64>());
        let content = format!("clearml-local {path}");
        let part = multipart::Part::text(content.clone()).file_name("probe.txt");
        // The form field's name is the destination path.
        let form = multipart::Form::new()
            .part(path.clone(), part)
            .percent_encode_noop();
        let root = format!("{}/", self.at.files);
        let url = format!("{root}{path}");
        send(self.client.post(&root).bearer_auth(token).multipart(form)).await?;
        let stored = send(self.client.get(&url).bearer_auth(token)).await?;
        let came_back = stored.text().await.map_err(plainly)? == content;
        send(self.client.request(Method::DELETE, &url).bearer_auth(token)).await?;
        if came_back {
            Ok(())
        } else {
            Err("the file came back changed".into())
        }
    }
}

async fn send(request: RequestBuilder) -> Result<Response, String> {
    let response = request.send().await.map_err(plainly)?;
    match response.status() {
        StatusCode::OK => Ok(response),
        StatusCode::UNAUTHORIZED => Err("it answers 401: the credentials are not accepted".into()),
        status => Err(format!("it answers {}", status.as_u16())),
    }
}

/// What went wrong with a request, without the layers.
fn plainly(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return LATE.into();
    }
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().to_lowercase()
}

/// The pods run, but the server does not do what a user needs.
#[derive(Debug, thiserror::Error)]
#[error("the server runs, but {}", failures(checks))]
pub struct Failure {
    /// All checks.
    pub checks: Vec<Check>,
}

fn failures(checks: &[Check]) -> String {
    let failed = checks
        .iter()
        .filter_map(|check| Some((check.name, check.failure.as_deref()?)))
        .map(|(name, why)| format!("`{name}` fails: {why}"));
    failed.collect::<Vec<_>>().join("; ")
}

impl Explain for Failure {
    fn code(&self) -> Code {
        Code::ProbeFailed
    }

    fn hints(&self) -> Vec<String> {
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
        vec![
            format!("see what it says: clearml-local logs {component}"),
            "see the whole: clearml-local status".into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Wishes;

    fn instance(listen: &str) -> Instance {
        let wishes = Wishes {
            listen: Some(listen.parse().unwrap()),
            ..Wishes::default()
        };
        wishes.instance(None, "/data".to_owned().into()).unwrap()
    }

    #[test]
    fn people_get_names_and_probes_get_addresses() {
        let shown = |listen| Endpoints::of(&instance(listen)).web;
        assert_eq!(shown("127.0.0.1"), "http://localhost:30080");
        assert_eq!(shown("0.0.0.0"), "http://localhost:30080");
        assert_eq!(shown("192.168.1.2"), "http://192.168.1.2:30080");
        assert_eq!(
            Endpoints::literal(&instance("0.0.0.0")).api,
            "http://127.0.0.1:30008"
        );
    }

    #[test]
    fn a_failure_names_what_fails_and_where_to_look() {
        let failed = Check {
            name: "files",
            took: Duration::ZERO,
            failure: Some("it answers 500".into()),
        };
        let failure = Failure {
            checks: vec![failed],
        };
        assert_eq!(
            failure.to_string(),
            "the server runs, but `files` fails: it answers 500"
        );
        assert!(failure.hints()[0].ends_with("clearml-local logs fileserver"));
    }
}
