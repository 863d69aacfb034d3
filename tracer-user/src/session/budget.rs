//! What tracing may cost, and what is done to stay below it.
//!
//! Some times a second at most it is measured what tracing costs ([`meter`]), and decided how deep
//! and of how many root calls one is traced ([`controller`]). The kernel side samples from the next
//! root call on, and counts those that it does not trace; what the depth is takes longer
//! ([`depth`]). What was done is said when it is done, if it is much, and at the end: what tracing
//! cost, one in how many, how many were sampled out, how long the roots alone were traced.

mod controller;
pub mod depth;
mod meter;

use std::{
    collections::VecDeque,
    fmt::{self, Display},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::{
    attach::{Controls, Counters},
    model::many_were,
};
use controller::{Controller, Depth, Traced};
use depth::{Changing, Means};
use meter::{Cost, Meter};

/// How often [`Budget::tick`] is wanted: each wake-up costs, and a window is twice as long.
pub const TICK: Duration = Duration::from_millis(100);
/// How far back the cost is averaged that is said.
const SAID: Duration = Duration::from_secs(10);
/// From one line on what is done to the next at least.
const LINES: Duration = Duration::from_secs(10);
/// How many times as many, or as few, are worth a line.
const WORTH_A_LINE: u64 = 4;

/// How many times the budget a cost is that cannot be brought below it.
const TOO_MUCH: f64 = 1.5;

/// A share of the time of all CPUs that are online, more than 0 and less than 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

impl Share {
    /// What those traces get that go on for weeks, if nothing else is said.
    pub const USUAL: Self = Self(0.01);
}

/// In per cent.
impl Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        match out.precision() {
            Some(digits) => write!(out, "{percent:.digits$} %"),
            None => write!(out, "{percent} %"),
        }
    }
}

/// Keeps a trace within its budget.
pub struct Budget {
    share: Share,
    began: Instant,
    meter: Meter,
    controls: Controls,
    counters: Arc<Counters>,
    controller: Controller,
    /// Changes the depth, where there is anything below the roots.
    changing: Option<Changing>,
    /// What was measured lately, and when.
    costs: VecDeque<(Instant, Cost)>,
    /// When it was asked how many were sampled out, and that.
    asked: (Instant, u64),
    /// The highest number of root calls of which one was traced.
    most: u64,
    said: Traced,
    next_line: Instant,
}

impl Budget {
    /// The trace begins. The depth can be changed by those means, if there are any.
    pub fn begin(share: Share, controls: Controls, means: Option<Means>) -> Result<Self> {
        let meter = Meter::begin().context(
            "the kernel does not measure what tracing costs (BPF_ENABLE_STATS takes CAP_SYS_ADMIN): \
             run as root, or give --budget none",
        )?;
        let controller = Controller::new(means.is_some());
        Ok(Self {
            share,
            began: Instant::now(),
            meter,
            counters: controls.counters(),
            controls,
            controller,
            changing: means.map(Changing::new),
            costs: VecDeque::new(),
            asked: (Instant::now(), 0),
            most: 1,
            said: controller.traced(),
            next_line: Instant::now(),
        })
    }

    /// Time has passed. Says whether from now on one of another number of root calls is traced.
    pub fn tick(&mut self) -> Result<bool> {
        let cost = self.meter.tick().context("the cost cannot be measured")?;
        let Some(cost) = cost else {
            return Ok(false);
        };
        let now = Instant::now();
        self.costs.push_back((now, cost));
        while self.costs.len() > 1 && now.duration_since(self.costs[0].0) > SAID {
            self.costs.pop_front();
        }
        let before = self.controller.traced();
        // What is just being attached costs, too, and only for now.
        if let Some(changing) = &mut self.changing
            && !changing.is_ready()?
            && before.depth == Depth::All
        {
            return Ok(false);
        }
        let calls = self.calls_a_second(before.one_in, now)?;
        let at = now.duration_since(self.began);
        let next = self
            .controller
            .decide(cost.of_calls(), self.share.0, calls, at);
        log::debug!("{cost:?}, {next:?}");
        if next == before {
            return Ok(false);
        }
        self.most = self.most.max(next.one_in);
        self.controls.sample(next.one_in)?;
        if let Some(changing) = &mut self.changing
            && next.depth != before.depth
        {
            changing.begin(next.depth)?;
        }
        if next.is_far_from(before) {
            self.meter.hurry();
        }
        self.say(cost, now);
        Ok(next.one_in != before.one_in)
    }

    /// How many root calls begin in a second, by those that were sampled out since this was asked.
    /// Where none is, it is not known and may be any number.
    #[allow(clippy::cast_precision_loss, reason = "53 bits are months")]
    fn calls_a_second(&mut self, one_in: u64, now: Instant) -> Result<f64> {
        let out = self.sampled_out()?;
        let (since, before) = std::mem::replace(&mut self.asked, (now, out));
        let seconds = now.duration_since(since).as_secs_f64();
        if one_in == 1 || seconds == 0.0 {
            return Ok(f64::INFINITY);
        }
        let traced = one_in as f64 / (one_in - 1) as f64;
        Ok(out.saturating_sub(before) as f64 / seconds * traced)
    }

    /// Root calls that were sampled out up to now.
    pub fn sampled_out(&self) -> Result<u64> {
        Ok(self.counters.sampled_out()?)
    }

    /// Says what is done, where that is much different from what was said.
    fn say(&mut self, cost: Cost, now: Instant) {
        let traced = self.controller.traced();
        let (one_in, said) = (traced.one_in, self.said.one_in);
        let is_much = one_in >= said.saturating_mul(WORTH_A_LINE)
            || one_in <= said / WORTH_A_LINE
            || (one_in == 1) != (said == 1);
        let is_deep = traced.depth != self.said.depth;
        if !is_deep && (!is_much || now < self.next_line) {
            return;
        }
        self.said = traced;
        self.next_line = now + LINES;
        let (cost, share) = (Share(cost.all()), self.share);
        let calls = match one_in {
            1 => "every root call is traced".to_owned(),
            _ => format!("one in {one_in} root calls is traced"),
        };
        let depth = match traced.depth {
            Depth::Roots => ", without what is below",
            Depth::All if is_deep => ", with what is below",
            Depth::All => "",
        };
        eprintln!(
            "tracer: tracing took {cost:.2} of the CPUs' time, and {share} is the budget: {calls}\
             {depth}"
        );
    }

    /// Says what it cost, and what was done.
    pub fn tell(&self) -> Result<()> {
        let share = self.share;
        let Some(cost) = self.mean() else {
            eprintln!(
                "tracer: the trace was too short to measure what it cost; {share} is the budget"
            );
            return Ok(());
        };
        let all = Share(cost.all());
        let [programs, own, measuring] = [cost.programs, cost.own, cost.measuring].map(Share);
        eprintln!(
            "tracer: tracing took {all:.2} of the CPUs' time at last, {programs:.2} in its \
             programs, {own:.2} of its own, {measuring:.2} to measure that; {share} is the budget"
        );
        let (out, one_in) = (self.sampled_out()?, self.controller.traced().one_in);
        if self.most > 1 {
            eprintln!(
                "tracer: {} sampled out: at last one in {one_in} was traced, at least one in {}",
                many_were(out, "root call"),
                self.most
            );
        }
        let lowered = self.changing.as_ref().map(Changing::time);
        if let Some(lowered) = lowered.filter(|time| !time.is_zero()) {
            eprintln!(
                "tracer: root calls were traced without what is below them for {:.1} s of {:.1} s",
                lowered.as_secs_f64(),
                self.began.elapsed().as_secs_f64()
            );
        }
        if all.0 > share.0 * TOO_MUCH && one_in > 1 {
            eprintln!(
                "tracer: fewer root calls do not bring it below the budget: probes cost even when \
                 they record nothing; name roots that are called less often"
            );
        }
        Ok(())
    }

    /// What was measured lately.
    fn mean(&self) -> Option<Cost> {
        #[allow(clippy::cast_precision_loss, reason = "some dozens")]
        let count = self.costs.len() as f64;
        let sum = |of: fn(&Cost) -> f64| self.costs.iter().map(|(_, cost)| of(cost)).sum::<f64>();
        (!self.costs.is_empty()).then(|| Cost {
            programs: sum(|cost| cost.programs) / count,
            own: sum(|cost| cost.own) / count,
            measuring: sum(|cost| cost.measuring) / count,
        })
    }
}
