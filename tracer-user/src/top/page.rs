//! What of a trace is on the screen, and what the user is asked.

use std::{path::PathBuf, sync::Arc};

use crate::summary::Exemplar;

/// What is shown.
pub enum Page {
    /// The merged calls.
    Tree,
    /// The slowest root calls.
    Slowest,
    /// One of them.
    Call(Box<OpenCall>),
    /// Root calls that have not returned.
    Open,
}

/// A call that is read.
pub struct OpenCall {
    /// Which.
    pub call: Arc<Exemplar>,
    /// As a listing.
    pub lines: Vec<String>,
    /// The line where the cursor is.
    pub line: usize,
    /// Columns that are out of sight on the left.
    pub column: usize,
}

/// Something that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What for.
    pub asks: Asks,
    /// What was typed until now.
    pub text: String,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A name to find.
    Search,
    /// A name to narrow the tree to.
    Filter,
    /// A file to write to.
    Save,
}

/// What the user wants that is not for the state to do.
#[derive(Debug)]
pub enum Wish {
    /// To end.
    Quit,
    /// These calls in a recording.
    Save {
        /// Its file.
        path: PathBuf,
        /// The calls.
        calls: Vec<Arc<Exemplar>>,
    },
}
