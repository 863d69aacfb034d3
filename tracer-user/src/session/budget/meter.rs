//! What tracing costs, measured: the time in its programs, and tracer's own CPU time.
//!
//! The kernel takes a clock twice for each run of each program of the host while it measures
//! ([`crate::bpf::run_time`]), which is as much as many of tracer's programs take themselves. So it
//! measures in windows: a fifth of the time, and one after the other as long as what is measured
//! brings a large change. Tracer's own time is that of the whole process from one measurement to
//! the next. What measuring took of it stands apart: the kernel patches its text to begin and to
//! end (`bpf_stats_enabled_key`), and there may be thousands of programs to read. It comes whatever
//! is traced, so nothing is decided by it; the pause after it grows with it instead.

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
/// Measuring takes at most one part in so many of the time of one CPU, where nothing changes.
const MEASURING: u32 = 400;
/// The pause is no longer than this, whatever measuring takes.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What tracing has cost for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Time in programs, as a share of the time of all CPUs.
    pub programs: f64,
    /// Tracer's own but for measuring, as such a share.
    pub own: f64,
    /// Measuring, as such a share.
    pub measuring: f64,
}

impl Cost {
    /// What comes of what is traced.
    pub fn of_calls(self) -> f64 {
        self.programs + self.own
    }

    /// All of it.
    pub fn all(self) -> f64 {
        self.of_calls() + self.measuring
    }
}

/// Measures again and again.
pub struct Meter {
    window: Option<Window>,
    /// When the next one begins.
    next: Instant,
    /// When tracer's own time was read, and that.
    own: (Instant, Nanoseconds),
    /// What measuring has taken of it since, ns.
    measuring: u64,
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
            measuring: 0,
        };
        meter.timed(Self::open)?;
        Ok(meter)
    }

    /// Time has passed. What tracing has cost, at the end of a window.
    pub fn tick(&mut self) -> io::Result<Option<Cost>> {
        let now = Instant::now();
        match &self.window {
            None if now >= self.next => {
                self.timed(Self::open)?;
                Ok(None)
            }
            Some(window) if now.duration_since(window.began) >= WINDOW => {
                let programs = self.timed(Self::close);
                Ok(Some(self.cost(programs)))
            }
            _ => Ok(None),
        }
    }

    /// What was measured brought a large change: the next window is to begin soon.
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

    /// Ends the window. What ran in programs meanwhile, as a share of the time of all CPUs.
    fn close(&mut self) -> f64 {
        let Some(window) = self.window.take() else {
            return 0.0;
        };
        let (after, time) = (RunTimes::now(), window.began.elapsed());
        share(after.since(&window.before), time, online())
    }

    /// What tracing has cost since this was asked.
    fn cost(&mut self, programs: f64) -> Cost {
        let (now, own) = (Instant::now(), own_time());
        let (since, before) = std::mem::replace(&mut self.own, (now, own));
        let measuring = std::mem::take(&mut self.measuring);
        let cpus = online();
        let pause = Duration::from_nanos(measuring) * MEASURING;
        self.next = now + pause.clamp(PAUSE, LONGEST_PAUSE);
        let of = |ns| share(ns, now.duration_since(since), cpus);
        Cost {
            programs,
            own: of(own.since(before).0.saturating_sub(measuring)),
            measuring: of(measuring),
        }
    }

    /// Does a part of measuring, and notes what it took of this thread.
    fn timed<T>(&mut self, part: impl FnOnce(&mut Self) -> T) -> T {
        let began = Nanoseconds::of(ClockId::CLOCK_THREAD_CPUTIME_ID);
        let done = part(self);
        let ended = Nanoseconds::of(ClockId::CLOCK_THREAD_CPUTIME_ID);
        self.measuring += ended.since(began).0;
        done
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
