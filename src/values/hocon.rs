//! Whether a configuration file can be HOCON at all: the server starts without any
//! of its configuration where one file cannot be read.

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
                end.ok_or_else(|| format!("the text that begins in line {line} has no end"))?;
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
                rest = end.ok_or_else(|| format!("the quotes in line {line} have no end"))?;
            }
            '{' | '[' => open.push((first, line)),
            '}' | ']' => {
                let wanted = if first == '}' { '{' } else { '[' };
                match open.pop() {
                    Some((bracket, _)) if bracket == wanted => {}
                    _ => return Err(format!("the `{first}` in line {line} ends nothing")),
                }
            }
            _ => {}
        }
    }
    match open.pop() {
        Some((bracket, line)) => Err(format!("the `{bracket}` in line {line} has no end")),
        None => Ok(()),
    }
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
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, why) in [
            ("auth {\n  x: 1\n", "the `{` in line 1 has no end"),
            ("a: [1\n}", "the `}` in line 2 ends nothing"),
            ("a: 1\nb: \"x\n", "the quotes in line 2 have no end"),
            ("\n\"\"\"x", "the text that begins in line 2 has no end"),
        ] {
            assert_eq!(check(text), Err(why.to_owned()), "{text}");
        }
    }
}
