//! Files to read.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use clap::builder::{StringValueParser, TypedValueParser, ValueParserFactory};
use clap::parser::ValueSource;
use serde::Deserialize;

use crate::path::{self, HostPath};

/// A file to read, and the path as the user wrote it, for messages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct InputFile {
    text: String,
    /// `None` is standard input.
    path: Option<HostPath>,
}

impl InputFile {
    /// Returns whether the file is standard input.
    pub fn is_stdin(&self) -> bool {
        self.path.is_none()
    }

    /// Returns the file to read.
    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new("/dev/stdin"))
    }
}

impl FromStr for InputFile {
    type Err = path::Error;

    fn from_str(text: &str) -> Result<Self, path::Error> {
        let is_stdin = text.trim() == "-";
        Ok(InputFile {
            path: (!is_stdin).then(|| text.parse()).transpose()?,
            text: text.to_owned(),
        })
    }
}

impl TryFrom<String> for InputFile {
    type Error = path::Error;

    fn try_from(text: String) -> Result<Self, path::Error> {
        text.parse()
    }
}

impl fmt::Display for InputFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The file of one `-f`, or the files in the environment variable, which can contain several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "InputFile")]
pub struct InputFiles(Vec<InputFile>);

impl InputFiles {
    pub fn each(&self) -> impl Iterator<Item = &InputFile> {
        self.0.iter()
    }
}

impl From<InputFile> for InputFiles {
    fn from(file: InputFile) -> Self {
        InputFiles(vec![file])
    }
}

impl ValueParserFactory for InputFiles {
    type Parser = FilesParser;

    fn value_parser() -> FilesParser {
        FilesParser
    }
}

/// Splits at colons only in the environment variable: a path on the command line may contain
/// one.
#[derive(Debug, Clone)]
pub struct FilesParser;

impl TypedValueParser for FilesParser {
    type Value = InputFiles;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<InputFiles, clap::Error> {
        self.parse_ref_(command, arg, value, ValueSource::CommandLine)
    }

    fn parse_ref_(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<InputFiles, clap::Error> {
        let files = StringValueParser::new().try_map(move |text| {
            let texts: Vec<&str> = match source {
                ValueSource::EnvVariable => text.split(':').filter(|one| !one.is_empty()).collect(),
                _ => vec![&text],
            };
            let files: Result<Vec<InputFile>, _> = texts.into_iter().map(str::parse).collect();
            files.map(InputFiles)
        });
        files.parse_ref_(command, arg, value, source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_standard_input() {
        let input = |text: &str| text.parse::<InputFile>().unwrap();
        assert_eq!(input("-").path(), Path::new("/dev/stdin"));
        assert_eq!(input("/a/../-").path(), Path::new("/-"));
        assert_eq!(input("./v.yaml").to_string(), "./v.yaml");
    }
}
