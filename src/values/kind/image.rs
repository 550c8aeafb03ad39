//! The two parts of an image reference.

use serde_json::Value;

use super::{Kind, Violation, text};
use crate::image_ref::ImageRef;

/// Checks an image without its tag; may be empty.
pub(super) fn repository(key: &str, value: &Value, kind: &Kind) -> Result<(), Violation> {
    let fail = |what: String| Err((Vec::new(), what));
    let Some(written) = value.as_str() else {
        return fail(kind.invalid(key, value));
    };
    if written.is_empty() {
        return Ok(());
    }
    let parent = key.strip_suffix(".repository").unwrap_or(key);
    let image = match written.parse::<ImageRef>() {
        Ok(image) => image,
        Err(_) if written.contains('@') => return fail(digest(key)),
        Err(why) => return fail(format!("{}: {why}", kind.invalid(key, value))),
    };
    match image.tag() {
        _ if image.digest().is_some() => fail(digest(key)),
        Some(tag) => fail(format!(
            "invalid value for `{key}`: the tag belongs in `{parent}.tag`: write `repository: {}` and `tag: \"{tag}\"`",
            image.repository()
        )),
        None => Ok(()),
    }
}

/// Checks a tag; may be empty.
pub(super) fn tag(key: &str, value: &Value, kind: &Kind) -> Result<(), Violation> {
    let fail = |what: String| Err((Vec::new(), what));
    let Some(tag) = text(value).filter(|_| !value.is_boolean()) else {
        return fail(kind.invalid(key, value));
    };
    if tag.is_empty() || ImageRef::tagged("image", &tag).is_ok() {
        return Ok(());
    }
    if tag.contains('@') || tag.starts_with("sha256:") {
        return fail(digest(key));
    }
    fail(kind.invalid(key, value))
}

/// Returns the message for a digest.
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
    fn accepts_what_registries_accept() {
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
    fn says_where_a_tag_or_a_digest_belongs() {
        let error = |name: &str| {
            let result = repository("redis.image.repository", &json!(name), &Kind::Repository);
            result.unwrap_err().1
        };
        assert_eq!(
            error("localhost:5000/redis:7"),
            "invalid value for `redis.image.repository`: the tag belongs in `redis.image.tag`: write `repository: localhost:5000/redis` and `tag: \"7\"`"
        );
        assert!(error("redis@sha256:00").ends_with("write only the tag"));
        let url = error("https://registry/x");
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
            let message = error(invalid);
            assert!(
                message.contains("expected an image without its tag"),
                "{message}"
            );
        }
        for name in ["6.2@sha256:00", "sha256:00"] {
            let message = tag("t", &json!(name), &Kind::ImageTag).unwrap_err().1;
            assert!(message.ends_with("write only the tag"), "{message}");
        }
    }
}
