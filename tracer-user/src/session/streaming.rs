//! The rings are read until the trace ends, and then until what was open has ended too.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::{process::Child, signal::unix::Signal};

use super::{budget::Budget, profiling::Profiling};
use crate::{
    attach::{Controls, Counters},
    kernel::switch,
    model::{Skipped, many},
    pipeline::Pipeline,
    stop::Stop,
    stream::{Rings, Turn},
};

/// How often the rings are looked at. The eBPF side wakes the reader only when a ring holds much.
const TICK: Duration = Duration::from_millis(40);

/// How long root calls that are open at the end are waited for; then they are cut off.
const AFTERMATH: Duration = Duration::from_millis(500);
/// How often they are looked for.
const AFTERMATH_TICK: Duration = Duration::from_millis(5);

/// How often it is asked whether the kernel still runs probes.
const SWITCH_TICK: Duration = Duration::from_secs(1);

/// How reading came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As it was asked for.
    AsAsked,
    /// The kernel's probes were switched off, so nothing more can come.
    SwitchedOff,
}

/// What ends a trace, beside the pipeline that has had enough.
pub struct Ends<'a, 'b> {
    /// This much time.
    pub duration: Option<Duration>,
    /// The end of the command.
    pub child: &'a mut Option<Child>,
    /// The user.
    pub stop: &'a Stop,
    /// No end: the user asks for the recording that waits for it.
    pub save: Option<Signal>,
    /// No end: what the kernel side counts.
    pub counters: Arc<Counters>,
    /// Functions are counted in the kernel, and shown while the trace goes on.
    pub profiling: Option<&'a mut Profiling<'b>>,
    /// No end: what tracing costs is to stay within this.
    pub budget: Option<&'a mut Budget>,
    /// No end: hits of the roots and of all others that the kernel has skipped.
    pub skipped: &'a dyn Fn() -> [Skipped; 2],
}

/// What the kernel counts, while it happens: says once that root calls are not traced, and tells
/// the metrics what they do not see.
struct Losses<'a> {
    counters: Arc<Counters>,
    skipped: &'a dyn Fn() -> [Skipped; 2],
    next: Instant,
    /// Root calls without a place from which on it is said.
    told_from: u64,
}

impl Losses<'_> {
    /// How often the kernel is asked: the counters of all CPUs are 64 KiB, and each program has one
    /// of its own.
    const TICK: Duration = Duration::from_secs(1);

    fn tick(&mut self, pipeline: &Pipeline<'_>) -> Result<()> {
        let wants_missed = pipeline.wants_missed();
        if Instant::now() < self.next {
            return Ok(());
        }
        self.next = Instant::now() + Self::TICK;
        let counters = self.counters.sum()?;
        if wants_missed {
            pipeline.tell_missed(counters, (self.skipped)());
        }
        if counters.lost_roots >= self.told_from {
            self.told_from = counters.lost_roots.saturating_mul(10);
            eprintln!(
                "tracer: too many tasks are inside a root: there was no room for {} so far",
                many(counters.lost_roots, "root call")
            );
        }
        Ok(())
    }
}

/// Reads until the trace ends.
pub async fn stream(
    mut ends: Ends<'_, '_>,
    rings: &mut Rings,
    pipeline: &mut Pipeline<'_>,
) -> Result<Ended> {
    let mut switch = tokio::time::interval(SWITCH_TICK);
    let deadline = async {
        match ends.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(deadline);
    // Twice over empty rings at least before waiting: only a complete pass tells a late batch from
    // a lost one.
    let mut idle = 0;
    let mut losses = Losses {
        counters: Arc::clone(&ends.counters),
        skipped: ends.skipped,
        next: Instant::now() + Losses::TICK,
        told_from: 1,
    };
    loop {
        let asked = async {
            match &mut ends.save {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        let command_ended = async {
            match ends.child {
                Some(child) => child.wait().await,
                None => std::future::pending().await,
            }
        };
        // A machine that always has something to say must not keep the trace from its end: the ends
        // are looked at first.
        tokio::select! {
            biased;
            () = ends.stop.wanted() => return Ok(Ended::AsAsked),
            () = &mut deadline => return Ok(Ended::AsAsked),
            status = command_ended => {
                status.context("the command cannot be waited for")?;
                return Ok(Ended::AsAsked);
            }
            _ = switch.tick() => if switch::check().is_err() {
                return Ok(Ended::SwitchedOff);
            },
            _ = asked => pipeline.save(ends.counters.sum()?, (ends.skipped)()),
            () = tokio::task::yield_now(), if idle < 2 => {}
            ready = rings.ready(), if idle >= 2 => ready.context("the rings cannot be watched")?,
            () = tokio::time::sleep(TICK), if idle >= 2 => {}
        }
        let turn = turn(rings, pipeline);
        losses.tick(pipeline)?;
        if let Some(budget) = &mut ends.budget {
            budget.tick()?;
        }
        if let Some(profiling) = &mut ends.profiling {
            profiling.tick();
        }
        let cannot_write = ends.profiling.as_ref().is_some_and(|table| table.is_done());
        if pipeline.is_done() || cannot_write {
            return Ok(Ended::AsAsked);
        }
        idle = if turn.taken == 0 { idle + 1 } else { 0 };
    }
}

/// Reads on until the root calls that are open have ended, or it takes too long. None begins any
/// more.
pub async fn settle(
    controls: &Controls,
    rings: &mut Rings,
    pipeline: &mut Pipeline<'_>,
) -> Result<()> {
    let end = Instant::now() + AFTERMATH;
    loop {
        tokio::time::sleep(AFTERMATH_TICK).await;
        // In this order: what an ended call has left is in the rings by now.
        let open = controls.open_calls()?;
        let taken = pass(rings, pipeline);
        if open == 0 && taken == 0 {
            return Ok(());
        }
        if Instant::now() >= end {
            // The one before may have begun before the last of what is there came.
            pass(rings, pipeline);
            return Ok(());
        }
    }
}

/// Reads a pass to its end; says how many batches came.
fn pass(rings: &mut Rings, pipeline: &mut Pipeline<'_>) -> usize {
    let mut taken = 0;
    loop {
        let turn = turn(rings, pipeline);
        taken += turn.taken;
        // One that is held up by a record that is still being written is not waited for here.
        if turn.ends_pass || turn.taken == 0 {
            return taken;
        }
    }
}

/// Reads some batches of every ring. Only a complete pass tells a late batch from a lost one.
fn turn(rings: &mut Rings, pipeline: &mut Pipeline<'_>) -> Turn {
    let turn = rings.turn(&mut |bytes| pipeline.take(bytes));
    if turn.ends_pass {
        pipeline.pass();
    }
    pipeline.flush();
    turn
}
