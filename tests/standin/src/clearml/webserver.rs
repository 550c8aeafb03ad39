//! The web server: nginx with the web app, and its proxies to the other servers.

use crate::clearml::{fail, log, page};
use crate::support::http::{self, Request, Response};
use crate::support::version::Version;
use crate::support::{clock, signals, switches};
use serde_json::{Value, json};
use std::net::ToSocketAddrs;
use std::time::Duration;

const COMPONENT: &str = "nginx";
const ADDRESS: &str = "0.0.0.0:80";
/// The file that nginx serves; 1.5 only has this file.
const STATIC: &str = "/usr/share/nginx/html/configuration.json";
/// Since 1.15, the configuration is generated from this file, if it exists, and from
/// variables.
const EXTERNAL: &str = "/mnt/external_files/configs/configuration.json";

/// Runs until SIGTERM and returns the exit code.
pub fn run() -> u8 {
    match switches::misbehave(None) {
        0 => {}
        code => return code,
    }
    signals::on_terminate(|| 0);
    let version = Version::of_image();
    let external = std::fs::read_to_string(EXTERNAL).ok();
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let configuration = match configuration(version, external.as_deref(), variables) {
        Ok(configuration) => configuration,
        Err(error) => {
            eprintln!("{error}");
            return 2;
        }
    };
    let upstreams = ["apiserver:8008", "fileserver:8081"].map(|default| {
        let name = default.split(':').next().unwrap_or_default().to_uppercase();
        let url = std::env::var(format!("NGINX_{name}_ADDRESS"));
        upstream(&url.unwrap_or_else(|_| format!("http://{default}")))
    });
    let [api, files] = upstreams;
    let (api, files) = match (api, files) {
        (Ok(api), Ok(files)) => (api, files),
        (Err(error), _) | (_, Err(error)) => {
            return fail(COMPONENT, &format!("nginx: [emerg] {error}"));
        }
    };
    let server = Webserver {
        version,
        api,
        files,
        configuration,
        credentials: credentials(),
        published: std::env::var("STANDIN_WEB_APP").is_ok_and(|value| value == "published"),
    };
    log("INFO", COMPONENT, &format!("listening on {ADDRESS}"));
    match http::serve(ADDRESS, move |request| server.handle(&request)) {
        Ok(()) => 0,
        Err(error) => fail(
            COMPONENT,
            &format!("nginx: [emerg] bind() to {ADDRESS} failed: {error}"),
        ),
    }
}

/// Returns `host:port` of an upstream. nginx resolves its name once, at start.
fn upstream(url: &str) -> Result<String, String> {
    let target = url
        .strip_prefix("http://")
        .ok_or_else(|| format!("invalid URL prefix in \"{url}\""))?
        .split('/')
        .next()
        .unwrap_or_default();
    let target = match target.split_once(':') {
        Some(_) => target.to_owned(),
        None => format!("{target}:80"),
    };
    match target.to_socket_addrs() {
        Ok(_) => Ok(target),
        Err(_) => {
            let host = target.split(':').next().unwrap_or_default();
            Err(format!(
                "host not found in upstream \"{host}\" in /etc/nginx/conf.d/default.conf"
            ))
        }
    }
}

/// Generates `configuration.json` like 1.15 and newer at start: the external file,
/// overridden by `WEBSERVER__…` variables, each parsed as JSON. `None` in earlier
/// versions, which have a static file.
fn configuration(
    version: Version,
    external: Option<&str>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Option<Value>, String> {
    if version < Version::parse("1.15.0").expect("a version") {
        return Ok(None);
    }
    let mut configuration = json!({"apiBaseUrl": null, "productName": "clearml"});
    if let Some(text) = external {
        let external = serde_json::from_str(text)
            .map_err(|error| format!("json.decoder.JSONDecodeError: {EXTERNAL}: {error}"))?;
        if let (Value::Object(all), Value::Object(external)) = (&mut configuration, external) {
            all.extend(external);
        }
    }
    // Since 2.1, a string may be in single quotes.
    let relaxed = version >= Version::parse("2.1.0").expect("a version");
    for (name, text) in variables {
        if let Some(path) = name.strip_prefix("WEBSERVER__") {
            let quoted = text
                .strip_prefix('\'')
                .and_then(|text| text.strip_suffix('\''));
            let value = match quoted.filter(|_| relaxed) {
                Some(inner) => Value::String(inner.to_owned()),
                None => serde_json::from_str(&text).map_err(|error| {
                    format!("json.decoder.JSONDecodeError: {name}={text}: {error}")
                })?,
            };
            set(&mut configuration, path, value);
        }
    }
    Ok(Some(configuration))
}

fn set(configuration: &mut Value, path: &str, value: Value) {
    let mut target = configuration;
    for part in path.split("__") {
        if !target.is_object() {
            *target = json!({});
        }
        target = &mut target[part];
    }
    *target = value;
}

/// Returns `credentials.json`, with which visitors log in without a password. It has
/// all three fields if one is set.
fn credentials() -> Option<Value> {
    let variables = ["USER_KEY", "USER_SECRET", "COMPANY_ID"].map(|name| std::env::var(name).ok());
    if variables.iter().all(Option::is_none) {
        return None;
    }
    let [key, secret, company] = variables.map(Option::unwrap_or_default);
    Some(json!({"userKey": key, "userSecret": secret, "companyID": company}))
}

struct Webserver {
    version: Version,
    api: String,
    files: String,
    /// `None` if it is a static file.
    configuration: Option<Value>,
    credentials: Option<Value>,
    /// Whether the page always uses its own origin.
    published: bool,
}

impl Webserver {
    fn handle(&self, request: &Request) -> Response {
        let response = self.respond(request);
        let header = |name| request.header(name).unwrap_or("-");
        println!(
            "{} - - [{} +0000] \"{} {} HTTP/1.1\" {} {} \"{}\" \"{}\" \"{}\"",
            request.peer,
            clock::common_log(),
            request.method,
            request.path,
            response.status,
            response.body.len(),
            header("Referer"),
            header("User-Agent"),
            header("X-Forwarded-For")
        );
        response
    }

    fn respond(&self, request: &Request) -> Response {
        if let Some(rest) = request.path.strip_prefix("/api/") {
            return proxy(&self.api, rest, request);
        }
        if let Some(rest) = request.path.strip_prefix("/files/") {
            return proxy(&self.files, rest, request);
        }
        match request.method.as_str() {
            "GET" | "HEAD" => {}
            // The response of nginx for static files.
            _ => return Response::new(405, "text/html", "405 Not Allowed"),
        }
        match request.path.as_str() {
            "/configuration.json" => match &self.configuration {
                Some(configuration) => Response::json(200, configuration),
                // nginx serves it even if it is invalid.
                None => match std::fs::read(STATIC) {
                    Ok(text) => Response::new(200, "application/json", text),
                    Err(_) => not_found(),
                },
            },
            "/credentials.json" => match &self.credentials {
                Some(credentials) => Response::json(200, credentials),
                None => not_found(),
            },
            "/version.json" => Response::json(200, &json!({"version": self.version.to_string()})),
            _ => {
                let configuration = self.configuration.as_ref();
                let api = page::api(configuration, self.published, &page::origin(request));
                Response::new(200, "text/html", page::html(&api))
            }
        }
    }
}

fn not_found() -> Response {
    Response::new(404, "text/html", "404 Not Found")
}

fn proxy(target: &str, path: &str, request: &Request) -> Response {
    let query = if request.query.is_empty() {
        String::new()
    } else {
        format!("?{}", request.query)
    };
    // Headers of a single connection are not forwarded.
    let per_connection = [
        "connection",
        "content-length",
        "transfer-encoding",
        "expect",
        "host",
        "keep-alive",
    ];
    let is_forwarded =
        |(name, _): &&(String, String)| !per_connection.contains(&name.to_lowercase().as_str());
    let headers: Vec<(String, String)> = request
        .headers
        .iter()
        .filter(is_forwarded)
        .cloned()
        .collect();
    let path = format!("/{path}{query}");
    let timeout = Duration::from_secs(60);
    match http::call(
        &request.method,
        target,
        &path,
        &headers,
        &request.body,
        timeout,
    ) {
        Ok(mut response) => {
            response.headers.retain(|header| is_forwarded(&header));
            response
        }
        Err(_) => Response::new(
            502,
            "text/html",
            "<html><head><title>502 Bad Gateway</title></head></html>\n",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resolved_at_start() {
        assert_eq!(
            upstream("http://127.0.0.1:8008").as_deref(),
            Ok("127.0.0.1:8008")
        );
        assert_eq!(upstream("http://127.0.0.1/").as_deref(), Ok("127.0.0.1:80"));
        let error = upstream("http://no-such-host.invalid:8008").unwrap_err();
        assert!(error.starts_with("host not found in upstream \"no-such-host.invalid\""));
    }

    fn generate(
        version: &str,
        external: Option<&str>,
        value: &str,
    ) -> Result<Option<Value>, String> {
        let variable = ("WEBSERVER__fileBaseUrl".to_owned(), value.to_owned());
        let version = Version::parse(version).unwrap();
        configuration(version, external, std::iter::once(variable))
    }

    #[test]
    fn variables_are_json_and_override_the_file() {
        let file = Some("{\"a\": 1, \"fileBaseUrl\": \"x\"}");
        let configuration = generate("2.3.0", file, "\"y\"").unwrap().unwrap();
        assert_eq!(configuration["a"], 1);
        assert_eq!(configuration["fileBaseUrl"], "y");
        assert!(
            generate("2.3.0", None, "y")
                .unwrap_err()
                .contains("fileBaseUrl=y")
        );
        assert!(generate("2.3.0", Some("{"), "\"y\"").is_err());
    }

    #[test]
    fn single_quotes_need_version_2_1() {
        assert_eq!(
            generate("2.1.0", None, "'y'").unwrap().unwrap()["fileBaseUrl"],
            "y"
        );
        assert!(generate("2.0.0", None, "'y'").is_err());
        assert_eq!(
            generate("1.5.0", Some("{"), "y"),
            Ok(None),
            "nothing is read"
        );
    }

    #[test]
    fn variables_set_nested_keys() {
        let mut configuration = json!({"a": null});
        set(&mut configuration, "a__b", json!(true));
        assert_eq!(configuration, json!({"a": {"b": true}}));
    }
}
