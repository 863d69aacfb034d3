//! Programs that put each event into the ring for itself, which tracer does not do: it gathers them
//! in batches.
//!
//! What that would cost is measured with these (`cargo xtask bench`). They have no gate, know no
//! task and no depth, so an event of its own cannot cost less.

use aya_ebpf::{
    EbpfContext,
    bindings::BPF_RB_NO_WAKEUP,
    helpers::{bpf_get_func_ip, bpf_ktime_get_ns, bpf_ringbuf_reserve, bpf_ringbuf_submit},
    macros::{fentry, fexit, kprobe},
    programs::{FEntryContext, FExitContext, ProbeContext},
};
use tracer_common::{Event, EventKind};

use crate::{
    maps::{RINGS, cpu_number},
    probe::{Site, TrampolineSite},
};

/// At an entry.
#[fentry]
pub fn reserve_entry(ctx: FEntryContext) -> i32 {
    store(&ctx, EventKind::Entry, 0);
    0
}

/// At an exit.
#[fexit]
pub fn reserve_exit(ctx: FExitContext) -> i32 {
    store(&ctx, EventKind::Exit, TrampolineSite::of(&ctx).value());
    0
}

/// At both ends, by trampolines, without the value.
#[fentry]
pub fn reserve_session(ctx: FEntryContext) -> i32 {
    store(&ctx, EventKind::Entry, 0);
    0
}

/// At both ends, by an fprobe, without the value; 0 asks for the exit.
#[kprobe]
pub fn reserve_probe(ctx: ProbeContext) -> u32 {
    store(&ctx, EventKind::Entry, 0);
    0
}

#[inline(always)]
fn store<C: EbpfContext>(ctx: &C, kind: EventKind, value: u64) {
    let Some(ring) = RINGS.get(cpu_number()) else {
        return;
    };
    let ring = core::ptr::from_ref(ring).cast_mut().cast();
    // SAFETY: a ring of the table; what is reserved is ours until it is submitted, and the context
    // is the program's own.
    unsafe {
        let event = bpf_ringbuf_reserve(ring, size_of::<Event>() as u64, 0).cast::<Event>();
        if event.is_null() {
            return;
        }
        *event = Event {
            time_ns: bpf_ktime_get_ns(),
            value,
            function: bpf_get_func_ip(ctx.as_ptr()) as u32,
            frame: 0,
            depth: 0,
            kind_and_context: Event::pack(kind, 0),
        };
        bpf_ringbuf_submit(event.cast(), u64::from(BPF_RB_NO_WAKEUP));
    }
}
