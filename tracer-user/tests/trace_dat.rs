//! The file of trace-cmd, read back as its manual says (trace-cmd.dat.v6): every event of every
//! call is in it, on its CPU, in the order of time.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "helpers of tests are not seen as tests by the lint, and the numbers are small"
)]

mod by_hand;
mod made_up;

use std::collections::BTreeMap;

use by_hand::{everything, functions, written};
use made_up::calls;
use proptest::prelude::*;
use tracer::{
    model::{Closed, Node, RootCall},
    output::Format,
    pipeline::{Show, Shown},
};

const PAGE: usize = 4096;
const ENTRY: u16 = 11;
const EXIT: u16 = 10;

fn file(calls: &[RootCall]) -> Vec<u8> {
    let show = Show {
        result: Shown::Each(Format::TraceDat),
        ..Show::default()
    };
    written(&show, &functions(), calls)
}

/// What is taken from the front of a file.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(length);
        self.0 = rest;
        front
    }

    fn number(&mut self, bytes: usize) -> u64 {
        let number = self.take(bytes).iter().rev();
        number.fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    }

    fn expect(&mut self, text: &[u8]) {
        assert_eq!(self.take(text.len()), text);
    }

    fn text(&mut self, bytes: usize) -> String {
        let length = usize::try_from(self.number(bytes)).unwrap();
        String::from_utf8(self.take(length).to_vec()).unwrap()
    }
}

/// CPU, time, kind, task, the address of the function, and what else an exit says.
type Event = (u32, u64, u16, u32, u64, [u64; 2]);

struct Read {
    symbols: BTreeMap<u64, String>,
    tasks: String,
    events: Vec<Event>,
}

fn read(file: &[u8]) -> Read {
    let mut header = Bytes(file);
    header.expect(b"\x17\x08\x44tracing6\0\0\x08");
    assert_eq!(header.number(4), PAGE as u64);
    header.expect(b"header_page\0");
    assert!(
        header
            .text(8)
            .contains("local_t commit;\toffset:8;\tsize:8;")
    );
    header.expect(b"header_event\0");
    assert!(header.text(8).contains("time_extend : type == 30"));
    let kinds: Vec<String> = (0..header.number(4)).map(|_| header.text(8)).collect();
    assert!(
        kinds
            .iter()
            .any(|text| text.starts_with("name: funcgraph_entry\nID: 11\n"))
    );
    assert_eq!(header.number(4), 0);
    let symbols = header.text(4);
    let symbols = symbols.lines().map(|line| {
        let (address, name) = line.split_once(" T ").unwrap();
        (u64::from_str_radix(address, 16).unwrap(), name.to_owned())
    });
    let symbols = symbols.collect();
    assert_eq!(header.number(4), 0);
    let tasks = header.text(8);
    let cpus = header.number(4);
    header.expect(b"options  \0");
    loop {
        match header.number(2) {
            0 => break,
            _ => drop(header.text(4)),
        }
    }
    header.expect(b"flyrecord\0");
    let mut events = Vec::new();
    for cpu in 0..u32::try_from(cpus).unwrap() {
        let [place, length] = [header.number(8), header.number(8)].map(|it| it as usize);
        assert_eq!((place % PAGE, length % PAGE), (0, 0));
        for page in file[place..place + length].chunks(PAGE) {
            page_events(cpu, page, &mut events);
        }
    }
    Read {
        symbols,
        tasks,
        events,
    }
}

fn page_events(cpu: u32, page: &[u8], events: &mut Vec<Event>) {
    let mut page = Bytes(page);
    let mut now = page.number(8);
    let length = page.number(8) as usize;
    let mut page = Bytes(&page.0[..length]);
    while !page.0.is_empty() {
        let word = page.number(4);
        let (kind, delta) = (word & 31, word >> 5);
        if kind == 30 {
            now += delta + (page.number(4) << 27);
            continue;
        }
        now += delta;
        let length = match kind {
            0 => page.number(4) as usize - 4,
            words => words as usize * 4,
        };
        let mut event = Bytes(page.take(length));
        let kind = event.number(2) as u16;
        event.take(2);
        let task = event.number(4) as u32;
        let function = event.number(8);
        let rest = if kind == EXIT {
            let value = event.number(8);
            event.take(8);
            let entered = event.number(8);
            assert_eq!(event.number(8), now);
            [value, entered]
        } else {
            [0, 0]
        };
        events.push((cpu, now, kind, task, function, rest));
    }
}

fn expected(calls: &[RootCall]) -> Vec<Event> {
    let mut events = Vec::new();
    for root in calls {
        let task = root.task.id().0;
        for node in &root.nodes {
            let Node::Call(call) = node else { continue };
            let function = 0xffff_ffff_0000_0000 | u64::from(call.function.0);
            if let Some(at) = call.entered {
                events.push((call.cpu.0, at.0, ENTRY, task, function, [0, 0]));
            }
            if let Closed::Returned { at, value, cpu } = call.closed {
                let entered = call.entered.unwrap_or(at).0;
                events.push((cpu.0, at.0, EXIT, task, function, [value, entered]));
            }
        }
    }
    events.sort_unstable();
    events
}

fn check(calls: &[RootCall]) {
    let read = read(&file(calls));
    for pair in read.events.windows(2) {
        assert!(pair[0].0 < pair[1].0 || pair[0].1 <= pair[1].1, "{pair:?}");
    }
    let is_call = |event: &Event| matches!(event.2, ENTRY | EXIT);
    let mut events: Vec<Event> = read.events.into_iter().filter(is_call).collect();
    for event in &events {
        assert!(read.symbols.contains_key(&event.4), "{event:?} has no name");
    }
    events.sort_unstable();
    assert_eq!(events, expected(calls));
}

#[test]
fn what_is_made_by_hand_is_all_there() {
    let calls = everything();
    check(&calls);
    let read = read(&file(&calls));
    assert!(
        read.tasks.lines().all(|line| line.contains(' ')),
        "{}",
        read.tasks
    );
    assert!(
        read.events.iter().any(|event| event.2 == 5),
        "no gap is said"
    );
}

#[test]
fn nothing_is_a_file_too() {
    check(&[]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_made_up_is_all_there(calls in calls()) {
        check(&calls);
    }
}
