//! Values files and `--set` arguments with their content. They are saved with the instance, so
//! that a later `up` without options uses them again.

use std::fmt;

use helm_values::Argument;
pub use helm_values::SetKind;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::redact;

/// A copy of a file of the user: the file itself may be gone when it is needed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// The path, for messages.
    pub path: String,
    /// The content when it was read.
    pub text: String,
}

/// An argument of `--set` or one of its variants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetArgument {
    /// The option.
    pub kind: SetKind,
    /// The text, such as `apiserver.replicaCount=2`.
    pub text: String,
    /// The files of a `--set-file` argument, which can name several, as in
    /// `a=one.conf,b=two.conf`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<KeptFile>,
}

impl SetArgument {
    pub fn new(kind: SetKind, text: impl Into<String>) -> SetArgument {
        SetArgument {
            kind,
            text: text.into(),
            files: Vec::new(),
        }
    }

    /// Converts the argument for `helm_values`.
    pub(crate) fn as_helm(&self) -> Argument<'_> {
        let files = self.files.iter();
        Argument {
            kind: self.kind,
            text: &self.text,
            files: files.map(|file| (&*file.path, &*file.text)).collect(),
        }
    }
}

/// Longest text of an argument in a message, in characters: the argument of `--set-json` can be
/// a whole document.
const SHOWN: usize = 100;

impl SetArgument {
    /// Returns the part before a possible secret, or `None` if the whole argument can be shown.
    pub(crate) fn before_secret(&self) -> Option<&str> {
        // The path of a file is not a secret.
        (self.kind != SetKind::File)
            .then(|| redact::visible_part(&self.text))
            .flatten()
    }
}

/// Omits the values of secrets.
impl fmt::Display for SetArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = self.kind.flag();
        let (shown, mut whole) = match self.before_secret() {
            Some(shown) => (shown, false),
            None => (self.text.as_str(), true),
        };
        let end = shown.char_indices().nth(SHOWN).map(|(end, _)| end);
        whole &= end.is_none();
        let shown = &shown[..end.unwrap_or(shown.len())];
        write!(f, "{flag} {shown}{}", if whole { "" } else { "…" })
    }
}

/// Versions up to 0.1.0 saved only the texts of `--set`.
impl<'de> Deserialize<'de> for SetArgument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrFields)
    }
}

struct TextOrFields;

impl<'de> de::Visitor<'de> for TextOrFields {
    type Value = SetArgument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an argument of --set")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SetArgument, E> {
        Ok(SetArgument::new(SetKind::Set, text))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, fields: A) -> Result<SetArgument, A::Error> {
        #[derive(Deserialize)]
        struct Fields {
            kind: SetKind,
            text: String,
            #[serde(default)]
            files: Vec<KeptFile>,
        }
        let fields = Fields::deserialize(de::value::MapAccessDeserializer::new(fields))?;
        Ok(SetArgument {
            kind: fields.kind,
            text: fields.text,
            files: fields.files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_saved_arguments_of_this_and_older_versions() {
        let argument = SetArgument {
            kind: SetKind::File,
            text: "a=motd".into(),
            files: vec![KeptFile {
                path: "motd".into(),
                text: "hello\n".into(),
            }],
        };
        let kept = serde_json::to_string(&argument).unwrap();
        assert_eq!(
            serde_json::from_str::<SetArgument>(&kept).unwrap(),
            argument
        );
        assert_eq!(
            serde_json::from_str::<SetArgument>(r#""a.b=1""#).unwrap(),
            SetArgument::new(SetKind::Set, "a.b=1")
        );
    }

    #[test]
    fn display_omits_secrets() {
        let argument = SetArgument::new(SetKind::Set, "a=1,secret.authToken=hunter2");
        assert_eq!(argument.to_string(), "--set a=1,secret.authToken=…");
    }

    #[test]
    fn display_truncates_long_arguments() {
        let argument = SetArgument::new(SetKind::Json, "é".repeat(200));
        assert_eq!(argument.to_string().chars().count(), 11 + 100 + 1);
    }
}
