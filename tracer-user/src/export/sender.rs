//! The collector's end of the queue: brings root calls together to requests, and brings these to
//! the collector.
//!
//! A request is what came within a second, or as many spans as a collector likes to take at once.
//! One that may pass later is tried again and again, with pauses, while the queue fills; the queue
//! is what is bounded. One that will never pass is dropped. The user is told once what is wrong;
//! how much it cost is counted.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use rustc_hash::FxHashMap;
use tokio::{
    sync::{mpsc::UnboundedReceiver, watch},
    time::{Instant, sleep, timeout_at},
};

use super::{
    Endpoint, Sent, client,
    feed::Finished,
    messages::{
        ExportTraceServiceRequest, InstrumentationScope, KeyValue, Resource, ResourceSpans,
        ScopeSpans, Span, attribute,
    },
    spans::{Knowledge, Spans},
};
use crate::{
    model::{FunctionId, FunctionInfo},
    recording::Head,
    values::Values,
};

/// Spans of a request: some 2 MB, a tenth of what collectors take by default.
const REQUEST: usize = 8192;
/// How long a root call waits for others to go with it.
const AGE: Duration = Duration::from_secs(1);
/// The pauses between attempts, from the first to the longest; each is twice as long as the one
/// before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Attempts that may fail when the trace has ended.
const LAST_ATTEMPTS: u32 = 3;
/// Characters of what is said of a collector.
const LONGEST_COMPLAINT: usize = 300;

/// Sends root calls.
pub struct Sender {
    pub(super) queue: UnboundedReceiver<Finished>,
    /// Has come out of the queue, but belongs to the next request.
    pub(super) next: Option<Finished>,
    pub(super) functions: FxHashMap<FunctionId, FunctionInfo>,
    pub(super) values: Values,
    pub(super) delivery: Delivery,
}

impl Sender {
    /// Sends until the queue has its end.
    pub async fn run(mut self) {
        while let Some(group) = self.group().await {
            self.send(group).await;
        }
    }

    /// Root calls that go together; none at the end.
    async fn group(&mut self) -> Option<Vec<Finished>> {
        let first = match self.next.take() {
            Some(next) => next,
            None => self.queue.recv().await?,
        };
        let until = Instant::now() + AGE;
        let mut spans = first.call.nodes.len();
        let mut group = vec![first];
        while spans < REQUEST {
            let Ok(Some(finished)) = timeout_at(until, self.queue.recv()).await else {
                break;
            };
            spans += finished.call.nodes.len();
            if spans > REQUEST {
                self.next = Some(finished);
                break;
            }
            group.push(finished);
        }
        Some(group)
    }

    /// Sends root calls in one request; one that is too large for that goes in several.
    async fn send(&mut self, mut group: Vec<Finished>) {
        for finished in &mut group {
            self.functions.extend(finished.functions.drain(..));
        }
        let calls = group.len() as u64;
        let knowledge = Knowledge {
            functions: &self.functions,
            values: self.values,
        };
        let mut spans = group
            .iter()
            .flat_map(|it| Spans::new(&it.call, knowledge, it.offset_ns));
        let mut taken = 0;
        loop {
            let part: Vec<Span> = spans.by_ref().take(REQUEST).collect();
            let size = part.len() as u64;
            if size == 0 {
                break;
            }
            if !self.delivery.deliver(part).await {
                self.delivery.sent.dropped.inc_by(calls);
                return;
            }
            taken += size;
        }
        self.delivery.sent.calls.inc_by(calls);
        self.delivery.sent.spans.inc_by(taken);
    }
}

/// Brings requests to the collector.
pub struct Delivery {
    endpoint: Endpoint,
    resource: Resource,
    pub(super) sent: Sent,
    /// Whether the trace has ended.
    ending: watch::Receiver<bool>,
    /// Whether the collector takes nothing.
    away: watch::Sender<bool>,
    /// How many more may fail after that.
    last_attempts: u32,
    has_complained: bool,
}

impl Delivery {
    /// Nothing was sent yet.
    pub fn new(
        endpoint: Endpoint,
        head: &Head,
        sent: Sent,
        ending: watch::Receiver<bool>,
        away: watch::Sender<bool>,
    ) -> Self {
        Self {
            endpoint,
            resource: resource(head),
            sent,
            ending,
            away,
            last_attempts: LAST_ATTEMPTS,
            has_complained: false,
        }
    }

    /// Sends spans until the collector has them, or never will. At the end of the trace it has a
    /// few attempts in all.
    async fn deliver(&mut self, spans: Vec<Span>) -> bool {
        let body = Bytes::from(self.request(spans).encode_to_vec());
        let mut pause = FIRST_PAUSE;
        loop {
            match client::post(&self.endpoint, body.clone()).await {
                Ok(answer) => {
                    self.away.send_replace(false);
                    let rejected = u64::try_from(answer.rejected_spans).unwrap_or(0);
                    self.sent.rejected.inc_by(rejected);
                    if rejected > 0 {
                        self.complain(&format!(
                            "does not want some spans ({})",
                            answer.error_message
                        ));
                    }
                    return true;
                }
                Err(error) => {
                    self.away.send_replace(true);
                    self.complain(&error.to_string());
                    if !error.may_pass() || !self.has_another_attempt() {
                        return false;
                    }
                }
            }
            let mut ending = self.ending.clone();
            tokio::select! {
                () = sleep(pause) => {}
                _ = ending.wait_for(|&ending| ending), if pause > FIRST_PAUSE => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether what was not taken may be tried again: always as long as the trace goes on, and a
    /// few times after its end. The thread that says so may be gone.
    fn has_another_attempt(&mut self) -> bool {
        if *self.ending.borrow() || self.ending.has_changed().is_err() {
            self.last_attempts = self.last_attempts.saturating_sub(1);
        }
        self.last_attempts > 0
    }

    /// Says once what is wrong. Part of that may be the collector's own words.
    fn complain(&mut self, what: &str) {
        if std::mem::replace(&mut self.has_complained, true) {
            return;
        }
        let printable = what
            .chars()
            .map(|it| if it.is_control() { ' ' } else { it });
        let what: String = printable.take(LONGEST_COMPLAINT).collect();
        eprintln!(
            "tracer: the collector at {} {what}; root calls that it does not get are counted",
            self.endpoint
        );
    }

    fn request(&self, spans: Vec<Span>) -> ExportTraceServiceRequest {
        let scope = InstrumentationScope {
            name: "tracer".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope),
                    spans,
                }],
            }],
        }
    }
}

/// Where the trace was made, by OpenTelemetry's names for that.
fn resource(head: &Head) -> Resource {
    let known = |key: &str, value: &str| (!value.is_empty()).then(|| attribute(key, value));
    let attributes: [Option<KeyValue>; 5] = [
        known("service.name", "tracer"),
        known("service.version", env!("CARGO_PKG_VERSION")),
        known("host.name", &head.host),
        known("os.type", "linux"),
        known("os.version", &head.kernel),
    ];
    Resource {
        attributes: attributes.into_iter().flatten().collect(),
    }
}
