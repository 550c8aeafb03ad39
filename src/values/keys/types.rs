//! The types of keys: the kind of value that a key accepts, and what reading it gives.
//! Readers only see valid values; an invalid one was replaced by its default.

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
    /// The same, where an empty text is none.
    pub(super) const fn optional(self) -> Type<Option<String>> {
        Type::new(self.kind, some)
    }
}

pub(super) const FLAG: Type<bool> = Type::new(Kind::Flag, flag);
pub(super) const TEXT: Type<String> = Type::new(Kind::Text, text);
pub(super) const WORD: Type<String> = Type::new(Kind::Word, text);
/// As long as the shortest secret of the chart.
pub(super) const SECRET: Type<Option<String>> = Type::new(Kind::Secret { least: 20 }, some);
pub(super) const PASSWORD: Type<Option<String>> = Type::new(Kind::Password, some);
pub(super) const OWN_PASSWORD: Type<Option<String>> = Type::new(Kind::OwnPassword, some);
pub(super) const REPOSITORY: Type<Option<String>> = Type::new(Kind::Repository, some);
pub(super) const IMAGE_TAG: Type<Option<String>> = Type::new(Kind::ImageTag, some);
pub(super) const NAME: Type<String> = Type::new(Kind::Name, text);
pub(super) const HOST: Type<String> = Type::new(Kind::Host, text);
pub(super) const INGRESS_HOST: Type<String> = Type::new(Kind::IngressHost, text);
pub(super) const ROOT_PATH: Type<String> = Type::new(Kind::RootPath, text);
/// Reading it fills in what the template contains.
pub(super) const TEMPLATE: Type<String> = Type::new(Kind::Template, filled);
pub(super) const JAVA_OPTIONS: Type<String> = Type::new(Kind::JavaOptions, text);
pub(super) const QUERY: Type<String> = Type::new(Kind::Query, text);
pub(super) const QUANTITY: Type<String> = Type::new(Kind::Quantity, text);
pub(super) const PORT: Type<u16> = Type::new(Kind::Whole(1..=65535), port);
pub(super) const NODE_PORT: Type<u16> = Type::new(Kind::Whole(30000..=32767), port);
pub(super) const SERVICE_TYPE: Type<ServiceType> = Type::new(
    Kind::OneOf(&["NodePort", "ClusterIP", "LoadBalancer"]),
    service_type,
);
/// As Kubernetes takes them.
pub(super) const RESOURCES: Type<Value> = Type::new(Kind::Resources, map);
/// As Kubernetes takes it.
pub(super) const ENVIRONMENT: Type<Vec<Value>> = Type::new(Kind::Environment, kind::environment_of);
pub(super) const TEXTS: Type<BTreeMap<String, String>> = Type::new(Kind::Texts, texts);
/// As Kubernetes takes them.
pub(super) const TOLERATIONS: Type<Vec<Value>> = Type::new(Kind::Tolerations, list);
/// As Kubernetes takes it.
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

/// Files by name, which ends with one of `ends`, unless there is none.
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

fn filled(value: &Value) -> String {
    kind::fill(&text(value)).unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    kind::whole(value).unwrap_or_default()
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
