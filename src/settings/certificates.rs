//! Certificate authorities that the node trusts in addition to the public ones.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::files;
use crate::inputs::KeptFile;
use crate::path::HostPath;

/// The content of the user's file with certificates in PEM format, if there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Certificates(Option<KeptFile>);

impl Certificates {
    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the certificates in PEM format.
    pub fn pem(&self) -> Option<&str> {
        self.0.as_ref().map(|file| &*file.text)
    }
}

/// Reads the file. An empty one removes the certificates.
impl TryFrom<HostPath> for Certificates {
    type Error = Error;

    fn try_from(path: HostPath) -> Result<Self, Error> {
        let invalid = |reason: &'static str| Error::Certificates {
            path: path.to_path_buf(),
            reason,
        };
        let text = files::read(&path)?.ok_or_else(|| invalid("the file does not exist"))?;
        if text.trim().is_empty() {
            return Ok(Certificates(None));
        }
        if text.contains("PRIVATE KEY") {
            return Err(invalid("it contains a private key"));
        }
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(invalid("it contains no certificate in PEM format"));
        }
        Ok(Certificates(Some(KeptFile {
            path: path.to_string(),
            text,
        })))
    }
}

/// Formats the path of the file, or of an empty one, as the option accepts it.
impl fmt::Display for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref().map_or("/dev/null", |file| &file.path))
    }
}
