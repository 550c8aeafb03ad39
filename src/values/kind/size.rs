//! Quantities of storage, memory and processors.

use serde_json::Value;

use super::{Kind, Violation, text, type_of};
use crate::quantity::bytes;

/// Less memory or storage than this is a wrong unit.
const MIN_BYTES: f64 = (1 << 20) as f64;

pub(super) fn storage(key: &str, value: &Value, kind: &Kind) -> Result<(), Violation> {
    let Some(written) = text(value).filter(|_| !value.is_boolean()) else {
        return Err((Vec::new(), kind.invalid(key, value)));
    };
    match bytes(&written) {
        Some(size) if size >= MIN_BYTES => Ok(()),
        _ => Err((
            Vec::new(),
            with_guess(kind.invalid(key, value), &written, true),
        )),
    }
}

pub(super) fn resources(key: &str, value: &Value) -> Vec<Violation> {
    let invalid = |key: &str, got: &str| {
        format!("invalid value for `{key}`: expected `requests` and `limits`, got {got}")
    };
    let Some(map) = value.as_object() else {
        return vec![(Vec::new(), invalid(key, type_of(value)))];
    };
    let mut wrong = Vec::new();
    for (kind, amounts) in map {
        if !["requests", "limits"].contains(&kind.as_str()) {
            wrong.push((vec![kind.clone()], invalid(key, &format!("`{kind}`"))));
            continue;
        }
        if !(amounts.is_object() || amounts.is_null()) {
            let got = type_of(amounts);
            let what = format!(
                "invalid value for `{key}.{kind}`: expected amounts such as `memory: 2Gi`, got {got}"
            );
            wrong.push((vec![kind.clone()], what));
        }
        for (what, amount) in amounts.as_object().into_iter().flatten() {
            if let Err(why) = self::amount(&format!("{key}.{kind}"), what, amount) {
                wrong.push((vec![kind.clone(), what.clone()], why));
            }
        }
    }
    if wrong.is_empty() {
        wrong.extend(request_within_limit(key, value).err());
    }
    wrong
}

fn amount(key: &str, what: &str, amount: &Value) -> Result<(), String> {
    let is_size = what == "memory" || what == "ephemeral-storage";
    let written = text(amount).filter(|_| !amount.is_boolean());
    let size = written.as_deref().and_then(bytes);
    let Some(size) = size else {
        let example = if is_size { "2Gi" } else { "500m" };
        let got = match &written {
            Some(written) => format!("`{written}`"),
            None => type_of(amount).to_owned(),
        };
        let wrong = format!(
            "invalid value for `{key}.{what}`: expected a quantity such as {example}, got {got}"
        );
        return Err(with_guess(wrong, &written.unwrap_or_default(), is_size));
    };
    let written = written.unwrap_or_default();
    // `m` is a thousandth: 512m of memory are half a byte.
    if is_size && size > 0.0 && size < MIN_BYTES {
        let wrong = format!("invalid value for `{key}.{what}`: `{written}` is less than 1Mi");
        return Err(with_guess(wrong, &written, true));
    }
    if what == "cpu" && size > 10_000.0 {
        let wrong =
            format!("invalid value for `{key}.{what}`: `{written}` is not a number of CPUs");
        return Err(with_guess(wrong, &written, false));
    }
    Ok(())
}

fn with_guess(wrong: String, written: &str, is_size: bool) -> String {
    match guess(written, is_size) {
        Some(guess) => format!("{wrong}; did you mean `{guess}`?"),
        None => wrong,
    }
}

/// Guesses the intended quantity: other tools write sizes as `512m`, `2GB` or `5 g`.
fn guess(written: &str, is_size: bool) -> Option<String> {
    let number = written.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let value: f64 = number.parse().ok()?;
    if value <= 0.0 {
        return None;
    }
    let unit = written[number.len()..].trim().to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let unit = match unit.strip_suffix('i').unwrap_or(unit) {
        "k" if is_size => "Ki",
        "m" if is_size => "Mi",
        "g" if is_size => "Gi",
        "t" if is_size => "Ti",
        "m" => "m",
        _ => return None,
    };
    Some(format!("{number}{unit}"))
}

/// Checks that no request is above its limit, which Kubernetes refuses.
fn request_within_limit(key: &str, value: &Value) -> Result<(), Violation> {
    let amounts = |kind: &str| value[kind].as_object().cloned().unwrap_or_default();
    let limits = amounts("limits");
    for (what, request) in amounts("requests") {
        let size = |value: &Value| text(value).as_deref().and_then(bytes);
        let (Some(requested), Some(limit)) = (size(&request), limits.get(&what).and_then(size))
        else {
            continue;
        };
        if requested > limit {
            return Err((
                vec!["requests".into(), what.clone()],
                format!(
                    "`{key}.requests.{what}` of {} is above its limit of {}",
                    text(&request).unwrap_or_default(),
                    limits.get(&what).and_then(text).unwrap_or_default()
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn suggests_a_quantity_for_units_of_other_tools() {
        let memory = |amount: &str| {
            let value = json!({"limits": {"memory": amount}});
            resources("redis.resources", &value).remove(0).1
        };
        assert_eq!(
            memory("512m"),
            "invalid value for `redis.resources.limits.memory`: `512m` is less than 1Mi; did you mean `512Mi`?"
        );
        for (amount, likely) in [
            ("2GB", "2Gi"),
            ("5g", "5Gi"),
            ("1.5gb", "1.5Gi"),
            ("2 Gi", "2Gi"),
            ("256MiB", "256Mi"),
        ] {
            let message = memory(amount);
            let end = format!("got `{amount}`; did you mean `{likely}`?");
            assert!(message.ends_with(&end), "{message}");
        }
        assert!(memory("lots").ends_with("got `lots`"));
        let cpu = |amount: &str| resources("r", &json!({"limits": {"cpu": amount}}));
        assert!(cpu("500Mi")[0].1.ends_with("did you mean `500m`?"));
        assert_eq!(cpu("500m"), []);
        let size = |size: &str| storage("s", &json!(size), &Kind::Quantity);
        assert!(
            size("50GB")
                .unwrap_err()
                .1
                .ends_with("did you mean `50Gi`?")
        );
        assert!(size("5g").unwrap_err().1.ends_with("did you mean `5Gi`?"));
        assert_eq!(size("50G"), Ok(()));
        assert_eq!(size("53687091200"), Ok(()));
    }
}
