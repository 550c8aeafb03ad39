//! Calls of the API, with a login.

use bytes::Bytes;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::error::Problem;
use crate::component::Component;
use crate::probe::{Api, Endpoints, Files};
use crate::secrets::Credentials;

/// The API server and the file server, as a user calls them.
pub(super) struct Server<'a> {
    client: Client,
    at: &'a Endpoints,
    api: Api,
}

impl<'a> Server<'a> {
    pub(super) fn new(client: Client, at: &'a Endpoints) -> Server<'a> {
        Server {
            api: Api::at(client.clone(), &at.api),
            client,
            at,
        }
    }

    /// Logs in. Returns the version of the server.
    pub(super) async fn log_in(&mut self, credentials: &Credentials) -> Result<String, Problem> {
        let doing = in_words(&format!("log in at {}", self.at.api), "auth.login");
        let logged_in = self.api.log_in(credentials).await;
        logged_in.map_err(|why| Problem::cannot(Component::Apiserver, doing, why))?;
        let nothing = json!({});
        let info = self
            .call("read the version", "server.info", &nothing)
            .await?;
        Ok(info["version"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) fn is_logged_in(&self) -> bool {
        !self.api.token().is_empty()
    }

    /// Calls an endpoint. `doing` says in the error what failed.
    pub(super) async fn call(
        &self,
        doing: &str,
        endpoint: &str,
        body: &Value,
    ) -> Result<Value, Problem> {
        let request = self.api.request(endpoint).json(body);
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
        let request = self.api.request(endpoint);
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
        let data = self.api.send(request).await;
        let doing = || in_words(doing, endpoint);
        data.map_err(|why| Problem::cannot(Component::Apiserver, doing(), why))
    }

    fn files(&self) -> Files<'_> {
        Files {
            client: &self.client,
            url: &self.at.files,
            token: self.api.token(),
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
