//! One request to the collector and what it answers, each on a connection of its own.
//!
//! A request is a second's worth of spans, so a new connection costs little, and there is no old
//! one that the collector has meanwhile let go. Nothing is waited for longer than [`PATIENCE`], and
//! of an answer no more than [`LONGEST_ANSWER`] is read.

use std::{io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use prost::Message as _;
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};

use super::{
    Endpoint,
    messages::{ExportTracePartialSuccess, ExportTraceServiceResponse},
};

/// How long a request may take in all, as the protocol's exporters have it
/// (OTEL_EXPORTER_OTLP_TIMEOUT).
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the longest answer that is read.
const LONGEST_ANSWER: usize = 64 << 10;
/// What is sent, and wanted in return.
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Why the collector does not have the spans.
#[derive(Debug, Error)]
pub enum PostError {
    /// Nobody is there.
    #[error("cannot be reached ({0})")]
    Away(#[from] io::Error),
    /// It has too much to do, or is on its way up or down.
    #[error("takes nothing now (HTTP status {0})")]
    Busy(StatusCode),
    /// It takes too long.
    #[error("did not answer within {} s", PATIENCE.as_secs())]
    Slow,
    /// It goes away before it has answered.
    #[error("went away before it had answered ({0})")]
    Broken(hyper::Error),
    /// What answers is no web server.
    #[error("does not speak HTTP ({0}); its port for OTLP over HTTP is usually 4318")]
    NoHttp(hyper::Error),
    /// It does not want them.
    #[error("refuses spans (HTTP status {0}); a collector takes them at /v1/traces")]
    Refused(StatusCode),
    /// What answers is some other web server.
    #[error("answers, but not as a collector does (is this its address?)")]
    NoCollector,
}

impl PostError {
    /// Whether the same spans may be taken later: the protocol names the states ("Retryable
    /// Response Codes").
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Away(_) | Self::Busy(_) | Self::Slow | Self::Broken(_) => true,
            Self::NoHttp(_) | Self::Refused(_) | Self::NoCollector => false,
        }
    }
}

impl From<hyper::Error> for PostError {
    fn from(error: hyper::Error) -> Self {
        if error.is_parse() {
            Self::NoHttp(error)
        } else {
            Self::Broken(error)
        }
    }
}

/// Sends a request; gives what the collector did not take of it.
pub async fn post(
    endpoint: &Endpoint,
    body: Bytes,
) -> Result<ExportTracePartialSuccess, PostError> {
    timeout(PATIENCE, exchange(endpoint, body))
        .await
        .unwrap_or(Err(PostError::Slow))
}

async fn exchange(
    endpoint: &Endpoint,
    body: Bytes,
) -> Result<ExportTracePartialSuccess, PostError> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = hyper::Method::POST;
    *request.uri_mut() = endpoint.path.parse().map_err(|_| PostError::NoCollector)?;
    let host = HeaderValue::from_str(&endpoint.authority).map_err(|_| PostError::NoCollector)?;
    let agent = concat!("tracer/", env!("CARGO_PKG_VERSION"));
    request.headers_mut().extend([
        (HOST, host),
        (CONTENT_TYPE, PROTOBUF),
        (ACCEPT, PROTOBUF),
        (USER_AGENT, HeaderValue::from_static(agent)),
    ]);
    let talk = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        if status.is_success() {
            return answer(response.into_body()).await;
        }
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => PostError::Busy(status),
            _ => PostError::Refused(status),
        })
    };
    tokio::pin!(talk);
    tokio::select! {
        answered = &mut talk => answered,
        // It ends with the answer, or because of something that the request says, too.
        _ = connection => talk.await,
    }
}

/// Reads what a collector says of spans that it took. One that has nothing to say may say nothing.
async fn answer(body: Incoming) -> Result<ExportTracePartialSuccess, PostError> {
    let body = Limited::new(body, LONGEST_ANSWER).collect().await;
    let body = body.map_err(|_| PostError::NoCollector)?.to_bytes();
    let response = ExportTraceServiceResponse::decode(body).map_err(|_| PostError::NoCollector)?;
    Ok(response.partial_success.unwrap_or_default())
}
