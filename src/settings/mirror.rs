//! The registry mirror.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::image_ref::{ImageRef, RepositoryPrefix};

/// The value for no mirror.
const NONE: &str = "none";

/// The registry to pull all images from: a host with an optional port and path. With
/// `mirror.corp/hub`, the image `mongo:4.4` is `mirror.corp/hub/library/mongo:4.4`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mirror {
    /// `None` if images are pulled from their own registries.
    place: Option<RepositoryPrefix>,
    plain_http: bool,
}

impl Mirror {
    /// Returns the reference of an image in the mirror, such as
    /// `mirror.corp:5000/hub/library/mongo`.
    pub fn of(&self, image: &ImageRef) -> ImageRef {
        match &self.place {
            Some(place) => image.with_prefix(place),
            None => image.clone(),
        }
    }

    pub fn plain_http(&self) -> bool {
        self.plain_http
    }

    pub(super) fn is_none(&self) -> bool {
        self.place.is_none()
    }
}

impl FromStr for Mirror {
    type Err = String;

    fn from_str(text: &str) -> Result<Mirror, String> {
        let (plain_http, place) = match text.split_once("://") {
            Some(("http", rest)) => (true, rest),
            Some(("https", rest)) => (false, rest),
            Some((scheme, _)) => {
                return Err(format!(
                    "unsupported scheme `{scheme}`: expected http or https"
                ));
            }
            None => (false, text),
        };
        let place = place.trim_end_matches('/');
        if place == NONE {
            return Ok(Mirror::default());
        }
        let place = place.parse();
        let place = place.map_err(|why| format!("{why}; expected HOST[:PORT][/PATH]"))?;
        Ok(Mirror {
            place: Some(place),
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
        match &self.place {
            Some(place) => write!(f, "{scheme}{place}"),
            None => f.write_str(NONE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_host_with_a_path() {
        let mirror: Mirror = "https://mirror.corp:5000/hub/".parse().unwrap();
        assert_eq!(mirror.to_string(), "mirror.corp:5000/hub");
        let place = mirror.of(&"mongo:4.4".parse().unwrap());
        assert_eq!(place.to_string(), "mirror.corp:5000/hub/library/mongo:4.4");
        assert!(!mirror.plain_http());
        let plain: Mirror = "http://10.0.0.2:5000".parse().unwrap();
        assert!(plain.plain_http());
        assert_eq!(plain.to_string().parse(), Ok(plain));
        for invalid in ["mirror", "ftp://mirror.corp", "mirror.corp/a b", ""] {
            assert!(invalid.parse::<Mirror>().is_err(), "{invalid}");
        }
    }
}
