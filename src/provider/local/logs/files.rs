//! Log files below /var/log/pods in a running node: one for each run of a container.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::component::Component;
use crate::docker::{Engine, exec_ok};
use crate::error::Result;
use crate::logs::lines::Lines;
use crate::logs::{Entries, Log, LogOptions, Part, Source, record};
use crate::namespace::Namespace;

/// How often the files are listed while following.
const PERIOD: Duration = Duration::from_secs(2);
/// Lists the files; succeeds if there are none.
const LIST: &str = r#"ls -d /var/log/pods/"$1"_*/*/*.log 2>/dev/null || true"#;

/// The log files in a node.
pub(super) struct Files {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) node: String,
    pub(super) options: LogOptions,
}

#[async_trait]
impl Source for Files {
    fn period(&self) -> Duration {
        PERIOD
    }

    async fn list(&self) -> Result<Vec<Log>> {
        let argv = ["sh", "-c", LIST, "sh", Namespace::DEFAULT];
        let title = "list the logs in the node";
        let listed = exec_ok(&*self.engine, &self.node, title, &argv).await?;
        let files = listed.lines().filter_map(File::at);
        let files = files.filter(|file| self.options.includes(file.component));
        let files = runs(files.collect(), self.options.previous);
        Ok(files.into_iter().map(Log::from).collect())
    }

    async fn open(&self, log: &Log, part: Part) -> Result<Option<Entries>> {
        let from = part.tail.map_or("+1".to_owned(), |tail| tail.to_string());
        let mut argv = vec!["tail", "-n", &from];
        if part.follow {
            // By name: the kubelet replaces a large file with a new one.
            argv.push("-F");
        }
        argv.push(&log.key);
        let title = "read a log in the node";
        let stream = self
            .engine
            .exec_stream(&self.node, title, &argv, None)
            .await?;
        Ok(Some(record::entries(Lines::new(stream), part.since)))
    }
}

/// The log of one run of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) component: Component,
    pod: String,
    uid: String,
    container: String,
    /// The number of earlier runs.
    run: u32,
    pub(super) path: String,
}

impl File {
    /// Parses `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/RUN.log`. `None` unless it is of a
    /// component: Kubernetes has an API server too.
    pub(super) fn at(path: &str) -> Option<File> {
        let mut parts = path.rsplit('/');
        let run = parts.next()?.strip_suffix(".log")?.parse().ok()?;
        let container = parts.next()?.to_owned();
        let mut of_pod = parts.next()?.split('_');
        let (namespace, pod, uid) = (of_pod.next()?, of_pod.next()?, of_pod.next()?);
        if namespace != Namespace::DEFAULT {
            return None;
        }
        let component = Component::of_pod(pod)?;
        Some(File {
            component,
            pod: pod.to_owned(),
            uid: uid.to_owned(),
            container,
            run,
            path: path.to_owned(),
        })
    }

    /// Whether it belongs to an init container that waits for another component.
    fn is_of_wait(&self) -> bool {
        self.container.starts_with("wait-for-")
    }
}

impl From<File> for Log {
    fn from(file: File) -> Log {
        Log {
            key: file.path,
            component: Some(file.component),
            pod: file.pod,
            container: file.container,
            run: file.run,
            may_grow: true,
        }
    }
}

/// Selects for each container the file of its last run, or of the previous one. The files of
/// init containers that wait are included only until the main container of the pod has a
/// log, as with the Kubernetes API.
pub(super) fn runs(mut files: Vec<File>, previous: bool) -> Vec<File> {
    let started: HashSet<String> = files
        .iter()
        .filter(|file| !file.is_of_wait())
        .map(|file| file.uid.clone())
        .collect();
    files.retain(|file| !file.is_of_wait() || !started.contains(&file.uid));
    files.sort_by(|a, b| {
        let key = |file: &File| (file.component, file.uid.clone(), file.container.clone());
        key(a).cmp(&key(b)).then(b.run.cmp(&a.run))
    });
    let containers = files.chunk_by(|a, b| (&a.uid, &a.container) == (&b.uid, &b.container));
    containers
        .filter_map(|files| files.get(usize::from(previous)).cloned())
        .collect()
}

#[cfg(test)]
mod tests;
