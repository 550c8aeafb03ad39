//! The user's proxies: URLs as people write them, and as programs take them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The schemes that containerd and Kubernetes know.
const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// What engines show in the place of a user and a password.
const HIDDEN: &str = "xxxxx";

/// What a URI does not take in a user or a password.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The URL of a proxy. Takes what curl and browsers take, such as a backslash in
/// the user's name; [`ProxyUrl::strict`] is the URI that every program reads. Shown
/// without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    scheme: String,
    /// User and password, percent-encoded.
    login: Option<(String, Option<String>)>,
    /// Host without the brackets of an IPv6 address.
    host: String,
    port: Option<u16>,
}

/// Why a text is not the URL of a proxy. Never shows the text, which may hold a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A scheme that nothing in the node knows.
    #[error("unsupported scheme `{0}`: expected http, https, socks5 or socks5h")]
    Scheme(String),
    /// There is no host, or one that no name or address can be.
    #[error("expected a host, as in http://proxy.corp:3128")]
    Host,
    /// What follows the host is not a port.
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
            // A login without a scheme may come before `://` in a password.
            let is_word = scheme.chars().all(|c| c.is_ascii_alphanumeric());
            let shown = if is_word { scheme } else { "…".to_owned() };
            return Err(Invalid::Scheme(shown));
        }
        // Passwords hold any character, hosts no `@`.
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

/// Percent-encodes what a URI does not take in a user or a password. What is
/// encoded already stays.
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
    /// The URI that programs take, with the password.
    pub fn strict(&self) -> String {
        self.written(|password| password.to_owned())
    }

    fn written(&self, password: impl Fn(&str) -> String) -> String {
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

    /// Whether it listens only on the machine of whoever asks it.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.to_ascii_lowercase();
        let address: Result<IpAddr, _> = host.parse();
        match address {
            Ok(address) => address.is_loopback() || address.is_unspecified(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }

    /// Whether an engine has hidden its user and password, without which it is of
    /// no use.
    pub fn has_hidden_login(&self) -> bool {
        self.login.as_ref().is_some_and(|(user, _)| user == HIDDEN)
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(|_| "***".to_owned()))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

/// A variable that names a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The variable, as the user spelled it.
    pub variable: String,
    pub url: Result<ProxyUrl, Invalid>,
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
    /// What is reached without a proxy, as the user wrote it.
    no_proxy: String,
}

impl Proxies {
    /// The proxies of these variables, of either spelling; an empty variable counts
    /// as not set.
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

    /// The same, told by something else than the environment, such as the engine.
    #[must_use]
    pub fn told_by(mut self, source: &str) -> Proxies {
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

    /// The variables for a program, in both spellings. `direct` is what it must
    /// reach without a proxy beside what the user named.
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
    fn urls_as_people_write_them_become_strict() {
        for (written, strict) in [
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
            assert_eq!(url(written).strict(), strict);
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let proxy = url("http://jane:geheim@host:3128");
        assert_eq!(proxy.to_string(), "http://jane:***@host:3128");
        assert!(!format!("{proxy:?}").contains("geheim"));
        for unusable in [
            "http://jane:geheim",
            "jane:geheim://host",
            "http://:geheim@",
        ] {
            let error = unusable.parse::<ProxyUrl>().unwrap_err();
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }

    #[test]
    fn refuses_what_no_program_can_use() {
        let refused = |text: &str| text.parse::<ProxyUrl>().unwrap_err();
        assert_eq!(refused("ftp://host:21"), Invalid::Scheme("ftp".into()));
        assert_eq!(refused("http://"), Invalid::Host);
        assert_eq!(refused("http://two words:3128"), Invalid::Host);
        assert_eq!(refused("http://[proxy]:3128"), Invalid::Host);
        assert_eq!(refused("http://host:http"), Invalid::Port);
        assert_eq!(refused("http://host:65536"), Invalid::Port);
    }

    #[test]
    fn a_proxy_on_loopback_is_known_by_its_host() {
        for here in [
            "http://localhost:3128",
            "localhost:3128",
            "http://jane:x@127.0.0.53:3128",
            "jane:x@LOCALHOST",
            "http://[::1]:3128",
            "http://0.0.0.0:3128",
        ] {
            assert!(url(here).is_loopback(), "{here}");
        }
        for there in [
            "http://localhost:x@proxy:1",
            "http://127.corp",
            "10.0.0.1:1",
        ] {
            assert!(!url(there).is_loopback(), "{there}");
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
