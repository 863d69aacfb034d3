//! Each function in numbers: how often, how long, how often it failed.
//!
//! A [row](super::row) takes up to some 30 KB, so there is a limit to them, and what would be a row
//! too many is counted in one for all others.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    io::{self, Write},
};

use tracer_common::count::bounds_of;

pub use super::row::{Row, SortBy};
use super::{
    Collect,
    merged::self_times,
    row::{HEAD, cells},
    table,
};
use crate::{
    model::{Call, CpuId, FunctionId, FunctionTable, Node, RootCall, SleepTime, TaskKey},
    values::{self, escape},
};

/// Rows, at most.
const MOST_ROWS: usize = 1 << 14;

/// By what the rows of a function are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum GroupBy {
    /// By the task that made the root call
    Task,
    /// By the CPU on which the call was made
    Cpu,
    /// By the function that called
    Caller,
}

/// Whose calls a row is about, beside the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Group {
    All,
    Task(TaskKey),
    Cpu(CpuId),
    Caller(Option<FunctionId>),
}

/// The calls of a function, or of one that the same function made, as somebody else has counted
/// them.
pub struct Calls {
    /// The function.
    pub function: FunctionId,
    /// Who called it; none if that is not told apart, or nobody did.
    pub caller: Option<FunctionId>,
    /// How many.
    pub calls: u64,
    /// Time from entry to return, ns.
    pub total: u64,
    /// The same without the time of the calls below.
    pub own: u64,
    /// The longest time, ns.
    pub longest: u64,
    /// How many took how long, by `tracer_common::count::bucket_of` in ns.
    pub buckets: BTreeMap<u64, u64>,
    /// How often which register was returned that looks like an error.
    pub errors: BTreeMap<u64, u64>,
}

/// All functions.
pub struct Report<'a> {
    functions: &'a FunctionTable,
    sleep: SleepTime,
    group_by: Option<GroupBy>,
    rows: HashMap<(FunctionId, Group), Row>,
    others: Option<Row>,
    tasks: HashMap<TaskKey, String>,
}

impl<'a> Report<'a> {
    /// Nothing is counted yet.
    pub fn new(functions: &'a FunctionTable, sleep: SleepTime, group_by: Option<GroupBy>) -> Self {
        Self {
            functions,
            sleep,
            group_by,
            rows: HashMap::new(),
            others: None,
            tasks: HashMap::new(),
        }
    }

    /// The rows in this order, each with what it is about; what is about all others stands last.
    pub fn rows(&self, sort_by: SortBy) -> Vec<(String, &Row)> {
        let mut rows: Vec<(u64, String, &Row)> = self
            .rows
            .iter()
            .map(|((function, group), row)| (row.key(sort_by), self.label(*function, *group), row))
            .collect();
        rows.sort_by(|one, other| (other.0, &one.1).cmp(&(one.0, &other.1)));
        let others = self.others.iter();
        rows.extend(others.map(|row| (0, "(all others)".to_owned(), row)));
        rows.into_iter()
            .map(|(_, label, row)| (label, row))
            .collect()
    }

    /// Writes the report.
    pub fn write(&self, sort_by: SortBy, out: &mut impl Write) -> io::Result<()> {
        let rows = self.rows(sort_by);
        table::write(out, &HEAD, &rows, |(label, row)| cells(label, row))
    }

    /// What a row is about, as it may be shown.
    fn label(&self, function: FunctionId, group: Group) -> String {
        let name = escape::visible_owned(self.functions.name(function));
        match group {
            Group::All => name.into_owned(),
            Group::Cpu(cpu) => format!("{name} on CPU {}", cpu.0),
            Group::Task(task) => {
                let unnamed = || format!("-{}", task.id().0);
                let task = self.tasks.get(&task).cloned().unwrap_or_else(unnamed);
                format!("{name} in {task}")
            }
            Group::Caller(caller) => {
                let caller = caller.map_or(Cow::Borrowed("nothing that was traced"), |caller| {
                    escape::visible_owned(self.functions.name(caller))
                });
                format!("{name} from {caller}")
            }
        }
    }

    fn row(&mut self, key: (FunctionId, Group)) -> &mut Row {
        if self.rows.len() >= MOST_ROWS && !self.rows.contains_key(&key) {
            return self.others.get_or_insert_with(Row::new);
        }
        self.rows.entry(key).or_insert_with(Row::new)
    }

    /// Adds calls that were counted elsewhere.
    pub fn add_calls(&mut self, counted: &Calls) {
        let function = counted.function;
        let group = match self.group_by {
            Some(GroupBy::Caller) => Group::Caller(counted.caller),
            _ => Group::All,
        };
        let returns = self.functions.returns(function);
        let errors = counted.errors.iter();
        let errors: Vec<(&str, u64)> = errors
            .filter_map(|(&register, &calls)| {
                Some((values::returned_error(returns, register)?, calls))
            })
            .collect();
        let row = self.row((function, group));
        row.calls += counted.calls;
        row.total = row.total.saturating_add(counted.total);
        row.own = row.own.saturating_add(counted.own);
        row.longest = row.longest.max(counted.longest);
        for (name, calls) in errors {
            *row.errors.entry(name).or_default() += calls;
        }
        for (&bucket, &calls) in &counted.buckets {
            let (start, width) = bounds_of(bucket);
            // As above, and the end of a bucket is what quantiles are by it.
            let time = start.saturating_add(width / 2).min(counted.longest);
            let _ = row.times.record_n(time, calls);
        }
    }

    fn call(&mut self, call: &Call, group: Group, own: Option<u64>) {
        let returns = self.functions.returns(call.function);
        let register = call.closed.value();
        let error = register.and_then(|register| values::returned_error(returns, register));
        let duration = call.duration(self.sleep);
        let row = self.row((call.function, group));
        row.calls += 1;
        if let Some(name) = error {
            *row.errors.entry(name).or_default() += 1;
        }
        if let (Some(duration), Some(own)) = (duration, own) {
            row.total = row.total.saturating_add(duration.0);
            row.own = row.own.saturating_add(own);
            row.longest = row.longest.max(duration.0);
            // It grows with what it is given, so there is nothing that it does not take.
            let _ = row.times.record(duration.0);
        }
    }
}

impl Collect for Report<'_> {
    fn add(&mut self, root: &RootCall) {
        if self.group_by == Some(GroupBy::Task) && self.tasks.len() < MOST_ROWS {
            self.tasks.insert(root.task, escape::task(root));
        }
        let times = self_times(root, self.sleep);
        let mut open: Vec<FunctionId> = Vec::new();
        for (node, own) in root.nodes.iter().zip(times) {
            let Node::Call(call) = node else { continue };
            open.truncate(call.depth as usize);
            let group = match self.group_by {
                None => Group::All,
                Some(GroupBy::Task) => Group::Task(root.task),
                Some(GroupBy::Cpu) => Group::Cpu(call.cpu),
                Some(GroupBy::Caller) => Group::Caller(caller(call, &open)),
            };
            self.call(call, group, own.map(|own| own.0));
            open.push(call.function);
        }
    }
}

/// What called it: the call around it, or the first frame above the root, where that was recorded.
fn caller(call: &Call, open: &[FunctionId]) -> Option<FunctionId> {
    let above = || call.details.stack().first().copied();
    open.last().copied().or_else(above)
}
