//! Image references: `mongo:4.4` is `docker.io/library/mongo:4.4` in the node.

/// The full name under which containerd knows an image.
pub fn canonical(reference: &str) -> String {
    let (name, rest) = split(reference);
    let rest = if rest.is_empty() { ":latest" } else { rest };
    let host = registry(reference);
    let path = name.strip_prefix(&format!("{host}/")).unwrap_or(name);
    let path = path.strip_prefix("index.docker.io/").unwrap_or(path);
    if host == "docker.io" && !path.contains('/') {
        return format!("{host}/library/{path}{rest}");
    }
    format!("{host}/{path}{rest}")
}

/// The registry's host, such as `docker.io`.
pub fn registry(reference: &str) -> &str {
    let (name, _) = split(reference);
    match name.split_once('/') {
        Some(("index.docker.io", _)) => "docker.io",
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// The short name that people know an image by, such as `elasticsearch`.
pub fn short(reference: &str) -> &str {
    let (name, _) = split(reference);
    name.rsplit('/').next().unwrap_or(name)
}

/// The reference of that very content under the same name.
pub fn with_digest(reference: &str, digest: &str) -> String {
    let (name, _) = split(reference);
    format!("{name}@{digest}")
}

/// The tag, if there is one.
pub fn tag(reference: &str) -> Option<&str> {
    let (_, rest) = split(reference);
    let rest = rest.split('@').next().unwrap_or_default();
    rest.strip_prefix(':')
}

/// The name without tag and digest.
pub fn name(reference: &str) -> &str {
    split(reference).0
}

/// Name and the rest (`:tag`, `@digest`, both or nothing).
fn split(reference: &str) -> (&str, &str) {
    let last_slash = reference.rfind('/').map_or(0, |at| at + 1);
    let end = reference[last_slash..]
        .find([':', '@'])
        .map_or(reference.len(), |at| last_slash + at);
    reference.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_completed() {
        for (given, full) in [
            ("mongo:4.4.29", "docker.io/library/mongo:4.4.29"),
            (
                "allegroai/clearml:1.5.0",
                "docker.io/allegroai/clearml:1.5.0",
            ),
            ("docker.io/library/redis:6.2", "docker.io/library/redis:6.2"),
            (
                "docker.elastic.co/elasticsearch/elasticsearch:7",
                "docker.elastic.co/elasticsearch/elasticsearch:7",
            ),
            ("localhost:5000/x", "localhost:5000/x:latest"),
            ("localhost/x:1", "localhost/x:1"),
            ("redis@sha256:00", "docker.io/library/redis@sha256:00"),
        ] {
            assert_eq!(canonical(given), full);
        }
    }

    #[test]
    fn a_reference_has_parts() {
        let reference = "localhost:5000/team/x:1.2@sha256:00";
        assert_eq!(name(reference), "localhost:5000/team/x");
        assert_eq!(tag(reference), Some("1.2"));
        assert_eq!(tag("x@sha256:00"), None);
        assert_eq!(
            with_digest(reference, "sha256:11"),
            "localhost:5000/team/x@sha256:11"
        );
    }

    #[test]
    fn people_know_images_by_their_last_name() {
        assert_eq!(
            short("docker.elastic.co/elasticsearch/elasticsearch:7"),
            "elasticsearch"
        );
        assert_eq!(registry("localhost:5000/x"), "localhost:5000");
    }
}
