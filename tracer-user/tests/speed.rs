//! How fast a recording is replayed and how large it is, for a made-up trace that resembles a send
//! through a sockmap: 160 functions, five levels, addresses among the values, times with a long
//! tail. Run by hand: `cargo test --release --test speed -- --ignored --nocapture`

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a measurement"
)]

use std::{io, time::Duration};

use nix::time::ClockId;
use tracer::{
    graph::{AttachedLate, Batch},
    model::{FunctionId, FunctionInfo, FunctionTable, ValueType},
    output::Format,
    pipeline::{Show, replay},
    recording::{End, Frame, Head, Recording, Writer, columns::Collector},
};
use tracer_common::{BatchHeader, Event, EventKind};

const ROOT_CALLS: u64 = 20_000;
const FUNCTIONS: u64 = 160;
/// What each replay is timed: the one in the middle is told, for the machine has other work.
const TIMES: usize = 7;
const EVENTS_IN_A_FRAME: usize = 1 << 16;

/// A generator of numbers that anyone can repeat.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.0 >> 33
    }

    /// Around 100 ns, sometimes several µs.
    fn time(&mut self) -> u64 {
        let shift = (self.next() % 6).min(self.next() % 6);
        40 + ((self.next() % 64) << shift)
    }
}

fn functions() -> FunctionTable {
    FunctionTable::new((0..FUNCTIONS).map(|id| {
        let returns = match id % 4 {
            0 => ValueType::Void,
            1 => ValueType::Pointer,
            2 => ValueType::Bool,
            _ => ValueType::Signed { bytes: 4 },
        };
        let info = FunctionInfo::new(format!("tcp_bpf_some_function_{id}"), Some(returns));
        (FunctionId(id as u32 * 0x170), info)
    }))
}

/// The events of one root call.
fn root_call(numbers: &mut Numbers, now: &mut u64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut open: Vec<u64> = Vec::new();
    let event = |now: u64, id: u64, depth: usize, kind, value| Event {
        time_ns: now,
        value,
        function: id as u32 * 0x170,
        frame: 0x9000 - depth as u16 * 23,
        depth: depth as u8,
        kind_and_context: Event::pack(kind, 0),
    };
    for number in 0..FUNCTIONS {
        // Now and then a call takes another path.
        let id = if numbers.next().is_multiple_of(50) {
            number / 2
        } else {
            number
        };
        *now += numbers.time();
        events.push(event(*now, id, open.len(), EventKind::Entry, 0));
        open.push(id);
        let keep = if number + 1 == FUNCTIONS {
            0
        } else {
            1 + (id as usize * 7) % 5
        };
        while open.len() > keep {
            let id = open.pop().unwrap();
            *now += numbers.time();
            let value = match id % 4 {
                1 => 0xffff_8881_0000_0000 + (numbers.next() % 64) * 0x1c0,
                3 => id % 8,
                _ => numbers.next() % 2,
            };
            events.push(event(*now, id, open.len(), EventKind::Exit, value));
        }
    }
    events
}

fn recording() -> (Vec<u8>, u64) {
    let table = functions();
    let mut writer = Writer::new(Vec::new()).unwrap();
    let head = Head {
        possible_cpus: 8,
        ..Head::default()
    };
    writer.write(&Frame::Head(head)).unwrap();
    let mut numbers = Numbers(7);
    let mut now = 1_000_000_000_000;
    let mut count = 0;
    let mut collector = Collector::default();
    for _ in 0..ROOT_CALLS {
        now += 20_000;
        let list = root_call(&mut numbers, &mut now);
        count += list.len() as u64;
        for (number, chunk) in list.chunks(192).enumerate() {
            let header = BatchHeader {
                sequence: number as u64 * 192,
                root_time_ns: list[0].time_ns,
                tid: 4711,
                tgid: 4711,
                cpu: 1,
                count: chunk.len() as u16,
                early: 0,
                comm: *b"sender\0\0\0\0\0\0\0\0\0\0",
            };
            collector.batch(&Batch::of(&header, chunk).unwrap());
        }
        if collector.events() >= EVENTS_IN_A_FRAME {
            let data = collector.take(&table, &AttachedLate::default());
            writer.write(&Frame::Data(data)).unwrap();
        }
    }
    let data = collector.take(&table, &AttachedLate::default());
    writer.write(&Frame::Data(data)).unwrap();
    writer.write(&Frame::End(End::default())).unwrap();
    (writer.into_inner(), count)
}

/// Time that this process has had a CPU, so that others on the machine do not count.
fn seconds() -> f64 {
    let now = ClockId::CLOCK_PROCESS_CPUTIME_ID.now().unwrap();
    Duration::from(now).as_secs_f64()
}

#[test]
#[ignore = "a measurement, run by hand"]
fn speed_and_size() {
    let begin = seconds();
    let (bytes, events) = recording();
    let taken = seconds() - begin;
    println!(
        "recorded {events} events in {taken:.2} s, {:.2} bytes each",
        bytes.len() as f64 / events as f64
    );
    for format in [
        Format::Ftrace,
        Format::Function,
        Format::Json,
        Format::Chrome,
        Format::Perfetto,
        Format::Csv,
        Format::Parquet,
        Format::Folded,
        Format::Svg,
    ] {
        let show = Show {
            result: tracer::pipeline::Shown::Each(format),
            ..Show::default()
        };
        let million_calls = |()| {
            let begin = seconds();
            let recording = Recording::open(bytes.as_slice()).unwrap();
            replay::replay(&show, recording, io::sink()).unwrap();
            events as f64 / 2e6 / (seconds() - begin)
        };
        let mut speeds = [(); TIMES].map(million_calls);
        speeds.sort_by(f64::total_cmp);
        println!(
            "{format:?}: {:.2} million calls/s ({:.2} to {:.2})",
            speeds[TIMES / 2],
            speeds[0],
            speeds[TIMES - 1]
        );
    }
}

/// For those who want to see what becomes of millions of calls, such as their page in a browser.
#[test]
#[ignore = "makes a file, run by hand"]
fn a_large_recording() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("large.rec");
    let (bytes, events) = recording();
    std::fs::write(&path, bytes).unwrap();
    println!("{} events are in {}", events, path.display());
}
