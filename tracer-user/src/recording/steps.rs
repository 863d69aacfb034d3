//! Columns become batches again, in the order in which the stream brought them.
//!
//! A file may hold anything, so the parts are first held to each other ([`Data::is_sound`]); what
//! does not fit together gives no step.

use tracer_common::{BATCH_CAPACITY, BatchHeader, Event};

use super::form::{Columns, Data};
use crate::graph::Batch;

/// What the stream brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A batch.
    Batch(Batch),
    /// Every ring had been read once more.
    Pass,
}

impl Data {
    /// Whether the parts fit together: lists of the same length, places that are there, no more
    /// functions than events.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let Columns {
            time_steps,
            values,
            functions,
            frames,
            depths,
            kinds_and_contexts,
        } = &self.events;
        let events: usize = self.batches.iter().map(|it| usize::from(it.count)).sum();
        let lengths = [
            time_steps.len(),
            values.len(),
            functions.len(),
            frames.len(),
            depths.len(),
            kinds_and_contexts.len(),
        ];
        let known = self.functions.len();
        lengths.iter().all(|&length| length == events)
            && known <= events
            && functions.iter().all(|&place| (place as usize) < known)
            && self.passes.is_sorted()
            && self
                .batches
                .iter()
                .all(|batch| usize::from(batch.count) <= BATCH_CAPACITY)
    }

    /// What the stream brought, in order. Nothing if the parts do not fit together.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        Steps {
            data: self,
            batch: 0,
            pass: 0,
            event: 0,
            root_time_ns: 0,
            events: Vec::new(),
        }
    }
}

struct Steps<'a> {
    data: &'a Data,
    batch: usize,
    pass: usize,
    event: usize,
    root_time_ns: u64,
    events: Vec<Event>,
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let pass = self.data.passes.get(self.pass);
        if pass.is_some_and(|&before| before as usize <= self.batch) {
            self.pass += 1;
            return Some(Step::Pass);
        }
        let header = self.data.batches.get(self.batch)?;
        self.batch += 1;
        self.root_time_ns = self.root_time_ns.wrapping_add_signed(header.root_time_step);
        let header = BatchHeader {
            sequence: header.sequence,
            root_time_ns: self.root_time_ns,
            tid: header.tid,
            tgid: header.tgid,
            cpu: header.cpu,
            count: header.count,
            early: header.early,
            comm: header.comm,
        };
        self.fill(&header)?;
        Batch::of(&header, &self.events).ok().map(Step::Batch)
    }
}

impl Steps<'_> {
    /// Reads the events of the next batch. None where there are none, which [`Data::is_sound`]
    /// excludes.
    fn fill(&mut self, header: &BatchHeader) -> Option<()> {
        let range = self.event..self.event + usize::from(header.count);
        self.event = range.end;
        let columns = &self.data.events;
        let steps = columns.time_steps.get(range.clone())?;
        let values = columns.values.get(range.clone())?;
        let functions = columns.functions.get(range.clone())?;
        let frames = columns.frames.get(range.clone())?;
        let depths = columns.depths.get(range.clone())?;
        let kinds = columns.kinds_and_contexts.get(range)?;
        let mut time_ns = header.root_time_ns;
        self.events.clear();
        for index in 0..steps.len() {
            time_ns = time_ns.wrapping_add_signed(steps[index]);
            self.events.push(Event {
                time_ns,
                value: values[index],
                function: self.data.functions.get(functions[index] as usize)?.id,
                frame: frames[index],
                depth: depths[index],
                kind_and_context: kinds[index],
            });
        }
        Some(())
    }
}
