use super::*;

const SHA: &str = "sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";

fn image(text: &str) -> ImageRef {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn short_names_are_completed() {
    let with_digest = format!("redis@{SHA}");
    let full_digest = format!("docker.io/library/redis@{SHA}");
    for (given, full) in [
        ("mongo:4.4.29", "docker.io/library/mongo:4.4.29"),
        (
            "allegroai/clearml:1.5.0",
            "docker.io/allegroai/clearml:1.5.0",
        ),
        ("docker.io/library/redis:6.2", "docker.io/library/redis:6.2"),
        ("docker.io/redis:6.2", "docker.io/library/redis:6.2"),
        ("index.docker.io/redis:6.2", "docker.io/library/redis:6.2"),
        (
            "docker.elastic.co/elasticsearch/elasticsearch:7",
            "docker.elastic.co/elasticsearch/elasticsearch:7",
        ),
        ("localhost:5000/x", "localhost:5000/x:latest"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("localhost/x:1", "localhost/x:1"),
        ("Registry/team/x:1", "Registry/team/x:1"),
        ("[::1]:5000/x:1", "[::1]:5000/x:1"),
        ("a__b/c.d--e:_1", "docker.io/a__b/c.d--e:_1"),
        (&with_digest, &full_digest),
    ] {
        assert_eq!(image(given).canonical(), full);
        assert_eq!(image(given).to_string(), given, "shown as it was written");
    }
}

#[test]
fn a_reference_is_split_into_its_parts() {
    let reference = image(&format!("localhost:5000/team/x:1.2@{SHA}"));
    assert_eq!(reference.registry(), "localhost:5000");
    assert_eq!(reference.repository(), "localhost:5000/team/x");
    assert_eq!(reference.short_name(), "x");
    assert_eq!(reference.short(), "x:1.2");
    assert_eq!(reference.tag(), Some("1.2"));
    assert_eq!(image(&format!("x@{SHA}")).tag(), None);
    assert_eq!(image("x").tag_or_default(), "latest");
    let other: Digest = SHA.replace("a1", "b2").parse().unwrap();
    assert_eq!(
        reference.with_digest(&other).to_string(),
        format!("localhost:5000/team/x@{other}")
    );
    assert_eq!(
        ImageRef::tagged("mongo", "7").unwrap().to_string(),
        "mongo:7"
    );
    assert_eq!(
        image("docker.elastic.co/elasticsearch/elasticsearch:7").short_name(),
        "elasticsearch"
    );
}

#[test]
fn different_spellings_of_one_image_are_equal() {
    let tagged = format!("mongo:1@{SHA}");
    let bare = format!("docker.io/library/mongo@{SHA}");
    for (one, other) in [
        ("mongo", "mongo:latest"),
        ("mongo:7", "docker.io/library/mongo:7"),
        ("index.docker.io/a/b", "a/b"),
        (&tagged, &bare),
    ] {
        assert_eq!(image(one), image(other));
        assert_eq!(image(one).cmp(&image(other)), Ordering::Equal);
        let both = std::collections::HashSet::from([image(one), image(other)]);
        assert_eq!(both.len(), 1, "{one} {other}");
    }
    for (one, other) in [
        ("mongo:7", "mongo:6"),
        ("mongo:7", "localhost/library/mongo:7"),
        ("mongo:1", tagged.as_str()),
    ] {
        assert_ne!(image(one), image(other));
    }
}

#[test]
fn errors_state_what_is_invalid() {
    let long = "x".repeat(256);
    let id = &SHA["sha256:".len()..];
    for (text, why) in [
        ("", "expected a name such as mongo:7.0.22"),
        (":7", "expected a name such as mongo:7.0.22"),
        (
            "https://r.corp/x",
            "expected no scheme: write it without `https://`",
        ),
        (
            "library/Mongo:7",
            "repository name `library/Mongo` must be lowercase",
        ),
        ("Mongo", "repository name `Mongo` must be lowercase"),
        (
            "mon go:7",
            "invalid repository name `mon go`: expected lowercase letters and digits, separated by `/`, `.`, `-`, `_` or `__`",
        ),
        (
            "under_score.corp/x",
            "invalid registry `under_score.corp`: expected a host such as registry.example.com:5000",
        ),
        (
            "r.corp:port/x",
            "invalid registry `r.corp:port`: expected a host such as registry.example.com:5000",
        ),
        (
            "mongo:-7",
            "invalid tag `-7`: expected up to 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`",
        ),
        (
            "mongo@sha256:00",
            "invalid digest `sha256:00`: expected sha256: and 64 lowercase hexadecimal digits",
        ),
        (id, "expected a name, got the ID of an image"),
        (
            &long,
            "repository name must not be longer than 255 characters",
        ),
    ] {
        let message = text.parse::<ImageRef>().unwrap_err().to_string();
        assert_eq!(message, why, "{text}");
    }
    for text in ["r.corp/", " mongo", "mongo ", "x@md5:00", "é"] {
        assert!(text.parse::<ImageRef>().is_err(), "{text:?}");
    }
}

#[test]
fn a_mirror_replaces_every_registry() {
    let mirror: RepositoryPrefix = "mirror.corp:5000/hub".parse().unwrap();
    for (reference, expected) in [
        (
            "mongo:4.4".to_owned(),
            "mirror.corp:5000/hub/library/mongo:4.4".to_owned(),
        ),
        (
            "docker.elastic.co/elasticsearch/elasticsearch:7".to_owned(),
            "mirror.corp:5000/hub/elasticsearch/elasticsearch:7".to_owned(),
        ),
        (
            format!("kindest/node:v1@{SHA}"),
            format!("mirror.corp:5000/hub/kindest/node:v1@{SHA}"),
        ),
    ] {
        let mirrored = image(&reference).with_prefix(&mirror);
        assert_eq!(mirrored.to_string(), expected);
        assert_eq!(image(&expected), mirrored, "it can be parsed again");
    }
    for wrong in ["mirror", "mirror.corp/a b", "mirror.corp/Hub", "", "_.corp"] {
        assert!(wrong.parse::<RepositoryPrefix>().is_err(), "{wrong}");
    }
}

#[test]
fn serialization_keeps_the_spelling() {
    let text = r#""docker.io/library/mongo:7""#;
    let read: ImageRef = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    let error = serde_json::from_str::<ImageRef>(r#""Mongo:7""#).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("invalid image reference `Mongo:7`: repository name"),
        "{error}"
    );
}

#[test]
fn the_patterns_of_the_schema_match_the_parser() {
    let (repository, tag) = (
        regex::Regex::new(REPOSITORY).unwrap(),
        regex::Regex::new(TAG).unwrap(),
    );
    for text in [
        "mongo",
        "a/b",
        "r.corp:5000/x",
        "Registry/x",
        "[::1]:5000/x",
        "Mongo",
        "a//b",
        "a..b",
        "a__b",
        "a___b",
        "a--b",
        "_a",
        "x y",
        "a/B",
    ] {
        let parsed = ImageRef::tagged(text, "1").is_ok();
        assert_eq!(repository.is_match(text), parsed, "{text}");
    }
    for text in ["1.5.0", "_x", ".x", "-x", "x y", "v1_2-3"] {
        let parsed = ImageRef::tagged("x", text).is_ok();
        assert_eq!(tag.is_match(text), parsed, "{text}");
    }
}
