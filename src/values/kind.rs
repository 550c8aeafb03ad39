//! The kinds of values: their checks, their descriptions and their JSON Schemas.

mod image;
mod schema;
mod shapes;
mod size;

use std::ops::RangeInclusive;

use k8s_openapi::api::core::v1::{Affinity, Toleration};
use serde_json::{Value, json};

pub(super) use self::shapes::environment_of;
use self::shapes::{environment, files, list_of, shaped, texts, users};
use crate::hocon;
use crate::namespace::{Namespace, is_label};
use crate::redact::Secrecy;
use crate::words::either;

/// The access modes of Kubernetes.
const MODES: [&str; 4] = [
    "ReadWriteOnce",
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOncePod",
];

/// A kind of value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`; the chart has some of them as strings.
    Flag,
    /// Any text; may be empty.
    Text,
    /// A text that the server reads unchanged as HOCON; may be empty.
    Word,
    /// A secret that the server reads unchanged as HOCON; may be empty.
    Secret {
        min_length: usize,
    },
    /// A password that is passed on unchanged; may be empty.
    Password,
    /// The password of a database that is installed here and gets it as an argument: letters,
    /// digits and `-_.~/`; may be empty.
    OwnPassword,
    /// An image without its tag; empty for that of the release.
    Repository,
    /// The tag of an image; empty for that of the release.
    ImageTag,
    /// The name of a Kubernetes object; may be empty.
    Name,
    /// One of these words.
    OneOf(&'static [&'static str]),
    Whole(RangeInclusive<u64>),
    /// A quantity of storage, such as `50Gi`.
    Quantity,
    Resources,
    /// A list of Kubernetes `EnvVar` objects.
    Environment,
    /// A map of strings, such as annotations or a node selector.
    Texts,
    /// A list of Kubernetes `Toleration` objects.
    Tolerations,
    Affinity,
    /// A map of file names to contents. The names must end with one of these, if there are any.
    Files(&'static [&'static str]),
    /// The access modes of a volume.
    AccessModes,
    /// A host name or address; may be empty.
    Host,
    /// The host name of an ingress: lower case, with a dot, not an address.
    IngressHost,
    /// Only the root path.
    RootPath,
    Arguments,
    /// A text in which `{{ .Release.Name }}` and `{{ .Release.Namespace }}` are expanded.
    Template,
    /// Options of Java.
    JavaOptions,
    /// A list of users with passwords.
    Users,
    /// The query of a URL.
    Query,
}

/// A problem of a value: the path below the key, and the message.
pub(super) type Violation = (Vec<String>, String);

impl Kind {
    pub(super) const fn secrecy(&self) -> Secrecy {
        match self {
            Kind::Secret { .. } | Kind::Password | Kind::OwnPassword => Secrecy::Secret,
            Kind::Users => Secrecy::Passwords,
            Kind::Texts => Secrecy::Named,
            _ => Secrecy::Open,
        }
    }

    /// Reports whether messages must not contain any part of a value.
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

    /// Checks a value; `key` is for the message, which never contains a secret.
    ///
    /// # Errors
    /// The first problem.
    pub(super) fn check(&self, key: &str, value: &Value) -> Result<(), Violation> {
        if self.may_be_empty() && value.is_null() {
            return Ok(());
        }
        let fail = |what: String| Err((Vec::new(), what));
        let is_valid = match self {
            Kind::Flag => flag(value).is_some(),
            Kind::Text | Kind::JavaOptions | Kind::Password => text(value).is_some(),
            Kind::Word => return word(key, value, 1, self),
            Kind::Secret { min_length } => return word(key, value, *min_length, self),
            Kind::OwnPassword => text(value)
                .is_some_and(|text| text.chars().all(hocon::is_plain) && !text.starts_with('-')),
            Kind::Repository => return image::repository(key, value, self),
            Kind::ImageTag => return image::tag(key, value, self),
            Kind::Name => text(value).is_some_and(|name| name.is_empty() || is_name(&name)),
            Kind::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Whole(range) => integer(value).is_some_and(|number| range.contains(&number)),
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
                    return fail(format!(
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
                Some(template) => match expand(&template, Namespace::DEFAULT) {
                    Ok(expanded) if is_host(&expanded) || is_port(&expanded) => true,
                    Ok(_) => false,
                    Err(part) => {
                        return fail(format!(
                            "`{key}` contains `{part}`: only {{{{ .Release.Name }}}} and {{{{ \
                             .Release.Namespace }}}} are supported"
                        ));
                    }
                },
                None => false,
            },
            Kind::Query => text(value).is_some_and(|query| {
                let is_valid = |c: char| c.is_ascii_alphanumeric() || "-_.~=&,:*".contains(c);
                query.chars().all(is_valid)
            }),
        };
        match is_valid {
            true => Ok(()),
            false => fail(self.invalid(key, value)),
        }
    }

    /// Returns all problems of a value whose parts are checked separately.
    pub(super) fn check_each(&self, key: &str, value: &Value) -> Vec<Violation> {
        match self {
            _ if self.may_be_empty() && value.is_null() => Vec::new(),
            Kind::Resources => size::resources(key, value),
            Kind::Environment => environment(key, value, self),
            Kind::Users => users(key, value, self),
            _ => self.check(key, value).err().into_iter().collect(),
        }
    }

    /// Returns the message for an invalid value. Secrets, maps and lists are described by their
    /// type.
    pub(super) fn invalid(&self, key: &str, value: &Value) -> String {
        let expected = self.expected();
        let got = match value {
            Value::Object(_) | Value::Array(_) | Value::Null => type_of(value).to_owned(),
            _ if self.is_secret() => type_of(value).to_owned(),
            Value::String(text) if !text.is_empty() => format!("`{text}`"),
            scalar => format!("`{scalar}`"),
        };
        let got = match self.secrecy() == Secrecy::Secret && text(value).is_some() {
            true => "other characters",
            false => &got,
        };
        format!("invalid value for `{key}`: expected {expected}, got {got}")
    }

    /// Whether null is a valid value, which means empty.
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

    /// Converts a value to its type, so that `"true"` equals `true`.
    pub(super) fn normalized(&self, value: &Value) -> Value {
        let read = match self {
            Kind::Flag => flag(value).map(Value::Bool),
            Kind::Whole(_) => integer(value).map(|number| json!(number)),
            Kind::Resources | Kind::Environment | Kind::Texts => None,
            _ => text(value).map(Value::String),
        };
        read.unwrap_or_else(|| value.clone())
    }

    /// Returns the words after "expected" in messages.
    pub(super) fn expected(&self) -> String {
        match self {
            Kind::Flag => "true or false".into(),
            Kind::Text | Kind::Template => "a string".into(),
            Kind::Word => PLAIN.into(),
            Kind::OwnPassword => format!("{PLAIN}, not starting with `-`"),
            Kind::Secret { min_length } => format!("at least {min_length} {PLAIN}"),
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

/// Reads a boolean, also from a string.
pub(super) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Reads a text. Numbers and booleans are accepted because `--set` and YAML guess the type.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The type of a value, with an article.
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

/// Reads an integer, also from a string.
pub(super) fn integer(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Expands the `{{ }}` parts of a template for a namespace.
///
/// # Errors
/// The first unknown part.
pub(super) fn expand(template: &str, namespace: &str) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inner, remaining) = after.split_once("}}").ok_or_else(|| rest.to_owned())?;
        expanded.push_str(before);
        expanded.push_str(match inner.trim_matches(['-', ' ']) {
            ".Release.Name" => crate::component::RELEASE_NAME,
            ".Release.Namespace" => namespace,
            _ => return Err(format!("{{{{{inner}}}}}")),
        });
        rest = remaining;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// The characters that are safe in a text that the server reads as HOCON.
const PLAIN: &str = "letters, digits and `-_./~`";

/// Checks a [`Kind::Word`] or a [`Kind::Secret`].
fn word(key: &str, value: &Value, min_length: usize, kind: &Kind) -> Result<(), Violation> {
    let fail = |what: String| Err((Vec::new(), what));
    let Some(word) = text(value) else {
        return fail(kind.invalid(key, value));
    };
    if word.is_empty() {
        return Ok(());
    }
    let hint = match kind.is_secret() {
        true => "; for a random one: openssl rand -hex 32",
        false => "",
    };
    if let Err(why) = hocon::check_unquoted(&word) {
        return fail(format!("invalid value for `{key}`: {why}{hint}"));
    }
    if word.len() < min_length {
        return fail(format!(
            "invalid value for `{key}`: expected at least {min_length} characters, got {}{hint}",
            word.len()
        ));
    }
    Ok(())
}

/// Whether a text is a DNS name as of RFC 1123, as Kubernetes requires for names.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_host(text: &str) -> bool {
    is_name(&text.to_ascii_lowercase()) || text.parse::<std::net::IpAddr>().is_ok()
}

fn ingress_host(key: &str, host: &str) -> Result<(), Violation> {
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
