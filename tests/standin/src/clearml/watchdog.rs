//! The watchdog for tasks that do not report:
//! `services.tasks.non_responsive_tasks_watchdog`.

use crate::clearml::config::Config;
use crate::clearml::databases::Documents;
use crate::clearml::log;
use crate::support::clock;
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

const PATH: &str = "services.tasks.non_responsive_tasks_watchdog";

/// How long a task may be inactive, and how often the watchdog checks.
#[derive(Debug, PartialEq)]
pub struct Watchdog {
    threshold: Duration,
    interval: Duration,
}

impl Watchdog {
    /// Reads the configuration; `None` if the watchdog is disabled.
    pub fn from_config(config: &Config) -> Option<Self> {
        let seconds = |field: &str, default| {
            Duration::from_secs(config.number(&format!("{PATH}.{field}"), default))
        };
        config.flag(&format!("{PATH}.enabled"), true).then(|| Self {
            threshold: seconds("threshold_sec", 7200),
            interval: seconds("watch_interval_sec", 900),
        })
    }

    /// Checks until the process ends. As in the real server, the first check happens
    /// after an interval.
    pub fn start(self, mongo: Documents) {
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(self.interval);
                match self.check(&mongo) {
                    Ok(0) => {}
                    Ok(count) => log(
                        "INFO",
                        "clearml.watchdog",
                        &format!("{count} non-responsive tasks stopped"),
                    ),
                    Err(error) => log("ERROR", "clearml.watchdog", &error.to_string()),
                }
            }
        });
    }

    fn check(&self, mongo: &Documents) -> io::Result<usize> {
        let oldest = clock::iso_before(self.threshold);
        let tasks = mongo.all("task")?;
        let inactive = tasks
            .into_iter()
            .filter(|(_, task)| is_inactive(task, &oldest));
        let stopped = inactive.map(|(id, task)| (id, stopped(task)));
        let stopped: serde_json::Map<String, Value> = stopped.collect();
        let count = stopped.len();
        if count > 0 {
            mongo.put("task", stopped)?;
        }
        Ok(count)
    }
}

/// Timestamps in this format can be compared as strings.
fn is_inactive(task: &Value, oldest: &str) -> bool {
    task["status"] == "in_progress"
        && task["last_update"]
            .as_str()
            .is_some_and(|last| last < oldest)
}

fn stopped(mut task: Value) -> Value {
    let now = json!(clock::iso());
    task["status"] = json!("stopped");
    task["status_reason"] = json!("stopped by the watchdog (non-responsive)");
    task["status_changed"] = now.clone();
    task["last_update"] = now;
    task
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearml::config::File;

    #[test]
    fn stops_only_running_tasks_that_are_inactive() {
        let task = |status: &str, last: &str| json!({"status": status, "last_update": last});
        let oldest = "2026-01-02T00:00:00.000";
        assert!(is_inactive(
            &task("in_progress", "2026-01-01T23:59:59.999"),
            oldest
        ));
        assert!(!is_inactive(
            &task("in_progress", "2026-01-02T00:00:00.001"),
            oldest
        ));
        assert!(!is_inactive(
            &task("created", "2026-01-01T00:00:00.000"),
            oldest
        ));
        assert_eq!(stopped(task("in_progress", ""))["status"], "stopped");
    }

    #[test]
    fn reads_a_file_and_variables() {
        let file = File {
            path: "services.conf".into(),
            text: "tasks.non_responsive_tasks_watchdog { threshold_sec: 60 }".into(),
        };
        let name = "CLEARML__SERVICES__TASKS__NON_RESPONSIVE_TASKS_WATCHDOG__";
        let variable = |field: &str, value: &str| (format!("{name}{field}"), value.to_owned());
        let config = Config::load([file], [variable("WATCH_INTERVAL_SEC", "2")]).unwrap();
        assert_eq!(
            Watchdog::from_config(&config),
            Some(Watchdog {
                threshold: Duration::from_secs(60),
                interval: Duration::from_secs(2),
            })
        );
        let config = Config::load([], [variable("ENABLED", "false")]).unwrap();
        assert_eq!(Watchdog::from_config(&config), None);
    }
}
