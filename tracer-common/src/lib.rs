//! What the two sides of tracer share: the layout of what travels from the eBPF program to
//! userspace, and the settings that travel the other way.
//!
//! Nothing else is shared but the arithmetic of a few words ([`context`], [`cursor`]), which is
//! tested here. The layouts are `repr(C)` without padding, so that a batch can be copied as bytes
//! out of the kernel and read back without `unsafe`; a test below holds them to that.
#![no_std]

mod away;
mod batch;
mod config;
pub mod context;
pub mod count;
pub mod cursor;
mod event;
mod fields;
pub mod generation;
mod mark;
pub mod placeholder;
pub mod profile;
pub mod sample;
mod strings;

pub use away::{Away, AwayCounts};
pub use batch::{Arrival, BATCH_CAPACITY, BatchHeader};
pub use config::{
    Callers, CodeRange, Config, CpuMask, FOLLOWED_BYTES, FOLLOWED_LIST_BYTES, MAX_ARGUMENTS,
    MAX_CPUS, MAX_FAST_DEPTH, MAX_NAMES, MAX_TASK_SLOTS, MAX_TASKS, NO_DEPTH_LIMIT, PARKED_BUCKET,
    PARKED_BYTES, TASK_BYTES,
};
pub use context::{Context, PreemptLayout};
pub use event::{Event, EventKind, MAX_FRAMES};
pub use fields::{
    FIELD_CALLS, FIELD_FUNCTIONS, FIELD_TABLES, FieldFunction, FieldKind, FieldPlace, FieldRead,
    FieldTable, FieldTest, MAX_FIELD_BYTES, MAX_READS, MAX_STEPS, MAX_TESTS, TEST_WORDS, TestKind,
};
pub use mark::{FIRST_MARK, MARK_RECORD, MAX_MARK_PARTS, MarkCookie};
pub use strings::{
    CallRegisters, MAX_STRING_BYTES, MAX_STRING_PARTS, STRING_FUNCTIONS, StringArguments,
    StringPlace,
};

/// Counters of one CPU, kept by the eBPF side and read by userspace; every field counts since load.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuCounters {
    /// Events that were hit inside a root and stored nowhere: the ring was full.
    pub lost_events: u64,
    /// Root calls that were not traced because no task slot was free.
    pub lost_roots: u64,
    /// Hits that the tracer's own work caused (a lock that a helper takes): dropped, not a loss.
    pub self_recursions: u64,
    /// Batches that were handed to the ring.
    pub batches: u64,
    /// Root calls whose first batch was stored nowhere: the ring was full.
    pub lost_beginnings: u64,
}

#[cfg(feature = "user")]
mod user {
    use super::{
        BatchHeader, Config, CpuCounters, CpuMask, Event, FieldFunction, FieldTable,
        StringArguments, sample::Sampling,
    };

    // SAFETY: each is `repr(C)`, Copy, has no padding (see the tests of `event` and `batch`), and
    // every bit pattern is a value.
    unsafe impl aya::Pod for BatchHeader {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Config {}
    // SAFETY: as above.
    unsafe impl aya::Pod for CpuCounters {}
    // SAFETY: as above.
    unsafe impl aya::Pod for CpuMask {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Event {}
    // SAFETY: as above (the tests of `fields`).
    unsafe impl aya::Pod for FieldFunction {}
    // SAFETY: as above.
    unsafe impl aya::Pod for FieldTable {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Sampling {}
    // SAFETY: as above.
    unsafe impl aya::Pod for StringArguments {}
}
