//! The API of the server, with a login.

use jiff::Timestamp;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::{reason, refused, refused_at};
use crate::secrets::Credentials;

/// The version of the API whose requests and responses this program knows. Servers of both
/// releases, and later ones, answer in it.
const VERSION: &str = "v2.17";

/// The API as a user who has logged in calls it. Errors say why a call failed.
pub(crate) struct Api {
    client: Client,
    url: String,
    /// Empty before the login.
    token: String,
}

impl Api {
    /// Creates a client of the API at this URL, without a login.
    pub(crate) fn at(client: Client, url: &str) -> Api {
        Api {
            client,
            url: url.to_owned(),
            token: String::new(),
        }
    }

    pub(crate) async fn log_in(&mut self, credentials: &Credentials) -> Result<(), String> {
        let request = self.request("auth.login").json(&json!({}));
        let request = request.basic_auth(&credentials.access_key, Some(&credentials.secret_key));
        let data = answer(request).await?;
        let token = data["token"].as_str().filter(|token| !token.is_empty());
        let token = token.ok_or("the response contains no token")?;
        token.clone_into(&mut self.token);
        Ok(())
    }

    /// Returns the token; empty before the login.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Calls an endpoint, such as `tasks.create`.
    pub(crate) async fn call(&self, endpoint: &str, body: &Value) -> Result<Value, String> {
        self.send(self.request(endpoint).json(body)).await
    }

    /// Returns a request to an endpoint, for [`Api::send`].
    pub(crate) fn request(&self, endpoint: &str) -> RequestBuilder {
        self.client
            .post(format!("{}/{VERSION}/{endpoint}", self.url))
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Value, String> {
        answer(request.bearer_auth(&self.token)).await
    }
}

/// Returns the data of the API's answer, or why there is none.
async fn answer(request: RequestBuilder) -> Result<Value, String> {
    let response = request.send().await.map_err(reason)?;
    let status = response.status();
    let refusal = refused_at(&response, Timestamp::now(), None);
    let body = response.bytes().await.map_err(reason)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let message = body["meta"]["result_msg"].as_str();
    match (status.is_success(), message) {
        (true, _) if body["data"].is_object() => Ok(body["data"].clone()),
        (true, _) => Err("the response is not one of the API".into()),
        (false, Some(message)) if status.as_u16() != 401 => {
            Err(format!("{}: {message}", refused(status)))
        }
        (false, _) => Err(refusal),
    }
}
