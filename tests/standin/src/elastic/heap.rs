//! The Java heap in `ES_JAVA_OPTS`.

use std::collections::BTreeMap;

/// The initial and the maximum heap size in bytes.
#[derive(Debug, PartialEq)]
pub struct Heap {
    pub initial: Option<u64>,
    pub maximum: Option<u64>,
}

/// Parses `-Xms` and `-Xmx`. An error is the message that Java prints before it exits
/// with 1.
pub fn parse(options: &str) -> Result<Heap, String> {
    let mut found = BTreeMap::new();
    for option in options.split_whitespace() {
        let sizes = [("-Xms", "initial"), ("-Xmx", "maximum")];
        let size = sizes
            .iter()
            .find_map(|(prefix, which)| Some((*which, option.strip_prefix(prefix)?)));
        match size {
            Some((which, text)) => {
                let bytes = bytes(text).ok_or_else(|| {
                    format!("Invalid {which} heap size: {option}\nError: Could not create the Java Virtual Machine.\nError: A fatal exception has occurred. Program will exit.")
                })?;
                found.insert(which, bytes);
            }
            None if option.starts_with('-') => {}
            None => return Err(format!("Error: Could not find or load main class {option}")),
        }
    }
    let heap = Heap {
        initial: found.get("initial").copied(),
        maximum: found.get("maximum").copied(),
    };
    match (heap.initial, heap.maximum) {
        (Some(initial), Some(maximum)) if initial > maximum => Err(
            "Error occurred during initialization of VM\nInitial heap size set to a larger value than the maximum heap size".into(),
        ),
        _ => Ok(heap),
    }
}

/// Parses a number with a one-letter unit: `512m`, `2g`.
fn bytes(text: &str) -> Option<u64> {
    let unit = match text.chars().last()?.to_ascii_lowercase() {
        'k' => 10,
        'm' => 20,
        'g' => 30,
        't' => 40,
        digit if digit.is_ascii_digit() => return text.parse().ok(),
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    Some(number << unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let heap = parse("-Xmx2g -Xms512m -XX:UseSVE=0").unwrap();
        assert_eq!(heap.maximum, Some(2 << 30));
        assert_eq!(heap.initial, Some(512 << 20));
    }

    #[test]
    fn java_rejects_units_of_kubernetes() {
        assert!(
            parse("-Xmx1Gi")
                .unwrap_err()
                .starts_with("Invalid maximum heap size")
        );
        assert!(parse("-Xmx").is_err());
        assert!(parse("-Xms2g -Xmx1g").is_err());
        assert!(parse("2g").is_err());
    }
}
