//! The settings file `clearml-local.yaml`. Its keys are the names of the option fields in camel case.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use serde::de::value::Error as Stop;
use serde::de::{self, DeserializeOwned, Error as _, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

use super::{InstanceOptions, Options};
use crate::settings::{Error, ValuesOptions};
use crate::{files, yaml};

/// The name in the working directory.
const SETTINGS_FILE: &str = "clearml-local.yaml";

/// The content of the settings file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsFile {
    /// Which instance the directory is for.
    pub instance: InstanceOptions,
    /// The settings of that instance.
    pub options: Options,
}

impl SettingsFile {
    /// Reads the file in a directory, which must be the working directory: relative paths in
    /// the file start there. Returns defaults if there is no file.
    pub fn read(dir: &Path) -> Result<SettingsFile, Error> {
        let path = dir.join(SETTINGS_FILE);
        // It may name files to read and a kubeconfig, whose plugins are run.
        files::refuse_planted(&path)?;
        let Some(text) = files::read(&path)? else {
            return Ok(SettingsFile::default());
        };
        SettingsFile::parse(&text).map_err(|error| Error::File {
            path,
            reason: error.to_string(),
        })
    }

    fn parse(text: &str) -> Result<SettingsFile, yaml::Error> {
        yaml::one::<BTreeMap<KnownKey, IgnoredAny>>(text)?;
        let keys = Vec::new();
        SettingsFile::of(&mut Groups { text, keys })
    }

    fn of(groups: &mut Groups<'_>) -> Result<SettingsFile, yaml::Error> {
        let instance = groups.read()?;
        let values: ValuesOptions = groups.read()?;
        let set = groups.read()?;
        Ok(SettingsFile {
            instance,
            options: Options {
                values: ValuesOptions { set, ..values },
                cluster: groups.read()?,
                network: groups.read()?,
                ports: groups.read()?,
                ingress: groups.read()?,
                node: groups.read()?,
                wait: groups.read()?,
            },
        })
    }

    /// Returns the keys that the file can have.
    pub fn keys() -> &'static [&'static str] {
        static KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| {
            let (text, keys) = ("{}", Vec::new());
            let mut groups = Groups { text, keys };
            SettingsFile::of(&mut groups).expect("every option can be left out");
            groups.keys
        });
        &KEYS
    }
}

/// The option groups in a file. Each reads the whole text and ignores the keys of the others:
/// serde's `flatten` loses the line of an error and cannot refuse unknown keys.
struct Groups<'a> {
    text: &'a str,
    /// The keys of the groups that were read.
    keys: Vec<&'static str>,
}

impl Groups<'_> {
    fn read<T: DeserializeOwned>(&mut self) -> Result<T, yaml::Error> {
        // The derived code passes the fields to the deserializer first.
        let _ = T::deserialize(Fields(&mut self.keys));
        yaml::one(self.text)
    }
}

/// A deserializer that collects the field names of a struct and reads nothing.
struct Fields<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Stop;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.0.extend(fields);
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        Err(Stop::custom("reads nothing"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A key of one of the groups.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct KnownKey(&'static str);

impl<'de> Deserialize<'de> for KnownKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = KnownKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an option")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<KnownKey, E> {
        let keys = SettingsFile::keys();
        let known = keys.iter().find(|key| **key == text);
        known
            .map(|key| KnownKey(key))
            .ok_or_else(|| E::unknown_field(text, keys))
    }
}

#[cfg(test)]
impl Options {
    /// Parses options in the format of the settings file.
    pub(crate) fn of(text: &str) -> Options {
        SettingsFile::parse(text).unwrap().options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DataPlace, Instance};

    fn refused(text: &str) -> String {
        SettingsFile::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_keys_of_all_groups_are_known() {
        let keys = SettingsFile::keys();
        assert_eq!(keys.len(), 26);
        for key in ["name", "values", "set", "listen", "dataDir", "timeout"] {
            assert!(keys.contains(&key), "{key}");
        }
        assert!(!keys.contains(&"resetValues"));
        assert_eq!(SettingsFile::parse("").unwrap(), SettingsFile::default());
    }

    #[test]
    fn refuses_unknown_and_repeated_keys_with_their_line() {
        let error = refused("webPort: 8080\nwebport: 8080\n");
        assert!(
            error.contains("line 2") && error.contains("`webport`"),
            "{error}"
        );
        assert!(error.contains("webPort"), "{error}");
        let error = refused("webPort: 8080\nwebPort: 8080\n");
        assert!(
            error.contains("line 2") && error.contains("webPort"),
            "{error}"
        );
    }

    #[test]
    fn refuses_invalid_values_with_their_line() {
        let error = refused("webPort: 1\ndataDir: ~bob/data\n");
        assert!(
            error.contains("line 2") && error.contains("`~bob`"),
            "{error}"
        );
        let error = refused("webPort: 0\n");
        assert!(error.contains("0 is not in 1..=65535"), "{error}");
        let error = refused("timeout: 5\n");
        assert!(error.contains("invalid duration `5`: expected"), "{error}");
    }

    #[test]
    fn paths_are_normalized_and_tilde_is_expanded() {
        let file = "dataDir: ~/data/\ncaFile: ./ca.pem\nvalues: [a//values.yaml, '-']\n";
        let options = Options::of(file);
        let home = dirs::home_dir().unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(options.node.data_dir, Some(home.join("data").into()));
        let ca_file = options.node.ca_file;
        assert_eq!(ca_file.as_deref(), Some(&*here.join("ca.pem")));
        let files = options.values.values.iter();
        let files: Vec<&Path> = files
            .flat_map(|files| files.each())
            .map(|f| f.path())
            .collect();
        assert_eq!(
            files,
            [&*here.join("a/values.yaml"), Path::new("/dev/stdin")]
        );
    }

    #[test]
    fn options_take_precedence_over_the_file_and_both_over_earlier_runs() {
        let place = || DataPlace::from(Path::new("/data").to_owned());
        let mut earlier = Instance::with_defaults(place());
        earlier.values.release = "2.3".into();
        let file = Options::of("{webPort: 8080, apiPort: 8008, timeout: 1m}");
        let now = Options::of("webPort: 9090").or(file);
        assert_eq!(now.wait.timeout().as_secs(), 60);
        let now = now.apply(earlier).unwrap();
        let ports = (now.ports.web, now.ports.api, now.ports.files);
        assert_eq!(ports, (9090, 8008, 30081));
        assert_eq!(
            (now.values.release.as_str(), now.node.data_dir),
            ("2.3", place())
        );
    }
}
