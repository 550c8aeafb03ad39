//! Parses sizes in the notations of Kubernetes, Java and containerd.

/// Parses a size of Java, such as `512m` or `2g`, in bytes.
pub fn java_bytes(text: &str) -> Option<f64> {
    let (number, unit) = split(text)?;
    Some(number * binary(unit)?)
}

/// Parses a quantity of Kubernetes, in bytes (or units).
pub fn bytes(text: &str) -> Option<f64> {
    let (number, unit) = split(text).filter(|(number, _)| *number >= 0.0)?;
    let factor = match unit {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" | "Mi" | "Gi" | "Ti" => binary(&unit[..1])?,
        _ => return None,
    };
    Some(number * factor)
}

/// Parses a size in containerd's output, such as `9.5 MiB`. The unit may be cut off.
pub(crate) fn containerd_bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let number: f64 = number.parse().ok()?;
    let factor = match unit.get(..1)? {
        "B" => 1.0,
        unit => binary(unit)?,
    };
    // Negative numbers become 0.
    Some((number * factor) as u64)
}

/// Formats a quantity for people: `1Gi` → `1 GiB`. Other text is returned unchanged.
pub(crate) fn memory(quantity: &str) -> String {
    let split = quantity.find(|c: char| c.is_ascii_alphabetic());
    match split.map(|at| quantity.split_at(at)) {
        Some((number, unit @ ("Ki" | "Mi" | "Gi" | "Ti"))) => format!("{number} {unit}B"),
        Some((number, unit @ ("k" | "M" | "G" | "T"))) => format!("{number} {unit}B"),
        _ => quantity.to_owned(),
    }
}

/// Doubles a quantity: `1Gi` → `2Gi`. `None` for a fraction or other text.
pub(crate) fn doubled(quantity: &str) -> Option<String> {
    let at = quantity
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(quantity.len());
    let (number, unit) = quantity.split_at(at);
    if unit.starts_with('.') {
        return None;
    }
    let twice = number.parse::<u64>().ok()?.checked_mul(2)?;
    Some(format!("{twice}{unit}"))
}

fn split(text: &str) -> Option<(f64, &str)> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    Some((digits.parse().ok()?, &text[digits.len()..]))
}

fn binary(unit: &str) -> Option<f64> {
    let power = match unit.to_lowercase().as_str() {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return None,
    };
    Some(1024_f64.powi(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_quantities() {
        assert_eq!(bytes("1Gi"), Some(1_073_741_824.0));
        assert_eq!(bytes("500m"), Some(0.5));
        for wrong in ["", "Gi", "1GB", "-1Gi", "1 Gi", "lots"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
        assert_eq!(java_bytes("512m"), Some(536_870_912.0));
    }

    #[test]
    fn the_unit_of_containerds_size_may_be_cut_off() {
        for (text, bytes) in [
            ("  0.0 B", Some(0)),
            ("512.0 K", Some(512 << 10)),
            ("128.4 Mi", Some(134_637_158)),
            ("1.5 GiB", Some(3 << 29)),
            ("2.0 TiB", Some(2 << 40)),
            ("much", None),
        ] {
            assert_eq!(containerd_bytes(text), bytes, "{text}");
        }
    }

    #[test]
    fn formats_and_doubles_quantities() {
        assert_eq!(memory("1Gi"), "1 GiB");
        assert_eq!(memory("512Mi"), "512 MiB");
        assert_eq!(memory("1000"), "1000");
        assert_eq!(doubled("512Mi").as_deref(), Some("1024Mi"));
        assert_eq!(doubled("1.5Gi"), None);
        assert_eq!(doubled("Gi"), None);
    }
}
