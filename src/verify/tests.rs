use std::collections::BTreeSet;

use super::fixtures::{Fake, Fault};
use super::*;
use crate::error::Error;
use crate::failures::Failure;
use crate::interrupt::Signal;

async fn run(fake: &Fake, interrupt: Interrupt) -> Result<Vec<Done>> {
    crate::kube::install_crypto();
    let verification = Verification {
        client: Client::builder().no_proxy().build().unwrap(),
        at: &fake.at,
        credentials: &Credentials {
            access_key: "key".into(),
            secret_key: "secret".into(),
        },
        events: &Events::silent(),
        interrupt,
    };
    verify(&verification).await
}

async fn failed(endpoint: &'static str, fault: Fault) -> (Fake, Error) {
    let fake = Fake::start(Some((endpoint, fault))).await;
    let error = run(&fake, Interrupt::never()).await.expect_err(endpoint);
    (fake, error)
}

#[tokio::test]
async fn a_whole_experiment_leaves_nothing_behind() {
    let fake = Fake::start(None).await;
    let done = run(&fake, Interrupt::never()).await.unwrap();
    let steps: Vec<Step> = done.iter().map(|done| done.step).collect();
    assert_eq!(steps, Step::ALL);
    assert_eq!(done[0].detail, "server 1.5.0");
    assert_eq!(fake.left(), [""; 0]);
}

/// Whatever fails, it is named, and what was created is removed.
#[tokio::test]
async fn every_call_may_fail() {
    let fake = Fake::start(None).await;
    run(&fake, Interrupt::never()).await.unwrap();
    let calls: BTreeSet<String> = fake.calls();
    assert!(calls.len() > 20, "{calls:?}");
    for endpoint in calls {
        let endpoint: &'static str = endpoint.leak();
        for fault in [Fault::Refused, Fault::AnswerLost] {
            let (fake, error) = failed(endpoint, fault).await;
            let text = error.details().join("\n");
            assert!(text.contains("HTTP status 500"), "{endpoint}: {text}");
            let is_file = endpoint.ends_with('/') || endpoint.ends_with(" file");
            assert!(is_file || text.contains(endpoint), "{endpoint}: {text}");
            // What cannot be found or deleted stays, and the error says so.
            let stays = fault == Fault::Refused && !fake.left().is_empty();
            let says_so = error.failures().contains(&Failure::ExperimentNotRemoved);
            assert!(says_so || !stays, "{endpoint}: {:?}", fake.left());
            let is_cleanup = endpoint.contains(".delete")
                || endpoint.ends_with(".get_all")
                || endpoint == "DELETE file";
            assert!(is_cleanup || fake.left().is_empty(), "{endpoint} {fault:?}");
        }
    }
}

#[tokio::test]
async fn without_a_file_server_the_other_steps_are_tried() {
    let (_, error) = failed("POST /", Fault::Refused).await;
    assert_eq!(
        error.to_string(),
        "an experiment does not work: 3 of 10 steps fail: `debug image`, `artifact` and `model`"
    );
    assert_eq!(error.failure(), Failure::ExperimentFailed);
    assert_eq!(error.details().len(), 3);
    let detail = &error.details()[1];
    assert!(detail.starts_with("- artifact: cannot upload a file to http://127.0.0.1:"));
    assert!(detail.ends_with(": HTTP status 500"), "{detail}");
    assert_eq!(
        error.hints()[0],
        "see the logs of the file server: clearml-local logs fileserver"
    );
}

#[tokio::test]
async fn steps_without_what_they_need_are_not_tried() {
    let (_, error) = failed("tasks.create", Fault::Refused).await;
    assert_eq!(
        error.details(),
        [
            "- task: cannot create a task (tasks.create): HTTP status 500: General data error",
            "- not tried: scalars, plot, debug image, artifact, model and search",
        ]
    );
}

#[tokio::test]
async fn what_is_not_stored_is_noticed() {
    let (_, error) = failed("tasks.add_or_update_artifacts", Fault::Ignored).await;
    assert_eq!(
        error.details(),
        ["- artifact: cannot find the URL of the artifact again: the server returned null"]
    );
    let (fake, error) = failed("projects.delete", Fault::Ignored).await;
    assert_eq!(error.failure(), Failure::ExperimentNotRemoved);
    assert_eq!(fake.left(), ["project"]);
    let hints = error.hints();
    let last = hints.last().unwrap().to_string();
    assert!(last.contains("project `clearml-local verify "), "{last}");
}

#[tokio::test]
async fn a_signal_removes_the_experiment() {
    let fake = Fake::start(Some(("models.create", Fault::Hangs))).await;
    let (sender, interrupt) = Interrupt::channel();
    let waiting = async {
        while !fake.calls().contains("models.create") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_ne!(fake.left(), [""; 0]);
        sender.send(Signal::Interrupt);
    };
    let (result, ()) = tokio::join!(run(&fake, interrupt), waiting);
    assert_eq!(result.unwrap_err().failure(), Failure::Interrupted);
    assert_eq!(fake.left(), [""; 0]);
}
