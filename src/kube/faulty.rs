//! A fake Kubernetes API on real HTTP connections, which injects a fault into one request.
//! The connections are pairs of sockets in this process, so tests can pause the clock.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::kube::client::{Body, ClientBuilder};
use http::{Request as HttpRequest, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::sleep;
use tower::util::{AndThenLayer, MapRequestLayer};

use super::mock::{Record, Request};
use super::{Cluster, calls};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request is accepted and never answered.
    Silence,
    /// The answer stops in its middle, and the connection stays open.
    SilenceInBody,
    /// The answer comes late, and in small parts.
    Slow,
    /// The connection closes, and the request is not executed.
    CloseBeforeRequest,
    /// The request is executed, and the connection closes without an answer.
    CloseBeforeAnswer,
    CloseInHeaders,
    CloseInBody,
    /// A chunked answer ends without its last chunk.
    TruncatedChunks,
    /// The answer is not HTTP.
    Garbage,
    /// The content of the answer is a page in HTML, as a proxy returns it.
    OtherContent,
    /// The status 429, and the header `Retry-After`.
    TooManyRequests,
    ServerError,
    Unavailable,
    /// The status 504 of a proxy, in plain text.
    GatewayTimeout,
}

impl Fault {
    pub(crate) const ALL: [Fault; 14] = [
        Fault::Silence,
        Fault::SilenceInBody,
        Fault::Slow,
        Fault::CloseBeforeRequest,
        Fault::CloseBeforeAnswer,
        Fault::CloseInHeaders,
        Fault::CloseInBody,
        Fault::TruncatedChunks,
        Fault::Garbage,
        Fault::OtherContent,
        Fault::TooManyRequests,
        Fault::ServerError,
        Fault::Unavailable,
        Fault::GatewayTimeout,
    ];

    /// Returns whether the server executes the request.
    pub(crate) fn executes(self) -> bool {
        matches!(
            self,
            Fault::SilenceInBody
                | Fault::Slow
                | Fault::CloseBeforeAnswer
                | Fault::CloseInHeaders
                | Fault::CloseInBody
                | Fault::TruncatedChunks
        )
    }

    fn status(self) -> Option<(u16, &'static str)> {
        let text = |code: u16| match code {
            429 => "Too many requests, please try again later.",
            504 => "<html>504 Gateway Time-out</html>",
            200 => "<html>Sign in to the network</html>",
            500 => {
                r#"{"kind":"Status","code":500,"reason":"InternalError","message":"out of luck"}"#
            }
            _ => {
                r#"{"kind":"Status","code":503,"reason":"ServiceUnavailable","message":"no leader"}"#
            }
        };
        let code = match self {
            Fault::OtherContent => 200,
            Fault::TooManyRequests => 429,
            Fault::ServerError => 500,
            Fault::Unavailable => 503,
            Fault::GatewayTimeout => 504,
            _ => return None,
        };
        Some((code, text(code)))
    }
}

/// Which requests have the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    Once,
    /// This one and all later ones.
    Always,
}

/// The number of a request, its fault, and whether later ones have it too.
pub(crate) type Injected = (usize, Fault, Times);

type Answer = dyn Fn(&Request) -> (u16, Value) + Send + Sync;

struct Server {
    answer: Box<Answer>,
    fault: Option<Injected>,
    requests: Record,
}

/// Creates a cluster whose server has a fault. The record has all requests, also those that
/// were not executed.
pub(crate) fn cluster(
    answer: impl Fn(&Request) -> (u16, Value) + Send + Sync + 'static,
    fault: Option<Injected>,
) -> (Cluster, Record) {
    let requests = Record::default();
    let server = Arc::new(Server {
        answer: Box::new(answer),
        fault,
        requests: Arc::clone(&requests),
    });
    let connector = tower::service_fn(move |_: Uri| {
        let pair = UnixStream::pair();
        let server = Arc::clone(&server);
        std::future::ready(pair.map(|(client, stream)| {
            tokio::spawn(async move { server.serve(stream).await });
            TokioIo::new(client)
        }))
    });
    let client = Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let with_host = MapRequestLayer::new(|mut request: HttpRequest<Body>| {
        let path = request.uri().path_and_query().cloned();
        let uri = Uri::builder().scheme("http").authority("cluster");
        let uri = uri.path_and_query(path.expect("a path")).build();
        *request.uri_mut() = uri.expect("a valid URI");
        request
    });
    let client = ClientBuilder::new(client, "default")
        .with_layer(&with_host)
        .with_layer(&AndThenLayer::new(calls::pause_if_asked))
        .build();
    (Cluster::of(client), requests)
}

impl Server {
    /// Answers the requests of a connection.
    async fn serve(&self, mut stream: UnixStream) -> io::Result<()> {
        while let Some(request) = read_request(&mut stream).await? {
            let fault = {
                let mut requests = self.requests.lock().unwrap();
                let number = requests.len();
                requests.push(request.clone());
                self.fault.filter(|(at, _, times)| {
                    number == *at || number > *at && *times == Times::Always
                })
            };
            let fault = fault.map(|(_, fault, _)| fault);
            let answer = match fault {
                Some(fault) if !fault.executes() => None,
                _ => Some((self.answer)(&request)),
            };
            if !respond(&mut stream, answer, fault).await? {
                // The program of another test may be starting, which has a copy of the socket
                // until then: closing ours would not be noticed.
                return stream.shutdown().await;
            }
        }
        Ok(())
    }
}

async fn read_request(stream: &mut UnixStream) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let head = loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut words = text.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next(), words.next());
    let length = text.lines().find_map(|line| {
        let line = line.to_lowercase();
        line.strip_prefix("content-length:")?.trim().parse().ok()
    });
    while bytes.len() < head + length.unwrap_or(0) {
        stream.read_buf(&mut bytes).await?;
    }
    Ok(Some(Request {
        method: method.unwrap_or_default(),
        path: path.unwrap_or_default(),
        body: serde_json::from_slice(&bytes[head..]).unwrap_or(Value::Null),
    }))
}

/// Writes an answer with a fault. Returns whether the connection stays usable.
async fn respond(
    stream: &mut UnixStream,
    answer: Option<(u16, Value)>,
    fault: Option<Fault>,
) -> io::Result<bool> {
    let (status, body) = match fault.and_then(Fault::status) {
        Some((status, text)) => (status, text.as_bytes().to_vec()),
        None => {
            let (status, body) = answer.unwrap_or_default();
            // A log is plain text.
            let bytes = match body {
                Value::String(text) => text.into_bytes(),
                other => serde_json::to_vec(&other)?,
            };
            (status, bytes)
        }
    };
    let wait = match status {
        429 => "Retry-After: 1\r\n",
        _ => "",
    };
    let head = |framing: &str| format!("HTTP/1.1 {status} Status\r\n{wait}{framing}\r\n\r\n");
    let plain = head(&format!("Content-Length: {}", body.len()));
    let half = &body[..body.len() / 2];
    match fault {
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::SilenceInBody) => {
            stream.write_all(plain.as_bytes()).await?;
            stream.write_all(half).await?;
            std::future::pending().await
        }
        Some(Fault::CloseBeforeRequest | Fault::CloseBeforeAnswer) => {}
        Some(Fault::CloseInHeaders) => stream.write_all(&plain.as_bytes()[..12]).await?,
        Some(Fault::CloseInBody) => {
            stream.write_all(plain.as_bytes()).await?;
            stream.write_all(half).await?;
        }
        Some(Fault::TruncatedChunks) => {
            let head = head("Transfer-Encoding: chunked");
            stream.write_all(head.as_bytes()).await?;
            let size = format!("{:x}\r\n", half.len());
            if !half.is_empty() {
                let chunk = [size.as_bytes(), half, b"\r\n"].concat();
                stream.write_all(&chunk).await?;
            }
        }
        Some(Fault::Garbage) => stream.write_all(b"\x16\x03\x01 no HTTP\r\n\r\n").await?,
        Some(Fault::Slow) => {
            sleep(Duration::from_secs(3)).await;
            stream.write_all(plain.as_bytes()).await?;
            for part in body.chunks(body.len() / 4 + 1) {
                sleep(Duration::from_secs(1)).await;
                stream.write_all(part).await?;
            }
            return Ok(true);
        }
        _ => {
            stream
                .write_all(&[plain.as_bytes(), &body].concat())
                .await?;
            return Ok(true);
        }
    }
    Ok(false)
}
