//! Pulling in the node: what comes is written once, where it is needed, with the
//! user's proxies and certificates, which Docker may lack. A pull that was interrupted
//! goes on where it ended: containerd keeps what a lease or a label holds.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::layers::Layers;
use super::pull::{BACK_OFF, classify};
use super::{Error, Refusal, Sources, Wanted};
use crate::docker::{self, Engine};
use crate::event::{Progress, Step};
use crate::image_ref::ImageRef;
use crate::words::duration;

const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// A connection that brings nothing for this long is given up: some networks go away
/// without a word.
const STALLED: Duration = Duration::from_secs(60);

/// `ctr` asks for a password on a terminal only, and takes it from nowhere else
/// but its arguments, where every process of the machine would see it. `script`
/// (of Debian's bsdutils, an essential package) gives it that terminal.
const WITH_PASSWORD: &str = "export PULL_USER=\"$1\"; shift; export PULL=\"$*\"; \
     exec script -qec 'exec ctr -n k8s.io images pull --user \"$PULL_USER\" $PULL' /dev/null";

/// Keeps what an index or a manifest leads to from the garbage collector, for the pull
/// after one that fails: `ctr` deletes its lease then. One that is killed leaves it, for a
/// day, and with it the layers that are not complete.
pub(super) const HOLD: &str = "containerd.io/gc.root=clearml-local";

pub(super) struct InNode<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) node: &'a str,
    pub(super) sources: &'a Sources,
    pub(super) step: &'a Step,
}

struct Failed {
    error: Error,
    /// Whether anything was downloaded before.
    began: bool,
}

impl InNode<'_> {
    /// Pulls an image into the node's containerd. Returns the reference that it was
    /// pulled by. `elsewhere` says whether Docker is asked next: then the node is not
    /// asked again for what it cannot even begin.
    pub(super) async fn pull(
        &self,
        wanted: &Wanted,
        platform: &str,
        elsewhere: bool,
    ) -> Result<ImageRef, Error> {
        let place = self.sources.place(&wanted.exact(platform));
        let step = self.step;
        step.state(format!("pulling {} in the node", wanted.reference));
        let mut tries = BACK_OFF.iter();
        loop {
            let failed = match self.once(wanted, &place, platform).await {
                Ok(()) => return Ok(place),
                Err(failed) => failed,
            };
            let (Error::Pull { message, .. } | Error::TooMany { message, .. }) = &failed.error
            else {
                return Err(failed.error);
            };
            let may_pass = Refusal::of(message, Some(&place)).may_pass();
            let again = may_pass && (failed.began || !elsewhere);
            let Some(wait) = tries.next().filter(|_| again) else {
                return Err(failed.error);
            };
            let pause = duration(*wait);
            step.state(format!("trying {place} again in {pause}: {message}"));
            tokio::time::sleep(*wait).await;
        }
    }

    async fn once(&self, wanted: &Wanted, place: &ImageRef, platform: &str) -> Result<(), Failed> {
        let mut layers = Layers::default();
        let credentials = self.sources.credentials(place, self.step).await;
        let login = credentials.as_ref().and_then(docker::Credentials::password);
        let (user, password) = login.unzip();
        let argv = self.command(&place.canonical(), platform, user);
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let watched = self.watched(wanted, &argv, password, &mut layers).await;
        let error = match watched {
            Ok(()) => return Ok(()),
            Err(Error::Docker(docker::Error::Command { tail, .. })) => {
                let message = said(&layers, &tail, password);
                classify(place, platform, message)
            }
            Err(error) => error,
        };
        Err(Failed {
            began: layers.progress().done > 0,
            error,
        })
    }

    fn command(&self, place: &str, platform: &str, user: Option<&str>) -> Vec<String> {
        let mut argv = match user {
            Some(user) => vec!["sh", "-c", WITH_PASSWORD, "sh", user],
            None => vec!["ctr", "-n", "k8s.io", "images", "pull"],
        };
        argv.extend(["--local", "--hosts-dir", "/etc/containerd/certs.d"]);
        if self.sources.plain_http() {
            argv.push("--plain-http");
        }
        argv.extend(["--platform", platform, place]);
        argv.into_iter().map(str::to_owned).collect()
    }

    /// Runs the pull to its end, and tells how far it is.
    async fn watched(
        &self,
        wanted: &Wanted,
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
        let (mut told, mut moved) = (Progress::default(), Instant::now());
        let mut held = false;
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
                    if progress != told {
                        if progress.done > 0 {
                            self.step.progress(name, progress);
                        }
                        if layers.is_unpacking() {
                            self.step.state(format!("unpacking {name}"));
                        }
                        (told, moved) = (progress, Instant::now());
                    }
                    if layers.is_downloading() && moved.elapsed() >= STALLED {
                        return Err(Error::Pull {
                            reference: wanted.reference.clone(),
                            message: format!("no data for {}", duration(STALLED)),
                        });
                    }
                    if let Some(root) = layers.root().filter(|_| !held) {
                        // Without it layers come a second time after an error, and
                        // nothing else.
                        let argv = ["ctr", "-n", "k8s.io", "content", "label", root, HOLD];
                        let _ = self.engine.exec(self.node, &argv, None).await;
                        held = true;
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

/// The line in which ctr says what went wrong: without its prefix and the time. A
/// terminal may have shown what was typed before `ctr` asked for it.
fn said(layers: &Layers, errors: &[String], password: Option<&str>) -> String {
    let lines = layers.said().chain(errors.iter().map(String::as_str));
    let shows = |line: &&str| password.is_none_or(|password| !line.contains(password));
    let lines: Vec<&str> = lines.map(str::trim).filter(shows).collect();
    let told = lines.iter().rev().find(|line| line.contains("ctr: "));
    let line = told.or(lines.last()).copied().unwrap_or_default();
    let line = line.rsplit_once("ctr: ").map_or(line, |(_, rest)| rest);
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};
    use crate::event::{Event, Events, Reporter};

    struct Silent;
    impl Reporter for Silent {
        fn report(&self, _: Duration, _: &Event) {}
    }

    async fn pulled(engine: &FakeEngine, sources: &Sources) -> Result<ImageRef, Error> {
        let step = Events::new(Arc::new(Silent)).step("images");
        let pull = InNode {
            engine,
            node: "n",
            sources,
            step: &step,
        };
        let wanted = Wanted::of("mongo:4.4".parse().unwrap());
        pull.pull(&wanted, "linux/amd64", false).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_password_is_typed_and_no_argument() {
        let dir = tempfile::tempdir().unwrap();
        // `me:geheim`
        let config = r#"{"auths": {"mirror.corp": {"auth": "bWU6Z2VoZWlt"}}}"#;
        crate::files::write(&dir.path().join("config.json"), config).unwrap();
        let sources = Sources {
            mirror: Some("mirror.corp/hub".parse().unwrap()),
            docker_config: Some(dir.path().to_owned()),
            ..Sources::default()
        };
        let engine = FakeEngine::new(State::default());
        let place = pulled(&engine, &sources).await.unwrap();
        assert_eq!(place.to_string(), "mirror.corp/hub/library/mongo:4.4");
        let calls = engine.state().calls.join("\n");
        assert!(calls.contains("--platform linux/amd64 mirror.corp/hub/library/mongo:4.4"));
        assert!(!calls.contains("geheim"), "{calls}");
        // Nor is it part of an error, where the terminal has shown it.
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(|_, _| Output {
            code: 1,
            stdout: "geheim\r\nPassword: \r\n".into(),
            ..Output::default()
        }));
        let error = pulled(&engine, &sources).await.unwrap_err();
        assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pull_is_tried_again_only_where_that_may_help() {
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

    #[test]
    fn the_line_that_matters_is_found() {
        let mut layers = Layers::default();
        layers.read(b"Password: \r\nresolving\r\nctr: failed to resolve: 401 Unauthorized\r\n");
        let told = said(&layers, &[], None);
        assert_eq!(told, "failed to resolve: 401 Unauthorized");
        let tail = ["time=… level=info".to_owned(), "ctr: not found".to_owned()];
        assert_eq!(said(&Layers::default(), &tail, None), "not found");
    }
}
