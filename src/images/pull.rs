//! Pulling into the engine's store, with an answer at once for what no second
//! try will change.

use std::time::Duration;

use super::reference::{self, short, with_digest};
use super::{Error, Sources, Wanted};
use crate::docker::{self, Engine, Image};
use crate::event::Step;

/// Waits between tries. Registries that break off mostly answer soon again, and so
/// do those that count requests, unless a quota of hours is used up: engines do not
/// tell the `Retry-After` that they got.
const BACK_OFF: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(8),
];

/// Pulls an image for the engine's architecture, or for amd64 where it exists
/// for that alone (the ClearML images do).
///
/// # Errors
/// What the registry said, told apart by what helps.
pub async fn pull(
    engine: &dyn Engine,
    wanted: &Wanted,
    architecture: &str,
    sources: &Sources,
    step: &Step,
) -> Result<Image, Error> {
    let reference = wanted.reference.as_str();
    let platform = format!("linux/{architecture}");
    match pull_platform(engine, wanted, &platform, sources, step).await {
        Err(Error::NoPlatform { .. }) if architecture != "amd64" => {
            step.state(format!(
                "{}: only for amd64, will be emulated",
                short(reference)
            ));
            pull_platform(engine, wanted, "linux/amd64", sources, step).await?;
        }
        result => result?,
    }
    engine.image(reference).await?.ok_or_else(|| Error::Pull {
        reference: reference.to_owned(),
        message: "the engine does not have it after the pull".into(),
    })
}

/// Pulls one platform: by its digest where that is known, so that nothing else can
/// come, and under its name then.
async fn pull_platform(
    engine: &dyn Engine,
    wanted: &Wanted,
    platform: &str,
    sources: &Sources,
    step: &Step,
) -> Result<(), Error> {
    let reference = wanted.reference.as_str();
    let exact = match wanted.digests.get(platform) {
        Some(digest) => with_digest(reference, digest),
        None => reference.to_owned(),
    };
    let place = sources.place(&exact);
    pull_patiently(engine, &place, platform, sources, step).await?;
    if place == reference {
        return Ok(());
    }
    let tag = reference::tag(reference).unwrap_or("latest");
    Ok(engine.tag(&place, reference::name(reference), tag).await?)
}

/// Pulls, and tries again where that may help.
async fn pull_patiently(
    engine: &dyn Engine,
    place: &str,
    platform: &str,
    sources: &Sources,
    step: &Step,
) -> Result<(), Error> {
    let credentials = sources.credentials(place).await?;
    let item = format!("{} (pull)", short(place));
    let progress = |done, total| step.bytes(&item, done, total);
    step.state(format!("pulling {place}"));
    let mut tries = BACK_OFF.iter();
    loop {
        let pulled = engine.pull(place, platform, credentials.as_ref(), &progress);
        let error = match pulled.await {
            Ok(()) => return Ok(()),
            Err(error) => of_engine(place, platform, error),
        };
        let wait = match &error {
            Error::Pull { message, .. } if is_lasting(message) => None,
            Error::Pull { message, .. } | Error::TooMany { message, .. } => {
                tries.next().map(|wait| (wait, message))
            }
            _ => None,
        };
        let Some((wait, message)) = wait else {
            return Err(error);
        };
        let seconds = wait.as_secs();
        step.state(format!("trying {place} again in {seconds} s: {message}"));
        tokio::time::sleep(*wait).await;
    }
}

/// Whether waiting changes nothing: the registry is not trusted, or does not speak
/// TLS.
pub(super) fn is_lasting(message: &str) -> bool {
    let message = message.to_lowercase();
    ["x509", "certificate", "http response to https client"]
        .iter()
        .any(|words| message.contains(words))
}

fn of_engine(reference: &str, platform: &str, error: docker::Error) -> Error {
    match error {
        docker::Error::Refused { message, .. }
        | docker::Error::Broken {
            reason: message, ..
        } => classify(reference, platform, message),
        other => Error::Docker(other),
    }
}

/// Tells apart what is said of a pull; the engine's HTTP status is the same for
/// most of it.
pub(super) fn classify(reference: &str, platform: &str, message: String) -> Error {
    let reference = reference.to_owned();
    let says = |words: &[&str]| {
        let message = message.to_lowercase();
        words.iter().any(|word| message.contains(word))
    };
    if says(&["no space left"]) {
        return Error::Docker(docker::Error::Refused {
            what: format!("pull {reference}"),
            status: 0,
            message,
        });
    }
    if says(&["toomanyrequests", "too many requests", "429"]) {
        return Error::TooMany { reference, message };
    }
    if says(&["no matching manifest", "no match for platform"]) {
        return Error::NoPlatform {
            reference,
            platform: platform.to_owned(),
        };
    }
    // Engines with the containerd store wrap it in words about what may not exist.
    if says(&["no basic auth"]) {
        return Error::Unauthorized { reference, message };
    }
    // Docker Hub says of what does not exist that access to it is denied.
    if says(&[
        "manifest unknown",
        "not found",
        "does not exist",
        "invalid reference",
    ]) {
        return Error::NotFound { reference, message };
    }
    if says(&["unauthorized", "denied", "authentication required"]) {
        return Error::Unauthorized { reference, message };
    }
    Error::Pull { reference, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Explain};

    fn code(message: &str) -> Code {
        classify("x:1", "linux/arm64", message.into()).code()
    }

    #[test]
    fn what_the_registry_says_is_told_apart() {
        assert_eq!(
            code("manifest for x:1 not found: manifest unknown"),
            Code::ImageNotFound
        );
        assert_eq!(
            code(
                "pull access denied for x, repository does not exist or may require 'docker login'"
            ),
            Code::ImageNotFound
        );
        assert_eq!(
            code("no matching manifest for linux/arm64/v8 in the manifest list"),
            Code::ImageNotFound
        );
        assert_eq!(
            code("unauthorized: authentication required"),
            Code::ImageUnauthorized
        );
        assert_eq!(
            code(
                "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"
            ),
            Code::ImageUnauthorized
        );
        assert_eq!(
            code("toomanyrequests: You have reached your pull rate limit"),
            Code::ImageFailed
        );
        assert_eq!(
            code("Get \"https://r/v2/\": dial tcp: i/o timeout"),
            Code::ImageFailed
        );
        assert_eq!(
            code("write /var/lib/docker/tmp: no space left on device"),
            Code::DiskFull
        );
    }
}
