//! The types of keys: the kind of value that a key accepts, and how it is read. Only valid
//! values are read; invalid ones were replaced by their defaults.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::values::kind::{self, Kind};
use crate::values::typed::{ServiceType, User};

/// A type of key.
pub(super) struct Type<T> {
    pub(super) kind: Kind,
    pub(super) read: fn(&Value) -> T,
}

impl<T> Type<T> {
    const fn new(kind: Kind, read: fn(&Value) -> T) -> Type<T> {
        Type { kind, read }
    }
}

impl Type<String> {
    /// Reads an empty text as `None`.
    pub(super) const fn optional(self) -> Type<Option<String>> {
        Type::new(self.kind, some)
    }
}

pub(super) const FLAG: Type<bool> = Type::new(Kind::Flag, flag);
pub(super) const TEXT: Type<String> = Type::new(Kind::Text, text);
pub(super) const WORD: Type<String> = Type::new(Kind::Word, text);
/// The minimum length is that of the chart's shortest secret.
pub(super) const SECRET: Type<Option<String>> = Type::new(Kind::Secret { min_length: 20 }, some);
pub(super) const PASSWORD: Type<Option<String>> = Type::new(Kind::Password, some);
pub(super) const OWN_PASSWORD: Type<Option<String>> = Type::new(Kind::OwnPassword, some);
pub(super) const REPOSITORY: Type<Option<String>> = Type::new(Kind::Repository, some);
pub(super) const IMAGE_TAG: Type<Option<String>> = Type::new(Kind::ImageTag, some);
pub(super) const NAME: Type<String> = Type::new(Kind::Name, text);
pub(super) const HOST: Type<String> = Type::new(Kind::Host, text);
pub(super) const INGRESS_HOST: Type<String> = Type::new(Kind::IngressHost, text);
pub(super) const ROOT_PATH: Type<String> = Type::new(Kind::RootPath, text);
/// The template is not expanded.
pub(super) const TEMPLATE: Type<String> = Type::new(Kind::Template, text);
pub(super) const JAVA_OPTIONS: Type<String> = Type::new(Kind::JavaOptions, text);
pub(super) const QUERY: Type<String> = Type::new(Kind::Query, text);
pub(super) const QUANTITY: Type<String> = Type::new(Kind::Quantity, text);
pub(super) const PORT: Type<u16> = Type::new(Kind::Whole(1..=65535), port);
pub(super) const NODE_PORT: Type<u16> = Type::new(Kind::Whole(30000..=32767), port);
pub(super) const SERVICE_TYPE: Type<ServiceType> = Type::new(
    Kind::OneOf(&["NodePort", "ClusterIP", "LoadBalancer"]),
    service_type,
);
/// Kubernetes objects.
pub(super) const RESOURCES: Type<Value> = Type::new(Kind::Resources, map);
/// Kubernetes objects.
pub(super) const ENVIRONMENT: Type<Vec<Value>> = Type::new(Kind::Environment, kind::environment_of);
pub(super) const TEXTS: Type<BTreeMap<String, String>> = Type::new(Kind::Texts, texts);
/// Kubernetes objects.
pub(super) const TOLERATIONS: Type<Vec<Value>> = Type::new(Kind::Tolerations, list);
/// A Kubernetes object.
pub(super) const AFFINITY: Type<Value> = Type::new(Kind::Affinity, map);
pub(super) const ACCESS_MODES: Type<Vec<String>> = Type::new(Kind::AccessModes, list_of_texts);
pub(super) const ARGUMENTS: Type<Vec<String>> = Type::new(Kind::Arguments, list_of_texts);
pub(super) const USERS: Type<Vec<User>> = Type::new(Kind::Users, users);

pub(super) const fn one_of(words: &'static [&'static str]) -> Type<String> {
    Type::new(Kind::OneOf(words), text)
}

pub(super) const fn whole(range: RangeInclusive<u64>) -> Type<u64> {
    Type::new(Kind::Whole(range), number)
}

pub(super) const fn count(range: RangeInclusive<u64>) -> Type<u32> {
    Type::new(Kind::Whole(range), small_number)
}

/// Files by name. The names must end with one of `ends`, if there are any.
pub(super) const fn files(ends: &'static [&'static str]) -> Type<BTreeMap<String, String>> {
    Type::new(Kind::Files(ends), texts)
}

fn flag(value: &Value) -> bool {
    kind::flag(value).unwrap_or_default()
}

fn text(value: &Value) -> String {
    kind::text(value).unwrap_or_default()
}

fn some(value: &Value) -> Option<String> {
    kind::text(value).filter(|text| !text.is_empty())
}

fn number(value: &Value) -> u64 {
    kind::integer(value).unwrap_or_default()
}

fn small_number(value: &Value) -> u32 {
    u32::try_from(number(value)).unwrap_or(u32::MAX)
}

fn port(value: &Value) -> u16 {
    u16::try_from(number(value)).unwrap_or_default()
}

fn service_type(value: &Value) -> ServiceType {
    ServiceType::of(&text(value))
}

fn map(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.clone()),
        _ => Value::Object(Map::new()),
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn list_of_texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(kind::text).collect()
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let map = value.as_object().into_iter().flatten();
    map.filter_map(|(name, value)| Some((name.clone(), kind::text(value)?)))
        .collect()
}

fn users(value: &Value) -> Vec<User> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(User::of)
        .collect()
}
