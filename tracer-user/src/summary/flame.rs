//! The bars of a flame graph: each path of calls with where it lies and how wide it is.
//!
//! A bar is as wide as the own time of its path and of all below it, so bars below never stand out,
//! and all widths of a level are at most the whole. Who draws them says how narrow a bar may be; a
//! bar is never narrower than what lies on it, so what is kept by width hangs together. What is
//! skipped is counted.

use crate::model::{FunctionId, Nanoseconds};

use super::{Merged, Path};

/// A path of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The last function of the path.
    pub function: FunctionId,
    /// Calls around it; the root has 0.
    pub level: usize,
    /// Calls on this path.
    pub calls: u64,
    /// Time without that of the calls below.
    pub own: Nanoseconds,
    /// Its own time and that of all below it.
    pub width: Nanoseconds,
    /// Where it begins, from the left.
    pub from: Nanoseconds,
}

/// All bars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flame {
    /// A bar before those below it.
    pub bars: Vec<Bar>,
    /// The width of all roots.
    pub whole: Nanoseconds,
    /// Calls of the roots.
    pub calls: u64,
    /// Bars that are not kept.
    pub skipped: usize,
}

impl Flame {
    /// The bars of merged trees, however narrow.
    #[must_use]
    pub fn of(merged: &Merged) -> Self {
        let mut bars = wide(merged);
        place(&mut bars);
        let (mut whole, mut calls) = (Nanoseconds(0), 0);
        for root in bars.iter().filter(|bar| bar.level == 0) {
            whole += root.width;
            calls += root.calls;
        }
        Self {
            bars,
            whole,
            calls,
            skipped: 0,
        }
    }

    /// Levels that have a bar.
    #[must_use]
    pub fn levels(&self) -> usize {
        let levels = self.bars.iter().map(|bar| bar.level + 1);
        levels.max().unwrap_or(0)
    }

    /// A width as a part of the whole.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a share for the eye")]
    pub fn share(&self, width: Nanoseconds) -> f64 {
        width.0 as f64 / self.whole.0.max(1) as f64
    }

    /// Keeps the bars with at least this part of the whole.
    pub fn keep_share(&mut self, share: f64) {
        let bars = std::mem::take(&mut self.bars);
        let all = bars.len();
        let kept = bars
            .into_iter()
            .filter(|bar| self.share(bar.width) >= share);
        self.bars = kept.collect();
        self.skipped += all - self.bars.len();
    }

    /// Keeps the widest bars, at most so many: of several that are equally wide, all or none.
    pub fn keep_widest(&mut self, most: usize) {
        let all = self.bars.len();
        if all <= most {
            return;
        }
        let mut widths: Vec<Nanoseconds> = self.bars.iter().map(|bar| bar.width).collect();
        widths.sort_unstable_by(|one, other| other.cmp(one));
        let too_narrow = widths[most];
        self.bars.retain(|bar| bar.width > too_narrow);
        self.skipped += all - self.bars.len();
    }
}

/// All paths, each before those below it, with their widths.
fn wide(merged: &Merged) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    merged.walk(&mut |path: &Path<'_>| {
        let Some((&function, above)) = path.functions.split_last() else {
            return;
        };
        let own = path.sums.self_time;
        bars.push(Bar {
            function,
            level: above.len(),
            calls: path.sums.calls,
            own,
            width: own,
            from: Nanoseconds(0),
        });
    });
    // From the last one on, so that what is below is complete.
    let mut below: Vec<Nanoseconds> = Vec::new();
    for bar in bars.iter_mut().rev() {
        below.resize(below.len().max(bar.level + 2), Nanoseconds(0));
        bar.width += std::mem::take(&mut below[bar.level + 1]);
        below[bar.level] += bar.width;
    }
    bars
}

/// Puts each bar beside the one before it, and above what it calls.
fn place(bars: &mut [Bar]) {
    let mut next = vec![Nanoseconds(0)];
    for bar in bars {
        bar.from = next[bar.level];
        next.truncate(bar.level + 1);
        next[bar.level] += bar.width;
        next.push(bar.from);
    }
}
