//! Root calls as spans: what a collector has of them, and what a collector that is away, slow or
//! none at all does to a trace.

use std::{
    collections::HashSet,
    process::{Command, Stdio},
};

use super::{
    SAMPLE,
    by_hand::{functions, marked},
    collector::{Collector, Manner},
    feed_copies, sample, start_from,
};
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use tracer::{
    export::Source,
    model::{Call, FunctionTable, Node, RootCall, SleepTime},
    recording::Head,
    values::{self, Typed, Values},
};

/// Replays the sample to a collector; gives the exit status and what was said, without the
/// collector's port.
fn replay_to(url: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tracer"))
        .args(["replay", SAMPLE, "--otlp", url, "-o", "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let port = url.rsplit_once(':').unwrap().1;
    (output.status.code(), said.replace(port, "PORT"))
}

fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let mut all = attributes.iter().filter(|it| it.key == key);
    let found = all.next()?;
    assert!(all.next().is_none(), "{key} stands there twice");
    found.value.as_ref()?.value.as_ref()
}

fn text(value: &str) -> Value {
    Value::StringValue(value.to_owned())
}

fn as_attribute(value: Typed) -> Value {
    match value {
        Typed::Bool(value) => Value::BoolValue(value),
        Typed::Signed(value) | Typed::Listed(value) => Value::IntValue(value),
        Typed::Unsigned(value) => {
            i64::try_from(value).map_or_else(|_| text(&value.to_string()), Value::IntValue)
        }
        Typed::Bits(bits) => Value::StringValue(format!("{bits:#x}")),
    }
}

/// The call that made this one: the last one before it that is less deep.
fn parent(root: &RootCall, index: usize) -> Option<usize> {
    let depth = root.nodes[index].depth();
    (0..index).rfind(|&before| root.nodes[before].depth() < depth)
}

fn check_call(span: &Span, call: &Call, head: &Head, table: &FunctionTable) {
    let of_day = |monotonic: u64| head.began_realtime_ns + monotonic - head.began_monotonic_ns;
    assert_eq!(span.name, table.name(call.function));
    assert_eq!(span.kind(), SpanKind::Internal);
    assert_eq!(span.start_time_unix_nano, of_day(call.entered.unwrap().0));
    assert_eq!(span.end_time_unix_nano, of_day(call.closed.at().unwrap().0));
    let of = |key: &str| attribute(&span.attributes, key).cloned();
    let cpu = Value::IntValue(call.cpu.0.into());
    assert_eq!(of("cpu.logical_number"), Some(cpu));
    let off_cpu = (call.off_cpu.0 > 0).then(|| Value::IntValue(call.off_cpu.0.try_into().unwrap()));
    assert_eq!(of("tracer.off_cpu_ns"), off_cpu);
    let cpu_time = call.duration(SleepTime::Excluded).unwrap().0;
    let cpu_time = off_cpu.map(|_| Value::IntValue(cpu_time.try_into().unwrap()));
    assert_eq!(of("tracer.cpu_ns"), cpu_time);
    let returns = table.returns(call.function);
    let returned = values::typed(returns, call.closed.value().unwrap(), Values::Typed);
    assert_eq!(of("tracer.return_value"), returned.map(as_attribute));
    let error = returned.and_then(Typed::error_name);
    assert_eq!(of("error.type"), error.map(text));
    let status = span.status.as_ref().map(|it| (it.code(), &*it.message));
    assert_eq!(status, error.map(|name| (StatusCode::Error, name)));
    let signature = values::Signature::without_places(table.get(call.function));
    for argument in values::typed_arguments(signature, &call.details) {
        let key = format!("tracer.argument.{}", argument.name);
        assert_eq!(of(&key), argument.value.map(as_attribute));
    }
}

#[test]
fn a_collector_has_every_call_where_it_was_made() {
    let collector = Collector::start(&[Manner::Takes]);
    let (status, said) = replay_to(&collector.url());
    assert_eq!(status, Some(0), "{said}");
    let (head, table, calls) = sample();
    let spans = collector.spans();
    let expected = format!("sent 20 root calls as {} spans to", spans.len());
    assert!(
        said.contains(&expected) && said.contains(", dropped 0\n"),
        "{said}"
    );

    let mut rest = spans.as_slice();
    let mut traces = HashSet::new();
    let (mut arguments, mut errors, mut deep) = (0, 0, 0);
    for root in &calls {
        let (own, others) = rest.split_at(root.nodes.len());
        rest = others;
        let trace = &own[0].trace_id;
        assert!(trace.len() == 16 && trace.iter().any(|&byte| byte != 0));
        assert!(traces.insert(trace.clone()), "two root calls are one trace");
        let identities: HashSet<_> = own.iter().map(|span| &span.span_id).collect();
        assert_eq!(identities.len(), own.len());
        assert!(identities.iter().all(|id| id.len() == 8 && ***id != [0; 8]));
        for (index, (span, node)) in own.iter().zip(&root.nodes).enumerate() {
            assert_eq!(&span.trace_id, trace);
            let parent = parent(root, index).map_or(&[][..], |it| own[it].span_id.as_slice());
            assert_eq!(span.parent_span_id, parent);
            let Node::Call(call) = node else {
                panic!("the sample has no gap");
            };
            check_call(span, call, &head, &table);
            arguments += call.details.arguments().len();
            errors += usize::from(span.status.is_some());
            deep = deep.max(call.depth);
        }
        let of = |key: &str| attribute(&own[0].attributes, key).cloned();
        assert_eq!(
            of("thread.id"),
            Some(Value::IntValue(root.task.id().0.into()))
        );
        assert_eq!(
            of("process.pid"),
            Some(Value::IntValue(root.process.0.into()))
        );
        assert_eq!(of("thread.name"), Some(text(&root.comm())));
        assert_eq!(of("tracer.end"), Some(text("returned")));
        assert_eq!(
            of("tracer.events"),
            Some(Value::IntValue(root.events.try_into().unwrap()))
        );
        assert_eq!(of("tracer.gaps"), Some(Value::IntValue(0)));
    }
    assert!(rest.is_empty() && calls.len() == 20);
    // Else what was compared is nothing.
    assert!(arguments > 100 && deep > 5, "{arguments} {errors} {deep}");

    let resource = collector.resources().remove(0).resource.unwrap().attributes;
    let name = |key| match attribute(&resource, key) {
        Some(Value::StringValue(text)) => text.as_str(),
        other => panic!("{key} is {other:?}"),
    };
    assert_eq!(name("service.name"), "tracer");
    assert_eq!(name("host.name"), head.host);
    assert_eq!(name("os.version"), head.kernel);
}

/// What the collector said it did not want was of calls that it has.
#[test]
fn spans_that_are_rejected_are_counted() {
    let collector = Collector::start(&[Manner::Rejects(3)]);
    let (status, said) = replay_to(&collector.url());
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("does not want some spans (too many);"),
        "{said}"
    );
    assert!(
        said.contains(", dropped 0; 3 spans of them it did not want\n"),
        "{said}"
    );
}

/// A collector that is busy, or goes away in the middle, is asked again; nothing is lost by that.
#[test]
fn what_passes_costs_nothing() {
    const BUSY: Manner =
        Manner::Says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    for manners in [&[BUSY, Manner::Takes], &[Manner::HangsUp, Manner::Takes]] {
        let collector = Collector::start(manners);
        let (status, said) = replay_to(&collector.url());
        assert_eq!(status, Some(0), "{manners:?}: {said}");
        assert!(
            said.contains("sent 20 root calls") && said.contains("dropped 0\n"),
            "{said}"
        );
        assert_eq!(collector.requests(), 1);
    }
}

/// One sentence each, and exit status 6, for the root calls are not where they should be.
#[test]
fn what_is_no_collector() {
    const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<!DOCTYPE html>";
    let cases: [(&'static str, &'static [Manner]); 5] = [
        ("no HTTP", &[Manner::Says("220 mail.example ESMTP\r\n")]),
        ("a page", &[Manner::Says(PAGE)]),
        (
            "nothing there",
            &[Manner::Says(
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            )],
        ),
        (
            "always busy",
            &[Manner::Says(
                "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
            )],
        ),
        ("hangs up", &[Manner::HangsUp]),
    ];
    let mut all: Vec<String> = cases
        .into_iter()
        .map(|(name, manners)| {
            let collector = Collector::start(manners);
            let (status, said) = replay_to(&collector.url());
            format!("{name}: exit status {}\n{said}", status.unwrap())
        })
        .collect();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let (status, said) = replay_to(&format!("http://{closed}"));
    all.push(format!("away: exit status {}\n{said}", status.unwrap()));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn what_happened_within_a_call_is_an_event_of_its_span() {
    let collector = Collector::start(&[Manner::Takes]);
    let (export, feed) = start_from(Source::Recording, Some(&collector.url()), None);
    feed_copies(feed, &marked(), 1, &functions());
    assert_eq!(export.end().unwrap().spans, 3);
    let spans = collector.spans();
    let names = |span: &Span| {
        let names = span.events.iter().map(|event| event.name.clone());
        (span.name.clone(), names.collect::<Vec<_>>().join(" "))
    };
    let one = |span: &str, events: &str| (span.to_owned(), events.to_owned());
    assert_eq!(
        spans.iter().map(names).collect::<Vec<_>>(),
        [
            one("__sys_sendto", "sched_waking sched_waking"),
            one("inet_sendmsg", "sched_waking unknown+0x7f000001"),
            one("lock_sock_nested", "sched_waking"),
        ]
    );
    let event = &spans[0].events[0];
    assert_eq!(
        attribute(&event.attributes, "pid"),
        Some(&Value::IntValue(136))
    );
    assert!(event.time_unix_nano >= spans[0].start_time_unix_nano);
}

#[test]
fn many_calls_go_in_several_requests() {
    let collector = Collector::start(&[Manner::Takes]);
    let (_, table, calls) = sample();
    let call = &calls[0];
    let (export, feed) = start_from(Source::Recording, Some(&collector.url()), None);
    feed_copies(feed, call, 60, &table);
    let delivered = export.end().unwrap();
    assert_eq!((delivered.calls, delivered.dropped), (60, 0));
    let spans = 60 * call.nodes.len();
    assert_eq!(delivered.spans, spans as u64);
    assert_eq!(collector.spans().len(), spans);
    assert!(collector.requests() > 1);
}
