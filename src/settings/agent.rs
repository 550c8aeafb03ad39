//! The settings of an agent, which executes the tasks of one queue.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest, Sha256};

use super::{VariableChanges, Variables};
use crate::image_ref::ImageRef;
use crate::quantity;

/// The name that the objects of the agent of the default queue have in a cluster.
const OBJECT: &str = "clearml-local-agent";
/// The queue that every server has.
const DEFAULT_QUEUE: &str = "default";
/// The characters of a queue's name that the names of objects may contain: with their own
/// additions and those of Kubernetes, names of pods must fit into 63.
const SLUG: usize = 24;
/// The image of an agent by default. It contains Python, git and compilers.
const DEFAULT_IMAGE: &str = "python:3.11";
/// The value of an option that removes an earlier amount.
const DEFAULT: &str = "default";
/// Less memory is a wrong unit.
const MIN_MEMORY: f64 = (64 << 20) as f64;

/// An agent of an instance. They are saved in the state directory, so that `up` installs them
/// again after `down`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentSettings {
    pub queue: Queue,
    /// The number of pods, each of which executes one task at a time.
    pub replicas: u16,
    pub image: ImageRef,
    /// The memory of each pod; `None` for what fits the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// The processors of each pod; `None` for all that are free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// The GPUs of each pod.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gpus: u16,
    /// Environment variables for the tasks.
    #[serde(default, skip_serializing_if = "Variables::is_empty")]
    pub env: Variables,
}

/// The options of an agent. What they leave out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentOptions {
    pub replicas: Option<u16>,
    pub image: Option<ImageRef>,
    pub memory: Option<Amount<Memory>>,
    pub cpu: Option<Amount<Cpu>>,
    pub gpus: Option<u16>,
    pub env: VariableChanges,
}

impl AgentSettings {
    /// Returns the settings of a new agent.
    pub fn with_defaults(queue: Queue) -> AgentSettings {
        AgentSettings {
            queue,
            replicas: 1,
            image: DEFAULT_IMAGE.parse().expect("the default is an image"),
            memory: None,
            cpu: None,
            gpus: 0,
            env: Variables::new(),
        }
    }

    /// Returns the settings, changed by options.
    #[must_use]
    pub fn with(self, options: AgentOptions) -> AgentSettings {
        AgentSettings {
            queue: self.queue,
            replicas: options.replicas.unwrap_or(self.replicas),
            image: options.image.unwrap_or(self.image),
            memory: Amount::or_kept(options.memory, self.memory),
            cpu: Amount::or_kept(options.cpu, self.cpu),
            gpus: options.gpus.unwrap_or(self.gpus),
            env: options.env.apply(self.env),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// The name of a queue of the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Queue(String);

impl Queue {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT_QUEUE
    }

    /// Returns the name of the agent's objects in a cluster. Queues have any name, objects only
    /// DNS labels, so that other names get a hash.
    pub fn object_name(&self) -> String {
        if self.is_default() {
            return OBJECT.to_owned();
        }
        let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let mut slug: String = self.0.to_ascii_lowercase();
        slug = slug.replace(|c| !is_label(c), "-");
        slug.truncate(SLUG);
        let slug = slug.trim_matches('-');
        if slug == self.0 {
            return format!("{OBJECT}-{slug}");
        }
        let hash = hex::encode(&Sha256::digest(self.0.as_bytes())[..4]);
        match slug {
            "" => format!("{OBJECT}-{hash}"),
            slug => format!("{OBJECT}-{slug}-{hash}"),
        }
    }
}

impl Default for Queue {
    fn default() -> Queue {
        Queue(DEFAULT_QUEUE.to_owned())
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Queue {
    type Err = String;

    fn from_str(text: &str) -> Result<Queue, String> {
        let text = text.trim();
        match text {
            "" => Err("expected the name of a queue".to_owned()),
            // The program of the agent would read an option.
            _ if text.starts_with('-') => Err("the name of a queue must not start with `-`".into()),
            _ if text.chars().any(char::is_control) => {
                Err("the name of a queue must not contain control characters".into())
            }
            _ => Ok(Queue(text.to_owned())),
        }
    }
}

impl<'de> Deserialize<'de> for Queue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The value of an option for an amount: an amount, or `default` to remove an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount<T> {
    Default,
    Given(T),
}

impl<T> Amount<T> {
    /// Returns the setting after an option, which may be left out.
    fn or_kept(option: Option<Amount<T>>, kept: Option<T>) -> Option<T> {
        match option {
            Some(Amount::Given(amount)) => Some(amount),
            Some(Amount::Default) => None,
            None => kept,
        }
    }
}

impl<T: FromStr<Err = String>> FromStr for Amount<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Amount<T>, String> {
        match text {
            DEFAULT => Ok(Amount::Default),
            amount => Ok(Amount::Given(amount.parse()?)),
        }
    }
}

/// An amount of memory, as Kubernetes writes it: `8Gi`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(String);

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Memory, String> {
        match quantity::bytes(text) {
            Some(bytes) if bytes >= MIN_MEMORY => Ok(Memory(text.to_owned())),
            _ => Err("expected an amount of memory such as 4Gi or 512Mi, or `default`".to_owned()),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number of processors, as Kubernetes writes it: `2` or `500m`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cpu(String);

impl FromStr for Cpu {
    type Err = String;

    fn from_str(text: &str) -> Result<Cpu, String> {
        let is_number = text.trim_end_matches('m').parse::<f64>().is_ok();
        match quantity::bytes(text) {
            Some(number) if is_number && number > 0.0 => Ok(Cpu(text.to_owned())),
            _ => Err("expected a number of processors such as 2 or 500m, or `default`".to_owned()),
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_after_the_queue() {
        let name = |queue: &str| queue.parse::<Queue>().unwrap().object_name();
        assert_eq!(name("default"), "clearml-local-agent");
        assert_eq!(name("gpu"), "clearml-local-agent-gpu");
        let long = "a-queue-whose-name-is-longer-than-a-label";
        for queue in ["GPU", "my queue", "ünïcode", "-".repeat(3).as_str(), long] {
            let Ok(queue) = queue.parse::<Queue>() else {
                continue;
            };
            let name = queue.object_name();
            let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(name.chars().all(is_label) && name.len() <= 53, "{name}");
            assert!(!name.ends_with('-'), "{name}");
        }
        assert_ne!(name("GPU"), name("gpu"));
        assert_ne!(name("my queue"), name("my-queue"));
    }

    #[test]
    fn options_change_only_what_they_name() {
        let env =
            |text: &str| crate::settings::variables(&[text.parse().unwrap()], |_| None).unwrap();
        let queue: Queue = "gpu".parse().unwrap();
        let first = AgentSettings::with_defaults(queue.clone()).with(AgentOptions {
            image: Some("pytorch/pytorch".parse().unwrap()),
            gpus: Some(1),
            env: env("TOKEN=one"),
            ..AgentOptions::default()
        });
        assert_eq!((first.replicas, first.gpus), (1, 1));
        let second = first.clone().with(AgentOptions {
            memory: Some("8Gi".parse().unwrap()),
            env: env("OTHER=two"),
            ..AgentOptions::default()
        });
        assert_eq!(second.image, first.image);
        assert_eq!(second.gpus, 1);
        assert_eq!(second.env.len(), 2);
        let saved = serde_json::to_string(&second).unwrap();
        assert_eq!(
            serde_json::from_str::<AgentSettings>(&saved).unwrap(),
            second
        );
    }

    #[test]
    fn options_remove_what_earlier_ones_set() {
        let changes = |options: &[&str]| {
            let options: Vec<_> = options.iter().map(|one| one.parse().unwrap()).collect();
            crate::settings::variables(&options, |_| None).unwrap()
        };
        let new = AgentSettings::with_defaults(Queue::default());
        let set = new.clone().with(AgentOptions {
            memory: Some("8Gi".parse().unwrap()),
            cpu: Some("2".parse().unwrap()),
            env: changes(&["TOKEN=one", "REGION=two"]),
            ..AgentOptions::default()
        });
        let without = set.clone().with(AgentOptions {
            memory: Some("default".parse().unwrap()),
            env: changes(&["TOKEN-"]),
            ..AgentOptions::default()
        });
        assert_eq!((&without.memory, &without.cpu), (&None, &set.cpu));
        assert_eq!(without.env.keys().collect::<Vec<_>>(), ["REGION"]);
        let without = without.with(AgentOptions {
            cpu: Some("default".parse().unwrap()),
            env: changes(&["REGION-"]),
            ..AgentOptions::default()
        });
        assert_eq!(without, new);
    }

    #[test]
    fn an_agent_that_an_earlier_version_saved_has_no_variables() {
        let saved = r#"{"queue": "default", "replicas": 1, "image": "python:3.11"}"#;
        let read: AgentSettings = serde_json::from_str(saved).unwrap();
        assert_eq!(read, AgentSettings::with_defaults(Queue::default()));
    }

    #[test]
    fn amounts_and_names_are_checked() {
        assert!("--stop".parse::<Queue>().is_err());
        assert!(" ".parse::<Queue>().is_err());
        for (memory, is_valid) in [("8Gi", true), ("8", false), ("8GB", false), ("-1Gi", false)] {
            assert_eq!(memory.parse::<Memory>().is_ok(), is_valid, "{memory}");
        }
        for (cpu, is_valid) in [
            ("2", true),
            ("1.5", true),
            ("500m", true),
            ("0", false),
            ("2Gi", false),
        ] {
            assert_eq!(cpu.parse::<Cpu>().is_ok(), is_valid, "{cpu}");
        }
    }
}
