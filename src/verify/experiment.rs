//! What the experiment creates, and how each step does it.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Step;
use super::error::Problem;
use super::server::Server;
use crate::component::Component;
use crate::probe::FILES_DIR;
use crate::secrets::Credentials;
use crate::words;

/// The size of the artifact: more than the 1 MiB that the NGINX ingress controller admits by
/// default. Unit tests, which run the experiment a hundred times, have a small one.
const ARTIFACT_BYTES: usize = if cfg!(test) { 2 << 10 } else { 2 << 20 };
const SCALARS: i64 = 10;
/// An image of one pixel.
const IMAGE: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x64, 0xf8, 0xcf, 0x50,
    0x0f, 0x00, 0x03, 0x86, 0x01, 0x80, 0x5a, 0x34, 0x7d, 0x6b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45,
    0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// The experiment: what it creates has names that nothing else has, so that it can be found and
/// removed whatever happened.
#[derive(Debug)]
pub(super) struct Experiment {
    id: String,
    project: String,
    task: String,
    /// All files that may have been uploaded.
    pub(super) files: Vec<File>,
}

/// A file of the experiment.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    /// Whether the file server said that it stored the file.
    pub(super) is_stored: bool,
}

impl Experiment {
    pub(super) fn new() -> Experiment {
        Experiment {
            id: format!("{:016x}", rand::random::<u64>()),
            project: String::new(),
            task: String::new(),
            files: Vec::new(),
        }
    }

    /// Returns the name of the project and of the task.
    pub(super) fn name(&self) -> String {
        format!("clearml-local verify {}", self.id)
    }

    /// Returns the pattern that only this name matches.
    pub(super) fn pattern(&self) -> String {
        format!("^{}$", self.name())
    }

    /// Executes a step other than the last one. Returns what is worth to be shown.
    pub(super) async fn execute(
        &mut self,
        step: Step,
        server: &mut Server<'_>,
        credentials: &Credentials,
    ) -> Result<String, Problem> {
        match step {
            Step::Login => {
                let version = server.log_in(credentials).await?;
                Ok(format!("server {version}"))
            }
            Step::Project => self.project(server).await,
            Step::Task => self.task(server).await,
            Step::Scalars => self.scalars(server).await,
            Step::Plot => self.plot(server).await,
            Step::DebugImage => self.debug_image(server).await,
            Step::Artifact => self.artifact(server).await,
            Step::Model => self.model(server).await,
            Step::Search => self.search(server).await,
            Step::Delete => super::cleanup::run(self, server).await,
        }
    }

    async fn project(&mut self, server: &Server<'_>) -> Result<String, Problem> {
        let project =
            json!({"name": self.name(), "description": "created by clearml-local verify"});
        let created = server.create("create a project", "projects.create", &project);
        self.project = created.await?;
        Ok(String::new())
    }

    async fn task(&mut self, server: &Server<'_>) -> Result<String, Problem> {
        let task = json!({"name": self.name(), "type": "testing", "project": self.project});
        let created = server.create("create a task", "tasks.create", &task);
        self.task = created.await?;
        let task = json!({"task": self.task});
        server
            .call("start the task", "tasks.started", &task)
            .await?;
        let task = self.read_task(server).await?;
        expect("the status of the task", &task["status"], "in_progress")?;
        Ok(String::new())
    }

    async fn read_task(&self, server: &Server<'_>) -> Result<Value, Problem> {
        let task = json!({"task": self.task});
        let read = server.call("read the task", "tasks.get_by_id", &task);
        Ok(read.await?["task"].clone())
    }

    async fn scalars(&self, server: &Server<'_>) -> Result<String, Problem> {
        let value = |iter: i64| 1.0 / f64::from(u32::try_from(iter).unwrap_or_default() + 1);
        let events = (0..SCALARS).map(|iter| {
            json!({
                "type": "training_stats_scalar", "task": self.task, "iter": iter,
                "metric": "loss", "variant": "train", "value": value(iter),
            })
        });
        let events: Vec<Value> = events.collect();
        server.report("report scalars", &events).await?;
        let asked = json!({"task": self.task, "key": "iter"});
        let endpoint = "events.scalar_metrics_iter_histogram";
        let found = server.call("read the scalars", endpoint, &asked).await?;
        let found = &found["loss"]["train"];
        let expected: Vec<i64> = (0..SCALARS).collect();
        expect("the iterations of the scalars", &found["x"], expected)?;
        // The values are stored with less precision.
        let values = found["y"].as_array().into_iter().flatten();
        let values = values.filter_map(Value::as_f64).zip(0..);
        let close = values.filter(|(found, iter)| (found - value(*iter)).abs() < 1e-6);
        match i64::try_from(close.count()) == Ok(SCALARS) {
            true => Ok(format!("{SCALARS} values")),
            false => Err(Problem::differs("the values of the scalars", &found["y"])),
        }
    }

    async fn plot(&self, server: &Server<'_>) -> Result<String, Problem> {
        let figure = json!({
            "data": [{"type": "scatter", "x": [0, 1, 2], "y": [0, 1, 4]}],
            "layout": {"title": "plot"},
        });
        let event = json!({
            "type": "plot", "task": self.task, "iter": 0, "metric": "plot", "variant": "plot",
            "plot_str": figure.to_string(),
        });
        server.report("report a plot", &[event]).await?;
        let asked = json!({"task": self.task, "iters": 1});
        let found = server.call("read the plot", "events.get_task_plots", &asked);
        let found = &found.await?["plots"][0]["plot_str"];
        let read: Option<Value> = found
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok());
        match read == Some(figure) {
            true => Ok(String::new()),
            false => Err(Problem::differs("the plot", found)),
        }
    }

    async fn debug_image(&mut self, server: &Server<'_>) -> Result<String, Problem> {
        let (path, content) = (self.file("image.png"), Bytes::from_static(IMAGE));
        self.upload(server, &path, &content).await?;
        let url = server.file(&path);
        let event = json!({
            "type": "training_debug_image", "task": self.task, "iter": 0,
            "metric": "images", "variant": "image", "key": path, "url": url,
        });
        server.report("report a debug image", &[event]).await?;
        let asked = json!({"metrics": [{"task": self.task}], "iters": 1});
        let found = server.call("read the debug image", "events.debug_images", &asked);
        let found = &found.await?["metrics"][0]["iterations"][0]["events"][0]["url"];
        expect("the URL of the debug image", found, url.as_str())?;
        server.check_file(&url, &content).await?;
        Ok(String::new())
    }

    async fn artifact(&mut self, server: &Server<'_>) -> Result<String, Problem> {
        let words = (0..ARTIFACT_BYTES / 8).flat_map(|_| rand::random::<u64>().to_le_bytes());
        let content: Bytes = words.collect();
        let path = self.file("artifact.bin");
        self.upload(server, &path, &content).await?;
        let url = server.file(&path);
        let artifact = json!({
            "key": "artifact", "type": "custom", "mode": "output", "uri": url,
            "content_size": content.len(), "hash": hex::encode(Sha256::digest(&content)),
            "timestamp": Timestamp::now().as_second(),
        });
        let artifacts = json!({"task": self.task, "artifacts": [artifact], "force": true});
        let endpoint = "tasks.add_or_update_artifacts";
        server
            .call("store the artifact", endpoint, &artifacts)
            .await?;
        let task = self.read_task(server).await?;
        let found = &task["execution"]["artifacts"][0]["uri"];
        expect("the URL of the artifact", found, url.as_str())?;
        server.check_file(&url, &content).await?;
        let size = words::bytes(content.len() as u64);
        Ok(format!("{size} up and down"))
    }

    async fn model(&mut self, server: &Server<'_>) -> Result<String, Problem> {
        let content = Bytes::from(format!("weights of {}", self.id));
        let path = self.file("model.bin");
        self.upload(server, &path, &content).await?;
        let url = server.file(&path);
        let model = json!({
            "name": self.name(), "uri": url, "framework": "Custom",
            "project": self.project, "task": self.task,
        });
        let created = server.create("create a model", "models.create", &model);
        let model = created.await?;
        let output = json!({
            "task": self.task, "type": "output", "name": "model", "model": model,
        });
        let endpoint = "tasks.add_or_update_model";
        server
            .call("add the model to the task", endpoint, &output)
            .await?;
        let asked = json!({"model": model});
        let found = server.call("read the model", "models.get_by_id", &asked);
        let found = &found.await?["model"]["uri"];
        expect("the URL of the model", found, url.as_str())?;
        server.check_file(&url, &content).await?;
        Ok(String::new())
    }

    /// Ends the task, and finds it as the search of the web app does.
    async fn search(&self, server: &Server<'_>) -> Result<String, Problem> {
        // Also if a watchdog of the server stopped it meanwhile.
        let task = json!({"task": self.task, "force": true});
        server
            .call("end the task", "tasks.completed", &task)
            .await?;
        let asked = json!({
            "_any_": {"pattern": self.name(), "fields": ["id", "name"]},
            "status": ["completed"], "only_fields": ["id"], "page": 0, "page_size": 10,
        });
        let found = server.call("search for the task", "tasks.get_all_ex", &asked);
        let found = found.await?;
        let ids = found["tasks"].as_array().into_iter().flatten();
        let ids: Vec<&Value> = ids.map(|task| &task["id"]).collect();
        expect("the tasks with this name", &json!(ids), json!([self.task]))?;
        Ok(String::new())
    }

    fn file(&self, name: &str) -> String {
        format!("{FILES_DIR}{}-{name}", self.id)
    }

    /// Uploads a file, which is recorded before.
    async fn upload(
        &mut self,
        server: &Server<'_>,
        path: &str,
        content: &Bytes,
    ) -> Result<(), Problem> {
        self.files.push(File {
            path: path.to_owned(),
            is_stored: false,
        });
        server.upload(path, content).await?;
        if let Some(file) = self.files.last_mut() {
            file.is_stored = true;
        }
        Ok(())
    }
}

/// Compares what the server returned with what it was sent.
fn expect(what: &str, found: &Value, expected: impl Into<Value>) -> Result<(), Problem> {
    match *found == expected.into() {
        true => Ok(()),
        false => Err(Problem::differs(what, found)),
    }
}

impl Problem {
    /// The server returned something else than it was sent.
    fn differs(what: &str, found: &Value) -> Problem {
        let why = format!("the server returned {}", words::cut(&found.to_string(), 60));
        let doing = format!("find {what} again");
        Problem::cannot(Component::Apiserver, doing, why)
    }
}
