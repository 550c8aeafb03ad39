//! Values and the release.

use serde::{Deserialize, Serialize};

use super::input_file::InputFiles;
use super::{Error, read};
use crate::inputs::{KeptFile, SetArgument, SetKind};
use crate::release::{self, Release};

const HEADING: &str = "Values";

/// Options that set values.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[command(next_help_heading = HEADING)]
pub struct ValuesOptions {
    /// Read values from a file, or from stdin with -
    ///
    /// A values file of the `clearml` Helm chart. Repeat the option to merge several files; later
    /// ones take precedence.
    #[arg(
        short = 'f',
        long,
        value_name = "FILE",
        env = "CLEARML_LOCAL_VALUES",
        value_hint = clap::ValueHint::FilePath
    )]
    pub values: Vec<InputFiles>,
    /// Single values.
    #[command(flatten)]
    #[serde(skip)]
    pub set: SetOptions,
    /// Reset the values of earlier runs to the defaults
    ///
    /// Values given in the same command are applied.
    #[arg(long)]
    #[serde(skip)]
    pub reset_values: bool,
}

/// Options that set single values and the release.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[command(next_help_heading = HEADING)]
pub struct SetOptions {
    /// Set a value (takes precedence over files)
    ///
    /// For example `apiserver.replicaCount=2`. The syntax is Helm's: `a.b=c,d=e` sets two values,
    /// `a={x,y}` a list, `a[0].b=c` the key of an item, `a=null` removes a default.
    #[arg(long, value_name = "KEY=VALUE", env = "CLEARML_LOCAL_SET")]
    pub set: Vec<String>,
    /// Set a string value, such as version=0042
    ///
    /// The value is a string even if it looks like a number or a boolean. Takes precedence over
    /// --set.
    #[arg(long, value_name = "KEY=TEXT", env = "CLEARML_LOCAL_SET_STRING")]
    pub set_string: Vec<String>,
    /// Set a value to the content of a file
    ///
    /// The file is read once, and its content is kept. Takes precedence over --set-string.
    #[arg(
        long,
        value_name = "KEY=FILE",
        env = "CLEARML_LOCAL_SET_FILE",
        hide_short_help = true
    )]
    pub set_file: Vec<String>,
    /// Set a JSON value
    ///
    /// A JSON object without a key sets several values. Takes precedence over files; --set takes
    /// precedence over it.
    #[arg(
        long,
        value_name = "KEY=JSON",
        env = "CLEARML_LOCAL_SET_JSON",
        hide_short_help = true
    )]
    pub set_json: Vec<String>,
    /// Release of the server: 1.5.0, 2.3 or a file
    ///
    /// The file describes a release: its version and images. [default: 1.5.0]
    #[arg(long, value_name = "NAME|FILE", env = "CLEARML_LOCAL_RELEASE")]
    pub release: Option<String>,
}

/// Values and the release, which a revision records and a rollback restores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValuesSettings {
    /// Name of a release, or path of a release file.
    pub release: String,
    /// The content of the release file, so that later commands work in any directory. Versions
    /// up to 0.1.0 saved only the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_file: Option<KeptFile>,
    /// Values files, lowest precedence first.
    #[serde(rename = "values")]
    pub files: Vec<KeptFile>,
    /// Arguments of the `--set` options; within each kind, lowest precedence first.
    pub sets: Vec<SetArgument>,
}

impl Default for ValuesSettings {
    fn default() -> Self {
        ValuesSettings {
            release: release::DEFAULT.to_owned(),
            release_file: None,
            files: Vec::new(),
            sets: Vec::new(),
        }
    }
}

impl ValuesSettings {
    /// Returns the name of the release, which a release file contains.
    pub fn release_name(&self) -> String {
        let file = self.release_file.as_ref();
        let named = file.and_then(|file| Release::from_file_text(&file.text, &file.path).ok());
        named.map_or_else(|| self.release.clone(), |release| release.name)
    }
}

impl ValuesOptions {
    /// Takes options that are not set from `fallback`. Files and arguments are one setting:
    /// those of one source replace all of the other. The release is a separate setting.
    #[must_use]
    pub fn or(self, fallback: ValuesOptions) -> ValuesOptions {
        let release = self.set.release.clone();
        let release = release.or_else(|| fallback.set.release.clone());
        let chosen = if self.change_values() { self } else { fallback };
        ValuesOptions {
            set: SetOptions {
                release,
                ..chosen.set
            },
            ..chosen
        }
    }

    /// Returns whether the options set or reset values.
    fn change_values(&self) -> bool {
        let texts = |kind| !self.set.texts(kind).is_empty();
        self.reset_values || !self.values.is_empty() || SetKind::ALL.into_iter().any(texts)
    }

    /// Returns the settings with the options that are set. Reads their files.
    pub fn apply(&self, to: ValuesSettings) -> Result<ValuesSettings, Error> {
        let chosen = self.change_values();
        let release = self.set.release.clone();
        Ok(ValuesSettings {
            release_file: match &release {
                Some(release) => read::release(release)?,
                // Versions up to 0.1.0 saved only its path.
                None => match to.release_file {
                    None => read::release(&to.release).ok().flatten(),
                    saved => saved,
                },
            },
            release: release.unwrap_or(to.release),
            files: match chosen {
                true => read::values(self.values.iter().flat_map(InputFiles::each))?,
                false => to.files,
            },
            sets: match chosen {
                true => self.set.read()?,
                false => to.sets,
            },
        })
    }
}

impl SetOptions {
    fn texts(&self, kind: SetKind) -> &[String] {
        match kind {
            SetKind::Json => &self.set_json,
            SetKind::Set => &self.set,
            SetKind::String => &self.set_string,
            SetKind::File => &self.set_file,
        }
    }

    /// Returns the arguments, lowest precedence first.
    fn read(&self) -> Result<Vec<SetArgument>, Error> {
        let mut sets = Vec::new();
        for kind in SetKind::ALL {
            sets.extend(read::sets(kind, self.texts(kind))?);
        }
        Ok(sets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    /// Parses options in the format of the settings file.
    fn options(text: &str) -> ValuesOptions {
        ValuesOptions {
            set: yaml::one(text).unwrap(),
            ..ValuesOptions::default()
        }
    }

    fn reset() -> ValuesOptions {
        ValuesOptions {
            reset_values: true,
            ..ValuesOptions::default()
        }
    }

    #[test]
    fn values_are_kept_until_they_are_replaced_or_reset() {
        let earlier = options("{set: [a=1], release: '2.3'}").apply(ValuesSettings::default());
        let earlier = earlier.unwrap();
        let sets = |options: ValuesOptions| {
            let then = options.apply(earlier.clone()).unwrap();
            assert_eq!(then.release, "2.3");
            let sets = then.sets.into_iter().map(|set| set.text);
            sets.collect::<Vec<String>>()
        };
        assert_eq!(sets(ValuesOptions::default()), ["a=1"]);
        assert_eq!(sets(options("set: [b=2]")), ["b=2"]);
        assert_eq!(sets(reset()), [""; 0]);
        let mut both = options("set: [b=2]");
        both.reset_values = true;
        assert_eq!(sets(both), ["b=2"]);
        // The values of the settings file are reset, too.
        assert_eq!(sets(reset().or(options("set: [c=3]"))), [""; 0]);
    }

    #[test]
    fn values_in_options_replace_all_values_in_the_settings_file() {
        let file = options("{setString: [a=1], set: [b=1], setJson: ['c=1'], release: '2.3'}");
        let all = file.apply(ValuesSettings::default()).unwrap();
        assert_eq!(
            all.sets,
            [
                SetArgument::new(SetKind::Json, "c=1"),
                SetArgument::new(SetKind::Set, "b=1"),
                SetArgument::new(SetKind::String, "a=1"),
            ]
        );
        let other = options("setJson: ['d=1']").or(file);
        let other = other.apply(ValuesSettings::default()).unwrap();
        assert_eq!(other.sets, [SetArgument::new(SetKind::Json, "d=1")]);
        assert_eq!(other.release, "2.3", "the release is a separate setting");
    }
}
