//! Names that a wrong one may have meant: first beside it, then in the whole tree.

use std::collections::BTreeSet;

use super::keys;
use crate::words::either;

/// How many names are suggested for one.
const MOST: usize = 3;

/// What other charts call a key of this one.
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

/// The known names nearest to an unknown one, best first: those below the same parent,
/// else those in the same section, else anywhere.
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
        // Beside it one name is the nearest; elsewhere several are as near.
        .filter(|(rank, ..)| rank.place == place && rank.distance == distance)
        .take(if place == Place::Beside { 1 } else { MOST })
        .map(|(.., name)| (*name).to_owned())
        .collect()
}

/// Whether a name is nearly one of those beside it.
pub(super) fn is_misspelt(path: &[&str]) -> bool {
    let Some((last, parent)) = path.split_last() else {
        return false;
    };
    let names = names();
    let mut ranks = names.iter().filter_map(|name| rank(last, parent, name));
    ranks.any(|rank| rank.place == Place::Beside)
}

/// The names as a question, such as `; did you mean `a` or `b`?`; empty without any.
pub(super) fn question(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("; did you mean {}?", either(&quoted))
}

/// Where a name stands, seen from the unknown one; nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Beside,
    SameSection,
    Anywhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    place: Place,
    distance: usize,
    /// Steps of the unknown name that the known one lacks.
    missing: usize,
}

fn rank(last: &str, parent: &[&str], name: &str) -> Option<Rank> {
    let mut steps: Vec<&str> = name.split('.').collect();
    let known = steps.pop()?;
    let place = match (parent.first(), steps.first()) {
        _ if steps == parent => Place::Beside,
        (Some(ours), Some(theirs)) if ours == theirs => Place::SameSection,
        _ => Place::Anywhere,
    };
    let distance = far(last, known, place)?;
    let missing = parent.iter().filter(|step| !steps.contains(step)).count();
    Some(Rank {
        place,
        distance,
        missing,
    })
}

/// How far a name is from a known one, `None` where too far. The farther away it stands,
/// the more alike it must be.
fn far(last: &str, known: &str, place: Place) -> Option<usize> {
    let (lower, known_lower) = (last.to_lowercase(), known.to_lowercase());
    let synonym = SYNONYMS
        .iter()
        .any(|(other, ours)| *other == lower && *ours == known);
    let distance = if synonym {
        1
    } else {
        distance(&lower, &known_lower)
    };
    let length = lower.chars().count();
    let start = common_start(&lower, &known_lower);
    let fits = match place {
        // `replicas` is far from `replicaCount`, and yet meant.
        Place::Beside => distance <= length.div_ceil(3) || start > (length / 2).max(3),
        Place::SameSection => distance <= length / 4,
        Place::Anywhere => distance <= usize::from(length > 5),
    };
    (fits || synonym).then_some(distance)
}

/// All keys and the parts of names above them, in the order in which they are shown.
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
    fn names_are_looked_up_beside_the_unknown_one_and_then_in_the_whole_tree() {
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
    fn several_names_are_one_question() {
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
