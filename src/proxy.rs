//! The user's proxies: parses URLs as people write them, and writes URLs that programs
//! accept.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The schemes that containerd and Kubernetes support.
const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// The placeholder that engines show instead of a user and a password.
const HIDDEN: &str = "xxxxx";

/// Characters that must be encoded in the user and the password of a URI.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The URL of a proxy. Parsing accepts everything that curl and browsers accept, such as
/// a backslash in the user name; [`ProxyUrl::strict`] returns a URI that every program
/// accepts. `Display` masks the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    scheme: String,
    /// User and password, percent-encoded.
    login: Option<(String, Option<String>)>,
    /// Host, without the brackets of an IPv6 address.
    host: String,
    port: Option<u16>,
}

/// Why a text is not the URL of a proxy. Never contains the text, which may contain a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A scheme that no program in the node supports.
    #[error("unsupported scheme `{0}`: expected http, https, socks5 or socks5h")]
    Scheme(String),
    /// The host is missing or invalid.
    #[error("expected a host, as in http://proxy.corp:3128")]
    Host,
    /// The port is invalid.
    #[error("expected a port number after the host, as in http://proxy.corp:3128")]
    Port,
}

impl FromStr for ProxyUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let scheme = scheme.to_ascii_lowercase();
        if !SCHEMES.contains(&scheme.as_str()) {
            // Without a scheme, the text before `://` may be a login whose password
            // contains `://`.
            let is_word = scheme.chars().all(|c| c.is_ascii_alphanumeric());
            let shown = if is_word { scheme } else { "…".to_owned() };
            return Err(Invalid::Scheme(shown));
        }
        // Passwords may contain any character, hosts no `@`.
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let place = place.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = host_and_port(place)?;
        let login = login.map(|login| match login.split_once(':') {
            Some((user, password)) => (encoded(user), Some(encoded(password))),
            None => (encoded(login), None),
        });
        Ok(ProxyUrl {
            scheme,
            login: login.filter(|(user, password)| !user.is_empty() || password.is_some()),
            host,
            port,
        })
    }
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), Invalid> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(Invalid::Host)?;
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_| Invalid::Host)?;
            (host, after.strip_prefix(':').unwrap_or(after))
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    if host.is_empty() || !host.chars().all(allowed) {
        return Err(Invalid::Host);
    }
    let port = match port {
        "" => None,
        port => Some(port.parse().map_err(|_| Invalid::Port)?),
    };
    Ok((host.to_owned(), port))
}

/// Percent-encodes the reserved characters of a user or a password. Encoded characters
/// stay as they are.
fn encoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut encoded: String = parts
        .next()
        .map(|part| utf8_percent_encode(part, RESERVED).collect())
        .unwrap_or_default();
    for part in parts {
        let digits = part.as_bytes().get(..2);
        let is_escape = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        encoded.push_str(if is_escape { "%" } else { "%25" });
        encoded.extend(utf8_percent_encode(part, RESERVED));
    }
    encoded
}

impl ProxyUrl {
    /// Returns a valid URI, with the password.
    pub fn strict(&self) -> String {
        self.format_with(|password| password.to_owned())
    }

    fn format_with(&self, password: impl Fn(&str) -> String) -> String {
        let mut text = format!("{}://", self.scheme);
        if let Some((user, secret)) = &self.login {
            text.push_str(user);
            if let Some(secret) = secret {
                text.push(':');
                text.push_str(&password(secret));
            }
            text.push('@');
        }
        if self.host.contains(':') {
            text.push_str(&format!("[{}]", self.host));
        } else {
            text.push_str(&self.host);
        }
        if let Some(port) = self.port {
            text.push_str(&format!(":{port}"));
        }
        text
    }

    /// Returns whether the proxy listens on loopback, so that only programs on the same
    /// host reach it.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.to_ascii_lowercase();
        let address: Result<IpAddr, _> = host.parse();
        match address {
            Ok(address) => address.is_loopback() || address.is_unspecified(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }

    /// Returns whether an engine has masked the user and the password. The URL is
    /// unusable then.
    pub fn has_hidden_login(&self) -> bool {
        self.login.as_ref().is_some_and(|(user, _)| user == HIDDEN)
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format_with(|_| "***".to_owned()))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

/// An environment variable with the URL of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The name of the variable, as the user wrote it.
    pub variable: String,
    pub url: Result<ProxyUrl, Invalid>,
}

impl Proxy {
    fn is_loopback(&self) -> bool {
        self.url.as_ref().is_ok_and(ProxyUrl::is_loopback)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.url {
            Ok(url) => write!(f, "{url} ({})", self.variable),
            Err(_) => f.write_str(&self.variable),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// Hosts that are reached without a proxy, as the user wrote them.
    no_proxy: String,
}

impl Proxies {
    /// Finds the proxies in environment variables, in upper or lower case. An empty
    /// variable counts as not set.
    pub fn of<V: AsRef<str>>(variables: impl IntoIterator<Item = (V, String)>) -> Proxies {
        let mut proxies = Proxies::default();
        for (name, value) in variables {
            let (name, value) = (name.as_ref(), value.trim());
            if value.is_empty() {
                continue;
            }
            let proxy = || Proxy {
                variable: name.to_owned(),
                url: value.parse(),
            };
            match name.to_ascii_uppercase().as_str() {
                "HTTP_PROXY" => _ = proxies.http.get_or_insert_with(proxy),
                "HTTPS_PROXY" => _ = proxies.https.get_or_insert_with(proxy),
                "NO_PROXY" if proxies.no_proxy.is_empty() => {
                    value.clone_into(&mut proxies.no_proxy)
                }
                _ => {}
            }
        }
        proxies
    }

    /// Adds where the variables come from, unless it is the environment: for instance the
    /// engine.
    #[must_use]
    pub fn with_source(mut self, source: &str) -> Proxies {
        for proxy in self.http.iter_mut().chain(&mut self.https) {
            proxy.variable = format!("{} of {source}", proxy.variable);
        }
        self
    }

    pub fn is_empty(&self) -> bool {
        self.each().next().is_none()
    }

    pub fn each(&self) -> impl Iterator<Item = &Proxy> {
        self.https.iter().chain(&self.http)
    }

    /// Returns a warning for each proxy that only programs on this host reach. `who` is not on
    /// it, such as `the node`.
    pub fn unreachable_for(&self, who: &str) -> Vec<String> {
        let unreachable = self.each().filter(|proxy| proxy.is_loopback());
        let warning = |proxy: &Proxy| {
            format!(
                "{who} cannot reach the proxy {proxy}: it listens on the loopback address of this \
                 machine; use an address that containers can reach"
            )
        };
        unreachable.map(warning).collect()
    }

    /// Returns the proxies that programs elsewhere may reach.
    #[must_use]
    pub fn without_loopback(&self) -> Proxies {
        let reachable = |proxy: &Option<Proxy>| proxy.clone().filter(|one| !one.is_loopback());
        Proxies {
            http: reachable(&self.http),
            https: reachable(&self.https),
            no_proxy: self.no_proxy.clone(),
        }
    }

    /// Returns the proxy for a URL, as programs in Go choose it: by scheme, never for this
    /// host, and not for the hosts of `NO_PROXY`.
    pub fn of_url(&self, url: &str) -> Option<&Proxy> {
        let url: http::Uri = url.parse().ok()?;
        let host = url.host()?.trim_matches(['[', ']']);
        let address: Result<IpAddr, _> = host.parse();
        if host == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
            return None;
        }
        let direct = Matcher::builder()
            .all("http://any")
            .no(self.no_proxy.as_str())
            .build();
        let proxy = match url.scheme_str()? {
            "https" => self.https.as_ref(),
            _ => self.http.as_ref(),
        };
        proxy.filter(|_| direct.intercept(&url).is_some())
    }

    /// Returns the environment variables for a program, in upper and lower case. `direct`
    /// are hosts that it must reach without a proxy, in addition to the user's.
    pub fn variables(&self, direct: &[String]) -> Vec<(String, String)> {
        let mut no_proxy: Vec<&str> = self.no_proxy.split(',').map(str::trim).collect();
        no_proxy.retain(|part| !part.is_empty());
        for name in direct {
            if !no_proxy.contains(&name.as_str()) {
                no_proxy.push(name);
            }
        }
        let url = |proxy: &Option<Proxy>| Some(proxy.as_ref()?.url.as_ref().ok()?.strict());
        let all = [
            ("HTTP_PROXY", url(&self.http)),
            ("HTTPS_PROXY", url(&self.https)),
            ("NO_PROXY", Some(no_proxy.join(","))),
        ];
        if self.is_empty() {
            return Vec::new();
        }
        let set = all
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        set.flat_map(|(name, value)| {
            [
                (name.to_owned(), value.clone()),
                (name.to_lowercase(), value),
            ]
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ProxyUrl {
        text.parse().unwrap()
    }

    #[test]
    fn urls_are_normalized_to_valid_uris() {
        for (input, strict) in [
            ("http://proxy.corp:3128", "http://proxy.corp:3128"),
            (" http://proxy.corp:3128/ ", "http://proxy.corp:3128"),
            ("proxy.corp:3128", "http://proxy.corp:3128"),
            ("HTTP://10.0.0.1", "http://10.0.0.1"),
            (
                r"http://CORP\jane:secret@host:3128",
                "http://CORP%5Cjane:secret@host:3128",
            ),
            ("http://jane:a^b@host:3128", "http://jane:a%5Eb@host:3128"),
            ("http://jane:a%40b@host:3128", "http://jane:a%40b@host:3128"),
            ("http://jane:a@b/c:d@host", "http://jane:a%40b%2Fc%3Ad@host"),
            ("http://jane:100%@host", "http://jane:100%25@host"),
            ("jane:secret@host:1", "http://jane:secret@host:1"),
            ("socks5://[fd00::1]:1080", "socks5://[fd00::1]:1080"),
            ("http://jane@host", "http://jane@host"),
        ] {
            assert_eq!(url(input).strict(), strict);
        }
    }

    #[test]
    fn passwords_are_never_shown() {
        let proxy = url("http://jane:geheim@host:3128");
        assert_eq!(proxy.to_string(), "http://jane:***@host:3128");
        assert!(!format!("{proxy:?}").contains("geheim"));
        for invalid in [
            "http://jane:geheim",
            "jane:geheim://host",
            "http://:geheim@",
        ] {
            let error = invalid.parse::<ProxyUrl>().unwrap_err();
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }

    #[test]
    fn invalid_urls_are_refused() {
        let refused = |text: &str| text.parse::<ProxyUrl>().unwrap_err();
        assert_eq!(refused("ftp://host:21"), Invalid::Scheme("ftp".into()));
        assert_eq!(refused("http://"), Invalid::Host);
        assert_eq!(refused("http://two words:3128"), Invalid::Host);
        assert_eq!(refused("http://[proxy]:3128"), Invalid::Host);
        assert_eq!(refused("http://host:http"), Invalid::Port);
        assert_eq!(refused("http://host:65536"), Invalid::Port);
    }

    #[test]
    fn programs_elsewhere_do_not_get_a_loopback_proxy() {
        let proxies = Proxies::of([
            ("HTTPS_PROXY", "http://127.0.0.1:3128".to_owned()),
            ("HTTP_PROXY", "http://proxy.corp:3128".to_owned()),
        ]);
        let variables = proxies.without_loopback().variables(&[]);
        let names: Vec<&str> = variables.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"]);
        assert_eq!(
            proxies.unreachable_for("the node"),
            [
                "the node cannot reach the proxy http://127.0.0.1:3128 (HTTPS_PROXY): it listens on \
              the loopback address of this machine; use an address that containers can reach"
            ]
        );
        let only = Proxies::of([("HTTPS_PROXY", "localhost:3128".to_owned())]);
        assert_eq!(only.without_loopback().variables(&[]), []);
    }

    #[test]
    fn loopback_proxies_are_detected_by_their_host() {
        for loopback in [
            "http://localhost:3128",
            "localhost:3128",
            "http://jane:x@127.0.0.53:3128",
            "jane:x@LOCALHOST",
            "http://[::1]:3128",
            "http://0.0.0.0:3128",
        ] {
            assert!(url(loopback).is_loopback(), "{loopback}");
        }
        for remote in [
            "http://localhost:x@proxy:1",
            "http://127.corp",
            "10.0.0.1:1",
        ] {
            assert!(!url(remote).is_loopback(), "{remote}");
        }
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let set = |name: &'static str, value: &str| (name, value.to_owned());
        let none = Proxies::of([set("HTTPS_PROXY", ""), set("NO_PROXY", "corp")]);
        assert!(none.is_empty());
        assert_eq!(none.variables(&[]), []);
        let one = Proxies::of([set("HTTPS_PROXY", " "), set("https_proxy", "http://a:1")]);
        let found: Vec<String> = one.each().map(ToString::to_string).collect();
        assert_eq!(found, ["http://a:1 (https_proxy)"]);
    }
}
