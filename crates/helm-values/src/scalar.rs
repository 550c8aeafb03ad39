//! Types of plain scalars, by the rules of Helm's YAML reader (YAML 1.1 as implemented by
//! Go's `yaml.v2`): `yes` is true, `0644` is octal, `1_000` is a number.

use serde_json::Value;

/// A scalar without quotes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plain {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond the largest `i64`.
    Uint(u64),
    /// May be infinite or NaN.
    Float(f64),
    Text,
}

impl Plain {
    /// Determines the type of a scalar.
    pub(crate) fn of(word: &str) -> Plain {
        match word {
            "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Plain::Bool(true);
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off"
            | "OFF" => return Plain::Bool(false),
            ".nan" | ".NaN" | ".NAN" => return Plain::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
                return Plain::Float(f64::INFINITY);
            }
            "-.inf" | "-.Inf" | "-.INF" => return Plain::Float(f64::NEG_INFINITY),
            _ => {}
        }
        match word.as_bytes()[0] {
            b'.' => remove_underscores(word).and_then(|word| float(&word)),
            b'0'..=b'9' | b'+' | b'-' => numeral(&word.replace('_', "")),
            _ => None,
        }
        .unwrap_or(Plain::Text)
    }
}

fn numeral(word: &str) -> Option<Plain> {
    let (negative, digits) = match word.strip_prefix(['+', '-']) {
        Some(digits) => (word.starts_with('-'), digits),
        None => (false, word),
    };
    let signed = word.len() > digits.len();
    let integer = integer(negative, signed, digits).or_else(|| {
        // Go accepts `0b-1`.
        let binary = word.strip_prefix("0b")?;
        i64::from_str_radix(binary, 2).ok().map(Plain::Int)
    });
    integer.or_else(|| float(word))
}

fn integer(negative: bool, signed: bool, digits: &str) -> Option<Plain> {
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, &lower[..])
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    match i64::try_from(size) {
        Ok(size) => Some(Plain::Int(if negative { -size } else { size })),
        Err(_) if negative => (size == i64::MIN.unsigned_abs()).then_some(Plain::Int(i64::MIN)),
        Err(_) => (!signed).then_some(Plain::Uint(size)),
    }
}

/// Removes the underscores, if each of them is between two digits.
fn remove_underscores(word: &str) -> Option<String> {
    let bytes = word.as_bytes();
    let digit = |at: Option<usize>| {
        let byte = at.and_then(|at| bytes.get(at));
        byte.is_some_and(u8::is_ascii_digit)
    };
    let mut positions = word.match_indices('_').map(|(at, _)| at);
    let is_valid = positions.all(|at| digit(at.checked_sub(1)) && digit(Some(at + 1)));
    is_valid.then(|| word.replace('_', ""))
}

/// Parses a decimal number with an optional fraction and exponent.
fn float(word: &str) -> Option<Plain> {
    let mut rest = word.strip_prefix(['+', '-']).unwrap_or(word);
    let mut digits = || {
        let remaining = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let length = rest.len() - remaining.len();
        rest = remaining;
        length
    };
    let before = digits();
    let mut after = 0;
    if rest.starts_with('.') {
        rest = &rest[1..];
        let remaining = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        after = rest.len() - remaining.len();
        rest = remaining;
    }
    if before + after == 0 {
        return None;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
    } else if !rest.is_empty() {
        return None;
    }
    // A number that is too large is a string.
    let number = word
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    Some(Plain::Float(number))
}

/// Converts a number that was written with a fraction or an exponent: `1.0` becomes `1`, as
/// Helm writes it in JSON.
pub(crate) fn number(number: f64) -> Value {
    /// The largest number up to which every integer is a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is an integer and small"
        )]
        return Value::from(number as i64);
    }
    Value::from(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_have_the_types_that_helm_gives_them() {
        for (word, plain) in [
            ("", Plain::Null),
            ("NULL", Plain::Null),
            ("nULL", Plain::Text),
            ("yes", Plain::Bool(true)),
            ("Off", Plain::Bool(false)),
            ("yEs", Plain::Text),
            ("0644", Plain::Int(0o644)),
            ("0o17", Plain::Int(15)),
            ("0x1F", Plain::Int(31)),
            ("-0b101", Plain::Int(-5)),
            ("08", Plain::Float(8.0)),
            ("1_000", Plain::Int(1000)),
            ("1__0_", Plain::Int(10)),
            ("_1", Plain::Text),
            ("+1", Plain::Int(1)),
            ("--1", Plain::Text),
            ("0x", Plain::Text),
            ("0x-1", Plain::Text),
            ("18446744073709551615", Plain::Uint(u64::MAX)),
            (
                "+18446744073709551615",
                Plain::Float(1.844_674_407_370_955_2e19),
            ),
            ("-9223372036854775808", Plain::Int(i64::MIN)),
            ("99999999999999999999", Plain::Float(1e20)),
            ("1e3", Plain::Float(1000.0)),
            ("1e999", Plain::Text),
            (".5", Plain::Float(0.5)),
            (".5_0", Plain::Float(0.5)),
            (".5__0", Plain::Text),
            (".5_", Plain::Text),
            ("5.", Plain::Float(5.0)),
            (".", Plain::Text),
            ("-", Plain::Text),
            ("0b-1", Plain::Int(-1)),
            (
                "-9223372036854775809",
                Plain::Float(-9_223_372_036_854_775_808.0),
            ),
            ("1.2.3", Plain::Text),
            ("2001-01-01", Plain::Text),
            ("12:30:45", Plain::Text),
        ] {
            assert_eq!(Plain::of(word), plain, "{word}");
        }
    }
}
