//! Versions of Kubernetes, the server and the databases.

use semver::{Comparator, Op, Prerelease, Version};

/// Parses the numbers at the start of a version such as `v1.37.2`, `7` or `6.2-alpine`.
/// Missing numbers are 0. What follows the numbers is ignored: in tags of images, it names
/// a build or a variant, not a pre-release.
pub(crate) fn parse(text: &str) -> Option<Version> {
    let numbers = series(text)?;
    let (minor, patch) = (numbers.minor.unwrap_or(0), numbers.patch.unwrap_or(0));
    Some(Version::new(numbers.major, minor, patch))
}

/// Parses a version into the requirement that others have its numbers: `4.4` matches
/// 4.4.29, and `7` matches 7.17.29.
pub(crate) fn series(text: &str) -> Option<Comparator> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split(['-', '+']).next()?;
    let mut numbers = text.split('.').map_while(|part| part.parse().ok());
    Some(Comparator {
        op: Op::Exact,
        major: numbers.next()?,
        minor: numbers.next(),
        patch: numbers.next(),
        pre: Prerelease::EMPTY,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_numbers_of_a_version() {
        for (text, numbers) in [
            ("v1.37.2", Some((1, 37, 2))),
            ("1.35.0-beta.1+x", Some((1, 35, 0))),
            ("2.3", Some((2, 3, 0))),
            ("7", Some((7, 0, 0))),
            ("6-alpine", Some((6, 0, 0))),
            ("4.4.x", Some((4, 4, 0))),
            ("6.0.10.1", Some((6, 0, 10))),
            ("latest", None),
            ("", None),
        ] {
            let expected = numbers.map(|(major, minor, patch)| Version::new(major, minor, patch));
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_series_matches_versions_with_its_numbers() {
        for (text, version, expected) in [
            ("4.4", "4.4.29", true),
            ("4.4", "4.2.1", false),
            ("7", "7.17.29", true),
            ("7", "8", false),
            ("7.0-jammy", "7.0.22", true),
        ] {
            let matches = series(text).unwrap().matches(&parse(version).unwrap());
            assert_eq!(matches, expected, "{text} {version}");
        }
    }
}
