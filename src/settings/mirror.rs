//! A registry that stands in for all others.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::image_ref::{ImageRef, Place};

/// The word by which a mirror is taken back.
const NONE: &str = "none";

/// Where images are pulled from instead of their own registries: a host, maybe
/// with a port and a path. `mirror.corp/hub` has `mongo:4.4` as
/// `mirror.corp/hub/library/mongo:4.4`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mirror {
    /// None where a mirror is taken back.
    place: Option<Place>,
    plain_http: bool,
}

impl Mirror {
    /// The mirror's reference of an image, such as `mirror.corp:5000/hub/library/mongo`.
    pub fn of(&self, image: &ImageRef) -> ImageRef {
        match &self.place {
            Some(place) => image.within(place),
            None => image.clone(),
        }
    }

    pub fn plain_http(&self) -> bool {
        self.plain_http
    }

    /// Whether it is the word `none`, by which a mirror is taken back.
    pub fn is_none(&self) -> bool {
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
        let place = match place.trim_end_matches('/') {
            NONE => None,
            place => {
                let parsed = place.parse();
                Some(parsed.map_err(|why| format!("{why}; expected HOST[:PORT][/PATH]"))?)
            }
        };
        Ok(Mirror { place, plain_http })
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
        for wrong in ["mirror", "ftp://mirror.corp", "mirror.corp/a b", ""] {
            assert!(wrong.parse::<Mirror>().is_err(), "{wrong}");
        }
    }
}
