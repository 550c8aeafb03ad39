//! The file server.

use crate::clearml::config::{self, Config};
use crate::clearml::databases::{Redis, retry};
use crate::clearml::{fail, log, multipart, users};
use crate::support::http::{self, Request, Response, percent_decode};
use crate::support::version::Version;
use crate::support::{clock, signals, switches};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

const COMPONENT: &str = "clearml.fileserver";
const ADDRESS: &str = "0.0.0.0:8081";
const ROOT: &str = "/mnt/fileserver";
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often 2.x tries to log in, once per second, before it opens its port.
const LOGIN_ATTEMPTS: u64 = 240;

/// Runs until SIGTERM and returns the exit code.
pub fn run() -> u8 {
    match switches::misbehave(Some(Path::new(ROOT))) {
        0 => {}
        code => return code,
    }
    signals::on_terminate(|| 0);
    match start() {
        Ok(server) => match http::serve(ADDRESS, move |request| server.handle(&request)) {
            Ok(()) => 0,
            Err(error) => fail(COMPONENT, &format!("{ADDRESS}: {error}")),
        },
        Err(error) => fail(COMPONENT, &error),
    }
}

fn start() -> Result<Fileserver, String> {
    let version = Version::of_image();
    log(
        "INFO",
        COMPONENT,
        &format!("ClearML file server {version} (stand-in)"),
    );
    config::require_variable("CLEARML_CONFIG_DIR")?;
    let config = Config::of_process()?;
    let probe = Path::new(ROOT).join(".standin-probe");
    std::fs::write(&probe, "").map_err(|error| format!("{ROOT} cannot be written: {error}"))?;
    std::fs::remove_file(&probe).map_err(|error| error.to_string())?;
    let enabled = config.flag("fileserver.auth.enabled", true);
    let auth = (version.major >= 2 && enabled)
        .then(|| Auth::connect(&config))
        .transpose()?;
    log("INFO", COMPONENT, &format!("listening on {ADDRESS}"));
    Ok(Fileserver { version, auth })
}

/// Accepts requests with a token that the API server knows.
struct Auth {
    apiserver: String,
    login: String,
}

impl Auth {
    fn connect(config: &Config) -> Result<Self, String> {
        let redis = config::require_service("REDIS").unwrap_or_else(|_| "redis:6379".into());
        Redis::at(redis).wait(Duration::from_secs(3))?;
        let url = config
            .text("hosts.api_server")
            .unwrap_or("http://apiserver:8008");
        let field = |name: &str, default: &'static str| {
            let path = format!("secure.credentials.fileserver.{name}");
            config.text(&path).unwrap_or(default).to_owned()
        };
        let key = field("user_key", users::FILESERVER_DEFAULT.0);
        let secret = field("user_secret", users::FILESERVER_DEFAULT.1);
        let auth = Self {
            apiserver: url
                .strip_prefix("http://")
                .ok_or("CLEARML__HOSTS__API_SERVER is not an http:// address")?
                .trim_end_matches('/')
                .to_owned(),
            login: format!("Basic {}", STANDARD.encode(format!("{key}:{secret}"))),
        };
        auth.log_in(url)?;
        Ok(auth)
    }

    /// Logs in, with retries before the port is opened. If nothing listens at the
    /// address, the server exits immediately.
    fn log_in(&self, url: &str) -> Result<(), String> {
        let mut end = None;
        retry(Duration::from_secs(LOGIN_ATTEMPTS), || {
            end = match self.call("/auth.login", &self.login, json!({})) {
                Ok(200) => return Ok(()),
                Ok(401) => Some(format!(
                    "LoginError: failed getting token (error 401 from {url}): Unauthorized (invalid credentials)"
                )),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Some(format!(
                    "ValueError: Connection Error: it seems *api_server* is misconfigured. Is this the ClearML API server {url} ?"
                )),
                Ok(status) => return Err(io::Error::other(format!("login: {status}"))),
                Err(error) => return Err(error),
            };
            Ok(())
        })
        .map_err(|error| format!("no login at {url}: {error}"))?;
        end.map_or(Ok(()), Err)
    }

    fn call(&self, path: &str, authorization: &str, body: Value) -> io::Result<u16> {
        let headers = [
            ("Authorization".to_owned(), authorization.to_owned()),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let body = body.to_string();
        let response = http::call(
            "POST",
            &self.apiserver,
            path,
            &headers,
            body.as_bytes(),
            TIMEOUT,
        )?;
        let is_invalid = response.as_json()["data"]["valid"] == false;
        Ok(if is_invalid { 401 } else { response.status })
    }

    fn accepts(&self, request: &Request) -> bool {
        let bearer = request
            .header("Authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        let Some(token) = bearer.or_else(|| request.cookie("clearml_token_basic")) else {
            return false;
        };
        let validated = self.call("/auth.validate_token", &self.login, json!({"token": token}));
        validated.is_ok_and(|status| status == 200)
    }
}

struct Fileserver {
    version: Version,
    auth: Option<Auth>,
}

impl Fileserver {
    fn handle(&self, request: &Request) -> Response {
        let response = self.respond(request);
        println!(
            "{} - - [{}] \"{} {} HTTP/1.1\" {} -",
            request.peer,
            clock::common_log().replacen(':', " ", 1),
            request.method,
            request.path,
            response.status
        );
        response
    }

    fn respond(&self, request: &Request) -> Response {
        let modern = self.version.major >= 2;
        match (request.method.as_str(), request.path.as_str()) {
            ("OPTIONS", _) => return text(200, ""),
            ("GET" | "HEAD", "/") if modern => return text(200, "OK"),
            ("GET" | "HEAD", "/") => return text(405, "Method Not Allowed"),
            _ => {}
        }
        if self
            .auth
            .as_ref()
            .is_some_and(|auth| !auth.accepts(request))
        {
            return text(401, "Unauthorized");
        }
        let result = match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/") => upload(request),
            ("POST", "/delete_many") if modern => delete_many(request),
            ("GET" | "HEAD", path) => local(path).and_then(|file| {
                Ok(Response::new(
                    200,
                    "application/octet-stream",
                    std::fs::read(file)?,
                ))
            }),
            ("DELETE", path) => delete(&percent_decode(path)),
            _ => return text(405, "Method Not Allowed"),
        };
        result.unwrap_or_else(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => text(404, "Not Found"),
            io::ErrorKind::InvalidInput => text(400, &error.to_string()),
            _ => text(500, &error.to_string()),
        })
    }
}

fn upload(request: &Request) -> io::Result<Response> {
    let kind = request.header("Content-Type").unwrap_or_default();
    let parts = multipart::files(kind, &request.body).filter(|parts| !parts.is_empty());
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "no files in the form");
    let mut stored = Vec::new();
    for part in parts.ok_or_else(invalid)? {
        let file = local(&part.name)?;
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&file, &part.bytes)?;
        log("INFO", COMPONENT, &format!("uploaded {}", part.name));
        stored.push(part.name);
    }
    Ok(Response::json(200, &json!(stored)))
}

fn delete(path: &str) -> io::Result<Response> {
    let path = path.trim_start_matches('/');
    std::fs::remove_file(local(path)?)?;
    Ok(Response::json(200, &json!(path)))
}

fn delete_many(request: &Request) -> io::Result<Response> {
    let body: Value = serde_json::from_slice(&request.body)?;
    let (mut deleted, mut errors) = (json!({}), json!({}));
    for path in body["files"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        match delete(path) {
            Ok(_) => deleted[path] = json!(path),
            Err(error) => errors[path] = json!(error.to_string()),
        }
    }
    Ok(Response::json(
        200,
        &json!({"deleted": deleted, "errors": errors}),
    ))
}

/// Returns the file at a path below the root.
fn local(path: &str) -> io::Result<PathBuf> {
    let decoded = percent_decode(path);
    let relative = Path::new(decoded.trim_start_matches('/'));
    let is_below_root = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if relative.as_os_str().is_empty() || !is_below_root {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a path below the root",
        ));
    }
    Ok(Path::new(ROOT).join(relative))
}

fn text(status: u16, body: &str) -> Response {
    Response::new(status, "text/html; charset=utf-8", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_immediately_without_a_listening_api_server() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = closed.local_addr().unwrap().to_string();
        drop(closed);
        let auth = Auth {
            apiserver: address,
            login: String::new(),
        };
        let error = auth.log_in("http://apiserver:8008").unwrap_err();
        assert!(error.contains("*api_server* is misconfigured"), "{error}");
    }

    #[test]
    fn rejects_paths_outside_the_root() {
        assert_eq!(
            local("a/b%20c").unwrap(),
            Path::new("/mnt/fileserver/a/b c")
        );
        for path in ["../etc/passwd", "a/%2e%2e/b", "", "/"] {
            assert!(local(path).is_err(), "{path}");
        }
    }
}
