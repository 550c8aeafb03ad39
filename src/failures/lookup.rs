//! Finds entries of the catalogue by what users type.

use super::Failure;

/// What a user asks for: an identifier or an exit code.
#[derive(Debug, PartialEq, Eq)]
pub enum Query {
    One(Failure),
    /// All failures with this exit code, at least one.
    WithCode(Vec<Failure>),
    /// Nothing has this name. The identifiers that are most similar, best first.
    Unknown(Vec<Failure>),
}

/// How many similar identifiers are suggested.
const SUGGESTED: usize = 3;

/// Finds an identifier, also in brackets as errors show it, or an exit code.
pub fn find(text: &str) -> Query {
    let wanted = text.trim().trim_matches(['[', ']']).to_ascii_lowercase();
    if let Some(found) = Failure::ALL.iter().find(|failure| failure.id() == wanted) {
        return Query::One(*found);
    }
    let all = Failure::ALL.iter().copied();
    if let Ok(number) = wanted.parse::<u8>() {
        let found: Vec<Failure> = all
            .filter(|failure| failure.code().number() == number)
            .collect();
        return match found.is_empty() {
            true => Query::Unknown(Vec::new()),
            false => Query::WithCode(found),
        };
    }
    let mut similar: Vec<(usize, Failure)> = all
        .filter_map(|failure| Some((distance(&wanted, failure.id())?, failure)))
        .collect();
    similar.sort_by_key(|(distance, _)| *distance);
    let similar = similar.into_iter().map(|(_, failure)| failure);
    Query::Unknown(similar.take(SUGGESTED).collect())
}

/// Returns how different a text is from an identifier, if it is similar at all. One that
/// contains the other is similar.
fn distance(wanted: &str, id: &str) -> Option<usize> {
    if wanted.len() > 2 && (id.contains(wanted) || wanted.contains(id)) {
        return Some(0);
    }
    let distance = strsim::damerau_levenshtein(wanted, id);
    (distance <= id.len().div_ceil(3)).then_some(distance)
}
