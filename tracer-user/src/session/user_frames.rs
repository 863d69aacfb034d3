//! The frames of processes get their names while the trace goes on.
//!
//! A batch with a process's stack is seen when it comes out of the ring, at most some 40 ms after
//! the call, and its frames are named then: the process may end any time. What is named once is
//! known as long as the trace goes on. A task that has another name by then than the batch says has
//! executed another program: nothing is said of its addresses.

use std::{cell::RefCell, collections::HashSet, fs};

use tracer_common::{BatchHeader, EventKind};

use crate::{
    graph::Batch,
    kernel::user_symbols::UserSymbols,
    model::{FunctionTable, Image, RootCall},
    pipeline::Observe,
};

/// Places that are named: more than the stacks of a hundred large programs have.
const MOST_PLACES: usize = 1 << 18;

/// Names what it sees.
pub struct UserFrames<'a> {
    table: &'a FunctionTable,
    symbols: UserSymbols,
    /// What was asked for.
    asked: RefCell<HashSet<(Image, u64)>>,
}

impl<'a> UserFrames<'a> {
    /// Makes names known to `table`.
    pub fn new(table: &'a FunctionTable) -> Self {
        Self {
            table,
            symbols: UserSymbols::default(),
            asked: RefCell::default(),
        }
    }

    fn stack(&self, header: &BatchHeader, image: Image, frames: &[u64]) {
        let mut asked = self.asked.borrow_mut();
        let is_known = frames.iter().all(|&frame| asked.contains(&(image, frame)));
        if is_known || !runs_still(header) {
            return;
        }
        let places = self.symbols.places(image.process, frames);
        for (&frame, place) in frames.iter().zip(places) {
            if asked.len() < MOST_PLACES
                && asked.insert((image, frame))
                && let Some(place) = place
            {
                self.table.insert_user(image, frame, place);
            }
        }
    }
}

impl Observe for UserFrames<'_> {
    fn batch(&self, batch: &Batch) {
        let (mut image, mut frames) = (None, Vec::new());
        for event in batch.events() {
            let is_frame = event.kind() == Some(EventKind::UserFrame);
            if is_frame && event.depth > 0 {
                frames.push(event.value);
                continue;
            }
            if let Some(image) = image.take() {
                self.stack(batch.header(), image, &frames);
                frames.clear();
            }
            image = is_frame.then(|| Image::of_word(event.value));
        }
        if let Some(image) = image {
            self.stack(batch.header(), image, &frames);
        }
    }

    fn root_call(&self, _: &RootCall) {}
}

/// Whether the task has the name that it had.
fn runs_still(header: &BatchHeader) -> bool {
    let name = fs::read(format!("/proc/{}/task/{}/comm", header.tgid, header.tid));
    let name = name.unwrap_or_default();
    let had = header.comm.split(|&byte| byte == 0).next();
    had == Some(name.trim_ascii_end())
}
