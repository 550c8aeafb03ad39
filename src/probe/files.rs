//! Files on the file server.

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{Client, Method, StatusCode, multipart};

use super::http::{reason, refused_at, send};

/// The file server at one address, with a login.
pub(crate) struct Files<'a> {
    pub(crate) client: &'a Client,
    /// The URL of the server.
    pub(crate) url: &'a str,
    pub(crate) token: &'a str,
}

impl Files<'_> {
    /// Returns the URL of a file, as it is stored with a task.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    pub(crate) async fn upload(&self, path: &str, content: impl Into<Bytes>) -> Result<(), String> {
        let content: Bytes = content.into();
        let length = content.len() as u64;
        let part = multipart::Part::stream_with_length(content, length).file_name("file");
        // The name of the form field is the destination path.
        let form = multipart::Form::new()
            .part(path.to_owned(), part)
            .percent_encode_noop();
        let request = self.client.post(format!("{}/", self.url));
        send(request.bearer_auth(self.token).multipart(form)).await?;
        Ok(())
    }

    /// Downloads the file with this URL.
    pub(crate) async fn download(&self, url: &str) -> Result<Bytes, String> {
        let request = self.client.get(url).bearer_auth(self.token);
        send(request).await?.bytes().await.map_err(reason)
    }

    /// Deletes a file. Returns whether it existed.
    pub(crate) async fn delete(&self, path: &str) -> Result<bool, String> {
        let request = self.client.request(Method::DELETE, self.url(path));
        let request = request.bearer_auth(self.token);
        let response = request.send().await.map_err(reason)?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refused_at(&response, Timestamp::now(), Some(self.token))),
        }
    }
}
