//! A collector for tests, whose messages are OpenTelemetry's own.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    },
    trace::v1::{ResourceSpans, Span},
};
use prost::Message as _;

/// How the collector behaves towards a request.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// It takes it.
    Takes,
    /// It takes it, but does not want so many of its spans.
    Rejects(i64),
    /// It answers with this instead of HTTP or within HTTP.
    Says(&'static str),
    /// It lets the connection go without a word.
    HangsUp,
    /// It keeps the connection and says nothing.
    IsSilent,
}

/// A collector on a port of its own.
pub struct Collector {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    /// Behaves in these manners towards one request after the other, and in the last one from then
    /// on.
    pub fn start(manners: &'static [Manner]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::default();
        let collector = Self {
            address,
            received: Arc::clone(&received),
        };
        thread::spawn(move || {
            let mut silent = Vec::new();
            for (number, stream) in listener.incoming().enumerate() {
                let stream = stream.unwrap();
                match manners[number.min(manners.len() - 1)] {
                    Manner::IsSilent => silent.push(stream),
                    manner => converse(stream, manner, &received),
                }
            }
        });
        collector
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests it has taken.
    pub fn requests(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    /// What it has of whom.
    pub fn resources(&self) -> Vec<ResourceSpans> {
        let received = self.received.lock().unwrap();
        let all = received.iter().flat_map(|it| it.resource_spans.clone());
        all.collect()
    }

    /// All spans that it has taken, in order.
    pub fn spans(&self) -> Vec<Span> {
        let scopes = self.resources().into_iter().flat_map(|it| it.scope_spans);
        scopes.flat_map(|it| it.spans).collect()
    }
}

fn converse(
    mut stream: TcpStream,
    manner: Manner,
    received: &Mutex<Vec<ExportTraceServiceRequest>>,
) {
    let body = read(&stream);
    let rejected_spans = match manner {
        Manner::Takes => 0,
        Manner::Rejects(spans) => spans,
        Manner::Says(text) => return stream.write_all(text.as_bytes()).unwrap(),
        Manner::HangsUp | Manner::IsSilent => return,
    };
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    received.lock().unwrap().push(request);
    let partial_success = (rejected_spans > 0).then(|| ExportTracePartialSuccess {
        rejected_spans,
        error_message: "too\nmany".to_owned(),
    });
    let answer = ExportTraceServiceResponse { partial_success }.encode_to_vec();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&answer).unwrap();
}

/// Reads a request; gives its body.
fn read(stream: &TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    assert_eq!(first, "POST /v1/traces HTTP/1.1\r\n");
    let mut length = 0;
    let mut is_protobuf = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().to_lowercase().split_once(": ") {
            Some(("content-length", bytes)) => length = bytes.parse().unwrap(),
            Some(("content-type", kind)) => is_protobuf = kind == "application/x-protobuf",
            Some(_) => {}
            None => break,
        }
    }
    assert!(is_protobuf);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}
