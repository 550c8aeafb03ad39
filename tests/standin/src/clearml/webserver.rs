//! The web server: nginx with the web app, and its ways to the other two.

use crate::clearml::{die, log, page};
use crate::support::http::{self, Request, Response};
use crate::support::version::Version;
use crate::support::{clock, signals, switches};
use serde_json::{Value, json};
use std::net::ToSocketAddrs;
use std::time::Duration;

const COMPONENT: &str = "nginx";
const ADDRESS: &str = "0.0.0.0:80";
/// What nginx serves; 1.5 knows nothing else.
const STATIC: &str = "/usr/share/nginx/html/configuration.json";
/// From 1.15 on it is made of this file, where there is one, and of variables.
const EXTERNAL: &str = "/mnt/external_files/configs/configuration.json";

/// Runs until SIGTERM; returns the exit code.
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
            return die(COMPONENT, &format!("nginx: [emerg] {error}"));
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
    match http::serve(ADDRESS, move |request| server.answer(&request)) {
        Ok(()) => 0,
        Err(error) => die(
            COMPONENT,
            &format!("nginx: [emerg] bind() to {ADDRESS} failed: {error}"),
        ),
    }
}

/// `host:port` of an upstream; nginx looks its name up once, at start.
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

/// `configuration.json` as 1.15 and newer make it at start: the external file,
/// and `WEBSERVER__…` variables over it, each parsed as JSON. None before, when
/// it is a static file.
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
    // From 2.1 on a text may stand in single quotes.
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

/// Sets `a__b` to a value.
fn set(configuration: &mut Value, path: &str, value: Value) {
    let mut place = configuration;
    for part in path.split("__") {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[part];
    }
    *place = value;
}

/// `credentials.json`, by which visitors log in without a password: all three
/// fields as soon as one is set.
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
    /// None where it is a static file.
    configuration: Option<Value>,
    credentials: Option<Value>,
    /// Whether the page is one of those that always ask their own origin.
    published: bool,
}

impl Webserver {
    fn answer(&self, request: &Request) -> Response {
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
            // As nginx answers for static files.
            _ => return Response::new(405, "text/html", "405 Not Allowed"),
        }
        match request.path.as_str() {
            "/configuration.json" => match &self.configuration {
                Some(configuration) => Response::json(200, configuration),
                // As nginx serves it, valid or not.
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
    // Those that belong to one connection stay with it.
    let own = [
        "connection",
        "content-length",
        "transfer-encoding",
        "expect",
        "host",
        "keep-alive",
    ];
    let passes = |(name, _): &&(String, String)| !own.contains(&name.to_lowercase().as_str());
    let headers: Vec<(String, String)> = request.headers.iter().filter(passes).cloned().collect();
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
        Ok(mut answer) => {
            answer.headers.retain(|header| passes(&header));
            answer
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
    fn names_are_looked_up_at_start() {
        assert_eq!(
            upstream("http://127.0.0.1:8008").as_deref(),
            Ok("127.0.0.1:8008")
        );
        assert_eq!(upstream("http://127.0.0.1/").as_deref(), Ok("127.0.0.1:80"));
        let error = upstream("http://no-such-host.invalid:8008").unwrap_err();
        assert!(error.starts_with("host not found in upstream \"no-such-host.invalid\""));
    }

    fn made(version: &str, external: Option<&str>, value: &str) -> Result<Option<Value>, String> {
        let variable = ("WEBSERVER__fileBaseUrl".to_owned(), value.to_owned());
        let version = Version::parse(version).unwrap();
        configuration(version, external, std::iter::once(variable))
    }

    #[test]
    fn variables_are_json_and_win_over_the_file() {
        let file = Some("{\"a\": 1, \"fileBaseUrl\": \"x\"}");
        let configuration = made("2.3.0", file, "\"y\"").unwrap().unwrap();
        assert_eq!(configuration["a"], 1);
        assert_eq!(configuration["fileBaseUrl"], "y");
        assert!(
            made("2.3.0", None, "y")
                .unwrap_err()
                .contains("fileBaseUrl=y")
        );
        assert!(made("2.3.0", Some("{"), "\"y\"").is_err());
    }

    #[test]
    fn single_quotes_are_new() {
        assert_eq!(
            made("2.1.0", None, "'y'").unwrap().unwrap()["fileBaseUrl"],
            "y"
        );
        assert!(made("2.0.0", None, "'y'").is_err());
        assert_eq!(made("1.5.0", Some("{"), "y"), Ok(None), "nothing is read");
    }

    #[test]
    fn paths_of_variables_nest() {
        let mut configuration = json!({"a": null});
        set(&mut configuration, "a__b", json!(true));
        assert_eq!(configuration, json!({"a": {"b": true}}));
    }
}
