//! The clock of the API server.

use ::kube::client::Body;
use jiff::Timestamp;

use super::{Cluster, Error, calls};
use crate::clock::{self, Skew};

impl Cluster {
    /// Returns how much the clock of the server differs from `now`, the time here, if that
    /// causes trouble.
    pub(crate) async fn clock_skew(&self, now: Timestamp) -> Result<Option<Skew>, Error> {
        let answer = || async {
            let request = http::Request::get("/version").body(Body::empty());
            let request = request.map_err(::kube::Error::HttpError)?;
            self.client().send(request).await
        };
        let answer = calls::read("tell the time", answer).await?;
        let theirs = clock::of_answer(answer.headers());
        Ok(theirs.and_then(|theirs| Skew::between(theirs, now)))
    }
}
