//! The way of every request to the Kubernetes API: each has a limit, and each may be repeated.
//! A change has the same effect if it is made twice, because its answer may be lost after the
//! server has made it: an apply, a merge of the same fields, the deletion of an object. The
//! creation of an object that exists is refused, which its caller accepts.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};
use tokio::time::{Instant, timeout};
use tower::BoxError;

use super::Error;

/// How long the server may take to answer a request.
const LIMIT: Duration = Duration::from_secs(20);
/// How long a request is repeated while the server is unavailable: right after kubeadm, the
/// kubelet restarts, and sometimes the API server with it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often [`read`] makes a request that fails each time.
const ATTEMPTS: usize = 3;
/// The longest pause that a server can ask for. The next attempt is refused again at worst.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(2))
    .without_max_times();

/// Makes a request whose caller reads again soon, or shows why it cannot be read: it is
/// repeated only a few times, within the limit of one request.
pub(super) async fn read<T, F>(what: &str, request: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, ::kube::Error>>,
{
    read_within(LIMIT, what, request).await
}

/// Makes a request like [`read`], with another limit.
pub(super) async fn read_within<T, F>(
    limit: Duration,
    what: &str,
    mut request: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, ::kube::Error>>,
{
    let repeated = (|| {
        let answer = request();
        async move {
            answer
                .await
                .map_err(|error| Error::from_client(what, error))
        }
    })
    .retry(BACKOFF.with_max_times(ATTEMPTS - 1))
    .when(Error::is_transient)
    .notify(|error, _| tracing::debug!(what, %error, "trying again"));
    within(limit, what, repeated).await
}

/// Makes a request, and repeats it with growing pauses while the server is unavailable.
pub(super) async fn with_retries<T, F>(
    what: &str,
    mut request: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, ::kube::Error>>,
{
    let deadline = Instant::now() + PATIENCE;
    let once = || {
        let answer = request();
        let answer = async move {
            answer
                .await
                .map_err(|error| Error::from_client(what, error))
        };
        within(LIMIT, what, answer)
    };
    once.retry(BACKOFF)
        .when(Error::is_transient)
        .adjust(|_, pause| pause.filter(|pause| Instant::now() + *pause < deadline))
        .notify(|error, _| tracing::debug!(what, %error, "trying again"))
        .await
}

async fn within<T>(
    limit: Duration,
    what: &str,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let timed_out = Error::Timeout {
        what: what.to_owned(),
        after: limit,
    };
    timeout(limit, answer).await.unwrap_or(Err(timed_out))
}

/// Waits as long as a busy server asks for before its answer is passed on.
///
/// The crate can repeat such requests itself, but it does so for longer than the limit of a
/// request, whose error would then say nothing about the answer.
pub(super) async fn pause_if_asked<B>(answer: Response<B>) -> Result<Response<B>, BoxError> {
    let is_busy = matches!(
        answer.status(),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    );
    let seconds = answer.headers().get(RETRY_AFTER).filter(|_| is_busy);
    let seconds = seconds.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    if let Some(seconds) = seconds {
        tokio::time::sleep(Duration::from_secs(seconds).min(LONGEST_PAUSE)).await;
    }
    Ok(answer)
}

#[cfg(test)]
mod tests;
