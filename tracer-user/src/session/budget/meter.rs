//! What tracing costs, measured: the time in its programs, and tracer's own CPU time.
//!
//! The kernel takes a clock twice for each run of each program of the host while it measures
//! ([`crate::bpf::run_time`]), which is as much as many of tracer's programs take themselves. So it
//! measures in windows: a fifth of the time, and one after the other as long as what is measured
//! brings a change. Tracer's own time is that of the whole process from one measurement to the
//! next.

use std::{
    io,
    time::{Duration, Instant},
};

use nix::time::ClockId;

use crate::{
    bpf::run_time::{self, Measured, RunTimes},
    kernel::facts,
    model::Nanoseconds,
};

/// How long a window is at least.
const WINDOW: Duration = Duration::from_millis(200);
/// From the end of one to the next, where nothing changes.
const PAUSE: Duration = Duration::from_millis(800);
/// Reading what the kernel has measured takes at most one part in so many of the time, where
/// nothing changes: there may be thousands of programs.
const READING: u32 = 100;

/// What tracing has cost for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Time in programs, as a share of the time of all CPUs.
    pub programs: f64,
    /// Tracer's own, as such a share.
    pub own: f64,
}

impl Cost {
    /// Both.
    pub fn all(self) -> f64 {
        self.programs + self.own
    }
}

/// Measures again and again.
pub struct Meter {
    window: Option<Window>,
    /// When the next one begins.
    next: Instant,
    /// When tracer's own time was read, and that.
    own: (Instant, Nanoseconds),
}

struct Window {
    began: Instant,
    before: RunTimes,
    _measured: Measured,
}

impl Meter {
    /// Begins to measure. Fails if the kernel does not let it.
    pub fn begin() -> io::Result<Self> {
        let now = Instant::now();
        let mut meter = Self {
            window: None,
            next: now,
            own: (now, own_time()),
        };
        meter.open()?;
        Ok(meter)
    }

    /// Time has passed. What tracing has cost, at the end of a window.
    pub fn tick(&mut self) -> io::Result<Option<Cost>> {
        let now = Instant::now();
        let Some(window) = &self.window else {
            if now >= self.next {
                self.open()?;
            }
            return Ok(None);
        };
        if now.duration_since(window.began) < WINDOW {
            return Ok(None);
        }
        let (after, time) = (RunTimes::now(), window.began.elapsed());
        let cpus = online();
        let programs = share(after.since(&window.before), time, cpus);
        self.window = None;
        let reading = now.elapsed();
        let own = own_time();
        let cost = Cost {
            programs,
            own: share(own.since(self.own.1).0, self.own.0.elapsed(), cpus),
        };
        self.own = (Instant::now(), own);
        let pause = PAUSE.max(reading * 2 * READING);
        self.next = Instant::now() + pause;
        Ok(Some(cost))
    }

    /// What was measured brought a change: the next window is to begin soon.
    pub fn hurry(&mut self) {
        self.next = Instant::now();
    }

    fn open(&mut self) -> io::Result<()> {
        let measured = run_time::measure()?;
        self.window = Some(Window {
            before: RunTimes::now(),
            began: Instant::now(),
            _measured: measured,
        });
        Ok(())
    }
}

fn own_time() -> Nanoseconds {
    Nanoseconds::of(ClockId::CLOCK_PROCESS_CPUTIME_ID)
}

/// CPUs that are online; 1 if that cannot be read.
fn online() -> usize {
    facts::online_cpus().map_or(1, |cpus| cpus.len().max(1))
}

#[allow(clippy::cast_precision_loss, reason = "53 bits are months")]
fn share(ns: u64, time: Duration, cpus: usize) -> f64 {
    let all = time.as_nanos() as f64 * cpus as f64;
    if all > 0.0 { ns as f64 / all } else { 0.0 }
}
