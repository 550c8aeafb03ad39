//! Pulls images into the engine's store. Retries only errors that may be temporary.

use std::time::Duration;

use backon::Retryable;

use super::{Error, Refusal, RequiredImage, Sources};
use crate::docker::{self, Engine, Image};
use crate::event::Step;
use crate::image_ref::ImageRef;
use crate::words::duration;

/// Delays between attempts. Registries that drop a connection usually answer again soon,
/// and so do those that limit requests, unless a limit for hours is reached. Engines do
/// not report the registry's `Retry-After`.
pub(super) const BACKOFF: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(8),
];

/// Pulls an image for the engine's architecture, or for amd64 if it exists only for
/// amd64, as copies of the ClearML images do: the host may emulate it.
pub async fn pull(
    engine: &dyn Engine,
    wanted: &RequiredImage,
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

/// Pulls an image for one platform: by its digest if that is known, so that the content
/// is certain. Then tags it with its name.
async fn pull_platform(
    engine: &dyn Engine,
    wanted: &RequiredImage,
    platform: &str,
    sources: &Sources,
    step: &Step,
) -> Result<(), Error> {
    let reference = &wanted.reference;
    let source = sources.resolve(&wanted.exact(platform));
    pull_with_retries(engine, &source, platform, sources, step).await?;
    if source == *reference {
        return Ok(());
    }
    Ok(engine.tag(&source, reference).await?)
}

async fn pull_with_retries(
    engine: &dyn Engine,
    source: &ImageRef,
    platform: &str,
    sources: &Sources,
    step: &Step,
) -> Result<(), Error> {
    let credentials = sources.credentials(source, step).await;
    let item = format!("{} (pull)", source.short_name());
    let progress = |progress| step.progress(&item, progress);
    step.state(format!("pulling {source}"));
    let attempt = || async {
        let pulled = engine.pull(source, platform, credentials.as_ref(), &progress);
        pulled
            .await
            .map_err(|error| from_engine(source, platform, error))
    };
    attempt
        .retry(BACKOFF.into_iter())
        .when(|error| is_temporary(error, source))
        .notify(|error, pause| report_retry(step, source, error, pause))
        .await
}

/// Returns whether another attempt may succeed.
pub(super) fn is_temporary(error: &Error, source: &ImageRef) -> bool {
    match error {
        Error::Pull { message, .. } | Error::RateLimited { message, .. } => {
            Refusal::of(message, Some(source)).is_temporary()
        }
        _ => false,
    }
}

pub(super) fn report_retry(step: &Step, source: &ImageRef, error: &Error, pause: Duration) {
    let (pause, why) = (duration(pause), error.message());
    step.state(format!("trying {source} again in {pause}: {why}"));
}

/// Converts the engine's error of a pull.
pub(crate) fn from_engine(reference: &ImageRef, platform: &str, error: docker::Error) -> Error {
    match error {
        docker::Error::Refused { message, .. }
        | docker::Error::Broken {
            reason: message, ..
        } => classify(reference, platform, message),
        other => Error::Docker(other),
    }
}

/// Converts the error message of a pull.
pub(super) fn classify(reference: &ImageRef, platform: &str, message: String) -> Error {
    let refusal = Refusal::of(&message, Some(reference));
    let reference = reference.clone();
    match refusal {
        Refusal::DiskFull => Error::Docker(docker::Error::Refused {
            what: format!("pull {reference}"),
            status: 0,
            message,
        }),
        Refusal::RateLimited => Error::RateLimited { reference, message },
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
        | Refusal::WrongContent
        | Refusal::Other => Error::Pull { reference, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain;
    use crate::failures::Failure;

    fn failed(message: &str) -> Error {
        classify(&"x:1".parse().unwrap(), "linux/arm64", message.into())
    }

    #[test]
    fn messages_of_registries_are_classified() {
        for (message, failure) in [
            ("manifest unknown", Failure::ImageNotFound),
            (
                "pull access denied for x, repository does not exist or may require 'docker login'",
                Failure::ImageNotFound,
            ),
            (
                "no matching manifest for linux/arm64/v8",
                Failure::ImagePlatform,
            ),
            (
                "unauthorized: authentication required",
                Failure::ImageUnauthorized,
            ),
            ("toomanyrequests: slow down", Failure::ImageRateLimited),
            (
                "filesystem layer verification failed for digest sha256:aa",
                Failure::ImageDigestMismatch,
            ),
            ("dial tcp: i/o timeout", Failure::RegistryUnreachable),
            ("no space left on device", Failure::DockerDiskFull),
        ] {
            assert_eq!(failed(message).failure(), failure, "{message}");
        }
    }

    #[test]
    fn connection_errors_have_their_own_hints() {
        let hint = |message: &str| failed(message).hints().remove(0).to_string();
        assert!(hint("x509: certificate has expired").ends_with("--ca-file FILE"));
        assert!(hint("proxyconnect tcp: connection refused").contains("proxy"));
        let plain = "server gave HTTP response to HTTPS client";
        assert!(hint(plain).contains("http://"), "{}", hint(plain));
    }
}
