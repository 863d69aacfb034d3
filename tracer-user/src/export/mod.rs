//! Root calls for the systems by which fleets are watched: spans for an OpenTelemetry collector,
//! metrics for Prometheus.
//!
//! What the filter keeps goes here, beside the listing. All that talks to the network is on a
//! thread of its own, so nothing that happens there (a collector that is away, slow or no
//! collector, a scraper that never ends) holds up the rings, and memory is bounded on both sides:
//! [`feed`] is the tracing thread's end, [`sender`] the collector's, [`spans`] what is sent,
//! [`metrics`] and [`serve`] what is scraped. At the end of a live trace the collector has
//! [`LAST_WORDS`] to take what waits for it.

mod client;
mod counted;
mod endpoint;
mod feed;
mod labels;
mod messages;
mod metrics;
mod sender;
mod serve;
mod spans;

use std::{io, net::TcpListener, sync::Arc, thread, time::Duration};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Semaphore, mpsc, watch},
};

pub use counted::{AskCounts, Counts};
pub use endpoint::{Endpoint, EndpointError};
pub use feed::{Clock, Feed};
pub use metrics::{AskKernel, KernelCounts, Metrics, Sent};
pub use serve::{Address, NoAddress};

use crate::{output::ftrace, recording::Head};
use feed::{Queue, ROOM, WhenFull};
use metrics::Adder;
use sender::{Delivery, Sender};

/// How long the collector has at the end of a live trace. That of a recording may take as long as
/// the collector takes anything.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Who wants root calls.
#[derive(Debug, Default)]
pub struct Outlets {
    /// A collector.
    pub collector: Option<Endpoint>,
    /// Scrapers, who come here.
    pub scrapers: Option<TcpListener>,
}

impl Outlets {
    /// Whether anybody wants root calls.
    #[must_use]
    pub const fn takes_calls(&self) -> bool {
        self.collector.is_some() || self.scrapers.is_some()
    }
}

/// Where root calls come from.
pub enum Source {
    /// The rings, which must not be held up. The kernel side is asked for its counters.
    Live(AskKernel),
    /// Nowhere: the kernel counts them, and is asked.
    Counted(AskCounts),
    /// A recording, which can wait.
    Recording,
}

/// The thread that talks to the network.
pub struct Export {
    ending: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
    collector: Option<(Endpoint, Sent)>,
}

/// What became of the root calls that were to go to a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The collector's address.
    pub to: String,
    /// Root calls that it has taken.
    pub calls: u64,
    /// Their spans.
    pub spans: u64,
    /// Root calls that it does not have, or not whole.
    pub dropped: u64,
    /// Spans that it said it did not want.
    pub rejected: u64,
}

impl Export {
    /// Begins to serve and to send what the feed is given. Nothing runs if nobody wants anything.
    pub fn start(
        outlets: Outlets,
        head: &Head,
        text: ftrace::TextOptions,
        source: Source,
    ) -> io::Result<(Self, Feed)> {
        let (ending, ended) = watch::channel(false);
        let mut watch = Self {
            ending,
            thread: None,
            collector: None,
        };
        let mut feed = Feed::default();
        if outlets.collector.is_none() && outlets.scrapers.is_none() {
            return Ok((watch, feed));
        }
        let patience = match source {
            Source::Live(_) | Source::Counted(_) => LAST_WORDS,
            Source::Recording => Duration::MAX,
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let sent = Sent::default();
        let sender = outlets.collector.map(|endpoint| {
            watch.collector = Some((endpoint.clone(), sent.clone()));
            let (away, is_away) = watch::channel(false);
            let (when_full, clock) = match &source {
                Source::Live(_) | Source::Counted(_) => (WhenFull::Drop, Clock::Live),
                Source::Recording => {
                    let wait = WhenFull::Wait {
                        runtime: runtime.handle().clone(),
                        away: is_away,
                    };
                    let began = head.began_realtime_ns;
                    let offset = began.saturating_sub(head.began_monotonic_ns);
                    (wait, Clock::Recorded(offset))
                }
            };
            let (into, queue) = mpsc::unbounded_channel();
            feed.queue = Some(Queue {
                sender: into,
                room: Arc::new(Semaphore::new(ROOM as usize)),
                sent: sent.clone(),
                clock,
                when_full,
                known: FxHashSet::default(),
            });
            Sender {
                queue,
                next: None,
                functions: FxHashMap::default(),
                values: text.values,
                delivery: Delivery::new(endpoint, head, sent.clone(), ended.clone(), away),
            }
        });
        let server = outlets.scrapers.map(|listener| {
            let sent = sender.is_some().then_some(&sent);
            let metrics = Arc::new(match source {
                Source::Live(kernel) => Metrics::new(head, sent, kernel),
                Source::Counted(counts) => Metrics::counted(head, counts),
                Source::Recording => Metrics::new(head, sent, Box::new(|| None)),
            });
            feed.metrics = Some(Adder::new(Arc::clone(&metrics), text.sleep));
            (listener, metrics)
        });
        let thread = thread::Builder::new().name("tracer-watch".to_owned());
        watch.thread = Some(thread.spawn(move || run(runtime, sender, server, ended, patience))?);
        Ok((watch, feed))
    }

    /// The trace is over: the feed is gone, and what waits for the collector goes now or never.
    pub fn close(&self) {
        self.ending.send_replace(true);
    }

    /// Waits until the collector has what it takes, and gives the port back. Says what that was, if
    /// there is a collector.
    pub fn end(self) -> Option<Delivered> {
        self.close();
        if let Some(thread) = self.thread {
            // It does not panic; if it did, that was said, and what was not sent is counted below.
            let _ = thread.join();
        }
        let (endpoint, sent) = self.collector?;
        Some(Delivered {
            to: endpoint.to_string(),
            calls: sent.calls.get(),
            spans: sent.spans.get(),
            dropped: sent.given.get().saturating_sub(sent.calls.get()),
            rejected: sent.rejected.get(),
        })
    }
}

/// Sends and serves until the trace has ended and the collector has had its time.
fn run(
    runtime: Runtime,
    sender: Option<Sender>,
    server: Option<(TcpListener, Arc<Metrics>)>,
    mut ended: watch::Receiver<bool>,
    patience: Duration,
) {
    runtime.block_on(async {
        if let Some((listener, metrics)) = server {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => drop(tokio::spawn(serve::serve(listener, metrics))),
                Err(error) => eprintln!("tracer: the metrics cannot be served: {error}"),
            }
        }
        let mut over = ended.clone();
        if let Some(sender) = sender {
            // The thread that says that the trace has ended may be gone.
            let patience = async {
                let _ = ended.wait_for(|&ended| ended).await;
                tokio::time::sleep(patience).await;
            };
            tokio::select! {
                () = sender.run() => {}
                () = patience => {}
            }
        }
        let _ = over.wait_for(|&ended| ended).await;
    });
    // A name that is being looked up is not waited for.
    runtime.shutdown_background();
}
