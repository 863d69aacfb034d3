//! What reads bytes that may be anything, each with what must hold whatever they are.
//!
//! A recording may come from anywhere, and the kernel's files are read as root. `cargo fuzz` runs
//! these functions for as long as one likes, and tracer's own tests run them for a moment on the
//! same seeds, changed at random. Each returns, whatever the bytes; that none of them takes much
//! memory is for the fuzzer's limit to notice.

mod flood;
mod rings;

use std::io;

use tracer::{
    expr::{By, Fields, Where},
    graph::{Batch, Rebuilder},
    kernel::{
        Address,
        btf::{PathTypes, TrampolineLimits, Types},
        facts::Release,
        symbols::Symbols,
        text,
    },
    model::{
        Capture, FunctionId, FunctionInfo, FunctionTable, Interrupts, Node, ParameterInfo,
        RootCall, SleepTime, ValueType,
    },
    output::{
        Format, ftrace,
        page::{Page, Recorded},
    },
    pipeline::{Show, Shown},
    recording::{Frame, Head, Piece, Reader, Writer, steps::Step},
    summary::{Collect as _, Diff, GroupBy, LatencyLayout, Overview, SortBy},
};
use tracer_common::{BATCH_CAPACITY, BatchHeader, Event};

pub use flood::flood;
pub use rings::rings;

/// Where the machine code of [`text`] lies.
const TEXT: u64 = 0xffff_ffff_8100_0000;

/// A file that may be a recording. All bytes are accounted for.
pub fn recording(bytes: &[u8]) {
    let Ok(mut reader) = Reader::new(bytes) else {
        return;
    };
    while let Ok(Some(piece)) = reader.next_piece() {
        match piece {
            Piece::Frame(Frame::Data(data)) => show(data.steps(), sum(bytes)),
            Piece::Frame(Frame::DataWithFields(..) | Frame::DataOfProcesses(..)) => {
                panic!("what is known beside data")
            }
            Piece::Frame(Frame::Head(_) | Frame::End(_) | Frame::Missed(_)) => {}
            Piece::Damage(damage) => assert!(damage.bytes > 0),
        }
    }
}

/// The content of a frame, after its checksum. What can be written is read again, if its parts fit
/// together.
pub fn frame(bytes: &[u8]) {
    let Ok(frame) = postcard::from_bytes::<Frame>(bytes) else {
        return;
    };
    let mut writer = Writer::new(Vec::new()).expect("memory takes all");
    if writer.write(&frame).is_err() {
        return;
    }
    let file = writer.into_inner();
    let mut reader = Reader::new(file.as_slice()).expect("a recording begins so");
    let piece = reader.next_piece().expect("memory gives all");
    let frame = frame.with_fields();
    let is_sound = !matches!(&frame, Frame::Data(data) if !data.is_sound());
    assert_eq!(piece == Some(Piece::Frame(frame)), is_sound);
    if let Some(Piece::Frame(Frame::Data(data))) = piece {
        show(data.steps(), sum(bytes));
    }
}

/// Batches as they come out of the rings: each a byte that says how many events it has and whether
/// a pass follows, a header, events.
pub fn batches(bytes: &[u8]) {
    let _ = Batch::new(bytes.to_vec().into());
    let count_place = std::mem::offset_of!(BatchHeader, count);
    let mut steps = Vec::new();
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let count = u16::from(first & 15);
        let events = usize::from(count) * size_of::<Event>();
        let length = size_of::<BatchHeader>() + events;
        let Some((batch, tail)) = tail.split_at_checked(length) else {
            break;
        };
        rest = tail;
        let mut batch = batch.to_vec();
        batch[count_place..count_place + 2].copy_from_slice(&count.to_ne_bytes());
        assert!(usize::from(count) <= BATCH_CAPACITY);
        steps.push(Step::Batch(Batch::new(batch.into()).expect("lengths fit")));
        if first & 0x80 != 0 {
            steps.push(Step::Pass);
        }
    }
    show(steps.into_iter(), sum(bytes));
}

/// The kernel's types.
pub fn btf(bytes: &[u8]) {
    let Ok(types) = Types::parse(bytes.to_vec()) else {
        return;
    };
    let names = bytes
        .split(|&byte| byte == 0)
        .filter_map(|name| str::from_utf8(name).ok());
    for name in names.filter(|name| !name.is_empty()).take(64) {
        let _ = (
            types.function_id(name),
            types.variable_id(name),
            types.is_ambiguous(name),
        );
        let _ = types.member_offset(name, "pid");
        follow(&types, name);
        if let Some(prototype) = types.prototype(name) {
            let _ = prototype.fentry_obstacle(TrampolineLimits::of(Release {
                major: 6,
                minor: 12,
            }));
        }
    }
}

/// Paths from the arguments of a function.
fn follow(types: &Types, function: &str) {
    let within = PathTypes {
        own: types,
        kernel: types,
        source: "",
    };
    for argument in within.arguments(function).unwrap_or_default() {
        for rest in [
            "",
            "->pid",
            ".a.b",
            "[1]",
            ".tuple",
            ".path",
            "->next->next->next",
        ] {
            let argument_path = format!("f: {argument}{rest}");
            if let Ok(fields) = Fields::parse(&argument_path) {
                let _ = within.find(function, &fields.paths[0]);
                let _ = within.members(function, &fields.paths[0]);
            }
        }
    }
}

/// What may have been typed. The place of an error is within it.
pub fn expression(bytes: &[u8]) {
    let Ok(typed) = str::from_utf8(bytes) else {
        return;
    };
    let errors = [
        Fields::parse(typed).err(),
        Where::parse(typed).err(),
        By::parse(typed).err(),
    ];
    for error in errors.into_iter().flatten() {
        assert!(error.span.end <= typed.len());
        let _ = (error.picture(), error.to_string());
    }
}

/// The kernel's symbols. Every function is where it says.
pub fn kallsyms(bytes: &[u8]) {
    let Ok(symbols) = Symbols::parse(&String::from_utf8_lossy(bytes)) else {
        return;
    };
    for function in symbols.functions() {
        assert!(function.start < function.end, "{function:?}");
        let found = symbols.function_at(function.start);
        assert_eq!(found.map(|found| found.start), Some(function.start));
        let _ = symbols.function_named(function.name);
        let _ = symbols.is_unique_in(function.name, function.module);
    }
}

/// Machine code, of functions that call each other. What is called is a function, and stands there
/// once.
pub fn text(code: &[u8]) {
    const NAMES: [&str; 8] = [
        "caller",
        "caller.cold",
        "__SCT__a",
        "__x86_indirect_thunk_rax",
        "callee",
        "ftrace_stub",
        "__pi_callee",
        "last",
    ];
    let lines = (0..)
        .zip(NAMES)
        .map(|(number, name)| format!("{:x} t {name}\n", TEXT + number * 0x40));
    let symbols = Symbols::parse(&lines.collect::<String>()).expect("it is well formed");
    let read = |start: Address, length: usize| {
        let offset = start
            .since(Address(TEXT))
            .and_then(|offset| usize::try_from(offset).ok());
        let rest = offset
            .and_then(|offset| code.get(offset..))
            .unwrap_or_default();
        Ok(rest[..rest.len().min(length)].to_vec())
    };
    for function in symbols.functions() {
        let calls = text::calls_in(&symbols, &function, &read).expect("the text can be read");
        assert!(
            calls
                .callees
                .is_sorted_by(|one, next| one.target < next.target)
        );
        for callee in calls.callees {
            let called = symbols.function_at(callee.target);
            assert_eq!(called.map(|called| called.start), Some(callee.target));
        }
    }
}

/// Decides by all bytes of an input what is done with it beside what is always done.
fn sum(bytes: &[u8]) -> usize {
    let add = |sum: usize, &byte: &u8| sum.wrapping_mul(31).wrapping_add(byte.into());
    bytes.iter().fold(0, add)
}

/// Makes root calls of batches, and writes them in the form of that number: all of them would take
/// most of the fuzzer's time. A call lies at most one deeper than what stands before it.
fn show(steps: impl Iterator<Item = Step>, form: usize) {
    let mut calls: Vec<RootCall> = Vec::new();
    let mut rebuilder = Rebuilder::new(Interrupts::Shown);
    for step in steps {
        match step {
            Step::Batch(batch) => rebuilder.push(batch, &mut |call| calls.push(call)),
            Step::Pass => rebuilder.pass(&mut |call| calls.push(call)),
        }
    }
    rebuilder.finish(&mut |call| calls.push(call));
    for call in &calls {
        let depths = call.nodes.windows(2);
        assert!(
            depths
                .map(|two| (two[0].depth(), two[1].depth()))
                .all(|(one, next)| next <= one + 1)
        );
        assert!(call.nodes.first().is_none_or(|node| node.depth() == 0));
        let gaps = call
            .nodes
            .iter()
            .filter(|node| matches!(node, Node::Gap { .. }))
            .count();
        assert!(call.gaps >= gaps as u64);
    }
    // Beginning and ending a Parquet file takes longer than all others, and its rows are those of
    // CSV.
    let formats = <Format as clap::ValueEnum>::value_variants().iter();
    let formats = formats.filter(|format| **format != Format::Parquet);
    let profile = Shown::Profile {
        sort: SortBy::default(),
        group_by: Some(GroupBy::Caller),
        interval: None,
    };
    let mut forms: Vec<Shown> = formats.map(|format| Shown::Each(*format)).collect();
    forms.extend([Shown::Latency(LatencyLayout::default()), profile]);
    let number = form % (forms.len() + 1);
    if number == forms.len() {
        page(&calls);
    } else {
        write(forms.swap_remove(number), &calls);
    }
}

/// The page of two recordings, with all that a page of one has.
fn page(calls: &[RootCall]) {
    let functions = functions();
    let [before, after] = [&calls[..calls.len() / 2], calls].map(|calls| {
        let mut overview = Overview::new(&functions, SleepTime::Counted);
        for call in calls {
            overview.add(call);
        }
        overview
    });
    let recordings = [&before, &after].map(|overview| Recorded {
        file: None,
        head: Head::default(),
        filtered_out: None,
        is_whole: true,
        overview,
    });
    let page = Page {
        recordings: &recordings,
        diff: Some(Diff::new(&before.side, &after.side)),
        sort: SortBy::default(),
        text: ftrace::TextOptions::default(),
        capture: Capture::default(),
    };
    assert!(page.write(&mut io::sink()).is_ok());
}

fn write(result: Shown, calls: &[RootCall]) {
    let functions = functions();
    let show = Show {
        result,
        ..Show::default()
    };
    let mut form = show.form(Some(io::sink()), &functions, 4);
    let begun = form.begin();
    let written = calls.iter().try_for_each(|call| form.root_call(call));
    assert!(begun.and(written).and(form.end()).is_ok());
}

/// A function for each kind of value.
fn functions() -> FunctionTable {
    let flags = vec![(1, "READ".to_owned()), (4, "WAIT".to_owned())];
    let types = [
        ValueType::Void,
        ValueType::Bool,
        ValueType::Signed { bytes: 4 },
        ValueType::Unsigned { bytes: 2 },
        ValueType::Pointer,
        ValueType::Aggregate { bytes: 16 },
        ValueType::Enum {
            name: "flags".to_owned(),
            signed: false,
            bytes: 4,
            names: flags,
        },
    ];
    FunctionTable::new((1..).zip(types).map(|(id, value)| {
        let mut info = FunctionInfo::new(format!("function \"{id}\" <&>"), Some(value.clone()));
        info.parameters = vec![ParameterInfo {
            name: "given".to_owned(),
            value,
            registers: 1,
        }];
        (FunctionId(id), info)
    }))
}
