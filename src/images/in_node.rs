//! Pulling inside the node, where the engine cannot: the node has the user's
//! proxies and certificates, which the engine may lack.

use std::time::Duration;

use super::{Error, Sources, Wanted, pull};
use crate::docker::{Engine, Output, exec_ok};
use crate::event::Step;

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// Where containerd keeps what it downloads.
const CONTENT: &str = "/var/lib/containerd/io.containerd.content.v1.content";

/// `ctr` asks for a password on a terminal alone, and takes it from nowhere else
/// but its arguments, where every process of the machine would see it. `script`
/// (of Debian's bsdutils, an essential package) gives it that terminal.
const WITH_PASSWORD: &str = "export PULL_USER=\"$1\"; shift; export PULL=\"$*\"; \
     exec script -qec 'exec ctr -n k8s.io images pull --user \"$PULL_USER\" $PULL' /dev/null";

/// Pulls an image into the node's containerd under its own name.
///
/// # Errors
/// What the registry said, told apart by what helps.
pub(super) async fn pull_in_node(
    engine: &dyn Engine,
    node: &str,
    wanted: &Wanted,
    platform: &str,
    sources: &Sources,
    step: &Step,
) -> Result<(), Error> {
    let reference = &wanted.reference;
    let place = sources.place(&wanted.exact(platform));
    let credentials = sources.credentials(&place, step).await;
    let (place, name) = (place.canonical(), reference.canonical());
    let mut arguments = vec!["--local", "--hosts-dir", "/etc/containerd/certs.d"];
    if sources.plain_http() {
        arguments.push("--plain-http");
    }
    arguments.extend(["--platform", platform, &place]);
    let (argv, input) = match credentials.as_ref().and_then(|c| c.password()) {
        Some((user, password)) => {
            let argv = ["sh", "-c", WITH_PASSWORD, "sh", user];
            (argv.to_vec(), Some(format!("{password}\n")))
        }
        None => (vec!["ctr", "-n", "k8s.io", "images", "pull"], None),
    };
    let argv: Vec<&str> = argv.into_iter().chain(arguments).collect();
    step.state(format!("pulling {reference} in the node"));
    let output = watched(engine, node, &argv, input, reference.short_name(), step).await?;
    if output.code != 0 {
        return Err(pull::classify(reference, platform, said(&output)));
    }
    if place != name {
        let argv = [
            "ctr", "-n", "k8s.io", "images", "tag", "--force", &place, &name,
        ];
        exec_ok(engine, node, &argv).await?;
    }
    Ok(())
}

/// Runs the pull, and tells how many bytes have come meanwhile.
async fn watched(
    engine: &dyn Engine,
    node: &str,
    argv: &[&str],
    input: Option<String>,
    name: &str,
    step: &Step,
) -> Result<Output, Error> {
    let input = input.map(|text| crate::docker::bytes_of(&text));
    let before = content_size(engine, node).await;
    let item = format!("{name} (pull in the node)");
    let pulling = engine.exec(node, argv, input);
    tokio::pin!(pulling);
    loop {
        tokio::select! {
            output = &mut pulling => return Ok(output?),
            () = tokio::time::sleep(PROGRESS_EVERY) => {
                if let (Some(before), Some(now)) = (before, content_size(engine, node).await) {
                    step.bytes(&item, now.saturating_sub(before), None);
                }
            }
        }
    }
}

async fn content_size(engine: &dyn Engine, node: &str) -> Option<u64> {
    let text = exec_ok(engine, node, &["du", "-sb", CONTENT]).await.ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// The line in which ctr says what went wrong: without its prefix and the time.
fn said(output: &Output) -> String {
    let lines = output.stderr.lines().chain(output.stdout.lines());
    let lines: Vec<&str> = lines.map(str::trim).filter(|l| !l.is_empty()).collect();
    let told = lines.iter().rev().find(|line| line.contains("ctr: "));
    let line = told.or(lines.last()).copied().unwrap_or_default();
    let line = line.rsplit_once("ctr: ").map_or(line, |(_, rest)| rest);
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::event::{Event, Events, Reporter};

    struct Silent;
    impl Reporter for Silent {
        fn report(&self, _: Duration, _: &Event) {}
    }

    #[tokio::test]
    async fn a_password_is_typed_and_no_argument() {
        let dir = tempfile::tempdir().unwrap();
        // `me:geheim`
        let config = r#"{"auths": {"mirror.corp": {"auth": "bWU6Z2VoZWlt"}}}"#;
        crate::files::write(&dir.path().join("config.json"), config).unwrap();
        let sources = Sources {
            mirror: Some("mirror.corp/hub".parse().unwrap()),
            docker_config: Some(dir.path().to_owned()),
            given: None,
        };
        let engine = FakeEngine::new(State::default());
        let step = Events::new(Arc::new(Silent)).step("images");
        let wanted = Wanted::of("mongo:4.4".parse().unwrap());
        pull_in_node(&engine, "n", &wanted, "linux/amd64", &sources, &step)
            .await
            .unwrap();
        let calls = engine.state().calls.join("\n");
        assert!(calls.contains("--platform linux/amd64 mirror.corp/hub/library/mongo:4.4"));
        assert!(
            calls.contains(
                "tag --force mirror.corp/hub/library/mongo:4.4 docker.io/library/mongo:4.4"
            )
        );
        assert!(!calls.contains("geheim"), "{calls}");
    }

    #[test]
    fn the_line_that_matters_is_found() {
        let output = Output {
            stdout: "Password: \r\nresolving\r\nctr: failed to resolve: 401 Unauthorized\r\n"
                .into(),
            ..Output::default()
        };
        assert_eq!(said(&output), "failed to resolve: 401 Unauthorized");
    }
}
