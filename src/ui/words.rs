//! Numbers, times and lists in words; one helper each, so that the same thing
//! looks the same everywhere.

use std::path::Path;
use std::time::Duration;

const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];

/// The unit in which `bytes` reads well, with its size and the decimals to show.
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

/// Bytes in decimal units, such as `212 MB` or `1.2 GB`.
pub fn bytes(bytes: u64) -> String {
    let (unit, size, decimals) = unit(bytes);
    format!("{:.decimals$} {unit}", bytes as f64 / size)
}

/// A part of a whole in the whole's unit, such as `412 of 615 MB`.
pub fn bytes_of(done: u64, total: u64) -> String {
    let (unit, size, decimals) = unit(total);
    format!(
        "{:.decimals$} of {:.decimals$} {unit}",
        done as f64 / size,
        total as f64 / size
    )
}

/// A duration to the second, such as `58 s`, `2 m 5 s` or `3 h`.
pub fn duration(duration: Duration) -> String {
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

/// A duration to the tenth while it is short, such as `13.8 s` or `2 m 5 s`.
pub fn tenths(time: Duration) -> String {
    let rounded = (time.as_secs_f64() * 10.0).round() / 10.0;
    if rounded < 60.0 {
        format!("{rounded:.1} s")
    } else {
        duration(time)
    }
}

/// A count with its noun, such as `1 restart` or `2 restarts`.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A path with the home directory shortened to `~`.
pub fn path(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// The columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// `text` in at most `columns` columns, its end replaced by `…` where it is
/// longer. For text without colour.
pub fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for letter in text.chars() {
        used += width(letter.encode_utf8(&mut [0; 4]));
        if used >= columns {
            break;
        }
        kept.push(letter);
    }
    kept.truncate(kept.trim_end().len());
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// `text` with its lines broken between words to fit `columns`, of which `first`
/// are taken in the first line and `rest` in the others.
pub fn wrap(text: &str, columns: usize, first: usize, rest: usize) -> String {
    let mut wrapped = String::new();
    let mut used = first;
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            wrapped.push('\n');
            used = rest;
        }
        let mut begin = true;
        for word in line.split(' ') {
            let gap = usize::from(!begin);
            if !begin && used + gap + width(word) > columns {
                wrapped.push('\n');
                used = rest;
            } else if !begin {
                wrapped.push(' ');
                used += gap;
            }
            wrapped.push_str(word);
            used += width(word);
            begin = false;
        }
    }
    wrapped
}

/// `text` filled with spaces on the right to `columns` columns.
pub fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` filled with spaces on the left to `columns` columns.
pub fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Text of others made safe to show: no escape sequences, and of the control
/// characters only tab and line feed. What a container writes cannot move our
/// cursor.
pub fn safe(text: &str) -> String {
    console::strip_ansi_codes(text)
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\t' | '\n'))
        .collect()
}

/// [`safe`] text on one line.
pub fn one_line(text: &str) -> String {
    safe(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_well_at_every_size() {
        let said: Vec<String> = [
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
            said.join(", "),
            "0 B, 999 B, 1 kB, 999 kB, 1.0 MB, 1.2 MB, 10 MB, 212 MB, 1.0 GB, 1.2 GB, 12 GB"
        );
        assert_eq!(bytes_of(412_300_000, 615_000_000), "412 of 615 MB");
        assert_eq!(bytes_of(412_300_000, 1_615_000_000), "0.4 of 1.6 GB");
    }

    #[test]
    fn durations_never_show_sixty_seconds() {
        let said = |seconds| duration(Duration::from_secs_f64(seconds));
        assert_eq!(said(58.4), "58 s");
        assert_eq!(said(59.6), "1 m");
        assert_eq!(said(125.0), "2 m 5 s");
        assert_eq!(said(10_800.0), "3 h");
        assert_eq!(said(93_600.0), "1 d 2 h");
        assert_eq!(tenths(Duration::from_secs_f64(13.84)), "13.8 s");
        assert_eq!(tenths(Duration::from_secs_f64(59.96)), "1 m");
        assert_eq!(tenths(Duration::from_secs_f64(125.4)), "2 m 5 s");
    }

    #[test]
    fn counts_and_paths() {
        assert_eq!(count(1, "restart"), "1 restart");
        assert_eq!(count(0, "restart"), "0 restarts");
        let home = Some(Path::new("/home/ada"));
        assert_eq!(path(Path::new("/home/ada/data"), home), "~/data");
        assert_eq!(path(Path::new("/home/ada"), home), "~");
        assert_eq!(path(Path::new("/home/adam"), home), "/home/adam");
    }

    #[test]
    fn text_of_others_is_made_safe_and_fits() {
        assert_eq!(safe("\x1b[2Ja\x07b\tc\r\n"), "ab\tc\n");
        assert_eq!(one_line("a\n\tb\x1b[31m c\x1b[0m"), "a b c");
        assert_eq!(fit("starting: container creating", 12), "starting: c…");
        assert_eq!(fit("starting: container", 11), "starting:…");
        assert_eq!(fit("äöü", 3), "äöü");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(
            wrap("one two three\nfour", 9, 5, 2),
            "one\ntwo\nthree\nfour"
        );
        assert_eq!(wrap("one two three", 9, 0, 2), "one two\nthree");
        assert_eq!(wrap("unbreakable", 3, 2, 2), "unbreakable");
    }
}
