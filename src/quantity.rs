//! Sizes, as Kubernetes and as Java write them.

/// A size as Java writes it: `512m`, `2g`.
pub fn java_bytes(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok()?;
    let power = match text[digits.len()..].to_lowercase().as_str() {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return None,
    };
    Some(number * 1024_f64.powi(power))
}

/// A quantity as Kubernetes writes it, in bytes (or units).
pub fn bytes(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok().filter(|n: &f64| *n >= 0.0)?;
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024_f64.powi(2),
        "Gi" => 1024_f64.powi(3),
        "Ti" => 1024_f64.powi(4),
        _ => return None,
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        assert_eq!(bytes("1Gi"), Some(1_073_741_824.0));
        assert_eq!(bytes("500m"), Some(0.5));
        for wrong in ["", "Gi", "1GB", "-1Gi", "1 Gi", "lots"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
        assert_eq!(java_bytes("512m"), Some(536_870_912.0));
    }
}
