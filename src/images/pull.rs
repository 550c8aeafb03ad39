//! Pulling into the engine's store, with an answer at once for what no second
//! try will change.

use std::time::Duration;

use super::{Error, Refusal, Sources, Wanted};
use crate::docker::{self, Engine, Image};
use crate::event::Step;
use crate::image_ref::ImageRef;
use crate::words::duration;

/// Waits between tries. Registries that break off mostly answer soon again, and so
/// do those that count requests, unless a quota of hours is used up: engines do not
/// tell the `Retry-After` that they got.
pub(super) const BACK_OFF: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(8),
];

/// Pulls an image for the engine's architecture, or for amd64 where it exists
/// for that alone (the ClearML images do).
pub async fn pull(
    engine: &dyn Engine,
    wanted: &Wanted,
    architecture: &str,
    sources: &Sources,
    step: &Step,
) -> Result<Image, Error> {
    let reference = &wanted.reference;
    let platform = format!("linux/{architecture}");
    match pull_platform(engine, wanted, &platform, sources, step).await {
        Err(Error::NoPlatform { .. }) if architecture != "amd64" => {
            step.state(format!(
                "{}: only available for amd64, will be emulated",
                reference.short_name()
            ));
            pull_platform(engine, wanted, "linux/amd64", sources, step).await?;
        }
        result => result?,
    }
    engine.image(reference).await?.ok_or_else(|| Error::Pull {
        reference: reference.clone(),
        message: "it is missing in Docker after the pull".into(),
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
    let reference = &wanted.reference;
    let place = sources.place(&wanted.exact(platform));
    pull_patiently(engine, &place, platform, sources, step).await?;
    if place == *reference {
        return Ok(());
    }
    Ok(engine.tag(&place, reference).await?)
}

async fn pull_patiently(
    engine: &dyn Engine,
    place: &ImageRef,
    platform: &str,
    sources: &Sources,
    step: &Step,
) -> Result<(), Error> {
    let credentials = sources.credentials(place, step).await;
    let item = format!("{} (pull)", place.short_name());
    let progress = |progress| step.progress(&item, progress);
    step.state(format!("pulling {place}"));
    let mut tries = BACK_OFF.iter();
    loop {
        let pulled = engine.pull(place, platform, credentials.as_ref(), &progress);
        let error = match pulled.await {
            Ok(()) => return Ok(()),
            Err(error) => of_engine(place, platform, error),
        };
        let wait = match &error {
            Error::Pull { message, .. } if !Refusal::of(message, Some(place)).may_pass() => None,
            Error::Pull { message, .. } | Error::TooMany { message, .. } => {
                tries.next().map(|wait| (wait, message))
            }
            _ => None,
        };
        let Some((wait, message)) = wait else {
            return Err(error);
        };
        let pause = duration(*wait);
        step.state(format!("trying {place} again in {pause}: {message}"));
        tokio::time::sleep(*wait).await;
    }
}

fn of_engine(reference: &ImageRef, platform: &str, error: docker::Error) -> Error {
    match error {
        docker::Error::Refused { message, .. }
        | docker::Error::Broken {
            reason: message, ..
        } => classify(reference, platform, message),
        other => Error::Docker(other),
    }
}

/// The error for what was said of a pull.
pub(super) fn classify(reference: &ImageRef, platform: &str, message: String) -> Error {
    let refusal = Refusal::of(&message, Some(reference));
    let reference = reference.clone();
    match refusal {
        Refusal::DiskFull => Error::Docker(docker::Error::Refused {
            what: format!("pull {reference}"),
            status: 0,
            message,
        }),
        Refusal::RateLimited => Error::TooMany { reference, message },
        Refusal::NoPlatform => Error::NoPlatform {
            reference,
            platform: platform.to_owned(),
        },
        Refusal::Unauthorized => Error::Unauthorized { reference, message },
        Refusal::NotFound | Refusal::MissingOrPrivate => Error::NotFound { reference, message },
        Refusal::Proxy
        | Refusal::Certificate
        | Refusal::PlainHttp
        | Refusal::Unreachable
        | Refusal::Other => Error::Pull { reference, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Explain};

    fn failed(message: &str) -> Error {
        classify(&"x:1".parse().unwrap(), "linux/arm64", message.into())
    }

    #[test]
    fn what_the_registry_says_has_a_code() {
        for (message, code) in [
            ("manifest unknown", Code::ImageNotFound),
            (
                "pull access denied for x, repository does not exist or may require 'docker login'",
                Code::ImageNotFound,
            ),
            (
                "no matching manifest for linux/arm64/v8",
                Code::ImageNotFound,
            ),
            (
                "unauthorized: authentication required",
                Code::ImageUnauthorized,
            ),
            ("toomanyrequests: slow down", Code::ImageFailed),
            ("dial tcp: i/o timeout", Code::ImageFailed),
            ("no space left on device", Code::DiskFull),
        ] {
            assert_eq!(failed(message).code(), code, "{message}");
        }
    }

    #[test]
    fn a_refusal_of_the_way_has_its_own_hint() {
        let hint = |message: &str| failed(message).hints().remove(0).to_string();
        assert!(hint("x509: certificate has expired").ends_with("--ca-file FILE"));
        assert!(hint("proxyconnect tcp: connection refused").contains("proxy"));
        let plain = "server gave HTTP response to HTTPS client";
        assert!(hint(plain).contains("http://"), "{}", hint(plain));
    }
}
