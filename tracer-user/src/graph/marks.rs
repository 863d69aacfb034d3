//! Marks in the making: a mark comes in one event, and what more it recorded in those after it.
//!
//! An interrupt may come between them and make a mark of its own, so the last one is known for each
//! context.

use tracer_common::{Context, Event};

use super::{growing, open::Kept};
use crate::model::{CpuId, FunctionId, Mark, Nanoseconds};

/// Contexts that there are, see [`Context`].
const CONTEXTS: usize = Context::Nmi as usize + 1;

/// The last mark of each context.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastMarks([Option<(FunctionId, Kept)>; CONTEXTS]);

impl LastMarks {
    /// Nothing that comes belongs to the last one.
    pub fn forget(&mut self, context: Context) {
        self.0[context as usize] = None;
    }

    /// What comes now belongs to the mark that this event began.
    pub fn remember(&mut self, event: &Event, context: Context, node: Kept) {
        self.0[context as usize] = Some((FunctionId(event.function), node));
    }

    /// Where the mark is that this event has a part of.
    pub fn last_of(&self, part: &Event, context: Context) -> Option<Kept> {
        let (mark, node) = self.0[context as usize]?;
        (mark == FunctionId(part.function)).then_some(node)
    }
}

/// The mark that an event begins.
pub fn begun_by(event: &Event, depth: u32, context: Context, cpu: CpuId) -> Mark {
    let mut mark = Mark {
        event: FunctionId(event.function),
        depth,
        at: Nanoseconds(event.time_ns),
        cpu,
        context,
        bytes: event.frame,
        record: Vec::new(),
    };
    growing::extend(&mut mark, event.value);
    mark
}
