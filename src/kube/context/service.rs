//! The requests of a connection: adds the token, and explains failures.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::kube::client::Body;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use tower::{BoxError, Service};

use super::credentials::Credentials;
use super::{About, Error};
use crate::clock::{self, Skew};
use crate::connection::Fault;

/// How long an answer may take to begin, a little less than a call may take, so that the
/// error names the cluster.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(18);

#[derive(Clone)]
pub(super) struct Authorized<S> {
    inner: S,
    credentials: Arc<Credentials>,
    about: Arc<About>,
}

impl<S> Authorized<S> {
    pub(super) fn new(inner: S, credentials: &Arc<Credentials>, about: &Arc<About>) -> Self {
        Authorized {
            inner,
            credentials: credentials.clone(),
            about: about.clone(),
        }
    }
}

impl<S, B> Service<Request<Body>> for Authorized<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // This one is ready, its clone is not.
        let next = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, next);
        let (credentials, about) = (self.credentials.clone(), self.about.clone());
        Box::pin(async move {
            if let Some(header) = credentials.authorization().await? {
                request.headers_mut().insert(AUTHORIZATION, header);
            }
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, inner.call(request)).await;
            let fault = match answer {
                Ok(Ok(answer)) if answer.status() == StatusCode::UNAUTHORIZED => {
                    let theirs = clock::of_answer(answer.headers());
                    return Err(Error::Unauthorized {
                        clock: theirs.and_then(|at| Skew::between(at, Timestamp::now())),
                        context: about.context.clone(),
                        user: about.user.clone(),
                        renewed: credentials.refused().await,
                        kubectl: about.kubectl.clone(),
                    }
                    .into());
                }
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Fault::of(&*error),
                Err(_) => Fault::TimedOut,
            };
            Err(Error::Unreachable {
                context: about.context.clone(),
                proxy: about.proxy.clone(),
                fault,
                kubectl: about.kubectl.clone(),
            }
            .into())
        })
    }
}
