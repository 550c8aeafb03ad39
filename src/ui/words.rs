//! Numbers as people read them.

use std::path::Path;
use std::time::Duration;

/// Bytes in decimal units: `212 MB`, `1.4 GB`.
pub fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with two or three digits")]
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            return with_unit(value, unit);
        }
        value /= 1000.0;
    }
    with_unit(value, "TB")
}

fn with_unit(value: f64, unit: &str) -> String {
    if value < 9.95 && unit != "B" {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// Time as people say it: `0.4 s`, `58 s`, `2 m 5 s`, `3 h 10 m`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} m {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A path with the home as `~`.
pub fn path(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// A text cut to a width, with `…` where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_two_or_three_digits() {
        let all = [
            0,
            999,
            1000,
            9_949,
            212_400_000,
            1_449_000_000,
            5_000_000_000_000,
        ];
        let said: Vec<String> = all.into_iter().map(bytes).collect();
        assert_eq!(
            said,
            [
                "0 B", "999 B", "1.0 kB", "9.9 kB", "212 MB", "1.4 GB", "5.0 TB"
            ]
        );
    }

    #[test]
    fn durations_are_said_in_two_units() {
        let said = |ms| duration(Duration::from_millis(ms));
        assert_eq!(said(412), "0.4 s");
        assert_eq!(said(58_900), "58 s");
        assert_eq!(said(125_000), "2 m 5 s");
        assert_eq!(said(11_400_000), "3 h 10 m");
    }

    #[test]
    fn the_home_is_short() {
        let home = Some(Path::new("/home/me"));
        assert_eq!(path(Path::new("/home/me/data"), home), "~/data");
        assert_eq!(path(Path::new("/srv/data"), home), "/srv/data");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut("elasticsearch", 6), "elast…");
        assert_eq!(cut("redis", 6), "redis");
    }
}
