//! Human-readable numbers, durations, paths and lists. One helper each, so that the
//! same thing looks the same everywhere.

use std::path::Path;
use std::time::Duration;

pub(crate) use self::columns::{fit, left, right, width, wrap};

mod columns;

const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];

/// Returns the unit for a number of bytes, with its size and the number of decimals.
fn unit(bytes: u64) -> (&'static str, f64, usize) {
    let mut index = 0;
    let mut size = 1.0;
    // 999.5 rounds to 1000, which belongs to the next unit.
    while index + 1 < UNITS.len() && bytes as f64 / size >= 999.5 {
        index += 1;
        size *= 1000.0;
    }
    let small = index >= 2 && (bytes as f64 / size) < 9.95;
    (UNITS[index], size, usize::from(small))
}

/// Formats bytes in decimal units, such as `212 MB` or `1.2 GB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let (unit, size, decimals) = unit(bytes);
    format!("{:.decimals$} {unit}", bytes as f64 / size)
}

/// Formats a part and a total in the unit of the total, such as `412 of 615 MB`.
pub(crate) fn bytes_of(done: u64, total: u64) -> String {
    let (unit, size, decimals) = unit(total);
    format!(
        "{:.decimals$} of {:.decimals$} {unit}",
        done as f64 / size,
        total as f64 / size
    )
}

/// Formats a duration to the second, such as `58 s`, `2 m 5 s` or `3 h`; one below a
/// second to the tenth.
pub(crate) fn duration(duration: Duration) -> String {
    if !duration.is_zero() && duration < Duration::from_secs(1) {
        return format!("{:.1} s", duration.as_secs_f64());
    }
    let seconds = duration.as_secs_f64().round() as u64;
    let (big, big_unit, small, small_unit) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3600 => (seconds / 60, "m", seconds % 60, "s"),
        3600..86400 => (seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => (seconds / 86400, "d", seconds % 86400 / 3600, "h"),
    };
    if small == 0 {
        format!("{big} {big_unit}")
    } else {
        format!("{big} {big_unit} {small} {small_unit}")
    }
}

/// Formats a duration below a minute to the tenth, such as `13.8 s`, and a longer one
/// to the second.
pub(crate) fn tenths(time: Duration) -> String {
    let rounded = (time.as_secs_f64() * 10.0).round() / 10.0;
    if rounded < 60.0 {
        format!("{rounded:.1} s")
    } else {
        duration(time)
    }
}

/// Formats a count with its noun, such as `1 restart` or `2 restarts`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Joins words: `a`, `a and b`, `a, b and c`.
pub(crate) fn listed<T: AsRef<str>>(words: &[T]) -> String {
    list(words, "and")
}

/// Joins alternatives: `a`, `a or b`, `a, b or c`.
pub(crate) fn either<T: AsRef<str>>(words: &[T]) -> String {
    list(words, "or")
}

fn list<T: AsRef<str>>(words: &[T], conjunction: &str) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}

/// Cuts a text to `most` characters and replaces the rest by `…`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Shortens the home directory in a path to `~`.
pub(crate) fn path(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// Removes escape sequences and all control characters except tab and line feed, so
/// that the output of a container cannot move our cursor.
pub(crate) fn safe(text: &str) -> String {
    console::strip_ansi_codes(text)
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\t' | '\n'))
        .collect()
}

pub(crate) fn one_line(text: &str) -> String {
    safe(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_suitable_unit() {
        let formatted: Vec<String> = [
            0,
            999,
            1000,
            999_499,
            999_500,
            1_234_567,
            9_960_000,
            212_000_000,
            999_600_000,
            1_240_000_000,
            12_400_000_000,
        ]
        .into_iter()
        .map(bytes)
        .collect();
        assert_eq!(
            formatted.join(", "),
            "0 B, 999 B, 1 kB, 999 kB, 1.0 MB, 1.2 MB, 10 MB, 212 MB, 1.0 GB, 1.2 GB, 12 GB"
        );
        assert_eq!(bytes_of(412_300_000, 615_000_000), "412 of 615 MB");
        assert_eq!(bytes_of(412_300_000, 1_615_000_000), "0.4 of 1.6 GB");
    }

    #[test]
    fn durations_never_show_sixty_seconds() {
        let formatted = |seconds| duration(Duration::from_secs_f64(seconds));
        assert_eq!(formatted(0.0), "0 s");
        assert_eq!(formatted(0.4), "0.4 s");
        assert_eq!(formatted(58.4), "58 s");
        assert_eq!(formatted(59.6), "1 m");
        assert_eq!(formatted(125.0), "2 m 5 s");
        assert_eq!(formatted(10_800.0), "3 h");
        assert_eq!(formatted(93_600.0), "1 d 2 h");
        assert_eq!(tenths(Duration::from_secs_f64(13.84)), "13.8 s");
        assert_eq!(tenths(Duration::from_secs_f64(59.96)), "1 m");
        assert_eq!(tenths(Duration::from_secs_f64(125.4)), "2 m 5 s");
    }

    #[test]
    fn formats_counts_and_paths() {
        assert_eq!(count(1, "restart"), "1 restart");
        assert_eq!(count(0, "restart"), "0 restarts");
        let home = Some(Path::new("/home/ada"));
        assert_eq!(path(Path::new("/home/ada/data"), home), "~/data");
        assert_eq!(path(Path::new("/home/ada"), home), "~");
        assert_eq!(path(Path::new("/home/adam"), home), "/home/adam");
    }

    #[test]
    fn escape_sequences_are_removed() {
        assert_eq!(safe("\x1b[2Ja\x07b\tc\r\n"), "ab\tc\n");
        assert_eq!(one_line("a\n\tb\x1b[31m c\x1b[0m"), "a b c");
    }

    #[test]
    fn the_last_word_of_a_list_has_a_conjunction() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b"]), "a and b");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(either(&["a", "b", "c"]), "a, b or c");
    }

    #[test]
    fn cut_text_ends_with_an_ellipsis() {
        assert_eq!(cut("four", 4), "four");
        assert_eq!(cut("äöü ß", 4), "äöü…");
        assert_eq!(cut("one two", 5), "one…");
    }
}
