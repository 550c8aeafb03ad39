//! What a value may be: the check of one key, the words for it, and its JSON
//! Schema.

mod image;
mod schema;
mod shapes;
mod size;

use std::ops::RangeInclusive;

use k8s_openapi::api::core::v1::{Affinity, Toleration};
use serde_json::{Value, json};

pub(super) use self::shapes::environment_of;
use self::shapes::{environment, files, list_of, shaped, texts, users};
use super::hocon;
use crate::redact::Secrecy;
use crate::words::either;

/// Kubernetes' access modes.
const MODES: [&str; 4] = [
    "ReadWriteOnce",
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOncePod",
];

/// A type of value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`; the chart writes some of them as text.
    Flag,
    /// Any text, also none.
    Text,
    /// A text that the server reads as HOCON and gets back unchanged; or none.
    Word,
    /// The same, and a secret.
    Secret {
        /// The minimum length.
        least: usize,
    },
    /// A password that is passed on as it is; or none.
    Password,
    /// The password of a database that is installed here, which is given to it as an
    /// argument: letters, digits and `-_.~/`; or none.
    OwnPassword,
    /// An image without its tag; none is the release's.
    Repository,
    /// The tag of an image; none is the release's.
    ImageTag,
    /// The name of a Kubernetes object, or none.
    Name,
    /// One of some words.
    OneOf(&'static [&'static str]),
    Whole(RangeInclusive<u64>),
    /// A quantity of storage, such as `50Gi`.
    Quantity,
    Resources,
    /// A list of Kubernetes' EnvVar.
    Environment,
    /// Names and texts: annotations, a node selector.
    Texts,
    /// A list of Kubernetes' Toleration.
    Tolerations,
    Affinity,
    /// File names and their text; the names end with one of these, where there
    /// are some.
    Files(&'static [&'static str]),
    /// How a volume may be mounted.
    AccessModes,
    /// A host name or address, or none.
    Host,
    /// The host name of an ingress: lower case, with a dot, no address.
    IngressHost,
    /// The root path alone.
    RootPath,
    Arguments,
    /// A text in which `{{ .Release.Name }}` and `{{ .Release.Namespace }}` stand
    /// for what they are.
    Template,
    /// Java's options.
    JavaOptions,
    /// A list of users with password.
    Users,
    /// The query of a URL.
    Query,
}

/// What is wrong: what stands below the key, and how to say it.
pub(super) type Wrong = (Vec<String>, String);

impl Kind {
    pub(super) const fn secrecy(&self) -> Secrecy {
        match self {
            Kind::Secret { .. } | Kind::Password | Kind::OwnPassword => Secrecy::Secret,
            Kind::Users => Secrecy::Passwords,
            Kind::Texts => Secrecy::Named,
            _ => Secrecy::Open,
        }
    }

    /// Reports whether no part of a value can be in a message.
    fn is_secret(&self) -> bool {
        matches!(self.secrecy(), Secrecy::Secret | Secrecy::Passwords)
    }

    /// The value of a key that is not set.
    pub(super) fn empty(&self) -> Value {
        match self {
            Kind::Flag => json!(false),
            Kind::Resources | Kind::Texts | Kind::Affinity | Kind::Files(_) => json!({}),
            Kind::Environment | Kind::Tolerations | Kind::Arguments | Kind::Users => json!([]),
            _ => json!(""),
        }
    }

    /// Checks a value; `key` is for the message, which never holds a secret.
    ///
    /// # Errors
    /// The reason, in words.
    pub(super) fn check(&self, key: &str, value: &Value) -> Result<(), Wrong> {
        if self.may_be_empty() && value.is_null() {
            return Ok(());
        }
        let told = |what: String| Err((Vec::new(), what));
        let fits = match self {
            Kind::Flag => flag(value).is_some(),
            Kind::Text | Kind::JavaOptions | Kind::Password => text(value).is_some(),
            Kind::Word => return word(key, value, 1, self),
            Kind::Secret { least } => return word(key, value, *least, self),
            Kind::OwnPassword => text(value)
                .is_some_and(|text| text.chars().all(hocon::plain) && !text.starts_with('-')),
            Kind::Repository => return image::repository(key, value, self),
            Kind::ImageTag => return image::tag(key, value, self),
            Kind::Name => text(value).is_some_and(|name| name.is_empty() || is_name(&name)),
            Kind::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Whole(range) => whole(value).is_some_and(|number| range.contains(&number)),
            Kind::Quantity => return size::storage(key, value, self),
            Kind::Resources | Kind::Environment | Kind::Users => {
                return self
                    .check_each(key, value)
                    .into_iter()
                    .next()
                    .map_or(Ok(()), Err);
            }
            Kind::Texts => return texts(key, value, self),
            Kind::Tolerations => return list_of::<Toleration>(key, value, self),
            Kind::Affinity => return shaped::<Affinity>(key, value, Vec::new()),
            Kind::Files(ends) => return files(key, value, ends, self),
            Kind::AccessModes => {
                let known = |mode: &Value| mode.as_str().is_some_and(|mode| MODES.contains(&mode));
                value
                    .as_array()
                    .is_some_and(|modes| !modes.is_empty() && modes.iter().all(known))
            }
            Kind::Host => text(value).is_some_and(|host| host.is_empty() || is_host(&host)),
            Kind::IngressHost => match text(value) {
                Some(host) => return ingress_host(key, &host),
                None => false,
            },
            Kind::RootPath => match text(value).as_deref() {
                Some("" | "/") => true,
                Some(path) if path.starts_with('/') => {
                    return told(format!(
                        "`{key}` is `{path}`, but the web app works only at `/`: use a host name for each server"
                    ));
                }
                _ => false,
            },
            Kind::Arguments => value
                .as_array()
                .is_some_and(|list| list.iter().all(|item| text(item).is_some())),
            Kind::Template => match text(value) {
                Some(template) if template.is_empty() => false,
                Some(template) => match fill(&template) {
                    Ok(filled) if is_host(&filled) || is_port(&filled) => true,
                    Ok(_) => false,
                    Err(part) => {
                        return told(format!(
                            "`{key}` contains `{part}`: only {{{{ .Release.Name }}}} and {{{{ \
                             .Release.Namespace }}}} are supported"
                        ));
                    }
                },
                None => false,
            },
            Kind::Query => text(value).is_some_and(|query| {
                let fits = |c: char| c.is_ascii_alphanumeric() || "-_.~=&,:*".contains(c);
                query.chars().all(fits)
            }),
        };
        match fits {
            true => Ok(()),
            false => told(self.invalid(key, value)),
        }
    }

    /// Everything that is wrong with a value, where its parts can be wrong on their own.
    pub(super) fn check_each(&self, key: &str, value: &Value) -> Vec<Wrong> {
        match self {
            _ if self.may_be_empty() && value.is_null() => Vec::new(),
            Kind::Resources => size::resources(key, value),
            Kind::Environment => environment(key, value, self),
            Kind::Users => users(key, value, self),
            _ => self.check(key, value).err().into_iter().collect(),
        }
    }

    /// The message for a value that is not what its key expects. Secrets and what is
    /// larger than a scalar are told by their type.
    pub(super) fn invalid(&self, key: &str, value: &Value) -> String {
        let expected = self.expected();
        let got = match value {
            Value::Object(_) | Value::Array(_) | Value::Null => type_of(value).to_owned(),
            _ if self.is_secret() => type_of(value).to_owned(),
            Value::String(text) if !text.is_empty() => format!("`{text}`"),
            scalar => format!("`{scalar}`"),
        };
        let another = match self.secrecy() == Secrecy::Secret && text(value).is_some() {
            true => "other characters",
            false => &got,
        };
        format!("invalid value for `{key}`: expected {expected}, got {another}")
    }

    /// Whether null means: none.
    pub(super) fn may_be_empty(&self) -> bool {
        matches!(
            self,
            Kind::Text
                | Kind::Word
                | Kind::Secret { .. }
                | Kind::Password
                | Kind::OwnPassword
                | Kind::Repository
                | Kind::ImageTag
                | Kind::Name
                | Kind::Resources
                | Kind::Environment
                | Kind::Texts
                | Kind::Tolerations
                | Kind::Affinity
                | Kind::Files(_)
                | Kind::Host
                | Kind::RootPath
                | Kind::Arguments
                | Kind::Users
                | Kind::Query
        )
    }

    /// A value as it is read: `"true"` means `true`, and none is empty.
    pub(super) fn meaning(&self, value: &Value) -> Value {
        let read = match self {
            Kind::Flag => flag(value).map(Value::Bool),
            Kind::Whole(_) => whole(value).map(|number| json!(number)),
            Kind::Resources | Kind::Environment | Kind::Texts => None,
            _ => text(value).map(Value::String),
        };
        read.unwrap_or_else(|| value.clone())
    }

    /// The words that follow "expected".
    pub(super) fn expected(&self) -> String {
        match self {
            Kind::Flag => "true or false".into(),
            Kind::Text | Kind::Template => "a string".into(),
            Kind::Word => PLAIN.into(),
            Kind::OwnPassword => format!("{PLAIN}, not starting with `-`"),
            Kind::Secret { least } => format!("at least {least} {PLAIN}"),
            Kind::Password => "a string".into(),
            Kind::Repository => {
                "an image without its tag, such as registry.example.com/team/server".into()
            }
            Kind::ImageTag => "a tag, such as 1.5.0".into(),
            Kind::Name => "the name of a Kubernetes object".into(),
            Kind::OneOf(words) => either(words),
            Kind::Whole(range) if *range.end() == u64::from(u16::MAX) => {
                format!("a port from {} to {}", range.start(), range.end())
            }
            Kind::Whole(range) if *range == (30000..=32767) => "a port from 30000 to 32767".into(),
            Kind::Whole(range) if *range.end() == u64::MAX => {
                format!("a whole number, {} or more", range.start())
            }
            Kind::Whole(range) => {
                format!("a whole number from {} to {}", range.start(), range.end())
            }
            Kind::Quantity => "a quantity such as 50Gi".into(),
            Kind::Resources => "requests and limits".into(),
            Kind::Environment => "a list of entries with name and value".into(),
            Kind::Texts => "a map of strings".into(),
            Kind::Tolerations => "a list of tolerations".into(),
            Kind::Affinity => "an affinity".into(),
            Kind::Files(_) => "a map of file names to contents".into(),
            Kind::AccessModes => "a list such as [ReadWriteOnce]".into(),
            Kind::Host => "a host name or an address".into(),
            Kind::IngressHost => "a host name such as app.example.com".into(),
            Kind::RootPath => "/".into(),
            Kind::Arguments => "a list of strings".into(),
            Kind::JavaOptions => "options such as -Xmx2g -Xms2g".into(),
            Kind::Users => "a list of users with username, password and name".into(),
            Kind::Query => "a query such as wait_for_status=yellow&timeout=1s".into(),
        }
    }
}

/// `true` and `false`, also as text.
pub(super) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A text; numbers and flags as they are written: `--set` and YAML guess them.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The type of a value, with its article.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map of keys",
    }
}

/// A whole number, also as text.
pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A text with what stands in `{{ }}` filled in.
///
/// # Errors
/// The first part that is not known.
pub(super) fn fill(template: &str) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inner, behind) = after.split_once("}}").ok_or_else(|| rest.to_owned())?;
        filled.push_str(before);
        filled.push_str(match inner.trim_matches(['-', ' ']) {
            ".Release.Name" => crate::component::RELEASE_NAME,
            ".Release.Namespace" => crate::component::NAMESPACE,
            _ => return Err(format!("{{{{{inner}}}}}")),
        });
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// What is safe in a text that the server reads as HOCON.
const PLAIN: &str = "letters, digits and `-_./~`";

/// See [`Kind::Word`] and [`Kind::Secret`].
fn word(key: &str, value: &Value, least: usize, kind: &Kind) -> Result<(), Wrong> {
    let told = |what: String| Err((Vec::new(), what));
    let Some(word) = text(value) else {
        return told(kind.invalid(key, value));
    };
    if word.is_empty() {
        return Ok(());
    }
    let advice = match kind.is_secret() {
        true => "; for a random one: openssl rand -hex 32",
        false => "",
    };
    if let Err(why) = hocon::unchanged(&word) {
        return told(format!("invalid value for `{key}`: {why}{advice}"));
    }
    if word.len() < least {
        return told(format!(
            "invalid value for `{key}`: expected at least {least} characters, got {}{advice}",
            word.len()
        ));
    }
    Ok(())
}

/// A DNS name of RFC 1123, as Kubernetes wants names.
pub(super) fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn is_host(text: &str) -> bool {
    is_name(&text.to_ascii_lowercase()) || text.parse::<std::net::IpAddr>().is_ok()
}

fn ingress_host(key: &str, host: &str) -> Result<(), Wrong> {
    let wrong = |why: &str| Err((Vec::new(), format!("`{key}` is `{host}`: {why}")));
    if host.parse::<std::net::IpAddr>().is_ok() {
        return wrong("an ingress needs a host name, not an address");
    }
    if host.contains("://") || host.contains('/') {
        return wrong("write only the host name, without http:// and path");
    }
    if host.contains(':') {
        return wrong("write only the host name, without a port");
    }
    if host != host.to_ascii_lowercase() {
        return wrong("Kubernetes accepts only lower case");
    }
    if !is_name(host) || !host.contains('.') {
        return wrong("expected a host name such as app.example.com");
    }
    Ok(())
}
