//! `tracer profile` as far as functions are counted in the kernel: which traces can be, and what
//! becomes of the tables.
//!
//! Such a trace is like any other, with the same probes below the same roots, but nothing comes
//! through its rings: userspace reads the tables to show them, and to find out whether root calls
//! still bring functions that are new ([`Seen`]). What needs each root call as a whole is streamed,
//! and the user is told so.

use std::{
    io::{self, BufWriter, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use thiserror::Error;
use tracer_common::{generation::SIDES, profile::By};

use super::{Options, Outputs};
use crate::{
    attach::profile::{Profile, TooManyCpus, Totals},
    learn::wide::{Seen, Sets, sets::lock},
    model::{FunctionId, FunctionTable, Interrupts, SleepTime, many},
    pipeline::{Finished, Outcome, Shown},
    summary::{GroupBy, Report, SortBy, report::Calls},
};

/// How often the tables are read to find out what is new, at most.
const TICK: Duration = Duration::from_millis(100);
/// Reading them takes at most one part in so many of the time.
const PART: u32 = 20;

/// Why calls are streamed to tracer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Streamed {
    /// A root call is shown or not when it has ended, or not all of it is.
    #[error("what is shown of a root call is known at its end")]
    Filtered,
    /// The trace ends with a root call.
    #[error("-n ends it with a root call")]
    Limited,
    /// Interrupts are known by the calls around them.
    #[error("noirqs needs to know what interrupts have brought")]
    Interrupts,
    /// The time off the CPU is in no table.
    #[error("nosleep-time needs the times of the task off the CPU")]
    SleepTime,
    /// Rows of tasks and CPUs are in no table.
    #[error("--group-by task and cpu need each root call")]
    Grouped,
    /// Something else than the table is made of the calls.
    #[error("a page, --otlp and --prometheus take each call")]
    Watched,
    /// The tables would be too large.
    #[error(transparent)]
    TooManyCpus(#[from] TooManyCpus),
}

/// How the kernel counts the functions of this trace; none if it is no profile.
pub fn by(options: &Options, outputs: &Outputs, cpus: u32) -> Option<Result<By, Streamed>> {
    let Shown::Profile { group_by, .. } = options.show.result else {
        return None;
    };
    Some(counted_by(options, group_by, outputs, cpus))
}

fn counted_by(
    options: &Options,
    group_by: Option<GroupBy>,
    outputs: &Outputs,
    cpus: u32,
) -> Result<By, Streamed> {
    let show = &options.show;
    if show.filter.is_active() || !show.filter.excluded.is_empty() {
        return Err(Streamed::Filtered);
    }
    if show.count.is_some() {
        return Err(Streamed::Limited);
    }
    if show.capture.interrupts == Interrupts::Excluded {
        return Err(Streamed::Interrupts);
    }
    if show.text.sleep == SleepTime::Excluded {
        return Err(Streamed::SleepTime);
    }
    if outputs.view.is_some() || outputs.export.takes_calls() {
        return Err(Streamed::Watched);
    }
    Profile::check(cpus as usize)?;
    match group_by {
        None => Ok(By::Function),
        Some(GroupBy::Caller) => Ok(By::Caller),
        Some(GroupBy::Task | GroupBy::Cpu) => Err(Streamed::Grouped),
    }
}

/// How it is written.
#[derive(Clone, Copy)]
struct Table {
    sort: SortBy,
    group_by: Option<GroupBy>,
    interval: Option<Duration>,
}

/// Reads the tables while the trace goes on, and writes them.
pub struct Profiling<'a> {
    profile: Arc<Profile>,
    functions: &'a FunctionTable,
    table: Table,
    out: BufWriter<Box<dyn Write + Send>>,
    written: io::Result<()>,
    /// Who wants to know what root calls bring, and which generation is armed.
    seen: Option<(Arc<Seen>, Arc<Mutex<Sets>>)>,
    /// Root calls that were told there.
    told: [u64; SIDES],
    began: Instant,
    next_look: Instant,
    next_table: Option<Instant>,
}

impl<'a> Profiling<'a> {
    /// The trace begins.
    pub fn new(
        profile: Arc<Profile>,
        functions: &'a FunctionTable,
        shown: Shown,
        out: Option<Box<dyn Write + Send>>,
        (seen, sets): (&Option<Arc<Seen>>, &Arc<Mutex<Sets>>),
    ) -> Self {
        let table = match shown {
            Shown::Profile {
                sort,
                group_by,
                interval,
            } => Table {
                sort,
                group_by,
                interval,
            },
            Shown::Each(_) | Shown::Latency(_) => Table {
                sort: SortBy::default(),
                group_by: None,
                interval: None,
            },
        };
        let now = Instant::now();
        Self {
            profile,
            functions,
            table,
            out: BufWriter::new(out.unwrap_or_else(|| Box::new(io::sink()))),
            written: Ok(()),
            seen: seen.clone().map(|seen| (seen, Arc::clone(sets))),
            told: [0; SIDES],
            began: now,
            next_look: now,
            next_table: table.interval.map(|interval| now + interval),
        }
    }

    /// Time has passed.
    pub fn tick(&mut self) {
        let now = Instant::now();
        if self.seen.is_some() && now >= self.next_look {
            self.tell_seen();
            self.next_look = Instant::now() + TICK.max(now.elapsed() * PART);
        }
        if let (Some(next), Some(interval)) = (self.next_table, self.table.interval)
            && now >= next
            && self.written.is_ok()
        {
            self.next_table = Some(now + interval);
            self.written = self.write_live();
        }
    }

    /// Whether nobody reads any more.
    pub const fn is_done(&self) -> bool {
        self.written.is_err()
    }

    /// Writes the table, and says what was counted: root calls, and whether the output took all, go
    /// where those of a stream would be.
    pub fn finish(mut self, finished: &mut Finished) -> Profiled {
        if self.seen.is_some() {
            self.tell_seen();
        }
        if self.written.is_ok() {
            self.written = self.write();
        }
        let calls = self.profile.counted().values().map(|one| one.calls).sum();
        let profiled = Profiled {
            calls,
            totals: self.profile.totals(),
        };
        finished.totals.whole_calls = profiled.root_calls();
        if finished.printed.is_ok() {
            finished.printed = self.written;
        }
        profiled
    }

    fn tell_seen(&mut self) {
        let Some((seen, sets)) = &self.seen else {
            return;
        };
        let sets = lock(sets);
        let sides = self.profile.totals().root_calls;
        for (side, (calls, told)) in sides.into_iter().zip(&mut self.told).enumerate() {
            seen.root_calls(sets.latest_of(side as u64), calls - *told);
            *told = calls;
        }
        drop(sets);
        let mut counted: Vec<(FunctionId, u64, bool)> = Vec::new();
        for ((function, _), one) in self.profile.counted() {
            counted.push((FunctionId(function), one.calls, one.is_of_task));
        }
        seen.counted(counted);
    }

    fn write_live(&mut self) -> io::Result<()> {
        let after = self.began.elapsed().as_secs_f64();
        writeln!(self.out, "# after {after:.1} s")?;
        self.write()?;
        writeln!(self.out)?;
        self.out.flush()
    }

    fn write(&mut self) -> io::Result<()> {
        let Table { sort, group_by, .. } = self.table;
        let mut report = Report::new(self.functions, SleepTime::default(), group_by);
        for ((function, caller), one) in self.profile.counted() {
            let calls = Calls {
                function: FunctionId(function),
                caller: (caller != 0).then_some(FunctionId(caller)),
                calls: one.calls,
                total: one.total,
                own: one.own,
                longest: one.longest,
                buckets: one.buckets,
                errors: one.errors,
            };
            report.add_calls(&calls);
        }
        report.write(sort, &mut self.out)?;
        self.out.flush()
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Profiled {
    calls: u64,
    totals: Totals,
}

impl Profiled {
    /// Root calls that returned.
    pub fn root_calls(&self) -> u64 {
        self.totals.root_calls.iter().sum()
    }

    /// Says how many calls were counted, and what could not be.
    pub fn tell(&self, outcome: &Outcome) {
        let Totals {
            without_row,
            without_cell,
            without_exit,
            without_entry,
            too_deep,
            ..
        } = self.totals;
        let missing =
            without_row + without_exit + without_entry + too_deep + outcome.counters.lost_roots;
        eprintln!(
            "tracer: {} counted in the kernel in {}, {missing} missing",
            many(self.calls, "call"),
            many(self.root_calls(), "root call")
        );
        for (count, why) in [
            (without_row, "calls are in no row: the table was full"),
            (
                without_exit,
                "calls were not counted: their exits did not come",
            ),
            (
                without_entry,
                "exits were not counted: no entry of theirs is known",
            ),
            (too_deep, "calls were not counted: they lay too deep"),
            (
                without_cell,
                "times or errors are in sums only: the table was full",
            ),
        ] {
            if count > 0 {
                eprintln!("tracer: {count} {why}");
            }
        }
    }
}
