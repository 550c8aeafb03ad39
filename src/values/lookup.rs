//! Suggests known names for an unknown one: first its siblings, then the whole tree.

use std::collections::BTreeSet;

use super::keys;
use crate::words::either;

/// The maximum number of suggested names.
const LIMIT: usize = 3;

/// Names in other charts for keys of this one.
const SYNONYMS: [(&str, &str); 13] = [
    ("accessmode", "accessModes"),
    ("env", "extraEnvs"),
    ("extraenv", "extraEnvs"),
    ("extraenvvars", "extraEnvs"),
    ("heapsize", "esJavaOpts"),
    ("host", "hostName"),
    ("hosts", "hostName"),
    ("imagepullsecrets", "existingSecret"),
    ("ingressclassname", "className"),
    ("replicas", "replicaCount"),
    ("storageclass", "class"),
    ("storageclassname", "class"),
    ("tls", "tlsSecretName"),
];

/// Returns the known names nearest to an unknown one, best first: those with the same parent,
/// or else those in the same section, or else any.
pub(super) fn nearest(path: &[&str]) -> Vec<String> {
    let Some((last, parent)) = path.split_last() else {
        return Vec::new();
    };
    let names = names();
    let mut best: Vec<(Rank, usize, &str)> = Vec::new();
    for (order, name) in names.iter().enumerate() {
        best.extend(rank(last, parent, name).map(|rank| (rank, order, name.as_str())));
    }
    best.sort_unstable();
    let Some((first, ..)) = best.first() else {
        return Vec::new();
    };
    let (place, distance) = (first.place, first.distance);
    best.iter()
        // Of siblings only the nearest is suggested; elsewhere several may be equally near.
        .filter(|(rank, ..)| rank.place == place && rank.distance == distance)
        .take(if place == Place::Sibling { 1 } else { LIMIT })
        .map(|(.., name)| (*name).to_owned())
        .collect()
}

/// Whether a name is similar to a sibling.
pub(super) fn is_misspelt(path: &[&str]) -> bool {
    let Some((last, parent)) = path.split_last() else {
        return false;
    };
    let names = names();
    let mut ranks = names.iter().filter_map(|name| rank(last, parent, name));
    ranks.any(|rank| rank.place == Place::Sibling)
}

/// Formats names as a question, such as `; did you mean `a` or `b`?`; empty without names.
pub(super) fn question(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("; did you mean {}?", either(&quoted))
}

/// The position of a name relative to the unknown one; nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Sibling,
    SameSection,
    Anywhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    place: Place,
    distance: usize,
    /// The number of steps of the unknown name that the known one lacks.
    missing: usize,
}

fn rank(last: &str, parent: &[&str], name: &str) -> Option<Rank> {
    let mut steps: Vec<&str> = name.split('.').collect();
    let known = steps.pop()?;
    let place = match (parent.first(), steps.first()) {
        _ if steps == parent => Place::Sibling,
        (Some(section), Some(known)) if section == known => Place::SameSection,
        _ => Place::Anywhere,
    };
    let distance = distance_if_similar(last, known, place)?;
    let missing = parent.iter().filter(|step| !steps.contains(step)).count();
    Some(Rank {
        place,
        distance,
        missing,
    })
}

/// Returns the distance of a name from a known one; `None` if they are not similar. The
/// farther away the known name is in the tree, the more similar it must be.
fn distance_if_similar(last: &str, known: &str, place: Place) -> Option<usize> {
    let (lower, known_lower) = (last.to_lowercase(), known.to_lowercase());
    let synonym = SYNONYMS
        .iter()
        .any(|(other, own)| *other == lower && *own == known);
    let distance = if synonym {
        1
    } else {
        distance(&lower, &known_lower)
    };
    let length = lower.chars().count();
    let start = common_start(&lower, &known_lower);
    let fits = match place {
        // `replicas` has a large distance from `replicaCount`, but the same start.
        Place::Sibling => distance <= length.div_ceil(3) || start > (length / 2).max(3),
        Place::SameSection => distance <= length / 4,
        Place::Anywhere => distance <= usize::from(length > 5),
    };
    (fits || synonym).then_some(distance)
}

/// All keys and sections, in the order in which they are shown.
fn names() -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for key in keys::all() {
        let ends = key.path.match_indices('.').map(|(at, _)| at);
        for end in ends.chain([key.path.len()]) {
            if seen.insert(&key.path[..end]) {
                names.push(key.path[..end].to_owned());
            }
        }
    }
    names
}

fn common_start(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    pairs.take_while(|(a, b)| a == b).count()
}

/// How many letters must be changed to make one word the other. Only the start of words
/// longer than any key is compared: the time grows with the product of the lengths.
fn distance(one: &str, other: &str) -> usize {
    let start = |word: &str| word.chars().take(64).collect::<String>();
    strsim::levenshtein(&start(one), &start(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("nodeprt", "nodeport"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn looks_up_siblings_first_and_then_the_whole_tree() {
        for (unknown, expected) in [
            ("redis.imge", &["redis.image"][..]),
            ("apiserver.replicas", &["apiserver.replicaCount"]),
            ("apisever", &["apiserver"]),
            ("ingress.api.host", &["ingress.api.hostName"]),
            ("ingress.api.ingressClassName", &["ingress.className"]),
            ("apiserver.nodePort", &["apiserver.service.nodePort"]),
            ("fileserver.size", &["fileserver.storage.data.size"]),
            (
                "fileserver.persistence.storageClass",
                &["fileserver.storage.data.class"],
            ),
            (
                "elasticsearch.storage",
                &["elasticsearch.volumeClaimTemplate.resources.requests.storage"],
            ),
            (
                "persistence",
                &[
                    "redis.master.persistence",
                    "mongodb.persistence",
                    "elasticsearch.persistence",
                ],
            ),
            (
                "global.extraEnvVars",
                &[
                    "apiserver.extraEnvs",
                    "fileserver.extraEnvs",
                    "webserver.extraEnvs",
                ],
            ),
            ("authToken", &["secret.authToken"]),
            ("sideWorker", &[]),
            ("completely-else", &[]),
            ("a", &[]),
        ] {
            let path: Vec<&str> = unknown.split('.').collect();
            assert_eq!(nearest(&path), expected, "{unknown}");
        }
    }

    #[test]
    fn asks_one_question_about_several_names() {
        let names = |count: usize| -> Vec<String> {
            ["a", "b", "c"][..count]
                .iter()
                .map(|name| (*name).to_owned())
                .collect()
        };
        assert_eq!(question(&names(0)), "");
        assert_eq!(question(&names(1)), "; did you mean `a`?");
        assert_eq!(question(&names(3)), "; did you mean `a`, `b` or `c`?");
    }
}
