//! `cargo xtask fidelity --one-shot`: does tracer show what happens once as function_graph does?
//!
//! People trace a command that does one thing and ends: there is nothing to learn from before. Each
//! command of a table is recorded cold, in one boot, twice by the kernel's function_graph and once
//! by tracer (`guest.sh`). No run is like the other to the last call: a slab is full, a timer is
//! due. So tracer's listing has to have what both listings of function_graph have, and the share of
//! it that it has is *relative recall*. Beside it stand the shares of the first listing that ours
//! has and that the second one has.
//!
//! Functions that tracer does not attach are no part of that; the raw number has them, and the
//! report says which of them were called.
//!
//! A workload that rests longer than it runs is the other way to have nothing to learn from: three
//! sends, then five seconds of rest. There each root call is scored for itself, because a mean over
//! many would hide that the first of them are poor.

pub mod command;
mod parts;
mod reading;
mod score;
mod subject;
mod table;

use serde::Serialize;

use super::compare::Difference;
pub use subject::Subject;

/// What came out.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The subject's name.
    pub name: String,
    /// What it is about.
    pub kind: &'static str,
    /// The root function on this kernel.
    pub root: String,
    /// The command line.
    pub command: String,
    /// Whole root calls in the kernel's first listing, in its second one and in ours.
    pub calls: [usize; 3],
    /// Calls of any function in the same three.
    pub lines: [usize; 3],
    /// Root calls that were torn in them, and so not compared.
    pub torn: [usize; 3],
    /// With everything that the listings have.
    pub raw: Recall,
    /// Without the functions that tracer does not attach, and without what interrupts brought in.
    pub attachable: Recall,
    /// The share of our calls that the first listing has.
    pub precision: f64,
    /// What both listings of the kernel have and ours has not, in [`Report::attachable`].
    pub missing: Vec<Difference>,
    /// Calls in the first listing of functions that tracer does not attach, most of them first.
    pub excluded: Vec<(String, usize)>,
    /// The least of [`Recall::relative`] that is promised.
    pub promise: f64,
    /// What is broken of the promise.
    pub broken: Option<String>,
}

/// Shares of calls, 0 to 1.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Recall {
    /// Of the kernel's first listing, that its second one has.
    pub own: f64,
    /// Of the kernel's first listing, that ours has.
    pub ours: f64,
    /// Of what both of the kernel's listings have, that ours has.
    pub relative: f64,
}
