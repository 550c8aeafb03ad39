//! The two parts of an image reference.

use serde_json::Value;

use super::{Kind, Wrong, text};
use crate::image_ref::ImageRef;

/// An image without its tag, or none.
pub(super) fn repository(key: &str, value: &Value, kind: &Kind) -> Result<(), Wrong> {
    let wrong = |what: String| Err((Vec::new(), what));
    let Some(written) = value.as_str() else {
        return wrong(kind.invalid(key, value));
    };
    if written.is_empty() {
        return Ok(());
    }
    let parent = key.strip_suffix(".repository").unwrap_or(key);
    let image = match written.parse::<ImageRef>() {
        Ok(image) => image,
        Err(_) if written.contains('@') => return wrong(digest(key)),
        Err(why) => return wrong(format!("{}: {why}", kind.invalid(key, value))),
    };
    match image.tag() {
        _ if image.digest().is_some() => wrong(digest(key)),
        Some(tag) => wrong(format!(
            "invalid value for `{key}`: the tag belongs in `{parent}.tag`: write `repository: {}` and `tag: \"{tag}\"`",
            image.repository()
        )),
        None => Ok(()),
    }
}

/// A tag, or none.
pub(super) fn tag(key: &str, value: &Value, kind: &Kind) -> Result<(), Wrong> {
    let wrong = |what: String| Err((Vec::new(), what));
    let Some(tag) = text(value).filter(|_| !value.is_boolean()) else {
        return wrong(kind.invalid(key, value));
    };
    if tag.is_empty() || ImageRef::tagged("image", &tag).is_ok() {
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
        "invalid value for `{key}`: images are loaded into the node by their tag, and digests are \
         not supported: write only the tag"
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
        let url = told("https://registry/x");
        assert!(
            url.contains("got `https://registry/x`: expected no scheme"),
            "{url}"
        );
        for invalid in [
            "a//b",
            "a b",
            "under_score.corp/x",
            "a..b",
            &"x".repeat(256),
        ] {
            let told = told(invalid);
            assert!(told.contains("expected an image without its tag"), "{told}");
        }
        for name in ["6.2@sha256:00", "sha256:00"] {
            let told = tag("t", &json!(name), &Kind::ImageTag).unwrap_err().1;
            assert!(told.ends_with("write only the tag"), "{told}");
        }
    }
}
