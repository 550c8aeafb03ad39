//! HOCON as the server's parser (pyhocon) reads it: whether a text is read unchanged, and
//! whether a configuration file is valid. If a single file or variable is invalid, the server
//! starts without any of its configuration.

/// Units that make a number a duration.
const UNITS: &str = "ns nano nanos nanosecond nanoseconds us micro micros microsecond \
    microseconds ms milli millis millisecond milliseconds s second seconds m minute minutes h \
    hour hours d day days w week weeks mo month months y year years";

/// Words that are not read as text.
const KEYWORDS: [&str; 7] = ["true", "false", "null", "yes", "no", "on", "off"];

/// Whether a character is safe in an unquoted text.
pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./~".contains(c)
}

/// Checks that an unquoted text is read unchanged. Compared with pyhocon 0.3.35 and 0.3.63 on
/// random texts: it accepts none that is changed, and rejects few that are not.
///
/// # Errors
/// The reason, without the text.
pub(super) fn check_unquoted(text: &str) -> Result<(), &'static str> {
    if !text.chars().all(is_plain) {
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
    // Only the beginning matters: the rest is appended to the converted number, duration or
    // keyword.
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

/// Checks that quotes are closed and that brackets match.
///
/// # Errors
/// The first problem, with its line.
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
                let end = after_quoted(rest);
                rest = end.ok_or_else(|| format!("the quotes in line {line} are not closed"))?;
            }
            '{' | '[' => open.push((first, line)),
            '}' | ']' => {
                let opening = if first == '}' { '{' } else { '[' };
                match open.pop() {
                    Some((bracket, _)) if bracket == opening => {}
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

/// Returns the paths of all keys outside of lists, in a text that [`check`] accepts.
pub(super) fn paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // The path of each open bracket. `key` is the part of the key that was read so far.
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
            let after = after_quoted(rest).unwrap_or_default();
            let quoted = &rest[..rest.len() - after.len()];
            if !in_value && lists == 0 {
                key.push_str(quoted.trim_end_matches('"'));
            }
            rest = after;
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
            // The bracket may be on the next line.
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

/// Returns the rest after a quoted text, which must end on its line.
fn after_quoted(text: &str) -> Option<&str> {
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
    fn accepts_texts_that_are_read_unchanged() {
        for text in [
            // The chart's secrets, `openssl rand -hex`, a UUID, base64url.
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
            assert_eq!(check_unquoted(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn rejects_texts_that_the_server_would_change() {
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
            let error = check_unquoted(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn accepts_valid_configuration() {
        for text in [
            "",
            "auth {\n  # who } may\n  fixed_users { enabled = true, users: [{username: \"a\\\"}\"}] }\n}\n",
            "a.b = 1\nurl: \"http://x/{y}\" // {\ntext: \"\"\"\n{ \"\"\"\n",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn finds_the_paths_of_keys() {
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
    fn reports_invalid_configuration_with_its_line() {
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
