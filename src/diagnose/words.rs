//! Pieces of the cluster's messages.

use crate::words::cut;

/// Shortens a text to one line of at most 160 characters.
pub(crate) fn short(text: &str) -> String {
    cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), 160)
}

/// Returns the last part of a chain of messages `a: b: c`, which is the root cause.
pub(crate) fn innermost(text: &str) -> String {
    let text = text.trim().trim_end_matches('"');
    short(text.rsplit(": ").next().unwrap_or(text))
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
    }
}
