//! The end of `up`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::words;
use crate::probe::Endpoints;

/// What a person wants to know of a server that is up.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The instance's name.
    pub name: String,
    /// The three URLs.
    pub endpoints: Endpoints,
    /// Where the data are.
    pub data_dir: PathBuf,
    /// What they take.
    pub data_bytes: Option<u64>,
    /// How long the command took.
    pub took: Duration,
    /// How long each phase took.
    pub phases: Vec<(String, Duration)>,
    /// Whether anything was changed.
    pub changed: bool,
}

impl Summary {
    /// Where everything is.
    pub(super) fn addresses(&self, home: Option<&Path>) -> String {
        let size = self
            .data_bytes
            .map_or_else(String::new, |count| format!(", {}", words::bytes(count)));
        format!(
            "  Web    {}\n  API    {}\n  Files  {}\n  Data   {}{size}, kept by `down`\n",
            self.endpoints.web,
            self.endpoints.api,
            self.endpoints.files,
            words::path(&self.data_dir, home)
        )
    }

    /// How it went, and what to do with it.
    pub(super) fn conclusion(&self) -> String {
        let took = words::duration(self.took);
        let flag = if self.name == "clearml" {
            String::new()
        } else {
            format!(" --name {}", self.name)
        };
        let sdk = format!("For the SDK: clearml-local credentials{flag} --conf > ~/clearml.conf");
        if !self.changed {
            return format!("\nNothing to do: a login works, checked in {took}. {sdk}");
        }
        let phases = self.phases.iter();
        let phases: Vec<String> = phases
            .map(|(name, took)| format!("{name} {}", words::duration(*took)))
            .collect();
        format!("\nReady in {took} ({}).\n{sdk}", phases.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(changed: bool) -> Summary {
        Summary {
            name: "clearml".into(),
            endpoints: Endpoints {
                web: "http://localhost:30080".into(),
                api: "http://localhost:30008".into(),
                files: "http://localhost:30081".into(),
            },
            data_dir: "/home/me/.local/share/clearml-local/clearml/data".into(),
            data_bytes: Some(212_000_000),
            took: Duration::from_secs(58),
            phases: vec![("node".into(), Duration::from_secs(14))],
            changed,
        }
    }

    #[test]
    fn urls_data_and_the_next_command() {
        let summary = summary(true);
        let text = summary.addresses(Some(Path::new("/home/me"))) + &summary.conclusion();
        insta::assert_snapshot!(text, @r"
          Web    http://localhost:30080
          API    http://localhost:30008
          Files  http://localhost:30081
          Data   ~/.local/share/clearml-local/clearml/data, 212 MB, kept by `down`

        Ready in 58 s (node 14 s).
        For the SDK: clearml-local credentials --conf > ~/clearml.conf
        ");
    }

    #[test]
    fn nothing_to_do_is_said() {
        assert!(
            summary(false)
                .conclusion()
                .starts_with("\nNothing to do: a login works")
        );
    }
}
