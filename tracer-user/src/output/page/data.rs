//! What the page's script is given.
//!
//! Where there are many of a kind (bars, rows, calls of a tree) each is an array, whose places are
//! said here and in the script that reads them; functions are numbers in a list of names. Times are
//! ns.

mod exemplars;
mod names;

use serde::Serialize;

use self::{
    exemplars::Call,
    names::{NameId, Names},
};
use super::Page;
use crate::{
    recording::Head,
    summary::{
        self, Change, Changed, Flame, Overview,
        latency::Root,
        log_histogram::{Bucket, log_histogram},
        report::{Row, SortBy},
    },
    values::escape::visible,
};

/// Bars of a flame graph: with a screen's width to look through, some ten thousand can be told
/// apart by zooming.
const MOST_BARS: usize = 20_000;
/// Paths that differ, of which the first are the most important.
const MOST_CHANGES: usize = 2_000;

/// A recording that was read, or a trace that has ended.
pub struct Recorded<'a> {
    /// The file's name; none of a trace that is in no file.
    pub file: Option<String>,
    /// Where it was made.
    pub head: Head,
    /// Root calls that the filter kept back, if there was one and they were counted.
    pub filtered_out: Option<u64>,
    /// Whether all of it could be read.
    pub is_whole: bool,
    /// What was collected.
    pub overview: &'a Overview<'a>,
}

/// All.
#[derive(Serialize)]
pub struct Data {
    recordings: Vec<Recording>,
    changes: Option<Changes>,
    /// The column by which functions are sorted at first.
    sort: &'static str,
}

impl Data {
    pub fn of(page: &Page<'_>) -> Self {
        let recordings = page.recordings.iter();
        Self {
            recordings: recordings
                .map(|recorded| Recording::of(recorded, page))
                .collect(),
            changes: page.diff.as_ref().map(|diff| Changes::of(&diff.changes())),
            sort: column(page.sort),
        }
    }
}

/// One recording.
#[derive(Serialize)]
struct Recording {
    file: Option<String>,
    host: String,
    kernel: String,
    command: Vec<String>,
    cpus: u32,
    /// ms since 1970
    began: u64,
    root_calls: u64,
    partial: u64,
    lost_events: u64,
    filtered_out: Option<u64>,
    is_whole: bool,
    functions: Vec<String>,
    roots: Vec<RootTimes>,
    flame: FlameGraph,
    rows: Vec<FunctionRow>,
    slowest: Vec<Call>,
    failed: Vec<Call>,
}

impl Recording {
    fn of(recorded: &Recorded<'_>, page: &Page<'_>) -> Self {
        let overview = recorded.overview;
        let totals = &overview.totals;
        let mut names = Names::new(overview.functions);
        let mut flame = Flame::of(&overview.side.merged);
        flame.keep_widest(MOST_BARS);
        let flame = FlameGraph::of(&flame, &mut names);
        let roots = overview.latency.roots();
        let roots = roots.map(|(id, root)| RootTimes::of(names.number(id), root));
        let mut roots: Vec<_> = roots.collect();
        roots.sort_by_key(|root| std::cmp::Reverse(root.total));
        let began = recorded.head.began_monotonic_ns;
        let mut call =
            |exemplars| Call::of(exemplars, began, (page.text, page.capture), &mut names);
        let slowest = overview.exemplars.slowest().iter().map(&mut call).collect();
        let failed = overview.exemplars.failed().map(call).collect();
        let rows = overview.report.rows(page.sort);
        Self {
            file: recorded.file.as_deref().map(shown),
            host: shown(&recorded.head.host),
            kernel: shown(&recorded.head.kernel),
            command: recorded.head.command.iter().map(|it| shown(it)).collect(),
            cpus: recorded.head.possible_cpus,
            began: recorded.head.began_realtime_ns / 1_000_000,
            root_calls: totals.whole_calls + totals.partial_calls,
            partial: totals.partial_calls,
            lost_events: totals.lost,
            filtered_out: recorded.filtered_out,
            is_whole: recorded.is_whole,
            roots,
            flame,
            rows: rows.into_iter().map(FunctionRow::of).collect(),
            slowest,
            failed,
            functions: names.into_list(),
        }
    }
}

/// How long the calls of a root took.
#[derive(Serialize)]
struct RootTimes {
    function: NameId,
    calls: u64,
    total: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
    errors: Vec<(&'static str, u64)>,
    spread: Vec<Bucket>,
}

impl RootTimes {
    fn of(function: NameId, root: &Root) -> Self {
        Self {
            function,
            calls: root.calls,
            total: root.total,
            p50: root.quantile(0.5),
            p90: root.quantile(0.9),
            p99: root.quantile(0.99),
            max: root.longest,
            errors: root.errors.iter().map(|(&name, &n)| (name, n)).collect(),
            spread: log_histogram(root.times.durations()),
        }
    }
}

/// The flame graph. A bar is function, level, from, width, calls, own time.
#[derive(Serialize)]
struct FlameGraph {
    whole: u64,
    skipped: usize,
    bars: Vec<(NameId, usize, u64, u64, u64, u64)>,
}

impl FlameGraph {
    fn of(flame: &Flame, names: &mut Names<'_>) -> Self {
        let bars = flame.bars.iter().map(|bar| {
            let function = names.number(bar.function);
            let [from, width, own] = [bar.from, bar.width, bar.own].map(|time| time.0);
            (function, bar.level, from, width, bar.calls, own)
        });
        Self {
            whole: flame.whole.0,
            skipped: flame.skipped,
            bars: bars.collect(),
        }
    }
}

/// Name, calls, calls with a time, total, self, p50, p90, p99, max, number of errors, errors in
/// words.
#[derive(Serialize)]
struct FunctionRow(String, u64, u64, u64, u64, u64, u64, u64, u64, u64, String);

impl FunctionRow {
    fn of((name, row): (String, &Row)) -> Self {
        let errors = row.errors.iter();
        let errors: Vec<_> = errors
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        Self(
            name,
            row.calls,
            row.timed(),
            row.total,
            row.own,
            row.quantile(0.5),
            row.quantile(0.9),
            row.quantile(0.99),
            row.longest,
            row.failed(),
            errors.join(", "),
        )
    }
}

/// What differs between two recordings.
#[derive(Serialize)]
struct Changes {
    skipped: usize,
    rows: Vec<ChangedPath>,
}

impl Changes {
    fn of(changes: &summary::Changes) -> Self {
        let shown = &changes.all[..changes.all.len().min(MOST_CHANGES)];
        let row = |changed| ChangedPath::of(changed, &changes.path(changed));
        Self {
            skipped: changes.all.len() - shown.len(),
            rows: shown.iter().map(row).collect(),
        }
    }
}

/// A path that differs.
#[derive(Serialize)]
struct ChangedPath {
    change: &'static str,
    path: Vec<String>,
    /// Of both sides: calls, and the average of those with a time, ns.
    calls: [u64; 2],
    average: [Option<f64>; 2],
    /// By how much the average shifted, ns, and how many standard errors that is; none where a side
    /// has no calls.
    shift: Option<f64>,
    errors: Option<f64>,
}

impl ChangedPath {
    fn of(changed: &Changed, path: &[&str]) -> Self {
        let sides = [&changed.before, &changed.after];
        let (change, shift, errors) = match changed.change {
            Change::Vanished => ("vanished", None, None),
            Change::Appeared => ("appeared", None, None),
            Change::Shifted(by, errors) if by > 0.0 => ("slower", Some(by), Some(errors)),
            Change::Shifted(by, errors) => ("faster", Some(by), Some(errors)),
        };
        Self {
            change,
            path: path.iter().map(|name| shown(name)).collect(),
            calls: sides.map(|sums| sums.calls),
            average: sides.map(|sums| (sums.timed > 0).then_some(sums.mean())),
            shift,
            errors: errors.map(f64::abs),
        }
    }
}

/// A text from outside.
fn shown(text: &str) -> String {
    visible(text).into_owned()
}

fn column(sort: SortBy) -> &'static str {
    match sort {
        SortBy::Total => "total",
        SortBy::Own => "self",
        SortBy::Calls => "calls",
        SortBy::Average => "avg",
        SortBy::P50 => "p50",
        SortBy::P90 => "p90",
        SortBy::P99 => "p99",
        SortBy::Max => "max",
        SortBy::Errors => "errors",
        SortBy::Name => "function",
    }
}
