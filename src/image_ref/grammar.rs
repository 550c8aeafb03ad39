//! The grammar of `distribution/reference`, as regular expressions.

use std::sync::LazyLock;

use regex::Regex;

pub(super) const MAX_PATH_LENGTH: usize = 255;

/// A host name, an IPv4 address or an IPv6 address in brackets, with an optional port.
macro_rules! registry {
    () => {
        concat!(
            r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*",
            r"|\[[0-9a-fA-F:]+\])(:[0-9]+)?"
        )
    };
}

/// The parts of a path. Does not check the length.
macro_rules! path {
    () => {
        r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
    };
}

/// A repository in the values, or an empty text: for JSON Schema.
pub(crate) const REPOSITORY: &str = concat!("^((", registry!(), "/)?", path!(), ")?$");

/// A tag, or an empty text: for JSON Schema.
pub(crate) const TAG: &str = r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$";

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is part of the program")
}

pub(super) fn is_registry(text: &str) -> bool {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| pattern(concat!("^", registry!(), "$")));
    PATTERN.is_match(text)
}

pub(super) fn is_path(text: &str) -> bool {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| pattern(concat!("^", path!(), "$")));
    PATTERN.is_match(text)
}

pub(super) fn is_tag(text: &str) -> bool {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| pattern(TAG));
    !text.is_empty() && PATTERN.is_match(text)
}

/// Returns whether a text is a digest with an algorithm that registries use.
pub(super) fn is_digest(text: &str) -> bool {
    let length = match text.split_once(':') {
        Some(("sha256", _)) => 64,
        Some(("sha384", _)) => 96,
        Some(("sha512", _)) => 128,
        _ => return false,
    };
    let hex = &text["sha256:".len()..];
    hex.len() == length && hex.bytes().all(is_hex)
}

/// Returns whether a text is the ID of an image for engines: 64 hexadecimal digits.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(is_hex)
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}
