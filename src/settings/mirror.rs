//! A registry that stands in for all others.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where images are pulled from instead of their own registries: a host, maybe
/// with a port and a path. `mirror.corp/hub` has `mongo:4.4` as
/// `mirror.corp/hub/library/mongo:4.4`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mirror {
    place: String,
    plain_http: bool,
}

impl Mirror {
    /// Host, port and path, such as `mirror.corp:5000/hub`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether it speaks HTTP without TLS.
    pub fn plain_http(&self) -> bool {
        self.plain_http
    }

    /// Whether it is the word `none`, by which a mirror is taken back.
    pub fn is_none(&self) -> bool {
        self.place == "none"
    }
}

impl FromStr for Mirror {
    type Err = String;

    fn from_str(text: &str) -> Result<Mirror, String> {
        let (plain_http, place) = match text.split_once("://") {
            Some(("http", rest)) => (true, rest),
            Some(("https", rest)) => (false, rest),
            Some((scheme, _)) => {
                return Err(format!("`{scheme}` is neither http nor https"));
            }
            None => (false, text),
        };
        let place = place.trim_end_matches('/');
        let host = place.split('/').next().unwrap_or_default();
        let is_host = host.contains(['.', ':']) || matches!(host, "localhost" | "none");
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._:/[]".contains(c);
        if !is_host || !place.chars().all(fits) {
            return Err("write it as HOST[:PORT][/PATH]".into());
        }
        Ok(Mirror {
            place: place.to_owned(),
            plain_http,
        })
    }
}

impl TryFrom<String> for Mirror {
    type Error = String;

    fn try_from(text: String) -> Result<Mirror, String> {
        text.parse()
    }
}

impl From<Mirror> for String {
    fn from(mirror: Mirror) -> String {
        mirror.to_string()
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.plain_http { "http://" } else { "" };
        write!(f, "{scheme}{}", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_host_with_a_path() {
        let mirror: Mirror = "https://mirror.corp:5000/hub/".parse().unwrap();
        assert_eq!(mirror.place(), "mirror.corp:5000/hub");
        assert!(!mirror.plain_http());
        let plain: Mirror = "http://10.0.0.2:5000".parse().unwrap();
        assert!(plain.plain_http());
        assert_eq!(plain.to_string().parse(), Ok(plain));
        for wrong in ["mirror", "ftp://mirror.corp", "mirror.corp/a b", ""] {
            assert!(wrong.parse::<Mirror>().is_err(), "{wrong}");
        }
    }
}
