//! The kernel's function tracer, in an instance of tracer's own.
//!
//! Recording stops by itself when the buffer is full: what comes first is as good as
//! what comes last, and then the buffers of all CPUs cover the same time.
//!
//! Whatever happens, the instance goes when the [`FunctionTracer`] is dropped; one that was left
//! after by a process that was killed is removed by the next [`FunctionTracer::new`].

use std::{
    collections::BTreeSet,
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{FunctionHit, SamplingError, hits::HitReader, instance::Instance};
use crate::kernel::{facts, numbers::Numbers, tracefs::TracefsError};

/// The buffers of all CPUs together, KiB.
const ALL_BUFFERS_KB: usize = 32 << 10;
/// The least that the buffer of one CPU has, KiB.
const LEAST_BUFFER_KB: usize = 256;
/// The most that the buffer of one CPU has, KiB.
const MOST_BUFFER_KB: usize = 8 << 10;

/// How often the end of a recording is looked for.
const TICK: Duration = Duration::from_millis(10);
/// The same, where callers are long in coming: opening the rings of all CPUs is work.
const SLOW_TICK: Duration = Duration::from_millis(100);
/// Callers are looked for at least this long after the first was seen: who calls five times a
/// second is among them, on a slow machine, too.
const AFTER_FIRST_CALLER: Duration = Duration::from_millis(500);
/// And at most this long.
const LONGEST_AFTER_FIRST_CALLER: Duration = Duration::from_secs(1);

/// The function tracer in an instance of its own.
#[derive(Debug)]
pub(super) struct FunctionTracer {
    instance: Instance,
    reader: HitReader,
    /// What the tracer is set to, so that it need not be set again: that patches all of the
    /// kernel's text.
    watching: Watching,
}

#[derive(Debug, PartialEq, Eq)]
enum Watching {
    Nothing,
    Some,
    Everything,
}

impl FunctionTracer {
    /// Makes the instance. Nothing is traced yet.
    pub(super) fn new() -> Result<Self, SamplingError> {
        let instance = Instance::create()?;
        let cpus = facts::possible_cpus()?;
        let buffer_kb = (ALL_BUFFERS_KB / cpus.len()).clamp(LEAST_BUFFER_KB, MOST_BUFFER_KB);
        instance.set("tracing_on", "0")?;
        instance.set("buffer_size_kb", &buffer_kb.to_string())?;
        // Full buffers keep what they have.
        instance.set("options/overwrite", "0")?;
        // The clock of events (`bpf_ktime_get_ns`), so that a hit is known to lie within a root
        // call.
        instance.set("trace_clock", "mono")?;
        leave_out_own_tasks(&instance)?;
        let format = instance.text("events/ftrace/function/format")?;
        let reader =
            HitReader::new(&format, cpus, buffer_kb).ok_or(SamplingError::Format(format))?;
        Ok(Self {
            instance,
            reader,
            watching: Watching::Nothing,
        })
    }

    /// The tasks that call one of the functions within `time`, those of tracer itself skipped.
    ///
    /// Ends early when `stop` is set, and when callers were seen and no new ones come for as long
    /// as it took to see the first, or for a second.
    pub(super) fn callers_of(
        &mut self,
        names: &[&str],
        time: Duration,
        stop: &AtomicBool,
    ) -> Result<Vec<u32>, SamplingError> {
        self.rest()?;
        let filter = names.join("\n") + "\n";
        match self.instance.set("set_ftrace_filter", &filter) {
            Err(TracefsError::File { error, .. })
                if error.kind() == io::ErrorKind::InvalidInput =>
            {
                return Err(SamplingError::NotTraceable(names.join(", ")));
            }
            result => result?,
        }
        self.arm(Watching::Some)?;
        let start = Instant::now();
        let mut end = start + time;
        let mut callers = BTreeSet::new();
        let own = own_processes();
        let is_own = |task| {
            let mut processes = own.iter();
            processes.any(|&process| Numbers::INITIAL.has_task(process, task))
        };
        self.instance.set("tracing_on", "1")?;
        while Instant::now() < end && !stop.load(Ordering::Acquire) {
            let is_slow = start.elapsed() > LONGEST_AFTER_FIRST_CALLER;
            thread::sleep(if is_slow { SLOW_TICK } else { TICK });
            let known = callers.len();
            let hits = self.reader.drain(&self.instance)?;
            let others = hits.iter().map(|hit| hit.tid).filter(|tid| !is_own(*tid));
            callers.extend(others);
            if callers.len() > known {
                let longer = start
                    .elapsed()
                    .clamp(AFTER_FIRST_CALLER, LONGEST_AFTER_FIRST_CALLER);
                end = end.min(Instant::now() + longer);
            }
        }
        self.rest()?;
        Ok(callers.into_iter().collect())
    }

    /// Records every function that is entered from now on, in the tasks given and in those they
    /// start.
    ///
    /// The first time takes some seconds on a slow machine: the kernel patches the entry of every
    /// function.
    pub(super) fn begin(&mut self, tids: &[u32]) -> Result<(), SamplingError> {
        self.instance.set("tracing_on", "0")?;
        if self.watching != Watching::Everything {
            self.rest()?;
            self.instance.set("set_ftrace_filter", "")?;
        }
        let tids: Vec<String> = tids.iter().map(ToString::to_string).collect();
        self.instance.set("set_ftrace_pid", &tids.join("\n"))?;
        self.instance.set("options/function-fork", "1")?;
        self.instance.set("trace", "")?;
        self.arm(Watching::Everything)?;
        Ok(self.instance.set("tracing_on", "1")?)
    }

    /// What was entered since [`Self::begin`]. The hits of a task come in order, one task after the
    /// other.
    pub(super) fn collect(&mut self) -> Result<Vec<FunctionHit>, SamplingError> {
        self.instance.set("tracing_on", "0")?;
        let mut hits = self.reader.drain(&self.instance)?;
        hits.sort_by_key(|hit| (hit.tid, hit.time_ns));
        Ok(hits)
    }

    fn arm(&mut self, watching: Watching) -> Result<(), SamplingError> {
        if self.watching != watching {
            self.instance.set("current_tracer", "function")?;
            self.watching = watching;
        }
        Ok(())
    }

    /// Traces nothing, and forgets what was traced and whom. The kernel looks at each fork and each
    /// task switch while there are tasks to follow, and takes a lock in `kernel_clone`, which a
    /// trace of that would show.
    pub(super) fn rest(&mut self) -> Result<(), SamplingError> {
        self.instance.set("tracing_on", "0")?;
        self.instance.set("current_tracer", "nop")?;
        self.instance.set("options/function-fork", "0")?;
        self.instance.set("set_ftrace_pid", "")?;
        self.instance.set("trace", "")?;
        self.watching = Watching::Nothing;
        Ok(())
    }
}

/// What this process itself calls is not recorded (5.8+): where the root is `vfs_read`, each read
/// of a ring would put another record into it.
fn leave_out_own_tasks(instance: &Instance) -> Result<(), SamplingError> {
    let processes = own_processes().into_iter();
    let tasks = processes.flat_map(|process| Numbers::INITIAL.tasks_of(process));
    let tasks: Vec<String> = tasks.map(|task| task.to_string()).collect();
    Ok(instance.set("set_ftrace_notrace_pid", &tasks.join("\n"))?)
}

/// This process and the tracer that started it.
fn own_processes() -> [u32; 2] {
    [std::process::id(), std::os::unix::process::parent_id()]
}
