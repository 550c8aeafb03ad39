//! The version of the server that an image simulates.

use std::fmt;

/// The version is in a file, because an installer may set any environment variable.
const FILE: &str = "/etc/standin-version";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl Version {
    /// Returns the version of this image.
    pub fn of_image() -> Self {
        let text = std::fs::read_to_string(FILE).unwrap_or_default();
        Self::parse(&text).unwrap_or_else(|| panic!("{FILE} does not hold a version: `{text}`"))
    }

    /// Parses `1.2.3`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().splitn(3, '.').map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            major: next()?,
            minor: next()?,
            patch: next()?,
        })
    }

    /// Returns `1.2`, which MongoDB calls a feature compatibility version.
    pub fn series(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
