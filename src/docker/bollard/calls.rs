//! The way of every request to the engine. Only this module has the client, so a request
//! cannot be made without a limit and without a decision whether it may be repeated.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bollard::errors::Error as BollardError;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::{connect, convert};
use crate::docker::{Endpoint, Error, Limits};

/// The limit of the client itself, which ends only the time until an answer begins. The limits
/// here are always shorter.
const NEVER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often a request is made if its connection breaks each time.
const ATTEMPTS: usize = 3;

/// Whether a request may be made again after its connection broke, when the engine may or may
/// not have executed it. A request that reached no engine is always repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repetition {
    /// It changes nothing.
    Read,
    /// Twice has the same effect as once.
    Idempotent,
    Never,
}

/// A request to the engine.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Completes `the Docker engine did not …`.
    what: String,
    repetition: Repetition,
    /// Added to the limit of a request that the engine answers at once.
    extra: Duration,
}

impl Call {
    fn new(what: impl Into<String>, repetition: Repetition) -> Call {
        Call {
            what: what.into(),
            repetition,
            extra: Duration::ZERO,
        }
    }

    /// A request that changes nothing.
    pub(super) fn read(what: impl Into<String>) -> Call {
        Call::new(what, Repetition::Read)
    }

    /// A change that has the same effect if it is made twice.
    pub(super) fn idempotent(what: impl Into<String>) -> Call {
        Call::new(what, Repetition::Idempotent)
    }

    /// A change that must not be made twice.
    pub(super) fn once(what: impl Into<String>) -> Call {
        Call::new(what, Repetition::Never)
    }

    /// Allows more time, for a request that includes a known wait.
    pub(super) fn and(self, extra: Duration) -> Call {
        Call { extra, ..self }
    }

    /// Returns whether another attempt may help and is allowed after this error.
    fn may_repeat(&self, error: &BollardError) -> bool {
        match self.repetition {
            Repetition::Read => is_broken(error) || is_garbled(error) || is_server_error(error),
            Repetition::Idempotent => is_broken(error),
            Repetition::Never => false,
        }
    }
}

/// Returns whether no connection was made, so that the engine did not see the request.
fn is_unconnected(error: &BollardError) -> bool {
    match error {
        BollardError::HyperLegacyError { err } => err.is_connect(),
        BollardError::SocketNotFoundError(_) => true,
        _ => false,
    }
}

/// Returns whether the connection broke, or the answer is not HTTP.
fn is_broken(error: &BollardError) -> bool {
    matches!(
        error,
        BollardError::HyperLegacyError { .. }
            | BollardError::HyperResponseError { .. }
            | BollardError::IOError { .. }
    )
}

/// Returns whether the content of an answer is invalid, such as one that was cut off.
fn is_garbled(error: &BollardError) -> bool {
    matches!(
        error,
        BollardError::JsonDataError { .. } | BollardError::JsonSerdeError { .. }
    )
}

/// Returns whether the engine failed, for example because it is shutting down.
fn is_server_error(error: &BollardError) -> bool {
    let status = match error {
        BollardError::DockerResponseServerError { status_code, .. } => *status_code,
        _ => return false,
    };
    matches!(status, 500 | 502 | 503 | 504)
}

/// All requests to one engine.
#[derive(Clone)]
pub(super) struct Calls {
    client: bollard::Docker,
    endpoint: Endpoint,
    pub(super) limits: Limits,
}

impl Calls {
    pub(super) fn new(client: bollard::Docker, endpoint: Endpoint, limits: Limits) -> Calls {
        Calls {
            client: client.with_timeout(NEVER),
            endpoint,
            limits,
        }
    }

    /// Returns the error of a request after its last attempt. `what` is what was requested.
    fn failed(&self, what: String, error: BollardError) -> Error {
        match is_unconnected(&error) {
            true => connect::unreachable(&self.endpoint, &error),
            false => convert::error(what, error),
        }
    }

    /// Returns the negotiated version of the API.
    pub(super) fn api(&self) -> (usize, usize) {
        let version = self.client.client_version();
        (version.major_version, version.minor_version)
    }

    /// Makes a request that the engine answers at once.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it did not answer in time, repetitions included.
    pub(super) async fn answer<T, F>(
        &self,
        call: Call,
        request: impl Fn(bollard::Docker) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, BollardError>>,
    {
        let limit = self.limits.answer + call.extra;
        match tokio::time::timeout(limit, self.repeat(&call, request)).await {
            Ok(answered) => answered.map_err(|error| self.failed(call.what, error)),
            Err(_) => Err(Error::Timeout {
                what: call.what,
                limit,
            }),
        }
    }

    /// Makes a request, and makes it again while that is allowed and may help.
    async fn repeat<T, F>(
        &self,
        call: &Call,
        request: impl Fn(bollard::Docker) -> F,
    ) -> Result<T, BollardError>
    where
        F: Future<Output = Result<T, BollardError>>,
    {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(self.limits.pause)
            .with_max_delay(Duration::from_secs(1))
            .without_max_times();
        let mut failed = 0;
        let mut unreachable_since: Option<Instant> = None;
        (|| request(self.client.clone()))
            .retry(pauses)
            .when(|error| {
                if is_unconnected(error) {
                    let since = *unreachable_since.get_or_insert_with(Instant::now);
                    return since.elapsed() < self.limits.restart;
                }
                unreachable_since = None;
                failed += 1;
                failed < ATTEMPTS && call.may_repeat(error)
            })
            .notify(|error, _| tracing::debug!(call.what, %error, "trying again"))
            .await
    }

    /// Makes a change that must not be made twice. After a broken connection, `done` looks
    /// whether the engine has made it: if it returns `None`, the change is made again.
    pub(super) async fn unless_done<T, F, D>(
        &self,
        what: &str,
        request: impl Fn(bollard::Docker) -> F,
        done: impl Fn() -> D,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, BollardError>>,
        D: Future<Output = Result<Option<T>, Error>>,
    {
        let mut attempt = 1;
        loop {
            let answered = self.answer(Call::once(what), &request).await;
            match &answered {
                Err(Error::Broken { .. }) if attempt < ATTEMPTS => {}
                // An earlier attempt may have succeeded.
                Err(Error::Refused { .. }) if attempt > 1 => {}
                _ => return answered,
            }
            if let Some(found) = done().await? {
                return Ok(found);
            }
            if let Err(Error::Refused { .. }) = answered {
                return answered;
            }
            attempt += 1;
        }
    }

    /// Opens a stream whose parts may be `idle` apart. The request is repeated only before the
    /// first part.
    pub(super) fn stream<T, S>(
        &self,
        call: Call,
        idle: Duration,
        request: impl Fn(bollard::Docker) -> S + Send + Sync + 'static,
    ) -> BoxStream<'static, Result<T, Error>>
    where
        T: Send + 'static,
        S: Stream<Item = Result<T, BollardError>> + Send + Unpin + 'static,
    {
        let calls = self.clone();
        let what = call.what.clone();
        let open = async move {
            let first = |client| {
                let mut parts = request(client);
                async move { Ok((parts.next().await.transpose()?, parts)) }
            };
            match tokio::time::timeout(idle, calls.repeat(&call, first)).await {
                Ok(opened) => opened.map_err(|error| calls.failed(call.what, error)),
                Err(_) => Err(Error::Timeout {
                    what: call.what,
                    limit: idle,
                }),
            }
        };
        let opened = stream::once(open).map_ok(move |(first, rest)| {
            let first = stream::iter(first.map(Ok));
            first.chain(within(idle, what.clone(), rest))
        });
        opened.try_flatten().boxed()
    }
}

/// Limits the time between two parts of a stream, which ends after the first error.
fn within<T, S>(idle: Duration, what: String, parts: S) -> impl Stream<Item = Result<T, Error>>
where
    S: Stream<Item = Result<T, BollardError>> + Unpin,
{
    stream::unfold(Some(parts), move |parts| {
        let what = what.clone();
        async move {
            let mut parts = parts?;
            match tokio::time::timeout(idle, parts.next()).await {
                Ok(Some(Ok(part))) => Some((Ok(part), Some(parts))),
                Ok(Some(Err(error))) => Some((Err(convert::error(what, error)), None)),
                Ok(None) => None,
                Err(_) => Some((Err(Error::Timeout { what, limit: idle }), None)),
            }
        }
    })
}
