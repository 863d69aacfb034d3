//! What becomes of a root call that is complete: filtered, written, counted, handed on.
//!
//! What the summary says is what was printed: calls that the filter keeps back are counted apart,
//! and calls that end after the last one that was asked for are nowhere.

use std::io;

use crate::{
    export::Feed,
    filter::{Filter, select::Selection},
    graph::callers,
    model::{FunctionTable, OpenRootCall, RootCall, Sink, Totals, Trees, Untraced},
    recording::Missed,
};

/// Writes root calls until there were as many whole ones as were asked for, or until nobody reads
/// any more.
pub struct Printer<'a> {
    form: Box<dyn Sink + 'a>,
    functions: &'a FunctionTable,
    filter: &'a Filter,
    selection: Selection,
    limit: Option<u64>,
    written: io::Result<()>,
    totals: Totals,
    filtered_out: u64,
    feed: Feed,
    untraced: Option<Untraced>,
}

impl<'a> Printer<'a> {
    /// Writes the head of the listing. `limit` is a number of whole calls.
    pub fn new(
        mut form: Box<dyn Sink + 'a>,
        functions: &'a FunctionTable,
        filter: &'a Filter,
        limit: Option<u64>,
    ) -> Self {
        Self {
            written: form.begin(),
            form,
            functions,
            filter,
            selection: Selection::default(),
            limit,
            totals: Totals::default(),
            filtered_out: 0,
            feed: Feed::default(),
            untraced: None,
        }
    }

    /// Hands what is printed on.
    #[must_use]
    pub fn with_feed(self, feed: Feed) -> Self {
        Self { feed, ..self }
    }

    /// Takes only a part of what comes.
    #[must_use]
    pub fn with_selection(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }

    /// What ran and was not traced: it is said at the end.
    pub const fn untraced(&mut self, untraced: Untraced) {
        self.untraced = Some(untraced);
    }

    /// Hands on what is in no root call.
    pub fn missed(&self, missed: Missed) {
        self.feed.missed(missed);
    }

    /// Whether anybody takes that.
    pub const fn wants_missed(&self) -> bool {
        self.feed.wants_missed()
    }

    /// How much of root calls is needed: what the form, the feed and the filter look at.
    pub fn wants(&self) -> Trees {
        let filter = if self.filter.needs_tree() || self.selection.needs_tree() {
            Trees::Whole
        } else {
            Trees::Roots
        };
        self.form.wants().max(self.feed.wants()).max(filter)
    }

    /// Prints a root call that is wanted.
    pub fn print(&mut self, mut call: RootCall) {
        if self.is_done() {
            return;
        }
        callers::find_excluded(&mut call, self.functions);
        if !self.selection.is_active() {
            return self.print_selected(call);
        }
        let calls = self.selection.take(call, self.functions);
        if calls.is_empty() {
            self.filtered_out += 1;
            self.feed.filtered_out();
        }
        for call in calls {
            if !self.is_done() {
                self.print_selected(call);
            }
        }
    }

    fn print_selected(&mut self, call: RootCall) {
        if let Some(call) = self.filter.apply(call, self.functions) {
            self.written = self.form.root_call(&call);
            self.totals.add(&call);
            self.feed.root_call(call, self.functions);
        } else {
            self.filtered_out += 1;
            self.feed.filtered_out();
        }
    }

    /// Whether root calls that are open are about to be shown.
    pub fn wants_open(&self) -> bool {
        self.form.wants_open()
    }

    /// Shows root calls that are open.
    pub fn open_calls(&mut self, calls: Vec<OpenRootCall>) {
        self.form.open_calls(calls);
    }

    /// Makes sure that what was printed is out.
    pub fn flush(&mut self) {
        if self.written.is_ok() {
            self.written = self.form.flush();
        }
    }

    /// Whether nothing more will be printed. What is torn is shown, but it is not what was asked
    /// for.
    pub fn is_done(&self) -> bool {
        let enough = |limit| self.totals.whole_calls >= limit;
        self.written.is_err() || self.limit.is_some_and(enough)
    }

    /// The sums over what was printed, the number of calls that the filter kept back, and whether
    /// the output took it all.
    pub fn finish(mut self) -> (Totals, u64, io::Result<()>) {
        let untraced = self.untraced.filter(|untraced| untraced.calls > 0);
        if let Some(untraced) = untraced.filter(|_| self.written.is_ok()) {
            self.written = self.form.untraced(&untraced);
        }
        if self.written.is_ok() {
            self.written = self.form.end();
        }
        (self.totals, self.filtered_out, self.written)
    }
}
