//! Who follows how attaching goes, function by function.
//!
//! A kernel refuses single functions for reasons of its own, and thousands of others get their
//! probes meanwhile. So a refusal is handed to an [`Observer`], which decides whether it ends the
//! attaching; the same one says when to stop.

use super::AttachError;
use crate::plan::{Planned, Reach};

/// Who wants to know how attaching goes.
pub trait Observer {
    /// These functions have their probes.
    fn attached(&mut self, functions: &[&Planned]);
    /// One is not accepted. An error ends the attaching.
    fn refused(&mut self, error: AttachError) -> Result<(), AttachError>;
    /// Whether to leave it at what is attached.
    fn is_stopped(&self) -> bool;
}

/// Keeps to itself what can be tried again by address.
pub(super) struct FirstTry<'a> {
    observer: &'a mut dyn Observer,
    functions: &'a [&'a Planned],
    refused: Vec<&'a Planned>,
}

impl<'a> FirstTry<'a> {
    /// Of these functions.
    pub fn new(observer: &'a mut dyn Observer, functions: &'a [&'a Planned]) -> Self {
        Self {
            observer,
            functions,
            refused: Vec::new(),
        }
    }

    /// Who wanted to know, and what is to be tried again.
    pub fn again(self) -> (&'a mut dyn Observer, Vec<&'a Planned>) {
        (self.observer, self.refused)
    }
}

impl Observer for FirstTry<'_> {
    fn attached(&mut self, functions: &[&Planned]) {
        self.observer.attached(functions);
    }

    fn refused(&mut self, error: AttachError) -> Result<(), AttachError> {
        let again = self
            .functions
            .iter()
            .find(|function| function.reach == Reach::Type && error.is_about(&function.name));
        match again {
            Some(function) => self.refused.push(function),
            None => self.observer.refused(error)?,
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.observer.is_stopped()
    }
}
