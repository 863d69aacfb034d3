//! Branches in machine code, whatever the processor.

use super::Address;

/// How a branch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchKind {
    /// A call.
    Call,
    /// A jump, conditional or not.
    Jump,
}

/// A branch whose target stands in the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// How it goes.
    pub kind: BranchKind,
    /// Where it goes.
    pub target: Address,
}

/// All branches of a piece of code.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Branches {
    /// In the order of the code.
    pub direct: Vec<Branch>,
    /// How many go wherever a register or memory says.
    pub indirect: usize,
}
