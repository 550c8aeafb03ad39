//! The two parts of an image reference.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{Kind, Wrong, text};

/// A name with an optional registry, as the OCI distribution specification has it.
pub(super) const REPOSITORY: &str = "^([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*$|^$";

/// A tag, or none.
pub(super) const TAG: &str = "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$";

/// An image without its tag.
pub(super) fn repository(key: &str, value: &Value, kind: &Kind) -> Result<(), Wrong> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(REPOSITORY).expect("the pattern is part of the program"));
    let wrong = |what: String| Err((Vec::new(), what));
    let Some(image) = value.as_str() else {
        return wrong(kind.invalid(key, value));
    };
    if PATTERN.is_match(image) {
        return Ok(());
    }
    let parent = key.strip_suffix(".repository").unwrap_or(key);
    if image.contains('@') {
        return wrong(digest(key));
    }
    if let Some((name, tag)) = image.rsplit_once(':')
        && !tag.contains('/')
        && PATTERN.is_match(name)
    {
        return wrong(format!(
            "invalid value for `{key}`: the tag belongs in `{parent}.tag`: write `repository: {name}` and `tag: \"{tag}\"`"
        ));
    }
    wrong(kind.invalid(key, value))
}

/// A tag.
pub(super) fn tag(key: &str, value: &Value, kind: &Kind) -> Result<(), Wrong> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(TAG).expect("the pattern is part of the program"));
    let wrong = |what: String| Err((Vec::new(), what));
    let Some(tag) = text(value).filter(|_| !value.is_boolean()) else {
        return wrong(kind.invalid(key, value));
    };
    if PATTERN.is_match(&tag) {
        return Ok(());
    }
    if tag.contains('@') || tag.starts_with("sha256:") {
        return wrong(digest(key));
    }
    wrong(kind.invalid(key, value))
}

/// An image that is loaded into the node goes by its tag there.
fn digest(key: &str) -> String {
    format!(
        "invalid value for `{key}`: images are loaded into the node by their tag, and a digest is lost on the way: write only the tag"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_registries_accept_passes() {
        for name in [
            "",
            "mongo",
            "allegroai/clearml",
            "localhost:5000/team/x",
            "docker.elastic.co/elasticsearch/elasticsearch",
            "Registry.example.com/a__b/c-d",
        ] {
            assert_eq!(
                repository("r", &json!(name), &Kind::Repository),
                Ok(()),
                "{name}"
            );
        }
        for name in [json!("1.5.0"), json!(""), json!("7"), json!(7), json!("_x")] {
            assert_eq!(tag("t", &name, &Kind::ImageTag), Ok(()), "{name}");
        }
    }

    #[test]
    fn parts_of_one_another_are_told_where_they_belong() {
        let told = |name: &str| {
            let told = repository("redis.image.repository", &json!(name), &Kind::Repository);
            told.unwrap_err().1
        };
        assert_eq!(
            told("localhost:5000/redis:7"),
            "invalid value for `redis.image.repository`: the tag belongs in `redis.image.tag`: write `repository: localhost:5000/redis` and `tag: \"7\"`"
        );
        assert!(told("redis@sha256:00").ends_with("write only the tag"));
        assert!(told("https://registry/x").contains("got `https://registry/x`"));
        for name in ["6.2@sha256:00", "sha256:00"] {
            let told = tag("t", &json!(name), &Kind::ImageTag).unwrap_err().1;
            assert!(told.ends_with("write only the tag"), "{told}");
        }
    }
}
