//! What is recorded of calls: this goes to the kernel side. How it is printed is another matter
//! ([`crate::output::ftrace::TextOptions`]). Of a recording it says what is taken of what is there.

/// What is recorded of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Capture {
    /// What they were given.
    pub arguments: Arguments,
    /// Who made them.
    pub callers: ReturnAddresses,
    /// The kernel frames above the root.
    pub stack: Stack,
    /// The frames of the process.
    pub user_stack: Stack,
    /// So many levels, the root among them; none for all.
    pub depth: Option<u32>,
    /// What is called in interrupts.
    pub interrupts: Interrupts,
}

/// Arguments of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Arguments {
    /// None.
    #[default]
    Absent,
    /// As far as they are passed in registers, and the strings that they point to.
    Recorded,
}

/// Who made a call, as function_graph's `funcgraph-retaddr` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReturnAddresses {
    /// Unknown.
    #[default]
    Absent,
    /// The function that made it, and where in it the call returns to.
    Recorded,
}

/// The stack at each root call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Stack {
    /// Unknown.
    #[default]
    Absent,
    /// As far as it could be read, [`tracer_common::MAX_FRAMES`] at most.
    Recorded,
    /// The same, also where the function is called within another root's call.
    OfEachRoot,
}

/// Which parts of the events the tree shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Interrupts {
    /// All.
    #[default]
    Shown,
    /// Nothing that was called in a hard interrupt or an NMI.
    Excluded,
}
