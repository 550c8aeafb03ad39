//! Starts the services of a node: containerd and the kubelet. An interrupted stop may
//! leave a node without a running kubelet.

use std::time::Duration;

use super::Error;
use crate::docker::{self, Engine};

/// Starts the units that are not running, containerd first, and prints their names,
/// except those that systemd was about to start: a booting node needs no repair. A
/// kubelet that started before containerd may have exited; systemd would restart it after
/// a second. The script also removes obstacles to a start: a mask, and the limit of
/// failed starts.
const ENSURE: &str = r#"for unit in containerd kubelet; do
  systemctl is-enabled --quiet $unit 2>/dev/null || {
    systemctl unmask --quiet $unit
    systemctl enable --quiet $unit
  }
  state=$(systemctl is-active $unit) && continue
  booting=$(systemctl list-jobs --no-legend $unit.service 2>/dev/null | grep ' start ')
  [ "$state" != activating ] || booting=yes
  systemctl reset-failed $unit 2>/dev/null
  systemctl start $unit || {
    [ "$(systemctl is-system-running)" != stopping ] || exit 3
    echo $unit; journalctl -u $unit --no-pager -o cat -n 10
    exit 1
  } >&2
  [ -n "$booting" ] || echo $unit
done"#;

/// The exit code of [`ENSURE`] if the node shuts down, because Docker stops it.
const SHUTS_DOWN: i64 = 3;
/// How long that may take: Docker kills a container 10 s after the beginning of a stop.
const SHUTDOWN: Duration = Duration::from_secs(15);

/// Ensures that containerd and the kubelet are running in a running node. Returns those
/// that would not have started by themselves.
pub async fn ensure_services(engine: &dyn Engine, node: &str) -> Result<Vec<String>, Error> {
    let output = engine.exec(node, &["bash", "-c", ENSURE], None).await?;
    if output.code == 0 {
        return Ok(output.stdout.lines().map(str::to_owned).collect());
    }
    let patience = match output.code {
        SHUTS_DOWN => SHUTDOWN,
        _ => docker::NOTICED,
    };
    if docker::has_ended(engine, node, patience).await? {
        return Err(docker::Error::stopped(node).into());
    }
    let mut lines = output.stderr.lines().map(str::to_owned);
    Err(Error::Service {
        node: node.to_owned(),
        unit: lines.next().unwrap_or_default(),
        tail: lines.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::docker::{Container, Output};
    use crate::error::Explain;
    use crate::failures::Failure;

    async fn ensured(code: i64, stdout: &str, stderr: &str) -> Result<Vec<String>, Error> {
        let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
        let answer = move |_: &str, argv: &[&str]| match (argv, code) {
            // Other commands run, unless Docker starts none.
            (["true"], 0..126) => Output::default(),
            _ => Output {
                code,
                stdout: stdout.clone(),
                stderr: stderr.clone(),
                ..Output::default()
            },
        };
        let node = Container {
            running: true,
            ..Container::default()
        };
        let state = State {
            containers: [("n".to_owned(), node)].into(),
            ..State::default()
        };
        let engine = FakeEngine::new(state).with_exec(Box::new(answer));
        ensure_services(&engine, "n").await
    }

    #[tokio::test(start_paused = true)]
    async fn started_and_failed_units_are_reported() {
        assert_eq!(ensured(0, "", "").await.unwrap(), [""; 0]);
        assert_eq!(ensured(0, "kubelet\n", "").await.unwrap(), ["kubelet"]);
        let error = ensured(1, "", "kubelet\nno such flag\n").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot start kubelet in the node n");
        assert_eq!(error.details(), ["no such flag"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_in_which_no_command_starts_has_ended() {
        let ended = ensured(126, "OCI runtime exec failed", "").await;
        assert_eq!(ended.unwrap_err().failure(), Failure::NodeStopped);
    }

    /// Runs the script with a fake systemd, with this state of the kubelet and these
    /// jobs.
    fn script(state: &str, jobs: &str) -> String {
        let systemctl = r#"
            systemctl() {
                case "$*" in
                    *is-active*kubelet) echo "$kubelet"; return 3 ;;
                    *list-jobs*kubelet.service) echo "$jobs" ;;
                esac
            }"#;
        let output = std::process::Command::new("bash")
            .args(["-c", &format!("{systemctl}\n{ENSURE}")])
            .env("jobs", jobs)
            .env("kubelet", state)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_unit_that_systemd_is_about_to_start_is_not_reported() {
        let inactive = |jobs| script("inactive", jobs);
        assert_eq!(inactive("101 kubelet.service start waiting"), "");
        assert_eq!(inactive("101 kubelet.service start running"), "");
        let stopping = "102 kubelet.service stop  running";
        assert_eq!(inactive(stopping), "kubelet\n");
        assert_eq!(inactive(""), "kubelet\n");
        assert_eq!(script("failed", ""), "kubelet\n");
        assert_eq!(
            script("activating", ""),
            "",
            "systemd restarts it after a second"
        );
    }
}
