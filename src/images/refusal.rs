//! Classifies the errors of pulls, from the messages of engines and containerd.
//! Addresses, references, digests and paths are removed first, because a repository may
//! be called `denied`, and a port may be 429.

use std::sync::LazyLock;

use regex::Regex;

use crate::failures::Failure;
use crate::image_ref::ImageRef;

/// Why an image was not pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The disk of the engine or of the node is full.
    DiskFull,
    /// The registry's limit of pulls is reached.
    RateLimited,
    /// A proxy refused the connection.
    Proxy,
    /// The content does not have the digest that the manifest or the reference names.
    WrongContent,
    NoPlatform,
    Certificate,
    PlainHttp,
    Unreachable,
    Unauthorized,
    /// The image does not exist or is private: some registries do not say which.
    MissingOrPrivate,
    NotFound,
    Other,
}

/// Phrases by refusal. The first phrase that a text contains decides.
const PHRASES: [(Refusal, &[&str]); 12] = [
    (Refusal::DiskFull, &["no space left"]),
    (
        Refusal::RateLimited,
        &[
            "toomanyrequests",
            "too many requests",
            "http 429",
            "status 429",
            "status code 429",
        ],
    ),
    (
        Refusal::Proxy,
        &[
            "proxyconnect",
            "proxy authentication required",
            "invalid proxy",
        ],
    ),
    (
        Refusal::WrongContent,
        &[
            "unexpected commit digest",
            "unexpected commit size",
            "layer verification failed",
            "manifest verification failed",
            "config verification failed",
            "don t match image configuration",
        ],
    ),
    (
        Refusal::NoPlatform,
        &[
            "no matching manifest",
            "no match for platform",
            "exec format error",
        ],
    ),
    (
        Refusal::PlainHttp,
        // The second one if the server's answer to a TLS handshake is not HTTP either.
        &[
            "http response to https client",
            "first record does not look like a tls handshake",
        ],
    ),
    (Refusal::Certificate, &["x509", "certificate"]),
    (
        Refusal::Unreachable,
        &[
            "no such host",
            "host not found",
            "network is unreachable",
            "no route to host",
            "i/o timeout",
            "handshake timeout",
            "connection refused",
            "deadline exceeded",
            "client.timeout exceeded",
            "temporary failure in name resolution",
            "server misbehaving",
        ],
    ),
    // Engines with the containerd store add that the repository may not exist.
    (Refusal::Unauthorized, &["no basic auth"]),
    (
        Refusal::MissingOrPrivate,
        &["does not exist or may require"],
    ),
    (
        Refusal::NotFound,
        &[
            "manifest unknown",
            "name unknown",
            "not found",
            "does not exist",
            "invalid reference",
        ],
    ),
    (
        Refusal::Unauthorized,
        &[
            "unauthorized",
            "authorization failed",
            "authentication required",
            "access denied",
            "is denied",
            "denied :",
            "403 forbidden",
        ],
    ),
];

/// Replaces removed parts.
const PLACEHOLDER: &str = "…";

impl Refusal {
    /// Classifies the error message of a pull. `reference` is the image, if it is known.
    pub fn of(text: &str, reference: Option<&ImageRef>) -> Refusal {
        let words = normalized(text, reference);
        let found = PHRASES
            .iter()
            .find(|(_, phrases)| phrases.iter().any(|phrase| words.contains(phrase)));
        match found {
            Some((refusal, _)) => *refusal,
            None if is_proxy_error(&words) => Refusal::Proxy,
            None => Refusal::Other,
        }
    }

    /// Returns a short description, unless the reason is unknown.
    pub(crate) fn description(self) -> Option<&'static str> {
        Some(match self {
            Refusal::DiskFull => "the disk is full",
            Refusal::RateLimited => "pull rate limit reached",
            Refusal::Proxy => "the proxy refused",
            Refusal::WrongContent => "the content does not match its digest",
            Refusal::NoPlatform => "not published for this platform",
            Refusal::Certificate => "the registry's certificate is not trusted",
            Refusal::PlainHttp => "the registry does not speak TLS",
            Refusal::Unreachable => "the registry is unreachable",
            Refusal::Unauthorized => "access denied",
            Refusal::MissingOrPrivate | Refusal::NotFound => "no such image",
            Refusal::Other => return None,
        })
    }

    pub(crate) fn failure(self) -> Failure {
        match self {
            Refusal::DiskFull => Failure::DockerDiskFull,
            Refusal::RateLimited => Failure::ImageRateLimited,
            Refusal::Proxy => Failure::RegistryProxy,
            Refusal::WrongContent => Failure::ImageDigestMismatch,
            Refusal::NoPlatform => Failure::ImagePlatform,
            Refusal::Certificate => Failure::RegistryCertificate,
            Refusal::PlainHttp => Failure::RegistryPlainHttp,
            Refusal::Unreachable => Failure::RegistryUnreachable,
            Refusal::Unauthorized => Failure::ImageUnauthorized,
            Refusal::MissingOrPrivate | Refusal::NotFound => Failure::ImageNotFound,
            Refusal::Other => Failure::ImagePullFailed,
        }
    }

    /// Returns whether a retry may succeed soon.
    pub fn is_temporary(self) -> bool {
        matches!(
            self,
            Refusal::RateLimited | Refusal::Unreachable | Refusal::WrongContent | Refusal::Other
        )
    }
}

/// Returns whether a proxy refused to connect. Then the message has no number: `Head
/// "https://…": Forbidden`. A registry's refusal has one: `403 Forbidden`.
fn is_proxy_error(words: &str) -> bool {
    static ANSWER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"\b(get|head|post) … : (forbidden|bad gateway|service unavailable|gateway timeout)\b",
        )
        .expect("the pattern is part of the program")
    });
    ANSWER.is_match(words)
}

/// Returns the words of a text in lower case, without names. A colon at the end of a word
/// becomes a word.
fn normalized(text: &str, reference: Option<&ImageRef>) -> String {
    let mut text = text.to_lowercase();
    let names = reference.map(|reference| {
        [
            reference.canonical(),
            reference.to_string(),
            reference.canonical_repository(),
            reference.repository().to_owned(),
        ]
    });
    for name in names
        .iter()
        .flatten()
        .filter(|name| name.contains(['/', ':']))
    {
        text = text.replace(&name.to_lowercase(), PLACEHOLDER);
    }
    let text = text.replace(
        ['"', '\\', '{', '}', '[', ']', '(', ')', ',', ';', '\''],
        " ",
    );
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        let bare = word.trim_end_matches([':', '.', '-']);
        if !bare.is_empty() {
            words.push(if is_name(bare) { PLACEHOLDER } else { bare });
        }
        if word.ends_with(':') {
            words.push(":");
        }
    }
    words.join(" ")
}

/// Returns whether a word is an address, a path, a reference or a digest.
fn is_name(word: &str) -> bool {
    let is_phrase = ["i/o", "client.timeout"].contains(&word);
    // A separator between two characters: `host:port`, `registry.corp`, `name@sha256`.
    let inner = word.char_indices().skip(1).any(|(at, c)| {
        let last = at + c.len_utf8() == word.len();
        !last && [':', '.', '@'].contains(&c)
    });
    word != PLACEHOLDER && !is_phrase && (word.contains('/') || inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Refusal {
        Refusal::of(text, Some(&"team/x:1".parse().unwrap()))
    }

    #[test]
    fn messages_of_engines_and_containerd_are_classified() {
        for (text, refusal) in [
            (
                "manifest for x:1 not found: manifest unknown",
                Refusal::NotFound,
            ),
            ("docker.io/team/x:1: not found", Refusal::NotFound),
            (
                "pull access denied for x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                Refusal::MissingOrPrivate,
            ),
            (
                "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
                Refusal::Unauthorized,
            ),
            (
                "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
                Refusal::MissingOrPrivate,
            ),
            (
                "denied: requested access to the resource is denied",
                Refusal::Unauthorized,
            ),
            (
                "unexpected status from HEAD request to https://r/v2/x/manifests/1: 403 Forbidden",
                Refusal::Unauthorized,
            ),
            (
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
                Refusal::Unauthorized,
            ),
            (
                "failed commit on ref \"layer-sha256:42942904044290\": unexpected commit digest \
                 sha256:aa, expected sha256:bb: failed precondition",
                Refusal::WrongContent,
            ),
            (
                "filesystem layer verification failed for digest sha256:aa",
                Refusal::WrongContent,
            ),
            (
                "error pulling image configuration: image config verification failed for digest sha256:aa",
                Refusal::WrongContent,
            ),
            (
                "layers from manifest don't match image configuration",
                Refusal::WrongContent,
            ),
            (
                "no matching manifest for linux/arm64/v8 in the manifest list entries",
                Refusal::NoPlatform,
            ),
            (
                "no match for platform in manifest: not found",
                Refusal::NoPlatform,
            ),
            (
                "error parsing HTTP 429 response body: unexpected end of JSON input",
                Refusal::RateLimited,
            ),
            (
                "429 Too Many Requests - Server message: toomanyrequests: slow down",
                Refusal::RateLimited,
            ),
            (
                r#"Get "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority"#,
                Refusal::Certificate,
            ),
            (
                "http: server gave HTTP response to HTTPS client",
                Refusal::PlainHttp,
            ),
            (
                r#"Head "https://r/v2/x/manifests/1": tls: first record does not look like a TLS handshake"#,
                Refusal::PlainHttp,
            ),
            (
                "dial tcp: lookup registry-1.docker.io on 172.18.0.1:53: read udp 172.18.0.2:41833->172.18.0.1:53: i/o timeout",
                Refusal::Unreachable,
            ),
            (
                r#"failed to do request: Head "https://registry-1.docker.io/v2/library/redis/manifests/6.2": Forbidden"#,
                Refusal::Proxy,
            ),
            (
                r#"Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 172.17.0.1:3128: connect: connection refused"#,
                Refusal::Proxy,
            ),
            (
                "write /var/lib/docker/tmp/x: no space left on device",
                Refusal::DiskFull,
            ),
            (
                "open /var/lib/docker/tmp/x: permission denied",
                Refusal::Other,
            ),
            ("unexpected EOF", Refusal::Other),
        ] {
            assert_eq!(of(text), refusal, "{text}");
        }
    }

    #[test]
    fn ports_digests_and_paths_are_ignored() {
        for text in [
            r#"Get "https://127.0.0.1:429/v2/": EOF"#,
            "failed to read from registry.corp:429: unexpected EOF",
            "failed commit on ref \"layer-sha256:42942904044290\": unexpected EOF",
            r#"Get "https://r/v2/denied/unauthorized/manifests/1": EOF"#,
            "open /srv/denied/x509: is a directory",
            "failed to pull denied.corp/unauthorized:toomanyrequests: EOF",
            "write tcp 10.0.0.1:42900->10.0.0.2:40429: write: broken pipe",
        ] {
            assert_eq!(of(text), Refusal::Other, "{text}");
        }
        let odd = "registry.corp:429/access/denied:not.found";
        let text = format!("failed to pull and unpack image \"{odd}\": unexpected EOF");
        let image = odd.parse().unwrap();
        assert_eq!(Refusal::of(&text, Some(&image)), Refusal::Other);
        let missing = format!("failed to resolve reference \"{odd}\": {odd}: not found");
        assert_eq!(Refusal::of(&missing, Some(&image)), Refusal::NotFound);
    }
}
