//! Masks secrets in texts that others wrote, such as logs: those that are known, wherever they
//! occur, and what looks like a secret.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::{Captures, Regex};
use serde_json::Value;

use super::{MASK, is_secret};

/// Shorter texts are no secrets.
const MIN: usize = 2;
/// Longer texts, such as entire files, never occur in a log. Their parts are secrets.
const MAX: usize = 4096;
/// From this length on, a known secret is masked even inside a word.
const MIN_INSIDE_WORDS: usize = 8;
/// The length from which the value of a Kubernetes Secret is masked in texts whatever its name.
/// Shorter ones are often user names and ports.
const MIN_UNNAMED: usize = 6;
/// The length from which one line of a secret with several lines is a secret, as in a key.
const MIN_LINE: usize = 24;
/// Words that are the values of switches, even if their names sound secret.
const SWITCHES: [&str; 8] = ["true", "false", "null", "none", "yes", "no", "on", "off"];

/// Masks the secrets that it knows, and what looks like a secret.
#[derive(Default)]
pub(crate) struct Redactor {
    known: BTreeSet<String>,
    automaton: Option<AhoCorasick>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(masked)")
    }
}

impl Redactor {
    /// Adds a secret, in all forms in which it occurs.
    pub(crate) fn learn(&mut self, secret: &str) {
        self.learn_text(secret);
        if secret.len() >= MIN_LINE
            && let Ok(decoded) = STANDARD.decode(secret.trim())
            && let Ok(decoded) = String::from_utf8(decoded)
        {
            self.learn_text(&decoded);
        }
    }

    fn learn_text(&mut self, secret: &str) {
        self.add(secret);
        let secret = secret.trim();
        self.add(secret);
        if secret.is_empty() {
            return;
        }
        for encoded in [
            STANDARD.encode(secret),
            STANDARD_NO_PAD.encode(secret),
            URL_SAFE.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
            STANDARD.encode(format!("{secret}\n")),
            utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        ] {
            self.add(&encoded);
        }
        let quoted = Value::from(secret).to_string();
        self.add(quoted.trim_matches('"'));
        for line in secret.lines().map(str::trim) {
            if line.len() >= MIN_LINE && !line.contains(' ') && !line.starts_with("-----") {
                self.add(line);
            }
        }
        self.learn_named(secret);
        if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(secret) {
            self.learn_leaves(&inner, false);
        }
    }

    fn add(&mut self, secret: &str) {
        let is_switch = SWITCHES.contains(&secret.to_ascii_lowercase().as_str());
        let is_secret = (MIN..=MAX).contains(&secret.len());
        if is_secret && !is_switch && !secret.contains(MASK) {
            self.known.insert(secret.to_owned());
        }
    }

    /// Adds the values that follow secret names in a text, such as a configuration file, and the
    /// logins in its URLs.
    pub(crate) fn learn_named(&mut self, text: &str) {
        let named = NAMED.captures_iter(text).filter_map(|found| {
            let value = found.name("value")?.as_str();
            Some(value.trim_matches(['"', '\'']).to_owned())
        });
        let logins = LOGIN.captures_iter(text).filter_map(|found| {
            let login = found.name("login")?.as_str();
            let (_, password) = login.split_once(':')?;
            let decoded = percent_encoding::percent_decode_str(password).decode_utf8();
            Some(decoded.map_or_else(|_| password.to_owned(), Into::into))
        });
        let found: Vec<String> = named.chain(logins).collect();
        for secret in found.iter().filter(|secret| secret.len() >= MIN_UNNAMED) {
            self.add(secret);
            self.add(&STANDARD.encode(secret));
        }
    }

    /// Adds all texts of a value, which is secret, or only those with secret names.
    pub(crate) fn learn_leaves(&mut self, value: &Value, secret: bool) {
        match value {
            Value::Object(map) => {
                let named = map.get("name").and_then(Value::as_str);
                let named = named.is_some_and(is_secret);
                for (name, value) in map {
                    let secret = secret || is_secret(name) || named && name == "value";
                    match (name.as_str(), value) {
                        // Of a Docker configuration: user and password.
                        ("auth", Value::String(auth)) => self.learn_auth(auth),
                        _ => self.learn_leaves(value, secret),
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.learn_leaves(item, secret);
                }
            }
            Value::String(text) if secret => self.learn(text),
            Value::String(text) => self.learn_named(text),
            Value::Number(number) if secret => self.learn(&number.to_string()),
            _ => {}
        }
    }

    /// Adds the passwords in the texts of a value, such as variables.
    pub(crate) fn learn_logins(&mut self, value: &Value) {
        match value {
            Value::Object(map) => map.values().for_each(|value| self.learn_logins(value)),
            Value::Array(items) => items.iter().for_each(|item| self.learn_logins(item)),
            Value::String(text) => self.learn_named(text),
            _ => {}
        }
    }

    fn learn_auth(&mut self, auth: &str) {
        self.learn(auth);
        let decoded = STANDARD.decode(auth).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((_, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
            self.learn(password);
        }
    }

    /// Adds what differs in a value whose secrets were masked.
    pub(crate) fn learn_masked(&mut self, before: &Value, after: &Value) {
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => {
                for (name, before) in before {
                    if let Some(after) = after.get(name) {
                        self.learn_masked(before, after);
                    }
                }
            }
            (Value::Array(before), Value::Array(after)) => {
                for (before, after) in before.iter().zip(after) {
                    self.learn_masked(before, after);
                }
            }
            (before, after) if before == after => {}
            (Value::String(text), Value::String(masked)) if masked != MASK => {
                for (line, masked) in text.lines().zip(masked.lines()) {
                    let visible = masked.strip_suffix(MASK).unwrap_or(line).trim_end();
                    let rest = line.strip_prefix(visible).unwrap_or_default().trim();
                    let rest = rest.trim_matches(['"', '\'', ',']);
                    // A short word may be anything, such as a variable.
                    if rest.len() >= MIN_UNNAMED {
                        self.learn(rest);
                    }
                }
                self.learn_named(text);
            }
            (before, _) => self.learn_leaves(before, true),
        }
    }

    /// Adds the data of a Kubernetes Secret.
    pub(crate) fn learn_secret(&mut self, object: &Value) {
        let data = object.get("data").and_then(Value::as_object);
        for (name, value) in data.into_iter().flatten() {
            let decoded = value.as_str().and_then(|text| STANDARD.decode(text).ok());
            let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            let Some(text) = text else { continue };
            if text.trim().len() >= MIN_UNNAMED || is_secret(name) {
                self.learn(&text);
            }
        }
    }

    /// Must be called after the last secret was added.
    pub(crate) fn prepare(&mut self) {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&self.known);
        self.automaton = Some(automaton.expect("the secrets fit in memory"));
    }

    /// Masks the secrets of a text.
    pub(crate) fn text(&self, text: &str) -> String {
        let text = PRIVATE_KEY.replace_all(text, MASK);
        let text = self.known(&text);
        let text = NAMED.replace_all(&text, |found: &Captures| {
            let (name, value) = (&found["name"], &found["value"]);
            let word = value.trim_matches(['"', '\'']);
            let keeps = !is_secret(name) || SWITCHES.contains(&word.to_ascii_lowercase().as_str());
            match keeps {
                true => found[0].to_owned(),
                false => format!("{}{MASK}", &found["before"]),
            }
        });
        let text = LOGIN.replace_all(&text, |found: &Captures| {
            let whole = found.get_match();
            // An image with a digest, such as `docker://mongo@sha256:…`.
            match text[whole.end()..].starts_with("sha256:") {
                true => found[0].to_owned(),
                false => format!("{}{MASK}@", &found["scheme"]),
            }
        });
        let text = BEARER.replace_all(&text, |found: &Captures| format!("{} {MASK}", &found[1]));
        TOKEN.replace_all(&text, MASK).into_owned()
    }

    fn known(&self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut end = 0;
        for found in self.automaton.iter().flat_map(|all| all.find_iter(text)) {
            if found.len() >= MIN_INSIDE_WORDS || is_word(text, found.range()) {
                masked.push_str(&text[end..found.start()]);
                masked.push_str(MASK);
                end = found.end();
            }
        }
        masked.push_str(&text[end..]);
        masked
    }

    /// Masks the secrets in all texts of a value.
    pub(crate) fn value(&self, value: &mut Value) {
        match value {
            Value::Object(map) => map.values_mut().for_each(|value| self.value(value)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::String(text) => *text = self.text(text),
            Value::Number(number) => {
                let text = number.to_string();
                if self.known(&text) != text {
                    *value = MASK.into();
                }
            }
            _ => {}
        }
    }
}

/// Returns whether a part of a text is not part of a longer word.
fn is_word(text: &str, part: Range<usize>) -> bool {
    let joins = |inside: Option<char>, outside: Option<char>| {
        let is_letter = |c: char| c.is_alphanumeric() || c == '_';
        inside.is_some_and(is_letter) && outside.is_some_and(is_letter)
    };
    let inside = &text[part.clone()];
    let before = text[..part.start].chars().next_back();
    let after = text[part.end..].chars().next();
    !joins(inside.chars().next(), before) && !joins(inside.chars().next_back(), after)
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is valid")
}

/// A secret name, a separator and a value, as in `password: x`, `--token=x` or `"secret":"x"`.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?i)(?<before>(?<name>[\w.-]*(?:password|passwd|secret|token|access_?key|api_?key|"#,
        r#"credential)[\w.-]*)\\?["']?\s*[:=]\s*\\?)"#,
        r#"(?<value>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s"'\[\]{},;&]+)"#
    ))
});

/// User and password of a URL. Passwords may contain the characters of URLs.
static LOGIN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?<login>[^\s"'<>]+)@"#));

static BEARER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)\b(bearer|basic)\s+[\w+/=.~-]{8,}"));

/// JSON web tokens, and the tokens with which nodes join.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]+)?|\b[a-z0-9]{6}\.[a-z0-9]{16}\b")
});

static PRIVATE_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)")
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        secrets.iter().for_each(|secret| redactor.learn(secret));
        redactor.prepare();
        redactor
    }

    #[test]
    fn masks_a_known_secret_in_each_form() {
        let redactor = redactor(&["s3cr$t/word \"x\"", "tiny"]);
        for text in [
            "login with s3cr$t/word \"x\" failed".to_owned(),
            format!("auth {}", STANDARD.encode("s3cr$t/word \"x\"")),
            "?p=s3cr%24t%2Fword%20%22x%22&a=1".to_owned(),
            json!({"a": "s3cr$t/word \"x\""}).to_string(),
            "a tiny one".to_owned(),
        ] {
            let masked = redactor.text(&text);
            assert!(masked.contains(MASK), "{masked}");
            assert!(!masked.contains("word") && !masked.contains(" tiny"));
        }
        assert_eq!(redactor.text("destiny and tiny_x"), "destiny and tiny_x");
    }

    #[test]
    fn masks_what_looks_like_a_secret() {
        let redactor = Redactor::default();
        for (text, masked) in [
            (
                "requirepass: password=abc, next",
                "requirepass: password=********, next",
            ),
            (
                "--auth-token=abc --port=1",
                "--auth-token=******** --port=1",
            ),
            (
                r#"{"db_password": "a b", "x": 1}"#,
                r#"{"db_password": ********, "x": 1}"#,
            ),
            (
                "redis://user:p@ss/w@db:6379/0",
                "redis://********@db:6379/0",
            ),
            (
                "Authorization: Bearer abcdefgh.ij",
                "Authorization: Bearer ********",
            ),
            (
                "use token abcdef.0123456789abcdef now",
                "use token ******** now",
            ),
            (
                "a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nb",
                "a\n********\nb",
            ),
        ] {
            assert_eq!(redactor.text(text), masked);
        }
        for text in [
            "GET http://localhost:8008/debug.ping 200",
            "docker-pullable://mongo@sha256:0123",
            "secretName: clearml-conf",
            "apiserver.tokenEnabled: true",
            r#"secret "x" not found"#,
            "Listening on 0.0.0.0:8008",
        ] {
            assert_eq!(redactor.text(text), text);
        }
    }

    #[test]
    fn learns_from_secrets_of_the_cluster() {
        let mut redactor = Redactor::default();
        let auth = STANDARD.encode("ann:registry-pass");
        let docker = json!({"auths": {"r.example": {"auth": auth}}}).to_string();
        redactor.learn_secret(&json!({"data": {
            ".dockerconfigjson": STANDARD.encode(docker),
            "users.conf": STANDARD.encode("user { password: from-file }\nlevel: info\n"),
            "port": STANDARD.encode("6379"),
        }}));
        redactor.prepare();
        let masked = redactor.text("registry-pass from-file port 6379 level: info");
        assert_eq!(masked, format!("{MASK} {MASK} port 6379 level: info"));
    }

    #[test]
    fn learns_what_was_masked_elsewhere() {
        let mut redactor = Redactor::default();
        let before = json!({"a": "x: 1\npassword = old-one\n", "b": ["whole-one"], "c": "same"});
        let after = json!({"a": "x: 1\npassword = ********\n", "b": [MASK], "c": "same"});
        redactor.learn_masked(&before, &after);
        redactor.prepare();
        let masked = redactor.text("old-one whole-one same");
        assert_eq!(masked, format!("{MASK} {MASK} same"));
    }

    #[test]
    fn masks_the_texts_of_a_value_and_keeps_it_valid() {
        let redactor = redactor(&["hunter22", "12345678"]);
        let mut value = json!({"log": "got hunter22", "n": 12_345_678, "port": 80});
        redactor.value(&mut value);
        assert_eq!(value, json!({"log": "got ********", "n": MASK, "port": 80}));
    }
}
