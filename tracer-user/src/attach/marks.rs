//! Events of the kernel get the program that marks them in call graphs.
//!
//! One program serves all; each event's link has a cookie that says which it is and how much it
//! records. An event that the kernel refuses is named with the reason.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd as _, OwnedFd},
};

use tracer_common::{MARK_RECORD, MarkCookie};

use super::{AttachError, Object};
use crate::{
    bpf,
    kernel::trace_events::TraceEvent,
    model::{FunctionId, FunctionInfo, FunctionTable, RecordType, Skipped, ValueType},
};

/// The object's program.
const PROGRAM: &str = "mark_tracepoint";

/// Events that are marked. Dropping them takes the program away.
#[derive(Default)]
#[must_use = "without the links nothing is marked"]
pub struct Marks {
    /// What is marked, by its number.
    known: Vec<(FunctionId, FunctionInfo)>,
    /// The program; none if nothing is marked.
    program: Option<OwnedFd>,
    /// How it is attached, and to what.
    links: Vec<OwnedFd>,
}

impl Marks {
    /// Attaches the program to these events. Before the tracepoint of task switches has its
    /// program: what is attached first runs first, and an event `sched_switch` stands before the
    /// switch.
    pub fn attach(object: &Object, events: &[TraceEvent]) -> Result<Self, AttachError> {
        if events.is_empty() {
            return Ok(Self::default());
        }
        let instructions = object.instructions().of(PROGRAM, &HashMap::new())?;
        let program = bpf::load_for_perf(PROGRAM, &instructions).map_err(|refusal| {
            AttachError::of_any(&refusal.error).unwrap_or_else(|| AttachError::Program {
                program: PROGRAM,
                reason: refusal.reason(),
            })
        })?;
        let mut marks = Self::default();
        for (event, number) in events.iter().zip(0..) {
            let id = FunctionId::of_mark(number);
            let link = link(&program, event, id).map_err(|error| refusal(event, &error))?;
            marks.links.push(link);
            marks.known.push((id, info(event)));
        }
        marks.program = Some(program);
        Ok(marks)
    }
}

impl Marks {
    /// The table in which the marks are known, too.
    pub fn named_in(&self, table: FunctionTable) -> FunctionTable {
        for (id, info) in &self.known {
            table.insert(*id, info.clone());
        }
        table
    }

    /// Events that the kernel skipped because they came in the middle of another program of perf's
    /// or of an fprobe's.
    pub fn skipped(&self) -> Skipped {
        let program = self.program.as_ref();
        let info = program.and_then(|program| bpf::program_info(program.as_fd()).ok());
        Skipped {
            entries: info.map_or(0, |info| info.recursion_misses),
            exits: 0,
        }
    }

    /// Why nothing was marked, if nothing was: the counts are of events outside of root calls, and
    /// inside.
    pub fn silence(&self, [outside, inside]: [u64; 2]) -> Option<String> {
        let asked = match self.known.len() {
            0 => return None,
            1 => "the event that is to be marked".to_owned(),
            count => format!("the {count} events that are to be marked"),
        };
        match (outside, inside) {
            (_, 1..) => None,
            (0, 0) => Some(format!("{asked} did not happen while the trace went on")),
            (times, 0) => Some(format!(
                "{asked} happened {times} times, and always outside of the root calls; a mark \
                 stands only in the task that it happens in"
            )),
        }
    }
}

fn link(program: &OwnedFd, event: &TraceEvent, id: FunctionId) -> io::Result<OwnedFd> {
    let opened = bpf::open_tracepoint(event.id)?;
    bpf::link_event(
        program.as_fd(),
        opened.as_fd(),
        cookie(&event.record, id).pack(),
    )
}

fn cookie(record: &RecordType, id: FunctionId) -> MarkCookie {
    let variable = record.fields.iter().rfind(|field| field.kind.is_variable());
    let last = variable.map_or(0, |field| field.offset + u32::from(MARK_RECORD));
    MarkCookie {
        number: id.0,
        bytes: u16::try_from(record.bytes()).unwrap_or(u16::MAX),
        last_variable: u16::try_from(last).unwrap_or(0),
    }
}

fn refusal(event: &TraceEvent, error: &io::Error) -> AttachError {
    AttachError::of_any(error).unwrap_or_else(|| AttachError::Event {
        event: format!("{}:{}", event.record.system, event.name),
        reason: error.to_string(),
    })
}

fn info(event: &TraceEvent) -> FunctionInfo {
    let record = ValueType::Record(event.record.clone());
    FunctionInfo::new(event.name.clone(), Some(record))
}
