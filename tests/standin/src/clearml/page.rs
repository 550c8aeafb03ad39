//! The web app's page, as far as it decides whether the web app works: where it
//! looks for the API. A test reads the address from the page and asks it, as a
//! browser's script would.

use crate::support::http::Request;
use serde_json::Value;

/// The origin that the browser shows.
pub fn origin(request: &Request) -> String {
    let scheme = request.header("X-Forwarded-Proto").unwrap_or("http");
    let host = request.header("Host").unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// The address at which a page of that origin asks the API: the configuration's, read
/// from 1.15 on; else a published bundle asks its own origin, and the public source
/// guesses from host name and port.
pub fn api(configuration: Option<&Value>, published: bool, origin: &str) -> String {
    let configured = configuration.and_then(|all| all["apiBaseUrl"].as_str());
    match configured.or(published.then_some("/api")) {
        Some(path) if path.starts_with('/') => format!("{origin}{path}"),
        Some(url) => url.to_owned(),
        None => guess(origin),
    }
}

fn guess(origin: &str) -> String {
    if let Some((scheme, domain)) = origin.split_once("://app.") {
        return format!("{scheme}://api.{domain}");
    }
    let (scheme, authority) = origin.split_once("://").unwrap_or(("http", origin));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port),
        _ => (authority, ""),
    };
    let api = if port == "30080" { "30008" } else { "8008" };
    format!("{scheme}://{host}:{api}")
}

/// The page. It stays empty when the API cannot be reached.
pub fn html(api: &str) -> String {
    let api = api
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;");
    format!(
        "<!doctype html><html lang=\"en\"><head><title>ClearML</title><meta name=\"api\" content=\"{api}\"></head>\
        <body><script>const api = document.querySelector(\"meta[name=api]\").content;\
        fetch(`${{api}}/login.supported_modes`, {{method: \"POST\", mode: \"no-cors\"}})\
        .then(() => {{ document.body.textContent = \"ClearML (stand-in)\"; }});</script></body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn without_configuration_it_guesses_from_the_origin() {
        let guessed = |origin| api(Some(&json!({"apiBaseUrl": null})), false, origin);
        assert_eq!(guessed("http://localhost:30080"), "http://localhost:30008");
        assert_eq!(guessed("http://localhost:33280"), "http://localhost:8008");
        assert_eq!(guessed("http://[::1]:8080"), "http://[::1]:8008");
        assert_eq!(
            guessed("https://app.a.test:8443"),
            "https://api.a.test:8443"
        );
        assert_eq!(api(None, false, "http://here"), "http://here:8008");
    }

    #[test]
    fn a_published_bundle_asks_its_own_origin() {
        assert_eq!(
            api(None, true, "http://localhost:33280"),
            "http://localhost:33280/api"
        );
    }

    #[test]
    fn the_configuration_wins() {
        let configured = |url| api(Some(&json!({"apiBaseUrl": url})), true, "https://a.test");
        assert_eq!(configured("/api"), "https://a.test/api");
        assert_eq!(configured("http://b:1"), "http://b:1");
    }

    #[test]
    fn the_page_holds_the_address() {
        assert!(html("http://a:1\"").contains("content=\"http://a:1&quot;\""));
    }
}
