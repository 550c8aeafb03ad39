//! Pulls images in the node, with the user's proxies and certificates, which Docker may
//! lack. Layers are written only once, where they are needed. An interrupted pull
//! continues where it ended, because containerd keeps the content that a lease or a label
//! refers to.

use std::time::Duration;

use backon::Retryable;
use futures_util::StreamExt;
use tokio::time::Instant;

use super::layers::Layers;
use super::pull::{BACKOFF, classify, is_temporary, report_retry};
use super::{Error, RequiredImage, Sources};
use crate::docker::{self, Engine};
use crate::error::Explain;
use crate::event::{Progress, Step};
use crate::failures::Failure;
use crate::image_ref::ImageRef;
use crate::words::duration;

const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// A connection without data for this long has failed: some networks drop connections
/// silently.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// `ctr` reads a password only from a terminal or from its arguments, where every process
/// of the host would see it. `script` (of Debian's bsdutils, an essential package)
/// creates a terminal.
const WITH_PASSWORD: &str = "export PULL_USER=\"$1\"; shift; export PULL=\"$*\"; \
     exec script -qec 'exec ctr -n k8s.io images pull --user \"$PULL_USER\" $PULL' /dev/null";

/// Protects the content of an index or a manifest from the garbage collector, so that the
/// pull after a failed one can reuse it: a `ctr` that fails deletes its lease. A `ctr`
/// that is killed leaves the lease, which keeps incomplete layers too, for a day.
pub(super) const GC_ROOT_LABEL: &str = "containerd.io/gc.root=clearml-local";

/// The lease whose deletion starts the garbage collector.
const GC_LEASE: &str = "clearml-local-gc";

pub(super) struct InNode<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) node: &'a str,
    pub(super) sources: &'a Sources,
    pub(super) step: &'a Step,
}

struct FailedAttempt {
    error: Error,
    /// Whether it downloaded anything.
    downloaded: bool,
    /// Whether it found content with another digest, which may be from an earlier pull.
    is_damaged: bool,
}

impl InNode<'_> {
    /// Pulls an image into the node's containerd. Returns the reference that was pulled.
    /// With `has_fallback`, Docker tries next, so a pull that did not even start is not
    /// retried.
    pub(super) async fn pull(
        &self,
        wanted: &RequiredImage,
        platform: &str,
        has_fallback: bool,
    ) -> Result<ImageRef, Error> {
        let source = self.sources.resolve(&wanted.exact(platform));
        let step = self.step;
        step.state(format!("pulling {} in the node", wanted.reference));
        (|| self.attempt(wanted, &source, platform))
            .retry(BACKOFF.into_iter())
            .when(|failed| {
                let may_help = failed.downloaded || failed.is_damaged || !has_fallback;
                may_help && is_temporary(&failed.error, &source)
            })
            .notify(|failed, pause| report_retry(step, &source, &failed.error, pause))
            .await
            .map_err(|failed| failed.error)?;
        Ok(source)
    }

    async fn attempt(
        &self,
        wanted: &RequiredImage,
        source: &ImageRef,
        platform: &str,
    ) -> Result<(), FailedAttempt> {
        let mut layers = Layers::default();
        let credentials = self.sources.credentials(source, self.step).await;
        let login = credentials.as_ref().and_then(docker::Credentials::password);
        let (user, password) = login.unzip();
        let argv = self.command(&source.canonical(), platform, user);
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let result = self
            .run_with_progress(wanted, &argv, password, &mut layers)
            .await;
        let error = match result {
            Ok(()) => return Ok(()),
            Err(Error::Docker(docker::Error::Command { tail, .. })) => {
                let message = error_message(&layers, &tail, password);
                classify(source, platform, message)
            }
            Err(error) => error,
        };
        let is_damaged = error.failure() == Failure::ImageDigestMismatch;
        if is_damaged {
            self.collect_garbage().await;
        }
        Err(FailedAttempt {
            downloaded: layers.progress().done > 0,
            is_damaged,
            error,
        })
    }

    /// Removes the content of failed pulls. containerd keeps what it has downloaded of a layer
    /// even if its digest is wrong, and every later pull would find it complete and fail. The
    /// lease of a pull that failed is deleted, but its content only at some later time.
    async fn collect_garbage(&self) {
        let ctr = |arguments: &[&'static str]| [&["ctr", "-n", "k8s.io"], arguments].concat();
        let commands = [
            ctr(&["leases", "create", "--id", GC_LEASE]),
            // Waits for the garbage collector.
            ctr(&["leases", "delete", "--sync", GC_LEASE]),
        ];
        for argv in commands {
            // If it fails, the next attempt fails as this one did.
            let _ = self.engine.exec(self.node, &argv, None).await;
        }
    }

    fn command(&self, source: &str, platform: &str, user: Option<&str>) -> Vec<String> {
        let mut argv = match user {
            Some(user) => vec!["sh", "-c", WITH_PASSWORD, "sh", user],
            None => vec!["ctr", "-n", "k8s.io", "images", "pull"],
        };
        argv.extend(["--local", "--hosts-dir", "/etc/containerd/certs.d"]);
        if self.sources.plain_http() {
            argv.push("--plain-http");
        }
        argv.extend(["--platform", platform, source]);
        argv.into_iter().map(str::to_owned).collect()
    }

    /// Runs the pull and reports its progress.
    async fn run_with_progress(
        &self,
        wanted: &RequiredImage,
        argv: &[&str],
        password: Option<&str>,
        layers: &mut Layers,
    ) -> Result<(), Error> {
        let name = wanted.reference.short_name();
        let mut output = self
            .engine
            .exec_stream(self.node, "pull an image in the node", argv, password)
            .await?;
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        let (mut reported, mut changed) = (Progress::default(), Instant::now());
        let mut protected = false;
        loop {
            tokio::select! {
                piece = output.next() => match piece {
                    Some(piece) => layers.read(&piece?),
                    None => break,
                },
                _ = ticks.tick() => {
                    let mut progress = layers.progress();
                    if layers.is_unpacking() {
                        progress.total = Some(progress.done);
                    }
                    if progress != reported {
                        if progress.done > 0 {
                            self.step.progress(name, progress);
                        }
                        if layers.is_unpacking() {
                            self.step.state(format!("unpacking {name}"));
                        }
                        (reported, changed) = (progress, Instant::now());
                    }
                    if layers.is_downloading() && changed.elapsed() >= STALL_TIMEOUT {
                        return Err(Error::Pull {
                            reference: wanted.reference.clone(),
                            message: format!("no data for {}", duration(STALL_TIMEOUT)),
                        });
                    }
                    if let Some(root) = layers.root().filter(|_| !protected) {
                        // If it fails, layers are only downloaded again after an error.
                        let argv = ["ctr", "-n", "k8s.io", "content", "label", root, GC_ROOT_LABEL];
                        let _ = self.engine.exec(self.node, &argv, None).await;
                        protected = true;
                    }
                }
            }
        }
        let done = layers.progress().done;
        if done > 0 {
            self.step.progress(name, Progress::bytes(done, Some(done)));
        }
        Ok(())
    }
}

/// Returns the line with the error of `ctr`, without its prefix and the time. Leaves out
/// lines with the password, which the terminal may have echoed before `ctr` asked for it.
fn error_message(layers: &Layers, errors: &[String], password: Option<&str>) -> String {
    let lines = layers.messages().chain(errors.iter().map(String::as_str));
    let shows = |line: &&str| password.is_none_or(|password| !line.contains(password));
    let lines: Vec<&str> = lines.map(str::trim).filter(shows).collect();
    let error = lines.iter().rev().find(|line| line.contains("ctr: "));
    let line = error.or(lines.last()).copied().unwrap_or_default();
    let line = line.rsplit_once("ctr: ").map_or(line, |(_, rest)| rest);
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};
    use crate::event::Events;
    use crate::event::fixtures::EventLog;

    async fn pulled(engine: &FakeEngine, sources: &Sources) -> Result<ImageRef, Error> {
        pulled_with(Arc::default(), engine, sources).await
    }

    async fn pulled_with(
        log: Arc<EventLog>,
        engine: &FakeEngine,
        sources: &Sources,
    ) -> Result<ImageRef, Error> {
        let step = Events::new(log).step("images");
        let pull = InNode {
            engine,
            node: "n",
            sources,
            step: &step,
        };
        let wanted = RequiredImage::of("mongo:4.4".parse().unwrap());
        pull.pull(&wanted, "linux/amd64", false).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_password_is_not_an_argument() {
        let dir = tempfile::tempdir().unwrap();
        // `me:geheim`
        let config = r#"{"auths": {"mirror.corp": {"auth": "bWU6Z2VoZWlt"}}}"#;
        crate::files::write(&dir.path().join("config.json"), config).unwrap();
        let sources = Sources {
            mirror: "mirror.corp/hub".parse().unwrap(),
            docker_config: Some(dir.path().to_owned()),
            ..Sources::default()
        };
        let engine = FakeEngine::new(State::default());
        let source = pulled(&engine, &sources).await.unwrap();
        assert_eq!(source.to_string(), "mirror.corp/hub/library/mongo:4.4");
        let calls = engine.state().calls.join("\n");
        assert!(calls.contains("--platform linux/amd64 mirror.corp/hub/library/mongo:4.4"));
        assert!(!calls.contains("geheim"), "{calls}");
        // It is not in an error either, even if the terminal has echoed it.
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(|_, _| Output {
            code: 1,
            stdout: "geheim\r\nPassword: \r\n".into(),
            ..Output::default()
        }));
        let error = pulled(&engine, &sources).await.unwrap_err();
        assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn only_temporary_failures_are_retried() {
        for (message, times) in [
            (
                "ctr: failed to copy: httpReadSeeker: failed open: connection refused",
                4,
            ),
            (
                "ctr: failed to resolve: unexpected status: 429 Too Many Requests",
                4,
            ),
            ("ctr: failed to resolve reference: not found", 1),
            ("ctr: x509: certificate signed by unknown authority", 1),
        ] {
            let answer = move |_: &str, _: &[&str]| Output {
                code: 1,
                stderr: message.into(),
                ..Output::default()
            };
            let engine = FakeEngine::new(State::default()).with_exec(Box::new(answer));
            pulled(&engine, &Sources::default()).await.unwrap_err();
            assert_eq!(engine.state().calls.len(), times, "{message}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn content_with_another_digest_is_removed_before_the_next_attempt() {
        let removed = AtomicBool::new(false);
        let answer = move |_: &str, argv: &[&str]| {
            let deletes = argv.ends_with(&["leases", "delete", "--sync", GC_LEASE]);
            removed.fetch_or(deletes, Ordering::SeqCst);
            let fails = argv.contains(&"pull") && !removed.load(Ordering::SeqCst);
            let message = "ctr: failed commit on ref \"layer-sha256:1\": unexpected commit digest";
            Output {
                code: i64::from(fails),
                stderr: if fails { message.into() } else { String::new() },
                ..Output::default()
            }
        };
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(answer));
        pulled(&engine, &Sources::default()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn retries_are_reported_with_their_delays() {
        let answer = |_: &str, _: &[&str]| Output {
            code: 1,
            stderr: "ctr: connection refused".into(),
            ..Output::default()
        };
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(answer));
        let log = Arc::new(EventLog::default());
        let started = Instant::now();
        let sources = Sources::default();
        let pulled = pulled_with(log.clone(), &engine, &sources).await;
        pulled.unwrap_err();
        assert_eq!(started.elapsed().as_secs(), 1 + 3 + 8);
        assert_eq!(
            log.states()[1..],
            ["1 s", "3 s", "8 s"]
                .map(|pause| format!("trying mongo:4.4 again in {pause}: connection refused"))
        );
    }

    #[test]
    fn the_error_is_found_in_the_output() {
        let mut layers = Layers::default();
        layers.read(b"Password: \r\nresolving\r\nctr: failed to resolve: 401 Unauthorized\r\n");
        let message = error_message(&layers, &[], None);
        assert_eq!(message, "failed to resolve: 401 Unauthorized");
        let tail = ["time=… level=info".to_owned(), "ctr: not found".to_owned()];
        assert_eq!(error_message(&Layers::default(), &tail, None), "not found");
    }
}
