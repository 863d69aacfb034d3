//! The form of the Firefox Profiler, profiler.firefox.com: a track for each task, with its stack
//! from each entry or return to the next.
//!
//! A sample there is one stack; here its weight is the time that the stack stood, so call tree,
//! flame graph and stack chart show measured time and no estimate. Categories tell the task itself
//! from interrupts. The crate takes whole numbers as weights: they are nanoseconds until the
//! profile is written, and milliseconds in it. All is in memory until the trace ends.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::Duration,
};

use fxprof_processed_profile::{
    CategoryColor, CategoryHandle, CpuDelta, Frame, FrameFlags, FrameInfo, Profile,
    ReferenceTimestamp, SamplingInterval, StackHandle, ThreadHandle, Timestamp, WeightType,
};
use serde_json::Value;
use tracer_common::Context;

use crate::{
    model::{Call, FunctionId, FunctionTable, Nanoseconds, Node, ProcessId, RootCall, TaskKey},
    summary::Collect,
};

/// The longest time of one sample, ns: what weights have room for. A longer one is several.
const LONGEST: u64 = 1_000_000_000;
/// How many samples may be added for such times in all: eighteen hours of them. A made-up recording
/// may have any times; what is beyond is skipped.
const MOST_PARTS: u32 = 1 << 16;

/// Collects what the profile is made of.
pub struct Firefox<'a> {
    functions: &'a FunctionTable,
    profile: Profile,
    processes: HashMap<ProcessId, fxprof_processed_profile::ProcessHandle>,
    threads: HashMap<(ProcessId, TaskKey), ThreadHandle>,
    names: HashMap<FunctionId, fxprof_processed_profile::StringHandle>,
    /// For the task, soft interrupts, hard interrupts and NMIs.
    categories: [CategoryHandle; 4],
    /// How many of [`MOST_PARTS`] are left.
    parts: u32,
}

/// A root call on its track.
struct Walk<'r> {
    thread: ThreadHandle,
    now: Nanoseconds,
    open: Vec<(&'r Call, Option<StackHandle>)>,
}

impl<'a> Firefox<'a> {
    /// Nothing has come yet.
    pub fn new(functions: &'a FunctionTable) -> Self {
        let reference = ReferenceTimestamp::from_duration_since_unix_epoch(Duration::ZERO);
        let mut profile = Profile::new("tracer", reference, SamplingInterval::from_nanos(1000));
        profile.set_symbolicated(true);
        let categories = [
            ("Task", CategoryColor::Blue),
            ("Soft interrupt", CategoryColor::Orange),
            ("Hard interrupt", CategoryColor::Red),
            ("NMI", CategoryColor::Purple),
        ];
        let categories = categories.map(|(name, colour)| profile.add_category(name, colour));
        Self {
            functions,
            profile,
            processes: HashMap::new(),
            threads: HashMap::new(),
            names: HashMap::new(),
            categories,
            parts: MOST_PARTS,
        }
    }

    /// Writes the profile.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut profile = serde_json::to_value(&self.profile)?;
        let threads = profile.get_mut("threads").and_then(Value::as_array_mut);
        for thread in threads.into_iter().flatten() {
            let weights = thread.pointer_mut("/samples/weight");
            for weight in weights.and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(ns) = weight.as_f64() {
                    *weight = Value::from(ns / 1e6);
                }
            }
        }
        serde_json::to_writer(&mut *out, &profile)?;
        Ok(())
    }

    fn thread(&mut self, call: &RootCall, start: Nanoseconds) -> ThreadHandle {
        let start = timestamp(start);
        let (process, name) = (call.process, call.comm());
        let of_process = call.process_name().map_or(name.clone(), |of_process| {
            String::from_utf8_lossy(of_process.bytes())
                .into_owned()
                .into()
        });
        let profile = &mut self.profile;
        let handle = *self
            .processes
            .entry(process)
            .or_insert_with(|| profile.add_process(&of_process, process.0, start));
        let key = (process, call.task);
        *self.threads.entry(key).or_insert_with(|| {
            let tid = call.task.id().0;
            let thread = profile.add_thread(handle, tid, start, tid == process.0);
            profile.set_thread_name(thread, &name);
            profile.set_thread_samples_weight_type(thread, WeightType::TracingMs);
            thread
        })
    }

    fn stack(&mut self, walk: &Walk<'_>, call: &Call) -> StackHandle {
        let name = *self.names.entry(call.function).or_insert_with(|| {
            let name = self.functions.name(call.function);
            self.profile.intern_string(&name)
        });
        let category = match call.context {
            Context::Task => 0,
            Context::SoftIrq => 1,
            Context::HardIrq => 2,
            Context::Nmi => 3,
        };
        let frame = FrameInfo {
            frame: Frame::Label(name),
            category_pair: self.categories[category].into(),
            flags: FrameFlags::empty(),
        };
        let frame = self.profile.intern_frame(walk.thread, frame);
        let above = walk.open.last().and_then(|(_, stack)| *stack);
        self.profile.intern_stack(walk.thread, above, frame)
    }

    /// The stack stood until then.
    fn advance(&mut self, walk: &mut Walk<'_>, to: Nanoseconds) {
        let stack = walk.open.last().and_then(|(_, stack)| *stack);
        while stack.is_some() && walk.now < to {
            let left = to.since(walk.now).0;
            if left > LONGEST {
                let Some(parts) = self.parts.checked_sub(1) else {
                    break;
                };
                self.parts = parts;
            }
            let ns = left.min(LONGEST);
            let weight = i32::try_from(ns).unwrap_or(i32::MAX);
            let at = timestamp(walk.now);
            self.profile
                .add_sample(walk.thread, at, stack, CpuDelta::from_nanos(ns), weight);
            walk.now.0 += ns;
        }
        walk.now = walk.now.max(to);
    }

    /// Calls at this depth and deeper have returned.
    fn close(&mut self, walk: &mut Walk<'_>, depth: u32) {
        while let Some(&(call, _)) = walk.open.last()
            && call.depth >= depth
        {
            let at = call.closed.at().unwrap_or(walk.now);
            self.advance(walk, at);
            walk.open.pop();
        }
    }
}

impl Collect for Firefox<'_> {
    fn add(&mut self, root: &RootCall) {
        let calls = || {
            root.nodes.iter().filter_map(|node| match node {
                Node::Call(call) => Some(call),
                Node::Mark(_) | Node::Gap { .. } => None,
            })
        };
        let Some(start) = calls().find_map(|call| call.entered.or(call.closed.at())) else {
            return;
        };
        let mut walk = Walk {
            thread: self.thread(root, start),
            now: start,
            open: Vec::new(),
        };
        for call in calls() {
            self.close(&mut walk, call.depth);
            let at = call.entered.unwrap_or(walk.now);
            self.advance(&mut walk, at);
            let stack = self.stack(&walk, call);
            walk.open.push((call, Some(stack)));
        }
        self.close(&mut walk, 0);
        // The track is empty until the next root call.
        let end = timestamp(walk.now);
        self.profile
            .add_sample(walk.thread, end, None, CpuDelta::ZERO, 0);
    }
}

fn timestamp(time: Nanoseconds) -> Timestamp {
    Timestamp::from_nanos_since_reference(time.0)
}
