//! Checks which secrets in `CLEARML__…` variables keep their value when the servers
//! parse them as HOCON.

use serde_json::Value;
use std::fmt;

/// Characters that have a meaning in HOCON, or that its Python parser cannot read,
/// outside of quotes.
pub const SPECIAL: &str = "#$+={}[],*(@!\"&^?`\\";

/// How the parser changes a secret.
#[derive(Debug, PartialEq)]
pub enum Mangled {
    Empty,
    Number,
    Duration,
    Keyword,
    Character(char),
}

impl fmt::Display for Mangled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::Number => f.write_str("it is read as a number"),
            Self::Duration => f.write_str("it is read as a duration"),
            Self::Keyword => f.write_str("it is read as a keyword"),
            Self::Character(character) => write!(f, "it holds `{character}`"),
        }
    }
}

/// Checks that the parser does not change a secret.
pub fn check_secret(text: &str) -> Result<(), Mangled> {
    let special = |character: char| SPECIAL.contains(character) || character.is_whitespace();
    if text.is_empty() {
        return Err(Mangled::Empty);
    }
    if let Some(character) = text.chars().find(|character| special(*character)) {
        return Err(Mangled::Character(character));
    }
    match plain(text) {
        Value::String(_) if is_duration(text) => Err(Mangled::Duration),
        Value::String(_) => Ok(()),
        Value::Number(_) => Err(Mangled::Number),
        _ => Err(Mangled::Keyword),
    }
}

/// Parses a word without quotes. Words such as `1E5` are numbers.
pub fn plain(text: &str) -> Value {
    match text {
        "true" | "yes" | "on" => Value::Bool(true),
        "false" | "no" | "off" => Value::Bool(false),
        "null" | "" => Value::Null,
        _ => {
            let digit = text
                .trim_start_matches('-')
                .starts_with(|c: char| c.is_ascii_digit());
            match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => number.into(),
                // Larger than a machine word, but a number.
                (_, Ok(number)) if digit => number.into(),
                _ => Value::String(text.to_owned()),
            }
        }
    }
}

fn is_duration(text: &str) -> bool {
    const UNITS: &[&str] = &[
        "ns",
        "nanos",
        "nanoseconds",
        "us",
        "micros",
        "microseconds",
        "ms",
        "millis",
        "milliseconds",
        "s",
        "second",
        "seconds",
        "m",
        "minute",
        "minutes",
        "h",
        "hour",
        "hours",
        "d",
        "day",
        "days",
        "w",
        "week",
        "weeks",
        "mo",
        "month",
        "months",
        "y",
        "year",
        "years",
    ];
    let unit = text.trim_start_matches(|character: char| character.is_ascii_digit());
    unit.len() < text.len() && UNITS.contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_start_with_a_letter_are_unchanged() {
        for secret in [
            "aB3dE5fG7hJ9kL1mN3pQ",
            "e10",
            "a-b_c",
            "Infinity0",
            "x30s",
            "62T8CP7HGBC6647XF9314C2VY67RJO",
        ] {
            assert_eq!(check_secret(secret), Ok(()), "{secret}");
        }
    }

    #[test]
    fn rejects_secrets_that_the_parser_changes() {
        for (secret, expected) in [
            ("", Mangled::Empty),
            ("12345678901234567890", Mangled::Number),
            ("1E5", Mangled::Number),
            ("30s", Mangled::Duration),
            ("5d", Mangled::Duration),
            ("true", Mangled::Keyword),
            ("null", Mangled::Keyword),
        ] {
            assert_eq!(check_secret(secret), Err(expected), "{secret}");
        }
        for character in "#$+={,*(@!\"".chars() {
            let secret = format!("abc{character}def");
            assert_eq!(check_secret(&secret), Err(Mangled::Character(character)));
        }
    }
}
