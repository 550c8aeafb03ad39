//! How `status` looks.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::words;
use crate::probe::Endpoints;

/// One component, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentRow {
    /// Such as `redis`.
    pub name: String,
    /// Such as `ready` or `starting`.
    pub state: String,
    /// Whether it serves.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: u32,
    /// Why it is not ready; empty when there is nothing to say.
    pub reason: String,
    /// The image.
    pub image: String,
    /// Seconds since its container was started.
    #[serde(rename = "ageSeconds")]
    pub age_seconds: Option<u64>,
}

/// An instance, as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// `ready`, `starting`, `degraded`, `stopped` or `absent`.
    pub state: String,
    /// The instance's name.
    pub name: String,
    /// The release, where it is known.
    pub release: Option<String>,
    /// The URLs, where they are known.
    pub endpoints: Option<Endpoints>,
    /// The components, where the cluster answers.
    pub components: Vec<ComponentRow>,
    /// Where the data are, where it is known.
    pub data_dir: Option<PathBuf>,
    /// What a person should know beside.
    pub notes: Vec<String>,
}

impl StatusView {
    /// For programs.
    pub(super) fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("plain data become JSON") + "\n"
    }

    /// For people: trouble first, each line no wider than `width`.
    pub(super) fn text(&self, width: usize, home: Option<&Path>) -> String {
        let mut lines = vec![match &self.release {
            Some(release) => format!("{}  {}, release {release}", self.name, self.state),
            None => format!("{}  {}", self.name, self.state),
        }];
        lines.extend(self.notes.iter().map(|note| format!("  {note}")));
        if !self.components.is_empty() {
            lines.push(String::new());
            lines.extend(self.rows());
        }
        lines.push(String::new());
        if let Some(at) = self.endpoints.as_ref().filter(|_| self.state != "absent") {
            lines.push(format!("  Web    {}", at.web));
            lines.push(format!("  API    {}", at.api));
            lines.push(format!("  Files  {}", at.files));
        }
        if let Some(dir) = &self.data_dir {
            lines.push(format!("  Data   {}", words::path(dir, home)));
        }
        let mut text = String::new();
        for line in lines {
            text.push_str(words::cut(line.trim_end(), width.max(20)).trim_end());
            text.push('\n');
        }
        text.trim_end().to_owned() + "\n"
    }

    fn rows(&self) -> Vec<String> {
        let mut components: Vec<&ComponentRow> = self.components.iter().collect();
        components.sort_by_key(|row| row.ready);
        let rows = components.into_iter().map(|row| {
            let mark = if row.ready { "✓" } else { "✗" };
            let age = row.age_seconds.map_or_else(String::new, |seconds| {
                words::duration(std::time::Duration::from_secs(seconds))
            });
            let restarts = match row.restarts {
                0 => String::new(),
                1 => "1 restart".to_owned(),
                many => format!("{many} restarts"),
            };
            let what = if row.ready || row.reason.is_empty() {
                &row.image
            } else {
                &row.reason
            };
            format!(
                "  {mark} {:<14} {:<10} {age:<9} {restarts:<10} {what}",
                row.name, row.state
            )
        });
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, ready: bool, reason: &str) -> ComponentRow {
        ComponentRow {
            name: name.into(),
            state: if ready { "ready" } else { "restarting" }.into(),
            ready,
            restarts: u32::from(!ready) * 2,
            reason: reason.into(),
            image: format!("{name}:1"),
            age_seconds: Some(125),
        }
    }

    fn view() -> StatusView {
        StatusView {
            state: "degraded".into(),
            name: "clearml".into(),
            release: Some("1.5.0".into()),
            endpoints: Some(Endpoints {
                web: "http://localhost:30080".into(),
                api: "http://localhost:30008".into(),
                files: "http://localhost:30081".into(),
            }),
            components: vec![
                row("redis", true, ""),
                row("apiserver", false, "ends with exit code 1"),
            ],
            data_dir: Some("/home/me/data".into()),
            notes: vec!["`login` fails: it answers 500".into()],
        }
    }

    #[test]
    fn trouble_stands_first() {
        insta::assert_snapshot!(view().text(80, Some(Path::new("/home/me"))), @r"
        clearml  degraded, release 1.5.0
          `login` fails: it answers 500

          ✗ apiserver      restarting 2 m 5 s   2 restarts ends with exit code 1
          ✓ redis          ready      2 m 5 s              redis:1

          Web    http://localhost:30080
          API    http://localhost:30008
          Files  http://localhost:30081
          Data   ~/data
        ");
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let text = view().text(40, None);
        assert!(
            text.lines().all(|line| line.chars().count() <= 40),
            "{text}"
        );
    }

    #[test]
    fn programs_get_the_promised_names() {
        let value: serde_json::Value = serde_json::from_str(&view().json()).unwrap();
        for name in [
            "state",
            "name",
            "release",
            "endpoints",
            "components",
            "dataDir",
        ] {
            assert!(!value[name].is_null(), "{name}");
        }
        for name in ["name", "state", "ready", "restarts", "reason", "image"] {
            assert!(!value["components"][0][name].is_null(), "{name}");
        }
    }
}
