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

#[cfg(test)]
mod tests {
    use ::kube::Client;

    use super::*;

    #[tokio::test]
    async fn the_date_of_the_servers_answers_is_its_clock() {
        let service = tower::service_fn(|_: http::Request<Body>| {
            let answer = http::Response::builder().header("date", "Fri, 27 Nov 2026 15:00:00 GMT");
            std::future::ready(answer.body(Body::empty()))
        });
        let cluster = Cluster::of(Client::new(service, "default"));
        let at = async |now: &str| {
            let skew = cluster.clock_skew(now.parse().unwrap()).await.unwrap();
            skew.map(|skew| skew.to_string())
        };
        assert_eq!(at("2026-11-27T15:00:30Z").await, None);
        let ahead = at("2026-11-27T13:00:00Z").await;
        assert_eq!(ahead.as_deref(), Some("2 h ahead"));
    }
}
