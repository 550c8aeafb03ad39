//! Pulling into the engine's store, with an answer at once for what no second
//! try will change.

use std::time::Duration;

use super::reference::{self, short, with_digest};
use super::{Error, Wanted};
use crate::docker::{self, Engine, Image};
use crate::event::Step;

/// Waits between tries. Registries that break off mostly answer soon again.
const BACK_OFF: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(6)];

/// Pulls an image for the engine's architecture, or for amd64 where it exists
/// for that alone (the ClearML images do).
///
/// # Errors
/// What the registry said, told apart by what helps.
pub async fn pull(
    engine: &dyn Engine,
    wanted: &Wanted,
    architecture: &str,
    step: &Step,
) -> Result<Image, Error> {
    let reference = wanted.reference.as_str();
    let platform = format!("linux/{architecture}");
    match pull_platform(engine, wanted, &platform, step).await {
        Err(Error::NoPlatform { .. }) if architecture != "amd64" => {
            step.state(format!(
                "{}: only for amd64, will be emulated",
                short(reference)
            ));
            pull_platform(engine, wanted, "linux/amd64", step).await?;
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
    step: &Step,
) -> Result<(), Error> {
    let reference = wanted.reference.as_str();
    let Some(digest) = wanted.digests.get(platform) else {
        return pull_patiently(engine, reference, platform, step).await;
    };
    let exact = with_digest(reference, digest);
    pull_patiently(engine, &exact, platform, step).await?;
    let tag = reference::tag(reference).unwrap_or("latest");
    Ok(engine.tag(&exact, reference::name(reference), tag).await?)
}

/// Pulls, and tries again where that may help.
async fn pull_patiently(
    engine: &dyn Engine,
    reference: &str,
    platform: &str,
    step: &Step,
) -> Result<(), Error> {
    let item = format!("{} (pull)", short(reference));
    let progress = |done, total| step.bytes(&item, done, total);
    step.state(format!("pulling {reference}"));
    let mut tries = BACK_OFF.iter();
    loop {
        let error = match engine.pull(reference, platform, &progress).await {
            Ok(()) => return Ok(()),
            Err(error) => classify(reference, platform, error),
        };
        let (Error::Pull { message, .. }, Some(wait)) = (&error, tries.next()) else {
            return Err(error);
        };
        step.state(format!("trying {reference} again: {message}"));
        tokio::time::sleep(*wait).await;
    }
}

/// Tells apart what the engine says of a pull; its HTTP status is the same for
/// most of it.
fn classify(reference: &str, platform: &str, error: docker::Error) -> Error {
    let (docker::Error::Refused { message, .. }
    | docker::Error::Broken {
        reason: message, ..
    }) = error
    else {
        return Error::Docker(error);
    };
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
    // Docker Hub says of what does not exist that access to it is denied.
    if says(&[
        "manifest unknown",
        "not found",
        "does not exist",
        "invalid reference",
    ]) {
        return Error::NotFound { reference, message };
    }
    if says(&[
        "unauthorized",
        "denied",
        "authentication required",
        "no basic auth",
    ]) {
        return Error::Unauthorized { reference, message };
    }
    Error::Pull { reference, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Explain};

    fn code(message: &str) -> Code {
        let error = docker::Error::Refused {
            what: "pull x".into(),
            status: 500,
            message: message.into(),
        };
        classify("x:1", "linux/arm64", error).code()
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
