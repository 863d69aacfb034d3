//! Generations of probes: which set of probes records a root call.
//!
//! A trace changes its set of probes while it runs. So that no root call is torn by a change, each
//! one belongs to one generation from its entry to its exit: the probes of the others do not see
//! it. Two sets are attached at a time at most, one on each *side*. A generation's number says its
//! side, so a set stays attached while the other side takes its turn, and is armed again under a
//! new number.
//!
//! The gate has one word per CPU and side (`task/gate.rs` in tracer-ebpf), so a probe asks for its
//! own side by the address that it reads, and a generation costs a call nothing.

/// Sets of probes that can be attached at a time.
pub const SIDES: usize = 2;

/// The side of a generation. 0 is no generation.
#[inline(always)]
#[must_use]
pub const fn side(generation: u64) -> u64 {
    generation & (SIDES as u64 - 1)
}

/// In [`crate::BatchHeader::early`]: by how many bits the generation is shifted.
pub const SHIFT: u32 = 1;
/// The highest number that a batch's header has room for.
pub const MOST: u64 = u16::MAX as u64 >> SHIFT;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_on_different_sides() {
        for generation in 1..10 {
            assert_ne!(side(generation), side(generation + 1));
            assert_eq!(side(generation), side(generation + 2));
        }
    }
}
