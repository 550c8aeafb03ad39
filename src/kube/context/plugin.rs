//! Credential plugins: programs of the kubeconfig that print a token or a certificate,
//! such as those of cloud providers.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use ::kube::config::{Cluster, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{About, Error, Show, UserConfig, reason};
use crate::words::safe;
use crate::yaml;

/// How many of its last lines an error shows.
const LAST_LINES: usize = 10;

#[derive(Clone)]
pub(super) struct Plugin {
    command: String,
    config: ExecConfig,
    /// The cluster, if the plugin wants to know it.
    cluster: Option<Value>,
    terminal: bool,
    show: Show,
    about: Arc<About>,
}

/// Credentials that a plugin returned.
pub(super) struct Given {
    pub(super) token: Option<String>,
    /// A certificate and its key in PEM format.
    pub(super) certificate: Option<(String, String)>,
    pub(super) until: Option<Timestamp>,
}

impl Plugin {
    pub(super) fn new(
        config: ExecConfig,
        cluster: &Cluster,
        about: &Arc<About>,
        user: &UserConfig,
    ) -> Result<Plugin, Error> {
        let invalid = |reason: String| Error::Incomplete {
            context: about.context.clone(),
            file: about.file.clone(),
            reason,
        };
        let command = config.command.clone().filter(|command| !command.is_empty());
        let cluster = match config.provide_cluster_info {
            true => {
                let cluster = ExecAuthCluster::try_from(cluster);
                let cluster = cluster.map_err(|error| invalid(reason(&error)))?;
                serde_json::to_value(cluster).ok()
            }
            false => None,
        };
        Ok(Plugin {
            command: command.ok_or_else(|| {
                invalid(format!(
                    "`exec` of the user `{}` has no `command`",
                    about.user
                ))
            })?,
            config,
            cluster,
            terminal: user.terminal,
            show: user.show.clone(),
            about: about.clone(),
        })
    }

    /// Runs the plugin. The user may have to log in meanwhile, so it has no time limit.
    pub(super) async fn run(&self) -> Result<Given, Error> {
        let plugin = self.clone();
        let ran = tokio::task::spawn_blocking(move || plugin.run_blocking()).await;
        ran.unwrap_or_else(|_| Err(self.failed("its output could not be read", Vec::new())))
    }

    fn run_blocking(&self) -> Result<Given, Error> {
        let mode = self.config.interactive_mode.as_ref();
        if mode == Some(&ExecInteractiveMode::Always) && !self.terminal {
            return Err(self.failed("it needs a terminal", Vec::new()));
        }
        let mut child = self.command().spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::NoPlugin {
                context: self.about.context.clone(),
                command: self.command.clone(),
                install: self.config.install_hint.as_deref().map(safe),
            },
            _ => self.failed(&error.to_string(), Vec::new()),
        })?;
        let (status, output, messages) = self.finish(&mut child);
        let status = status.map_err(|error| self.failed(&error.to_string(), Vec::new()))?;
        if !status.success() {
            let reason = match status.code() {
                Some(code) => format!("it exited with status {code}"),
                None => "it was killed".to_owned(),
            };
            return Err(self.failed(&reason, last_lines(&messages)));
        }
        self.read(&output, &messages)
    }

    /// Reads what the plugin wrote to standard output and standard error. The output contains
    /// secrets, so no message contains any of it.
    pub(super) fn read(&self, output: &[u8], messages: &[u8]) -> Result<Given, Error> {
        self.parse(output)
            .map_err(|reason| self.failed(&reason, last_lines(messages)))
    }

    fn command(&self) -> Command {
        let mode = self.config.interactive_mode.as_ref();
        let interactive = self.terminal && mode != Some(&ExecInteractiveMode::Never);
        let mut spec = json!({"interactive": interactive});
        if let Some(cluster) = &self.cluster {
            spec["cluster"] = cluster.clone();
        }
        let info = json!({
            "apiVersion": self.config.api_version,
            "kind": "ExecCredential",
            "spec": spec,
        });
        let mut command = Command::new(&self.command);
        command.args(self.config.args.iter().flatten());
        for variable in self.config.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        command.stdin(match interactive {
            true => Stdio::inherit(),
            false => Stdio::null(),
        });
        command.stdout(Stdio::piped());
        // A plugin that always asks the user writes to the terminal.
        command.stderr(match mode {
            Some(ExecInteractiveMode::Always) => Stdio::inherit(),
            _ => Stdio::piped(),
        });
        command
    }

    /// Waits for the plugin. Shows its messages as soon as it writes them, and returns
    /// them together with its output.
    fn finish(&self, child: &mut Child) -> (io::Result<ExitStatus>, Vec<u8>, Vec<u8>) {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let show = self.show.clone();
        let messages = std::thread::spawn(move || {
            let mut all = Vec::new();
            let Some(mut stderr) = stderr else {
                return all;
            };
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut buffer) {
                all.extend_from_slice(&buffer[..length]);
                for line in String::from_utf8_lossy(&buffer[..length]).lines() {
                    show(&safe(line));
                }
            }
            all
        });
        let mut output = Vec::new();
        let read = stdout.map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut output));
        let status = child.wait();
        let messages = messages.join().unwrap_or_default();
        (read.and(status), output, messages)
    }

    fn parse(&self, output: &[u8]) -> Result<Given, String> {
        let text = std::str::from_utf8(output).unwrap_or_default();
        let answer: Option<Value> = yaml::one(text).ok();
        let answer = answer.filter(Value::is_object);
        let answer = answer.ok_or("its output is not an ExecCredential")?;
        let wanted = self.config.api_version.as_deref().unwrap_or_default();
        let version = answer["apiVersion"].as_str().unwrap_or_default();
        if version != wanted {
            return Err(format!(
                "the kubeconfig requires the version `{wanted}`, and it returned `{version}`"
            ));
        }
        let status = &answer["status"];
        let text = |key: &str| {
            let text = status[key].as_str().filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let until = match text("expirationTimestamp") {
            Some(time) => Some(
                time.parse()
                    .map_err(|_| "its expirationTimestamp is invalid")?,
            ),
            None => None,
        };
        let given = Given {
            token: text("token"),
            certificate: text("clientCertificateData").zip(text("clientKeyData")),
            until,
        };
        match given.token.is_none() && given.certificate.is_none() {
            true => Err("it returned neither a token nor a certificate".to_owned()),
            false => Ok(given),
        }
    }

    fn failed(&self, reason: &str, output: Vec<String>) -> Error {
        Error::Plugin {
            context: self.about.context.clone(),
            command: self.command.clone(),
            reason: reason.to_owned(),
            output,
            kubectl: self.about.kubectl.clone(),
        }
    }
}

fn last_lines(output: &[u8]) -> Vec<String> {
    let text = safe(&String::from_utf8_lossy(output));
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = lines.len().saturating_sub(LAST_LINES);
    lines[last..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}
