//! Metrics as a scraper sees them.

use std::{
    io::{self, BufRead as _, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use prometheus_parse::{Scrape, Value};
use tracer::{
    export::Address,
    model::{Closed, Node, RootCall, SleepTime},
    recording::{Hits, Missed},
};
use tracer_common::CpuCounters;

use super::{
    collector::{Collector, Manner},
    feed_copies, sample, start,
};

/// A port of the metrics' own, and where it is.
///
/// The address is this process's own, so that once it is closed nobody else answers there: ports of
/// 127.0.0.1 go from one test to the next, of other programs, too.
fn listen() -> (std::net::TcpListener, SocketAddr) {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    let own = format!("127.{}.{b}.{c}:0", a | 0x80);
    let listener = own.parse::<Address>().unwrap().listen().unwrap();
    let address = listener.local_addr().unwrap();
    assert!(address.ip().is_loopback());
    (listener, address)
}

/// Says something to the metrics' server; gives all that it answers.
fn say(address: SocketAddr, words: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(words.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What a scraper has.
struct Scraped(Scrape);

impl Scraped {
    fn from(address: SocketAddr) -> Self {
        let answer = say(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
        assert!(head.contains(kind), "{head}");
        Self(Scrape::parse(io::Cursor::new(text).lines()).unwrap())
    }

    /// The one value of this name whose label is this.
    fn value(&self, name: &str, label: Option<(&str, &str)>) -> &Value {
        let mut all = self.0.samples.iter().filter(|sample| {
            sample.metric == name
                && label.is_none_or(|(key, value)| sample.labels.get(key) == Some(value))
        });
        let found = all
            .next()
            .unwrap_or_else(|| panic!("there is no {name}: {self:?}"));
        assert!(all.next().is_none(), "{name} stands there twice");
        &found.value
    }

    fn number(&self, name: &str, label: Option<(&str, &str)>) -> f64 {
        match self.value(name, label) {
            Value::Counter(number) | Value::Gauge(number) | Value::Untyped(number) => *number,
            other => panic!("{name} is {other:?}"),
        }
    }
}

impl std::fmt::Debug for Scraped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.samples.fmt(formatter)
    }
}

/// How long the root took, s.
fn seconds(root: &RootCall) -> f64 {
    let Node::Call(call) = &root.nodes[0] else {
        panic!("the sample begins with calls");
    };
    let duration = call.duration(SleepTime::Counted).unwrap();
    Duration::from_nanos(duration.0).as_secs_f64()
}

/// Numbers that are sums of others, in whatever order.
fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * other.abs()
}

const ROOT: Option<(&str, &str)> = Some(("root", "__sys_sendto"));

#[test]
fn a_scraper_has_what_the_trace_has() {
    let (listener, address) = listen();
    let counters = CpuCounters {
        lost_events: 7,
        lost_roots: 3,
        ..CpuCounters::default()
    };
    let (export, mut feed) = start(None, Some(listener), counters);
    let empty = Scraped::from(address);
    assert!(close(
        empty.number("tracer_root_duration_seconds_count", ROOT),
        0.0
    ));
    let (head, table, calls) = sample();
    let mut durations: Vec<f64> = calls.iter().map(seconds).collect();
    let mut events: u64 = calls.iter().map(|call| call.events).sum();
    let mut failed = calls[0].clone();
    let Node::Call(root) = &mut failed.nodes[0] else {
        panic!("the sample begins with calls");
    };
    if let Closed::Returned { value, .. } = &mut root.closed {
        *value = (-11_i64).cast_unsigned();
    }
    failed.gaps = 2;
    durations.push(seconds(&failed));
    events += failed.events;
    for call in calls.into_iter().chain([failed]) {
        feed.root_call(call, &table);
    }
    feed.filtered_out();
    let hits = |entries, exits| Hits { entries, exits };
    // A counter never goes back.
    for lost_whole in [9, 8] {
        feed.missed(Missed {
            lost_whole,
            roots: hits(4, 5),
            below: hits(6, 0),
        });
    }

    let scraped = Scraped::from(address);
    assert!(close(
        scraped.number("tracer_build_info", Some(("kernel", &head.kernel))),
        1.0
    ));
    for (name, expected) in [
        ("tracer_whole_calls_total", 20.0),
        ("tracer_partial_calls_total", 1.0),
        ("tracer_filtered_out_calls_total", 1.0),
        ("tracer_gaps_total", 2.0),
        ("tracer_lost_events_total", 7.0),
        ("tracer_lost_root_calls_total", 3.0),
        ("tracer_sampled_out_calls_total", 5.0),
        ("tracer_lost_whole_calls_total", 9.0),
    ] {
        assert!(close(scraped.number(name, None), expected), "{name}");
    }
    for (function, end, expected) in [
        ("root", "entry", 4.0),
        ("root", "exit", 5.0),
        ("callee", "entry", 6.0),
        ("callee", "exit", 0.0),
    ] {
        let mut hits = scraped.0.samples.iter().filter(|sample| {
            sample.metric == "tracer_skipped_hits_total"
                && sample.labels.get("function") == Some(function)
                && sample.labels.get("end") == Some(end)
        });
        let value = hits.next().map(|sample| &sample.value);
        assert_eq!(value, Some(&Value::Counter(expected)), "{function} {end}");
    }
    let events = u32::try_from(events).unwrap().into();
    assert!(close(scraped.number("tracer_events_total", None), events));
    let name = "tracer_root_duration_seconds";
    assert!(close(scraped.number(&format!("{name}_count"), ROOT), 21.0));
    let sum = durations.iter().sum();
    assert!(close(scraped.number(&format!("{name}_sum"), ROOT), sum));
    let Value::Histogram(buckets) = scraped.value(name, ROOT) else {
        panic!("{name} is no histogram");
    };
    assert_eq!(buckets.len(), 27);
    for bucket in buckets {
        let within = durations.iter().filter(|it| **it <= bucket.less_than);
        let within = u32::try_from(within.count()).unwrap().into();
        assert!(close(bucket.count, within), "{bucket:?} {within}");
    }
    let errors = scraped.number("tracer_root_errors_total", Some(("error", "EAGAIN")));
    assert!(close(errors, 1.0));
    assert_eq!(export.end(), None);
    assert!(TcpStream::connect(address).is_err(), "it serves forever");
}

#[test]
fn whoever_talks_nonsense_is_told_so_and_holds_nobody_up() {
    let (listener, address) = listen();
    let (export, feed) = start(None, Some(listener), CpuCounters::default());
    let silent = TcpStream::connect(address).unwrap();
    let begins = |words: &str, answer: &str| {
        let said = say(address, words);
        assert!(said.starts_with(answer), "{words:?}: {said:?}");
    };
    let host = "Host: localhost\r\n\r\n";
    begins(&format!("GET / HTTP/1.1\r\n{host}"), "HTTP/1.1 404 ");
    begins(
        &format!("POST /metrics HTTP/1.1\r\n{host}"),
        "HTTP/1.1 405 ",
    );
    begins("SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 400 ");
    let long = "x".repeat(20 << 10);
    begins(&format!("GET /{long} HTTP/1.1\r\n{host}"), "HTTP/1.1 4");
    Scraped::from(address);
    drop((silent, feed));
    assert_eq!(export.end(), None);
}

/// A connection that says nothing costs a scraper neither time nor its place, however many there
/// are.
#[test]
fn idle_connections_keep_no_scraper_out() {
    const AT_ONCE: usize = 8;
    let (listener, address) = listen();
    let (export, feed) = start(None, Some(listener), CpuCounters::default());
    let connect = || TcpStream::connect(address).unwrap();
    let mut idle: Vec<TcpStream> = (0..AT_ONCE).map(|_| connect()).collect();
    Scraped::from(address);
    // It was answered beside them, and not when they had been given up.
    for stream in &mut idle {
        stream.set_nonblocking(true).unwrap();
        let said = stream.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(said, Err(io::ErrorKind::WouldBlock));
        stream.set_nonblocking(false).unwrap();
    }
    // Where there are too many, the oldest goes.
    idle.extend((0..100).map(|_| connect()));
    Scraped::from(address);
    assert!(matches!(idle[0].read(&mut [0]), Ok(0) | Err(_)));
    drop((idle, feed));
    assert_eq!(export.end(), None);
}

/// A collector that takes the connection and never answers costs memory up to a bound, no time of
/// the trace, and 5 s at its end.
#[test]
fn a_silent_collector_holds_nothing_up() {
    const COPIES: u64 = 2000;
    const ROOM: u64 = 1 << 17;
    let collector = Collector::start(&[Manner::IsSilent]);
    let (listener, address) = listen();
    let (_, table, calls) = sample();
    let (export, feed) = start(
        Some(&collector.url()),
        Some(listener),
        CpuCounters::default(),
    );
    let began = Instant::now();
    feed_copies(feed, &calls[0], COPIES, &table);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    let scraped = Scraped::from(address);
    let waiting = ROOM / calls[0].nodes.len() as u64;
    let dropped = u32::try_from(COPIES - waiting).unwrap().into();
    assert!(close(
        scraped.number("tracer_otlp_dropped_calls_total", None),
        dropped
    ));
    assert!(close(
        scraped.number("tracer_otlp_sent_calls_total", None),
        0.0
    ));
    let ending = Instant::now();
    let delivered = export.end().unwrap();
    assert!(
        ending.elapsed() < Duration::from_secs(9),
        "{:?}",
        ending.elapsed()
    );
    assert_eq!((delivered.calls, delivered.dropped), (0, COPIES));
}

#[test]
fn a_port_that_is_taken_is_refused() {
    let (_taken, address) = listen();
    let error = Address(address).listen().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

/// For a real Prometheus server, by hand: serves for a minute and a half while the sample's calls
/// come again and again. See docs/exporting.md.
#[test]
#[ignore = "by hand: it takes as long as it serves, and a port that others know"]
fn for_a_real_server() {
    let address: Address = "9464".parse().unwrap();
    let (_, table, calls) = sample();
    let listener = Some(address.listen().unwrap());
    let (export, mut feed) = start(None, listener, CpuCounters::default());
    for call in calls.iter().cycle().take(900) {
        feed.root_call(call.clone(), &table);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(export.end(), None);
}
