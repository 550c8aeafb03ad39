//! Opens the logs of containers.

use std::pin::Pin;

use ::kube::api::{ListParams, LogParams};
use futures_util::io::AsyncBufRead;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::calls::read;
use super::{COMPONENT_LABEL, Cluster, Error, convert};
use crate::component::Component;
use crate::diagnose::PodObservation;

/// A stream of log lines, each of which begins with its time.
pub(crate) type LogReader = Pin<Box<dyn AsyncBufRead + Send>>;

/// Which log of a container to read.
#[derive(Debug, Clone)]
pub(crate) struct LogRequest {
    pub(crate) container: String,
    /// The log of the previous run.
    pub(crate) previous: bool,
    /// Also lines that are written later.
    pub(crate) follow: bool,
    /// The maximum number of existing lines.
    pub(crate) tail: Option<u32>,
    /// Only lines since this time, in seconds.
    pub(crate) since: Option<Timestamp>,
}

impl Cluster {
    /// Lists the pods of all components, of any revision.
    pub(crate) async fn pods(&self) -> Result<Vec<(Component, PodObservation)>, Error> {
        let api = self.namespaced::<Pod>();
        let labelled = ListParams::default().labels(COMPONENT_LABEL);
        let pods = read("list pods", || api.list(&labelled)).await?;
        let pods = pods.items.iter().filter_map(|pod| {
            let labels = pod.metadata.labels.as_ref()?;
            let component = Component::from_name(labels.get(COMPONENT_LABEL)?)?;
            Some((component, convert::pod(pod)))
        });
        Ok(pods.collect())
    }

    /// Opens the log of a container. Returns `None` if it does not exist yet or any more.
    pub(crate) async fn open_log(
        &self,
        pod: &str,
        request: LogRequest,
    ) -> Result<Option<LogReader>, Error> {
        let api = self.namespaced::<Pod>();
        let what = format!("read the log of {pod}");
        let parameters = LogParams {
            container: Some(request.container),
            previous: request.previous,
            follow: request.follow,
            tail_lines: request.tail.map(i64::from),
            since_time: request.since,
            timestamps: true,
            ..LogParams::default()
        };
        match read(&what, || api.log_stream(pod, &parameters)).await {
            Ok(reader) => Ok(Some(Box::pin(reader))),
            // 400: the container waits to start; 404: the pod is gone.
            Err(Error::Refused {
                status: 400 | 404, ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
