//! Pieces of the cluster's messages.

use crate::words::cut;

/// Shortens a text to one line of at most 160 characters.
pub(crate) fn short(text: &str) -> String {
    cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), 160)
}

/// Errors of the system, which do not say what they are about.
const VAGUE: [&str; 5] = [
    "no such file or directory",
    "not a directory",
    "is a directory",
    "permission denied",
    "operation not permitted",
];

/// Returns the last part of a chain of messages `a: b: c`, which is the root cause. The part
/// before an error of the system says what it is about.
pub(crate) fn innermost(text: &str) -> String {
    let text = text.trim().trim_end_matches('"');
    let Some((rest, last)) = text.rsplit_once(": ") else {
        return short(text);
    };
    match rest.rsplit(": ").next() {
        Some(about) if VAGUE.contains(&last) => short(&format!("{about}: {last}")),
        _ => short(last),
    }
}

/// Returns the components that an init container `wait-for-<x>[-<y>]…` waits for.
pub(crate) fn awaited(container: &str) -> Option<Vec<&str>> {
    let names = container.strip_prefix("wait-for-")?;
    Some(names.split('-').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortens_long_messages_to_one_line() {
        let cut = short(&"wort ".repeat(100));
        assert!(cut.chars().count() <= 160 && cut.ends_with('…'));
        assert_eq!(short("a\n  b"), "a b");
        assert_eq!(
            innermost("failed to pull: dial tcp: no route to host"),
            "no route to host"
        );
        let absent =
            "runc create failed: exec: \"/absent\": stat /absent: no such file or directory";
        assert_eq!(innermost(absent), "stat /absent: no such file or directory");
    }
}
