//! The metrics' own small web server.
//!
//! A connection has [`PATIENCE`] from its beginning to the end of the answer, and there are
//! [`CONNECTIONS`] of them at most. Where one more comes, the oldest is closed: it has had its
//! time, for an answer takes milliseconds. So a client that connects and says nothing, however
//! often, keeps no scraper out, and a scraper that is slow or says nonsense holds up nothing of the
//! trace.

use std::{
    collections::VecDeque, convert::Infallible, io, net::SocketAddr, str::FromStr, sync::Arc,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use prometheus_client::encoding::prometheus_text::CONTENT_TYPE as TEXT;
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::Metrics;

/// Connections that are open at the same time, each of some 20 KB.
const CONNECTIONS: usize = 32;
/// How long one may take from its beginning to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when the host has no descriptor or memory for a connection.
const RECOVERY: Duration = Duration::from_millis(100);
/// Bytes of the longest request.
const LONGEST_REQUEST: usize = 16 << 10;

/// Where metrics are served. Without an address that is the host itself alone, since nobody has to
/// say who he is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

/// That is no address.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "that is no address: write a port such as 9464, which this host alone can reach, or an address \
    and a port such as 0.0.0.0:9464"
)]
pub struct NoAddress;

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let port = text.strip_prefix(':').unwrap_or(text);
        if let Ok(port) = port.parse::<u16>() {
            return Ok(Self(([127, 0, 0, 1], port).into()));
        }
        text.parse().map(Self).map_err(|_| NoAddress)
    }
}

impl Address {
    /// Takes the port, for [`serve`].
    pub fn listen(self) -> io::Result<std::net::TcpListener> {
        let listener = std::net::TcpListener::bind(self.0)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

/// Answers scrapers without an end.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>) -> Infallible {
    // The oldest first.
    let mut open: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                open.retain(|connection| !connection.is_finished());
                if open.len() == CONNECTIONS
                    && let Some(oldest) = open.pop_front()
                {
                    oldest.abort();
                }
                let metrics = Arc::clone(&metrics);
                open.push_back(tokio::spawn(async move {
                    // Who takes too long or talks nonsense has been told so by HTTP or by the end
                    // of the connection.
                    let _ = timeout(PATIENCE, converse(stream, &metrics)).await;
                }));
            }
            Err(_) => sleep(RECOVERY).await,
        }
    }
}

async fn converse(stream: TcpStream, metrics: &Metrics) -> hyper::Result<()> {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(&request, metrics)));
    http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(LONGEST_REQUEST)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let of = |status, text: String| {
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        let plain = HeaderValue::from_static(TEXT);
        response.headers_mut().insert(CONTENT_TYPE, plain);
        response
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = of(
            StatusCode::METHOD_NOT_ALLOWED,
            "metrics are for GET\n".into(),
        );
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allowed);
        return response;
    }
    if request.uri().path() != "/metrics" {
        return of(
            StatusCode::NOT_FOUND,
            "the metrics are at /metrics\n".into(),
        );
    }
    match metrics.text() {
        Ok(text) => of(StatusCode::OK, text),
        Err(error) => of(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_for_this_host_alone() {
        let of = |text: &str| text.parse::<Address>().map(|it| it.0.to_string());
        assert_eq!(of("9464"), Ok("127.0.0.1:9464".to_owned()));
        assert_eq!(of(":9464"), Ok("127.0.0.1:9464".to_owned()));
        assert_eq!(of("0.0.0.0:9464"), Ok("0.0.0.0:9464".to_owned()));
        assert_eq!(of("[::]:9464"), Ok("[::]:9464".to_owned()));
        for wrong in [
            "",
            ":",
            "65536",
            "-1",
            "127.0.0.1",
            "host:9464",
            "::1:9464:",
            "http://127.0.0.1:9464",
        ] {
            assert_eq!(of(wrong), Err(NoAddress), "{wrong}");
        }
    }
}
