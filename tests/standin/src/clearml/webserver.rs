//! The web server: nginx with the web app, and its ways to the other two.

use crate::clearml::{die, log};
use crate::support::http::{self, Request, Response};
use crate::support::version::Version;
use crate::support::{signals, switches};
use serde_json::{Value, json};
use std::net::ToSocketAddrs;
use std::time::Duration;

const COMPONENT: &str = "nginx";
const ADDRESS: &str = "0.0.0.0:80";
const EXTERNAL: &str = "/mnt/external_files/configs/configuration.json";
const PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>ClearML</title></head><body>ClearML (stand-in)</body></html>\n";

/// Runs until SIGTERM; returns the exit code.
pub fn run() -> u8 {
    match switches::misbehave(None) {
        0 => {}
        code => return code,
    }
    signals::on_terminate(|| 0);
    let version = Version::of_image();
    let configuration = match configuration(version) {
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

/// `configuration.json`. From 1.15 on `WEBSERVER__…` variables go into it,
/// each parsed as JSON; 1.5 has a fixed file.
fn configuration(version: Version) -> Result<Value, String> {
    let mut configuration = json!({"apiBaseUrl": null, "productName": "clearml"});
    if version.major < 2 {
        return Ok(configuration);
    }
    if let Ok(text) = std::fs::read_to_string(EXTERNAL) {
        let external =
            serde_json::from_str(&text).map_err(|error| format!("{EXTERNAL}: {error}"))?;
        if let (Value::Object(all), Value::Object(external)) = (&mut configuration, external) {
            all.extend(external);
        }
    }
    for (name, text) in std::env::vars() {
        if let Some(path) = name.strip_prefix("WEBSERVER__") {
            let value = serde_json::from_str(&text)
                .map_err(|error| format!("json.decoder.JSONDecodeError: {name}={text}: {error}"))?;
            set(&mut configuration, path, value);
        }
    }
    Ok(configuration)
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
    configuration: Value,
    credentials: Option<Value>,
}

impl Webserver {
    fn answer(&self, request: &Request) -> Response {
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
            "/configuration.json" => Response::json(200, &self.configuration),
            "/credentials.json" => match &self.credentials {
                Some(credentials) => Response::json(200, credentials),
                None => Response::new(404, "text/html", "404 Not Found"),
            },
            "/version.json" => Response::json(200, &json!({"version": self.version.to_string()})),
            _ => Response::new(200, "text/html", PAGE),
        }
    }
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

    #[test]
    fn paths_of_variables_nest() {
        let mut configuration = json!({"a": null});
        set(&mut configuration, "a__b", json!(true));
        assert_eq!(configuration, json!({"a": {"b": true}}));
    }
}
