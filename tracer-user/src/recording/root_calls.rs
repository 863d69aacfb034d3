//! The root calls of a recording, one after the other, for programs that look at them themselves.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{Ending, Head, Learning, Readable, Recording, RecordingError, steps::Step};
use crate::{
    graph::{AttachedLate, Rebuilder, callers},
    model::{FunctionTable, Interrupts, RootCall},
};

/// The root calls of a recording, in the order in which they ended. Nothing is filtered, and
/// nothing is said on stderr: what is damaged is skipped, and [`Self::readable`] says how much.
///
/// Memory is needed for what is open at a time, and for the functions.
///
/// ```
/// use tracer::{model::FunctionTable, recording::RootCalls};
///
/// let functions = FunctionTable::default();
/// let mut calls = RootCalls::open("../samples/sockmap.rec", &functions)?;
/// let mut whole = 0;
/// for call in &mut calls {
///     let call = call?;
///     if let Some(root) = call.root() {
///         assert_eq!(functions.name(root.function), "__sys_sendto");
///         whole += u32::from(call.is_whole());
///     }
/// }
/// assert_eq!(whole, 20);
/// assert!(calls.readable().is_whole());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RootCalls<'a, R> {
    recording: Recording<R>,
    learning: Learning<'a>,
    functions: &'a FunctionTable,
    rebuilder: Rebuilder,
    ready: VecDeque<RootCall>,
    has_ended: bool,
}

impl<'a> RootCalls<'a, File> {
    /// Those of a file. Its functions become known in `functions`.
    pub fn open(
        path: impl AsRef<Path>,
        functions: &'a FunctionTable,
    ) -> Result<Self, RecordingError> {
        let file = File::open(path)?;
        Ok(Self::new(Recording::open(file)?, functions))
    }
}

impl<'a, R: Read> RootCalls<'a, R> {
    /// Those of a recording that was opened. Its functions become known in `functions`.
    pub fn new(mut recording: Recording<R>, functions: &'a FunctionTable) -> Self {
        recording.is_quiet = true;
        let attached_late = AttachedLate::default();
        Self {
            recording,
            learning: Learning::new(functions, &attached_late),
            functions,
            rebuilder: Rebuilder::new(Interrupts::default()).with_attached_late(attached_late),
            ready: VecDeque::new(),
            has_ended: false,
        }
    }

    /// Where and when the recording was made, and its roots.
    pub const fn head(&self) -> &Head {
        &self.recording.head
    }

    /// How much of it could be read until now.
    pub const fn readable(&self) -> Readable {
        self.recording.readable
    }

    /// Reads on, to the end of a stretch of the recording.
    fn read(&mut self) -> io::Result<()> {
        let mut complete = |call| self.ready.push_back(call);
        let Some(data) = self.recording.next_data()? else {
            self.has_ended = true;
            let end = self.recording.readable.end.unwrap_or_default();
            if end.ending != Ending::Enough {
                self.rebuilder.finish(&mut complete);
            }
            return Ok(());
        };
        self.learning.learn(&data);
        for step in data.steps() {
            match step {
                Step::Batch(batch) => self.rebuilder.push(batch, &mut complete),
                Step::Pass => self.rebuilder.pass(&mut complete),
            }
        }
        Ok(())
    }
}

impl<R: Read> Iterator for RootCalls<'_, R> {
    type Item = io::Result<RootCall>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.has_ended {
            if let Err(error) = self.read() {
                self.has_ended = true;
                return Some(Err(error));
            }
        }
        let mut call = self.ready.pop_front()?;
        callers::find_excluded(&mut call, self.functions);
        Some(Ok(call))
    }
}
