//! HOCON as the parser of the server and of the SDK (pyhocon) reads it: whether a text is read
//! unchanged, whether a configuration file is valid, and which keys it has. If a single file or
//! variable is invalid, the server starts without any of its configuration. There is no crate for
//! it here, because a user's file is edited, and keeps every byte of it.

use std::ops::Range;

/// Units that make a number a duration.
const UNITS: &str = "ns nano nanos nanosecond nanoseconds us micro micros microsecond \
    microseconds ms milli millis millisecond milliseconds s second seconds m minute minutes h \
    hour hours d day days w week weeks mo month months y year years";

/// Words that are not read as text.
const KEYWORDS: [&str; 7] = ["true", "false", "null", "yes", "no", "on", "off"];

/// Whether a character is safe in an unquoted text.
pub(crate) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./~".contains(c)
}

/// Checks that an unquoted text is read unchanged. Compared with pyhocon 0.3.35 and 0.3.63 on
/// random texts: it accepts none that is changed, and rejects few that are not.
///
/// # Errors
/// The reason, without the text.
pub(crate) fn check_unquoted(text: &str) -> Result<(), &'static str> {
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
pub(crate) fn check(text: &str) -> Result<(), String> {
    let line = |at: usize| 1 + text[..at].matches('\n').count();
    let mut open: Vec<(Token, usize)> = Vec::new();
    for (range, token) in tokens(text) {
        let at = range.start;
        match token {
            Token::Unclosed(what) => {
                return Err(format!("the {what} in line {} is not closed", line(at)));
            }
            Token::OpenObject | Token::OpenList => open.push((token, at)),
            Token::CloseObject | Token::CloseList => {
                let (opening, bracket) = match token {
                    Token::CloseObject => (Token::OpenObject, '}'),
                    _ => (Token::OpenList, ']'),
                };
                if open.pop().is_none_or(|(last, _)| last != opening) {
                    return Err(format!("unexpected `{bracket}` in line {}", line(at)));
                }
            }
            _ => {}
        }
    }
    match open.pop() {
        Some((token, at)) => {
            let bracket = if token == Token::OpenList { '[' } else { '{' };
            Err(format!(
                "the `{bracket}` in line {} is not closed",
                line(at)
            ))
        }
        None => Ok(()),
    }
}

/// A key outside of lists, and what was written for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// All keys that lead to it, joined with dots.
    pub(crate) path: String,
    /// The value as it is written; empty for one in brackets.
    value: &'a str,
}

impl<'a> Entry<'a> {
    /// Returns the value if it is a text without substitutions and escapes.
    pub(crate) fn text(&self) -> Option<&'a str> {
        let quoted = self.value.strip_prefix('"');
        let text = quoted
            .and_then(|value| value.strip_suffix('"'))
            .unwrap_or(self.value);
        let is_plain = !text.is_empty() && !text.contains(['"', '$', '\\']);
        is_plain.then_some(text)
    }
}

/// Returns all keys outside of lists, in a text that [`check`] accepts.
pub(crate) fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut found: Vec<Entry<'_>> = Vec::new();
    // The path of each open object; `None` for a list and everything in it.
    let mut open: Vec<Option<String>> = Vec::new();
    let (mut key, mut key_ended) = (String::new(), false);
    // The part of the last entry's value that was read so far, while it is read.
    let mut value: Option<Range<usize>> = None;
    for (range, token) in tokens(text) {
        let in_list = matches!(open.last(), Some(None));
        if let (Some(read), Token::Quoted(_) | Token::Text(_) | Token::Assign, Some(entry)) =
            (&mut value, token, found.last_mut())
        {
            read.end = range.end;
            entry.value = text[read.clone()].trim();
            continue;
        }
        match token {
            Token::OpenList => open.push(None),
            Token::OpenObject if in_list => open.push(None),
            Token::OpenObject | Token::Assign if value.is_none() && !in_list => {
                let parent = open.last().cloned().flatten().unwrap_or_default();
                let path = match (parent.as_str(), key.trim().trim_end_matches('+').trim()) {
                    (parent, "") => parent.to_owned(),
                    ("", name) => name.to_owned(),
                    (parent, name) => format!("{parent}.{name}"),
                };
                key.clear();
                if token == Token::Assign {
                    found.push(Entry { path, value: "" });
                    value = Some(range.end..range.end);
                } else {
                    open.push(Some(path));
                }
            }
            Token::OpenObject => {
                value = None;
                open.push(found.last().map(|entry| entry.path.clone()));
            }
            Token::CloseObject | Token::CloseList => {
                open.pop();
                value = None;
                key.clear();
            }
            _ if in_list => {}
            Token::Comma => {
                value = None;
                key.clear();
            }
            Token::Newline => {
                value = value.filter(|read| text[read.clone()].trim().is_empty());
                // The bracket of a key may be on the next line.
                key_ended = !key.trim().is_empty();
            }
            Token::Quoted(part) | Token::Text(part) => {
                if key_ended && !part.trim().is_empty() {
                    key.clear();
                    key_ended = false;
                }
                key.push_str(part);
            }
            Token::Assign | Token::Unclosed(_) => {}
        }
    }
    found
}

/// Returns where the object ends that a file may put around everything; `None` without one.
pub(crate) fn end_of_root(text: &str) -> Option<usize> {
    let is_blank = |token: &Token<'_>| match token {
        Token::Newline => true,
        Token::Text(part) => part.trim().is_empty(),
        _ => false,
    };
    let mut all = tokens(text).filter(|(_, token)| !is_blank(token));
    let (_, first) = all.next()?;
    let (range, last) = all.last()?;
    (first == Token::OpenObject && last == Token::CloseObject).then_some(range.start)
}

/// A part of a text; comments are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    OpenObject,
    CloseObject,
    OpenList,
    CloseList,
    /// `:` or `=`.
    Assign,
    Comma,
    Newline,
    /// What quotes contain.
    Quoted(&'a str),
    /// Everything else, with its spaces.
    Text(&'a str),
    /// A text whose end is missing, which is called this. It is the last token.
    Unclosed(&'static str),
}

/// Returns the tokens, each with its position in bytes.
fn tokens(text: &str) -> impl Iterator<Item = (Range<usize>, Token<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_comment = match text[at..].get(..2) {
            // Not in `http://localhost`.
            Some("//") => !text[..at].ends_with(|c: char| c == ':' || c.is_alphanumeric()),
            _ => text[at..].starts_with('#'),
        };
        if is_comment {
            at += text[at..].find('\n').unwrap_or(text.len() - at);
        }
        let start = at;
        let (token, length) = token(&text[start..])?;
        at += length;
        Some((start..at, token))
    })
}

/// Returns the first token, and its length with quotes in bytes.
fn token(rest: &str) -> Option<(Token<'_>, usize)> {
    if let Some(inner) = rest.strip_prefix("\"\"\"") {
        return Some(match inner.find("\"\"\"") {
            Some(end) => (Token::Quoted(&inner[..end]), end + 6),
            None => (Token::Unclosed("long text that starts"), rest.len()),
        });
    }
    if let Some(inner) = rest.strip_prefix('"') {
        return Some(match end_of_quoted(inner) {
            Some(end) => (Token::Quoted(&inner[..end]), end + 2),
            None => (Token::Unclosed("text in quotes"), rest.len()),
        });
    }
    Some(match rest.chars().next()? {
        '{' => (Token::OpenObject, 1),
        '}' => (Token::CloseObject, 1),
        '[' => (Token::OpenList, 1),
        ']' => (Token::CloseList, 1),
        ':' | '=' => (Token::Assign, 1),
        ',' => (Token::Comma, 1),
        '\n' => (Token::Newline, 1),
        first => {
            // `//` is a comment between words, but not in `http://localhost`.
            let mut before = first;
            let ends = |&(at, c): &(usize, char)| {
                let is_comment = before.is_whitespace() && rest[at..].starts_with("//");
                before = c;
                at > 0 && (is_comment || "{}[]:=,\n\"#".contains(c))
            };
            let end = rest
                .char_indices()
                .find(ends)
                .map_or(rest.len(), |(at, _)| at);
            (Token::Text(&rest[..end]), end)
        }
    })
}

/// Returns where a quoted text ends, which it must do on its line.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '\n' => return None,
            '"' if !escaped => return Some(at),
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
            let paths: Vec<String> = entries(text).into_iter().map(|entry| entry.path).collect();
            assert_eq!(paths, expected, "{text}");
        }
    }

    #[test]
    fn reports_invalid_configuration_with_its_line() {
        for (text, why) in [
            ("auth {\n  x: 1\n", "the `{` in line 1 is not closed"),
            ("a: [1\n}", "unexpected `}` in line 2"),
            (
                "a: 1\nb: \"x\n",
                "the text in quotes in line 2 is not closed",
            ),
            (
                "\n\"\"\"x",
                "the long text that starts in line 2 is not closed",
            ),
        ] {
            assert_eq!(check(text), Err(why.to_owned()), "{text}");
        }
    }
}
