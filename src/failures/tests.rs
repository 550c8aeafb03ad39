use std::collections::BTreeSet;

use super::lookup::{Query, find};
use super::*;

#[test]
fn identifiers_are_unique_and_in_kebab_case() {
    let ids: BTreeSet<&str> = Failure::ALL.iter().map(|failure| failure.id()).collect();
    assert_eq!(ids.len(), Failure::ALL.len());
    for id in ids {
        let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(id.chars().all(is_kebab), "{id}");
        assert!(id.len() <= 32, "{id}");
    }
}

/// Programs depend on both: an entry may be added, but none may change.
#[test]
fn identifiers_and_exit_codes_are_stable() {
    let entry = |failure: &Failure| format!("{:3} {}\n", failure.code().number(), failure.id());
    insta::assert_snapshot!(Failure::ALL.iter().map(entry).collect::<String>());
}

/// Names of programs that are written in lower case.
const NAMES: [&str; 4] = ["clearml-local", "containerd", "kubeadm", "nginx"];

#[test]
fn pages_are_written_in_one_way() {
    for failure in Failure::ALL {
        let (id, title) = (failure.id(), failure.title());
        assert!(!title.ends_with('.') && !title.contains('\n'), "{id}");
        for text in [failure.what(), failure.why()] {
            assert!(text.ends_with('.'), "{id}: {text}");
            let is_name = NAMES.iter().any(|name| text.starts_with(name));
            let is_lower = text.starts_with(char::is_lowercase);
            assert!(is_name || !is_lower, "{id}: {text}");
            assert!(!text.contains("  "), "{id}: {text}");
        }
        assert!(!failure.remedies().is_empty(), "{id} has no remedy");
    }
}

#[test]
fn no_remedy_deletes_data() {
    let deletes = [
        "--purge",
        "rm ",
        "delete",
        "volume rm",
        "volume prune",
        "system prune",
    ];
    for failure in Failure::ALL {
        for remedy in failure.remedies() {
            // A network has no data.
            let text = remedy.to_string().replace("docker network rm", "");
            let found = deletes.iter().find(|word| text.contains(**word));
            assert_eq!(found, None, "{}: {text}", failure.id());
        }
    }
}

#[test]
fn finds_identifiers_and_exit_codes() {
    assert_eq!(find("port-in-use"), Query::One(Failure::PortInUse));
    assert_eq!(find("[Port-In-Use]"), Query::One(Failure::PortInUse));
    assert_eq!(find("41"), Query::WithCode(vec![Failure::KubeadmFailed]));
    let Query::WithCode(full) = find("22") else {
        panic!();
    };
    assert!(full.contains(&Failure::DockerDiskFull));
    assert_eq!(find("3"), Query::Unknown(Vec::new()));
    assert_eq!(find("300"), Query::Unknown(Vec::new()));
}

#[test]
fn suggests_similar_identifiers() {
    let similar = |text: &str| match find(text) {
        Query::Unknown(similar) => similar,
        other => panic!("{other:?}"),
    };
    assert_eq!(similar("prot-in-use")[0], Failure::PortInUse);
    assert_eq!(similar("image-unauthorised")[0], Failure::ImageUnauthorized);
    assert!(similar("disk-full").contains(&Failure::DataDiskFull));
    assert!(similar("xyz").is_empty());
    assert!(similar("").is_empty());
}
