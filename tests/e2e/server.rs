//! A user of the server, who creates a project, a task, scalars and a file through the
//! published ports, and finds them again.

use std::ops::Range;

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::harness::Instance;

/// A logged-in user.
pub struct User {
    client: Client,
    api: String,
    files: String,
    token: String,
}

/// The data that a user created.
pub struct Work {
    project: String,
    pub task: String,
    file: String,
}

pub fn client() -> Client {
    clearml_local::testing::kube::install_crypto();
    Client::builder().no_proxy().build().unwrap()
}

/// Returns the status of a login with a key pair.
pub async fn login_status(instance: &Instance, key: &str, secret: &str) -> u16 {
    let api = format!("http://127.0.0.1:{}", instance.api);
    login(&client(), &api, key, secret).await.status().as_u16()
}

async fn login(client: &Client, api: &str, key: &str, secret: &str) -> Response {
    let request = client
        .post(format!("{api}/auth.login"))
        .basic_auth(key, Some(secret))
        .json(&json!({}));
    request.send().await.unwrap()
}

/// Returns the API address in the page of the web app.
pub async fn api_of_page(instance: &Instance) -> String {
    let url = format!("http://127.0.0.1:{}/", instance.web);
    let page = client().get(url).send().await.unwrap();
    let page = page.text().await.unwrap();
    let address = page.split_once("name=\"api\" content=\"");
    let address = address.and_then(|(_, rest)| rest.split('"').next());
    address.unwrap_or_else(|| panic!("{page}")).to_owned()
}

/// Returns whether the API responds at this address to a request like that of the page.
pub async fn is_api(address: &str) -> bool {
    let call = client().post(format!("{address}/login.supported_modes"));
    let response = call.json(&json!({})).send().await;
    response.is_ok_and(|response| response.status() == 200)
}

impl User {
    /// Logs in with the keys that `clearml-local credentials` prints.
    pub async fn of(instance: &Instance) -> User {
        User::at(instance, instance.api, instance.files).await
    }

    /// Logs in through these ports.
    pub async fn at(instance: &Instance, api: u16, files: u16) -> User {
        let printed = instance
            .run(&["credentials", "-o", "json"])
            .expect(0)
            .json();
        let urls = [api, files].map(|port| format!("http://127.0.0.1:{port}"));
        User::with(client(), urls, &printed).await
    }

    /// Logs in at the URLs of API server and file server with what `clearml-local credentials`
    /// printed.
    pub async fn with(client: Client, [api, files]: [String; 2], printed: &Value) -> User {
        let text = |name: &str| printed[name].as_str().unwrap();
        let response = login(&client, &api, text("accessKey"), text("secretKey")).await;
        assert_eq!(response.status(), 200);
        let body: Value = response.json().await.unwrap();
        User {
            client,
            api,
            files,
            token: body["data"]["token"].as_str().unwrap().to_owned(),
        }
    }

    pub async fn call(&self, endpoint: &str, body: Value) -> Value {
        let answer = self.try_call(endpoint, body).await;
        answer.unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Calls an endpoint, and returns the data of the answer, or why the call failed.
    pub async fn try_call(&self, endpoint: &str, body: Value) -> Result<Value, String> {
        let url = format!("{}/{endpoint}", self.api);
        let request = self.client.post(url).bearer_auth(&self.token).json(&body);
        let response = request.send().await;
        let response = response.map_err(|error| format!("{endpoint}: {error:?}"))?;
        let status = response.status();
        let body = response.text().await;
        let body = body.map_err(|error| format!("{endpoint}: {error:?}"))?;
        match serde_json::from_str::<Value>(&body) {
            Ok(body) if status == 200 => Ok(body["data"].clone()),
            _ => Err(format!("{endpoint}: {status}: {body}")),
        }
    }

    /// Stores a file.
    pub async fn store(&self, name: &str, content: Vec<u8>) {
        let stored = self.try_store(name, content).await;
        stored.unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// Stores a file, or returns why that failed.
    pub async fn try_store(&self, name: &str, content: Vec<u8>) -> Result<(), String> {
        let part = Part::bytes(content).file_name("file");
        let form = Form::new()
            .part(name.to_owned(), part)
            .percent_encode_noop();
        let url = format!("{}/", self.files);
        let request = self.client.post(url).bearer_auth(&self.token);
        match request.multipart(form).send().await {
            Ok(response) if response.status() == 200 => Ok(()),
            Ok(response) => Err(format!("{name}: {}", response.status())),
            Err(error) => Err(format!("{name}: {error:?}")),
        }
    }

    /// Returns the content of a file.
    pub async fn read(&self, name: &str) -> Vec<u8> {
        let content = self.try_read(name).await;
        content.unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Returns the content of a file, or why it cannot be read.
    pub async fn try_read(&self, name: &str) -> Result<Vec<u8>, String> {
        let url = format!("{}/{name}", self.files);
        let request = self.client.get(url).bearer_auth(&self.token);
        match request.send().await {
            Ok(response) if response.status() == 200 => {
                let bytes = response.bytes().await;
                Ok(bytes
                    .map_err(|error| format!("{name}: {error:?}"))?
                    .to_vec())
            }
            Ok(response) => Err(format!("{name}: {}", response.status())),
            Err(error) => Err(format!("{name}: {error:?}")),
        }
    }

    /// Adds scalars to a task, or returns why that failed.
    pub async fn try_add_scalars(&self, task: &str, iters: Range<u32>) -> Result<(), String> {
        let added = iters.len();
        let events: String = iters
            .map(|iter| {
                let event = json!({
                    "type": "training_stats_scalar", "task": task, "iter": iter,
                    "metric": "loss", "variant": "train", "value": 1.0 / f64::from(iter + 1),
                });
                format!("{event}\n")
            })
            .collect();
        let url = format!("{}/events.add_batch", self.api);
        let request = self.client.post(url).bearer_auth(&self.token);
        let request = request
            .header("Content-Type", "application/json-lines")
            .body(events);
        let response = request.send().await.map_err(|error| format!("{error:?}"))?;
        let answer: Value = response
            .json()
            .await
            .map_err(|error| format!("{error:?}"))?;
        match answer["data"]["added"] == added {
            true => Ok(()),
            false => Err(answer.to_string()),
        }
    }

    /// Creates a project, a task with scalars, and a file.
    pub async fn work(&self) -> Work {
        let project = self
            .call("projects.create", json!({"name": "end to end"}))
            .await;
        let project = project["id"].as_str().unwrap().to_owned();
        let task = json!({"name": "train", "type": "testing", "project": project});
        let task = self.call("tasks.create", task).await["id"]
            .as_str()
            .unwrap()
            .to_owned();
        self.call("tasks.started", json!({"task": task, "force": true}))
            .await;
        let added = self.try_add_scalars(&task, 0..3).await;
        added.unwrap_or_else(|reason| panic!("{reason}"));
        let file = format!("e2e/train.{task}/artifacts/model.txt");
        self.store(&file, b"weights".to_vec()).await;
        Work {
            project,
            task,
            file,
        }
    }

    /// Asserts that all data exist.
    pub async fn finds(&self, work: &Work) {
        let projects = self
            .call("projects.get_all", json!({"id": [work.project]}))
            .await;
        assert_eq!(projects["projects"][0]["name"], "end to end", "{projects}");
        let task = self
            .call("tasks.get_by_id", json!({"task": work.task}))
            .await;
        assert_eq!(task["task"]["name"], "train", "{task}");
        let scalars = json!({"task": work.task, "key": "iter"});
        let scalars = self
            .call("events.scalar_metrics_iter_histogram", scalars)
            .await;
        assert_eq!(scalars["loss"]["train"]["x"], json!([0, 1, 2]), "{scalars}");
        assert_eq!(self.read(&work.file).await, b"weights");
    }
}
