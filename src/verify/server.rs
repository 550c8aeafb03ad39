//! Calls of the API, with a login.

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::error::Problem;
use crate::component::Component;
use crate::probe::{Endpoints, Files, reason, refused, refused_at};
use crate::secrets::Credentials;

/// The version of the API whose requests and responses this program knows. Servers of both
/// releases, and later ones, answer in it.
const API: &str = "v2.17";

/// The API server and the file server, as a user calls them.
pub(super) struct Server<'a> {
    client: Client,
    at: &'a Endpoints,
    /// Empty before the login.
    token: String,
}

impl<'a> Server<'a> {
    pub(super) fn new(client: Client, at: &'a Endpoints) -> Server<'a> {
        Server {
            client,
            at,
            token: String::new(),
        }
    }

    /// Logs in. Returns the version of the server.
    pub(super) async fn log_in(&mut self, credentials: &Credentials) -> Result<String, Problem> {
        let url = self.endpoint("auth.login");
        let request = self.client.post(&url);
        let request = request.basic_auth(&credentials.access_key, Some(&credentials.secret_key));
        let doing = in_words(&format!("log in at {}", self.at.api), "auth.login");
        let data = answer(request.json(&json!({}))).await;
        let data = data.map_err(|why| Problem::cannot(Component::Apiserver, doing.clone(), why))?;
        let token = data["token"].as_str().filter(|token| !token.is_empty());
        let missing = || {
            let why = "the response contains no token".to_owned();
            Problem::cannot(Component::Apiserver, doing, why)
        };
        token.ok_or_else(missing)?.clone_into(&mut self.token);
        let nothing = json!({});
        let info = self
            .call("read the version", "server.info", &nothing)
            .await?;
        Ok(info["version"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) fn is_logged_in(&self) -> bool {
        !self.token.is_empty()
    }

    fn endpoint(&self, name: &str) -> String {
        format!("{}/{API}/{name}", self.at.api)
    }

    /// Calls an endpoint. `doing` says in the error what failed.
    pub(super) async fn call(
        &self,
        doing: &str,
        endpoint: &str,
        body: &Value,
    ) -> Result<Value, Problem> {
        let request = self.client.post(self.endpoint(endpoint)).json(body);
        self.send(doing, endpoint, request).await
    }

    /// Calls an endpoint that creates something. Returns its identifier.
    pub(super) async fn create(
        &self,
        doing: &str,
        endpoint: &str,
        body: &Value,
    ) -> Result<String, Problem> {
        let data = self.call(doing, endpoint, body).await?;
        let id = data["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| {
            let why = "the response contains no identifier".to_owned();
            Problem::cannot(Component::Apiserver, in_words(doing, endpoint), why)
        })
    }

    /// Adds what a task reports, all of which the server must accept.
    pub(super) async fn report(&self, doing: &str, events: &[Value]) -> Result<(), Problem> {
        let endpoint = "events.add_batch";
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        let request = self.client.post(self.endpoint(endpoint));
        let request = request.header("Content-Type", "application/json-lines");
        let data = self.send(doing, endpoint, request.body(lines)).await?;
        if data["added"] == events.len() {
            return Ok(());
        }
        let why = format!("the server added {} of {}", data["added"], events.len());
        let doing = in_words(doing, endpoint);
        Err(Problem::cannot(Component::Apiserver, doing, why))
    }

    async fn send(
        &self,
        doing: &str,
        endpoint: &str,
        request: RequestBuilder,
    ) -> Result<Value, Problem> {
        let data = answer(request.bearer_auth(&self.token)).await;
        let doing = || in_words(doing, endpoint);
        data.map_err(|why| Problem::cannot(Component::Apiserver, doing(), why))
    }

    fn files(&self) -> Files<'_> {
        Files {
            client: &self.client,
            url: &self.at.files,
            token: &self.token,
        }
    }

    /// Returns the URL of a file.
    pub(super) fn file(&self, path: &str) -> String {
        self.files().url(path)
    }

    pub(super) async fn upload(&self, path: &str, content: &Bytes) -> Result<(), Problem> {
        let uploaded = self.files().upload(path, content.clone()).await;
        let doing = || format!("upload a file to {}", self.at.files);
        uploaded.map_err(|why| Problem::cannot(Component::Fileserver, doing(), why))
    }

    /// Downloads a file, whose content must be this one. The server that has the URL must be the
    /// one that the file was uploaded to, because it gets the token.
    pub(super) async fn check_file(&self, url: &str, content: &Bytes) -> Result<(), Problem> {
        let stored = self.files().download(url).await;
        let doing = || format!("download {url}");
        let cannot = |why| Problem::cannot(Component::Fileserver, doing(), why);
        match stored.map_err(cannot)? == *content {
            true => Ok(()),
            false => Err(cannot("its content differs from the uploaded one".into())),
        }
    }

    /// Deletes a file if it exists.
    pub(super) async fn delete_file(&self, path: &str) -> Result<(), Problem> {
        let deleted = self.files().delete(path).await.map(drop);
        let doing = || format!("delete {}", self.file(path));
        deleted.map_err(|why| Problem::cannot(Component::Fileserver, doing(), why))
    }
}

/// Returns what failed, with the endpoint as the log of the API server has it.
fn in_words(doing: &str, endpoint: &str) -> String {
    format!("{doing} ({endpoint})")
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
