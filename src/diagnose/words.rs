//! Formatting of quantities, counts and messages.

/// Formats a quantity for people: `1Gi` → `1 GiB`. Other text is returned unchanged.
pub(crate) fn memory(quantity: &str) -> String {
    let split = quantity.find(|c: char| c.is_ascii_alphabetic());
    match split.map(|at| quantity.split_at(at)) {
        Some((number, unit @ ("Ki" | "Mi" | "Gi" | "Ti"))) => format!("{number} {unit}B"),
        Some((number, unit @ ("k" | "M" | "G" | "T"))) => format!("{number} {unit}B"),
        _ => quantity.to_owned(),
    }
}

/// Doubles a quantity: `1Gi` → `2Gi`. `None` for a fraction or other text.
pub(crate) fn doubled(quantity: &str) -> Option<String> {
    let at = quantity
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(quantity.len());
    let (number, unit) = quantity.split_at(at);
    if unit.starts_with('.') {
        return None;
    }
    let twice = number.parse::<u64>().ok()?.checked_mul(2)?;
    Some(format!("{twice}{unit}"))
}

/// `1 restart`, `2 restarts`.
pub(crate) fn count(number: u32, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{s}")
}

/// Shortens a text to one line of at most 160 characters.
pub(crate) fn short(text: &str) -> String {
    const LIMIT: usize = 160;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LIMIT {
        return line;
    }
    let cut: String = line.chars().take(LIMIT - 1).collect();
    format!("{}…", cut.trim_end())
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
    fn formats_and_doubles_quantities() {
        assert_eq!(memory("1Gi"), "1 GiB");
        assert_eq!(memory("512Mi"), "512 MiB");
        assert_eq!(memory("1000"), "1000");
        assert_eq!(doubled("512Mi").as_deref(), Some("1024Mi"));
        assert_eq!(doubled("1.5Gi"), None);
        assert_eq!(doubled("Gi"), None);
    }

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
