//! Lines of a log stream, read with bounded memory.

use std::io;
use std::pin::Pin;

use ::kube::Api;
use ::kube::api::LogParams;
use futures_util::io::{AsyncBufRead, AsyncBufReadExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use super::client::bounded;
use super::{Cluster, Error};
use crate::component::NAMESPACE;

/// A line longer than this is cut into several.
pub(crate) const LONGEST: usize = 64 * 1024;

/// The lines of one container's log.
pub(crate) struct Lines {
    pod: String,
    reader: Pin<Box<dyn AsyncBufRead + Send>>,
    timestamps: bool,
    /// For the rest of a line that was cut.
    last: Option<Timestamp>,
}

/// One line, with the time that the kubelet wrote before it.
pub(crate) struct Line {
    pub(crate) time: Option<Timestamp>,
    pub(crate) text: String,
}

impl Cluster {
    /// Opens a container's log. `None` when there is none (yet, or any more).
    pub(crate) async fn open_log(
        &self,
        pod: &str,
        parameters: &LogParams,
    ) -> Result<Option<Lines>, Error> {
        let api: Api<Pod> = Api::namespaced(self.client(), NAMESPACE);
        let what = format!("read the log of {pod}");
        match bounded(&what, api.log_stream(pod, parameters)).await {
            Ok(reader) => Ok(Some(Lines {
                pod: pod.to_owned(),
                reader: Box::pin(reader),
                timestamps: parameters.timestamps,
                last: None,
            })),
            // 400: the container waits to start; 404: the pod is gone.
            Err(Error::Refused {
                status: 400 | 404, ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Lines {
    /// The next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Line>, Error> {
        let bytes = next_line(&mut self.reader)
            .await
            .map_err(|source| Error::Log {
                pod: self.pod.clone(),
                source,
            })?;
        Ok(bytes.map(|bytes| self.line(&String::from_utf8_lossy(&bytes))))
    }

    fn line(&mut self, text: &str) -> Line {
        let text = text.trim_end_matches('\r');
        let stamped = text.split_once(' ').unwrap_or((text, ""));
        match stamped.0.parse::<Timestamp>() {
            Ok(time) if self.timestamps => {
                self.last = Some(time);
                Line {
                    time: Some(time),
                    text: stamped.1.to_owned(),
                }
            }
            _ => Line {
                time: self.last,
                text: text.to_owned(),
            },
        }
    }
}

/// Reads up to a newline, the end, or the longest piece.
pub(crate) async fn next_line(
    reader: &mut (impl AsyncBufRead + Unpin + ?Sized),
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let bytes = reader.fill_buf().await?;
        if bytes.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let room = (LONGEST - line.len()).min(bytes.len());
        if let Some(end) = bytes[..room].iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&bytes[..end]);
            reader.consume_unpin(end + 1);
            return Ok(Some(line));
        }
        line.extend_from_slice(&bytes[..room]);
        reader.consume_unpin(room);
        if line.len() == LONGEST {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::io::{BufReader, Cursor};

    use super::*;

    async fn all(text: &[u8]) -> Vec<usize> {
        let mut reader = BufReader::with_capacity(7, Cursor::new(text));
        let mut lengths = Vec::new();
        while let Some(line) = next_line(&mut reader).await.unwrap() {
            lengths.push(line.len());
        }
        lengths
    }

    #[tokio::test]
    async fn lines_are_split_and_a_last_one_without_newline_counts() {
        assert_eq!(all(b"one\n\nthree and a bit").await, [3, 0, 15]);
        assert_eq!(all(b"").await, [] as [usize; 0]);
    }

    #[tokio::test]
    async fn an_endless_line_is_cut() {
        let text = vec![b'x'; LONGEST + 10];
        assert_eq!(all(&text).await, [LONGEST, 10]);
    }

    #[test]
    fn the_rest_of_a_cut_line_keeps_its_time() {
        let mut lines = Lines {
            pod: "p".to_owned(),
            reader: Box::pin(Cursor::new(Vec::new())),
            timestamps: true,
            last: None,
        };
        let first = lines.line("2026-11-23T13:11:28.123456789Z hello world\r");
        assert_eq!(first.text, "hello world");
        let rest = lines.line("and so on");
        assert_eq!((rest.time, rest.text.as_str()), (first.time, "and so on"));
    }
}
