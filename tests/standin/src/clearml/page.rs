//! The page of the web app, with the API address that determines whether it works. It logs
//! in as the real one does, by a name or by a user name and a password, and shows projects
//! and experiments. Tests look at it in a browser.

use crate::support::http::Request;
use serde_json::Value;

/// Returns the origin that the browser shows.
pub fn origin(request: &Request) -> String {
    let scheme = request.header("X-Forwarded-Proto").unwrap_or("http");
    let host = request.header("Host").unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// Returns the API address for a page with this origin: that in the configuration,
/// which is read since 1.15; otherwise a published bundle uses its own origin, and the
/// public source guesses from host name and port.
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

/// Returns the page. It stays empty if the API is unreachable.
pub fn html(api: &str) -> String {
    let api = api
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;");
    include_str!("page.html").replace("{{api}}", &api)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn guesses_from_the_origin_without_configuration() {
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
    fn a_published_bundle_uses_its_own_origin() {
        assert_eq!(
            api(None, true, "http://localhost:33280"),
            "http://localhost:33280/api"
        );
    }

    #[test]
    fn the_configuration_takes_precedence() {
        let configured = |url| api(Some(&json!({"apiBaseUrl": url})), true, "https://a.test");
        assert_eq!(configured("/api"), "https://a.test/api");
        assert_eq!(configured("http://b:1"), "http://b:1");
    }

    #[test]
    fn the_page_contains_the_address() {
        assert!(html("http://a:1\"").contains("content=\"http://a:1&quot;\""));
    }
}
