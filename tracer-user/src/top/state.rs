//! All that `tracer top` knows: what has come, and what the user has made of it.
//!
//! It knows neither the kernel nor the terminal: root calls go in ([`State::add`]), keys go in
//! ([`super::keys`]), time goes in ([`State::tick`]), and a picture comes out ([`super::draw`]). It
//! keeps what it knows of functions by itself, so it can be looked at when the trace has ended and
//! its probes are gone.
//!
//! Memory is bounded: the tree by its paths, the slowest calls by their number and size. Paused, it
//! takes nothing in: calls that go by are counted, and what is on the screen stays there.

use std::sync::Arc;

pub use super::page::{Asks, OpenCall, Page, Prompt, Wish};
use super::{
    clock::Clock,
    numbers,
    pattern::Pattern,
    tree::{Row, Tree},
};
use crate::{
    model::{
        Capture, FunctionId, FunctionTable, MOST_OPEN_SHOWN, Nanoseconds, Node, OpenRootCall,
        RootCall, Sink as _, SleepTime, Totals,
    },
    output::{
        ftrace::{self, FtraceWriter},
        stuck::open_functions,
    },
    recording::Head,
    summary::{Collect as _, Exemplar, Recent},
    values::escape,
};

/// Where the calls come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A trace that goes on.
    Live,
    /// A recording of this name.
    Recording(String),
}

/// All of it.
pub struct State {
    /// Where the calls come from.
    pub source: Origin,
    /// Where they were made.
    pub head: Head,
    /// How a listing looks.
    text: ftrace::TextOptions,
    /// What was recorded of calls.
    capture: Capture,
    /// What the functions are.
    pub functions: FunctionTable,
    /// The merged calls.
    pub tree: Tree,
    /// The slowest root calls of late.
    pub recent: Recent,
    /// Root calls that have not returned; of a trace that goes on, when that was last asked.
    pub open: Vec<OpenRootCall>,
    /// The first of their lines that is to be seen.
    pub open_line: usize,
    /// What came.
    pub totals: Totals,
    /// Root calls that returned an error.
    pub errors: u64,
    /// Root calls in a second, once that is known.
    pub rate: Option<f64>,
    /// Calls that went by while it is paused; none if it is not.
    pub paused: Option<u64>,
    /// Why nothing comes any more.
    pub ended: Option<&'static str>,
    clock: Clock,
    /// What is shown.
    pub page: Page,
    /// The place in the list of the slowest calls.
    pub slowest: usize,
    /// Whether the keys are explained.
    pub helps: bool,
    /// What is being typed.
    pub prompt: Option<Prompt>,
    /// What was searched for.
    pub search: Option<Pattern>,
    /// What there is to say.
    pub message: String,
    /// Lines and columns of the screen that are for rows.
    pub room: (usize, usize),
}

impl State {
    /// Nothing has come yet.
    pub fn new(
        source: Origin,
        head: Head,
        (text, capture): (ftrace::TextOptions, Capture),
    ) -> Self {
        let sleep = text.sleep;
        Self {
            source,
            head,
            text: ftrace::TextOptions {
                colour: ftrace::Colour::Plain,
                ..text
            },
            capture,
            functions: FunctionTable::default(),
            tree: Tree::new(sleep),
            recent: Recent::new(sleep),
            open: Vec::new(),
            open_line: 0,
            totals: Totals::default(),
            errors: 0,
            rate: None,
            paused: None,
            ended: None,
            clock: Clock::default(),
            page: Page::Tree,
            slowest: 0,
            helps: false,
            prompt: None,
            search: None,
            message: String::new(),
            room: (1, 1),
        }
    }

    /// Whether durations are without time off the CPU.
    pub const fn sleep(&self) -> SleepTime {
        self.text.sleep
    }

    /// Takes a root call; `functions` knows what it is made of.
    pub fn add(&mut self, call: &RootCall, functions: &FunctionTable) {
        if let Some(went_by) = &mut self.paused {
            *went_by += 1;
            return;
        }
        self.know(call, functions);
        self.totals.add(call);
        self.tree.add(call, &self.functions);
        self.recent.add(call);
        self.remember_open(call);
        let root = call.root();
        let value = root.and_then(|root| Some((root.function, root.closed.value()?)));
        let error = value.and_then(|(function, value)| {
            crate::values::returned_error(self.functions.returns(function), value)
        });
        self.errors += u64::from(error.is_some());
        if let Origin::Recording(_) = self.source {
            let times = call.nodes.iter().filter_map(|node| match node {
                Node::Call(call) => call.entered.or(call.closed.at()),
                Node::Mark(_) | Node::Gap { .. } => None,
            });
            let first = times.min();
            let last = root.and_then(|root| root.closed.at()).or(first);
            if let (Some(first), Some(last)) = (first, last) {
                self.clock.recorded(first, last);
            }
        }
    }

    /// Of a recording, and of a trace that has ended, what is open is known in the end.
    fn remember_open(&mut self, call: &RootCall) {
        if let Some(open) = OpenRootCall::of(call)
            && self.open.len() < MOST_OPEN_SHOWN
        {
            self.open.retain(|known| known.task != open.task);
            self.open.push(open);
            self.open.sort_by_key(OpenRootCall::since);
        }
    }

    /// Whether what is open is to be asked for.
    pub fn shows_open(&self) -> bool {
        matches!(self.page, Page::Open) && self.paused.is_none() && !self.helps
    }

    /// Takes the root calls that are open now.
    pub fn set_open(&mut self, calls: Vec<OpenRootCall>, functions: &FunctionTable) {
        for call in &calls {
            for &(function, _) in &call.functions {
                self.know_function(function, functions);
            }
        }
        self.open = calls;
    }

    /// The lines of what is open: who, and below each open function with how long it has been.
    pub fn open_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for open in &self.open {
            let name = escape::task_name(&open.comm);
            let (tid, cpu) = (open.task.id().0, open.cpu.0);
            let task = escape::task_of(format!("{name}-{tid}"), open.process);
            lines.push(format!("{task}, on CPU {cpu}:"));
            let time = |entered: Option<Nanoseconds>| {
                entered.map_or("-".to_owned(), |entered| {
                    numbers::time(self.clock.now().since(entered))
                })
            };
            lines.extend(open_functions(open, &self.functions, 10, time));
        }
        lines
    }

    fn know(&self, call: &RootCall, functions: &FunctionTable) {
        for node in &call.nodes {
            if let Node::Call(call) = node {
                self.know_function(call.function, functions);
            }
        }
    }

    fn know_function(&self, function: FunctionId, functions: &FunctionTable) {
        if self.functions.get(function).is_none()
            && let Some(info) = functions.get(function)
        {
            self.functions.insert(function, info.clone());
        }
    }

    /// How much time it is about.
    pub fn elapsed(&self) -> Nanoseconds {
        self.clock.elapsed()
    }

    /// Time goes on; of a recording it goes with the calls.
    pub fn tick(&mut self, now: Nanoseconds) {
        let is_live = self.source == Origin::Live;
        if is_live && self.ended.is_none() {
            self.clock.advance(now);
        }
        if self.paused.is_some() || self.ended.is_some() {
            return;
        }
        let Some(stretch) = self.clock.stretch(is_live) else {
            return;
        };
        self.tree.for_all(|numbers| numbers.set_rate(stretch));
        self.rate = Some(self.clock.rate(self.all_calls(), stretch));
        if is_live && self.clock.ends_stretch(stretch) {
            self.begin_stretch();
        }
    }

    fn begin_stretch(&mut self) {
        self.clock.begin_stretch(self.all_calls());
        self.tree.for_all(super::numbers::Numbers::begin_stretch);
    }

    /// Root calls that came.
    pub const fn all_calls(&self) -> u64 {
        self.totals.whole_calls + self.totals.partial_calls
    }

    /// Nothing comes any more.
    pub fn end(&mut self, why: &'static str) {
        self.tick(self.clock.now());
        self.ended = Some(why);
    }

    /// Stands still, or goes on.
    pub fn pause(&mut self) {
        if self.ended.is_some() {
            "nothing comes any more, so there is nothing to pause".clone_into(&mut self.message);
            return;
        }
        if self.paused.take().is_some() {
            self.begin_stretch();
        } else {
            self.paused = Some(0);
        }
    }

    /// The rows of the tree.
    pub fn rows(&self) -> Vec<Row> {
        self.tree.rows(&self.functions)
    }

    /// Opens the slowest call where the cursor is.
    pub fn open(&mut self) {
        let Some(call) = self.recent.calls().nth(self.slowest).map(Arc::clone) else {
            return;
        };
        let mut text = Vec::new();
        let cpus = self.head.possible_cpus;
        let written = FtraceWriter::new(&mut text, &self.functions, self.text, cpus)
            .with_capture(self.capture)
            .root_call(&call.call);
        if let Err(error) = written {
            self.message = format!("the call cannot be shown: {error}");
            return;
        }
        let text = String::from_utf8_lossy(&text);
        self.page = Page::Call(Box::new(OpenCall {
            call,
            lines: text.lines().map(str::to_owned).collect(),
            line: 0,
            column: 0,
        }));
    }

    /// The calls that would be saved: the one that is open, or the slowest ones.
    pub fn to_save(&self) -> Vec<Arc<Exemplar>> {
        match &self.page {
            Page::Call(open) => vec![Arc::clone(&open.call)],
            Page::Tree | Page::Slowest | Page::Open => {
                self.recent.calls().map(Arc::clone).collect()
            }
        }
    }
}
