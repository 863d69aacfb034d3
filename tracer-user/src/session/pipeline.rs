//! From batches to what is printed, wherever the batches come from.
//!
//! The rings of a live trace are one source. All that the graph is made of passes here in the order in which it came: the batches, and
//! the word that every ring has been read once more, without which a late batch could not be told from a lost one. So a
//! source that brings the same again makes the same graph.

use bytes::Bytes;

use super::printer::Printer;
use crate::{graph::Rebuilder, stream::Batch};

/// Rebuilds and prints.
pub struct Pipeline<'a, W> {
    rebuilder: Rebuilder,
    printer: Printer<'a, W>,
}

impl<'a, W: std::io::Write> Pipeline<'a, W> {
    /// Nothing has come yet.
    pub fn new(rebuilder: Rebuilder, printer: Printer<'a, W>) -> Self {
        Self { rebuilder, printer }
    }

    /// Takes the bytes of a batch. Bytes that are none are left out, with a word to the user.
    pub fn take(&mut self, bytes: Bytes) {
        match Batch::new(bytes) {
            Ok(batch) => self
                .rebuilder
                .push(batch, &mut |call| self.printer.print(call)),
            Err(error) => eprintln!("tracer: {error}; it was left out"),
        }
    }

    /// Every ring has been read to its end once more.
    pub fn pass(&mut self) {
        self.rebuilder.pass(&mut |call| self.printer.print(call));
    }

    /// Whether nothing more will be printed.
    pub fn is_done(&self) -> bool {
        self.printer.is_done()
    }

    /// Prints what is still open.
    pub fn finish(mut self) -> Printer<'a, W> {
        self.rebuilder.finish(&mut |call| self.printer.print(call));
        self.printer
    }
}
