//! HOCON, as the server's reader (pyhocon) takes it: whether a text comes back
//! unchanged, and whether a configuration file can be read at all. The server starts
//! without any of its configuration where one file or variable cannot be read.

/// Names of units with which a number is a duration.
const UNITS: &str = "ns nano nanos nanosecond nanoseconds us micro micros microsecond \
    microseconds ms milli millis millisecond milliseconds s second seconds m minute minutes h \
    hour hours d day days w week weeks mo month months y year years";

/// Words that are no texts.
const KEYWORDS: [&str; 7] = ["true", "false", "null", "yes", "no", "on", "off"];

/// Whether a character is safe in a text without quotes.
pub(super) fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./~".contains(c)
}

/// Checks that a text without quotes is read as it is written. Compared with pyhocon
/// 0.3.35 and 0.3.63 on random texts: it passes none that is changed, and refuses few
/// that are not.
///
/// # Errors
/// The reason, without the text.
pub(super) fn unchanged(text: &str) -> Result<(), &'static str> {
    if !text.chars().all(plain) {
        return Err("expected letters, digits and `-_./~`, got other characters");
    }
    if text.contains("//") {
        return Err("the server would read `//` as the start of a comment");
    }
    let signless = text.strip_prefix('-').unwrap_or(text);
    let number_like = |c: char| c.is_ascii_digit() || ".eE-".contains(c);
    if signless.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && signless.chars().all(number_like)
        && signless.parse::<f64>().is_ok()
    {
        return Err("the server would read it as a number");
    }
    // Only the beginning is looked at: what follows a number, a duration or a keyword
    // is put behind what those became.
    let start = signless.trim_start_matches(['.', '-']);
    let end = start.find(|c: char| !c.is_ascii_alphanumeric());
    let start = &start[..end.unwrap_or(start.len())];
    if KEYWORDS.contains(&start) {
        return Err("the server would read its beginning as true, false or null");
    }
    let unit = start.trim_start_matches(|c: char| c.is_ascii_digit());
    if unit.len() < start.len() && UNITS.split_whitespace().any(|known| known == unit) {
        return Err("the server would read its beginning as a duration");
    }
    Ok(())
}

/// Checks that quotes end and that brackets belong together.
///
/// # Errors
/// What does not, with its line.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(inner) = rest.strip_prefix("\"\"\"") {
            let end = inner.find("\"\"\"");
            let end =
                end.ok_or_else(|| format!("the string that starts in line {line} is not closed"))?;
            line += inner[..end].matches('\n').count();
            rest = &inner[end + 3..];
            continue;
        }
        if first == '#' || rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        rest = &rest[first.len_utf8()..];
        match first {
            '\n' => line += 1,
            '"' => {
                let end = end_of_quoted(rest);
                rest = end.ok_or_else(|| format!("the quotes in line {line} are not closed"))?;
            }
            '{' | '[' => open.push((first, line)),
            '}' | ']' => {
                let wanted = if first == '}' { '{' } else { '[' };
                match open.pop() {
                    Some((bracket, _)) if bracket == wanted => {}
                    _ => return Err(format!("unexpected `{first}` in line {line}")),
                }
            }
            _ => {}
        }
    }
    match open.pop() {
        Some((bracket, line)) => Err(format!("the `{bracket}` in line {line} is not closed")),
        None => Ok(()),
    }
}

/// The paths of all keys outside of lists, in a text that [`check`] accepts.
pub(super) fn paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // The path of each open bracket, and what is written of the key.
    let mut open: Vec<String> = Vec::new();
    let (mut key, mut ended, mut in_value) = (String::new(), false, false);
    let mut lists = 0_usize;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(inner) = rest.strip_prefix("\"\"\"") {
            rest = inner.find("\"\"\"").map_or("", |end| &inner[end + 3..]);
            continue;
        }
        if first == '#' || rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        rest = &rest[first.len_utf8()..];
        if first == '"' {
            let behind = end_of_quoted(rest).unwrap_or_default();
            let quoted = &rest[..rest.len() - behind.len()];
            if !in_value && lists == 0 {
                key.push_str(quoted.trim_end_matches('"'));
            }
            rest = behind;
            continue;
        }
        match first {
            '[' => lists += 1,
            ']' => lists = lists.saturating_sub(1),
            _ if lists > 0 => {}
            '{' | ':' | '=' if !in_value || first == '{' => {
                let name = key.trim().trim_end_matches('+').trim();
                let parent = open.last().map_or("", String::as_str);
                let path = match (parent, name) {
                    (parent, "") => parent.to_owned(),
                    ("", name) => name.to_owned(),
                    (parent, name) => format!("{parent}.{name}"),
                };
                if first == '{' {
                    open.push(path);
                    key.clear();
                    in_value = false;
                } else {
                    found.push(path);
                    in_value = true;
                }
            }
            '}' => {
                open.pop();
                key.clear();
                in_value = false;
            }
            ',' => {
                key.clear();
                in_value = false;
            }
            '\n' if in_value => {
                key.clear();
                in_value = false;
            }
            // A bracket may stand in the next line.
            '\n' => ended = !key.trim().is_empty(),
            _ if in_value => {}
            c => {
                if ended && !c.is_whitespace() {
                    key.clear();
                    ended = false;
                }
                key.push(c);
            }
        }
        ended &= !in_value && !key.is_empty();
    }
    found
}

/// What stands behind a text in quotes, which end in their line.
fn end_of_quoted(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '\n' => return None,
            '"' if !escaped => return Some(&text[at + 1..]),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_come_back_unchanged_pass() {
        for text in [
            // The chart's own, `openssl rand -hex`, a UUID, base64url.
            "9Tw20RbhJ1bLBiHEOWXvhplKGUbTgLzAtwFN2oLQvWwS0uRpD5",
            "5442F3443MJMORWZA3ZH",
            "7f3c0a51e2b94d6688f0c1d2e3f4a5b6",
            "0123456789abcdef0123456789abcdef",
            "3f8e0c52-1b7d-4c3e-9a60-5d2f1e7b8c94",
            "-_kX0v~/a.b",
            "nullable0trueish1online2",
            "12345678901234567890-1",
            "5daylight",
        ] {
            assert_eq!(unchanged(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn texts_that_the_server_would_change_are_told_why() {
        for (text, why) in [
            ("12345678901234567890", "a number"),
            ("-1.5", "a number"),
            (".5", "a number"),
            ("1E5", "a number"),
            ("12345678901234567890e12", "a number"),
            ("30s", "a duration"),
            ("12345678901234567890d", "a duration"),
            ("1w-_m7WV.lkjhDgZ", "a duration"),
            ("true", "true, false or null"),
            ("false-B8T6o3m147.RY", "true, false or null"),
            ("a//b", "a comment"),
            ("a+b=", "other characters"),
            ("a b", "other characters"),
            ("pässword", "other characters"),
        ] {
            let told = unchanged(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }

    #[test]
    fn what_people_write_passes() {
        for text in [
            "",
            "auth {\n  # who } may\n  fixed_users { enabled = true, users: [{username: \"a\\\"}\"}] }\n}\n",
            "a.b = 1\nurl: \"http://x/{y}\" // {\ntext: \"\"\"\n{ \"\"\"\n",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn keys_are_told_with_their_paths() {
        for (text, expected) in [
            (
                "auth { fixed_users { enabled: true, users: [ {username: \"a\"} ] } }",
                &["auth.fixed_users.enabled", "auth.fixed_users.users"][..],
            ),
            (
                "{\n  # x: 1\n  \"auth\"\n  {\n    cookies.max_age = 5\n  }\n  list += 3\n}\n",
                &["auth.cookies.max_age", "list"],
            ),
            (
                "a: {b: 1}\nc = \"\"\"\nd: 2\n\"\"\"\ne=1",
                &["a", "a.b", "c", "e"],
            ),
            ("url: \"http://x:1\" // y: 2\n", &["url"]),
            ("include \"other.conf\"\nx: 1\n", &["x"]),
            ("", &[]),
        ] {
            assert_eq!(paths(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, why) in [
            ("auth {\n  x: 1\n", "the `{` in line 1 is not closed"),
            ("a: [1\n}", "unexpected `}` in line 2"),
            ("a: 1\nb: \"x\n", "the quotes in line 2 are not closed"),
            (
                "\n\"\"\"x",
                "the string that starts in line 2 is not closed",
            ),
        ] {
            assert_eq!(check(text), Err(why.to_owned()), "{text}");
        }
    }
}
