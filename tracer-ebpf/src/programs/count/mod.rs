//! Programs that count the calls of roots in the kernel, for `tracer latency`: no event, no ring,
//! no task table.
//!
//! An entry asks whose call it is and keeps the time; the exit adds how long it took to the row of
//! its root on its CPU ([`Row`](tracer_common::count::Row)), where userspace reads it. So nothing
//! is lost at any rate. What the kernel itself skips is counted by it, and an exit without an entry
//! is counted here (`without_entry`).
//!
//! Where entry and exit are one program (fsession.multi, kprobe.session) the entry leaves the time
//! in the session's cookie. Where they are two (fentry and fexit, kprobe.multi and kretprobe.multi)
//! it goes into a table of open calls ([`open`]), found by the call's frame on the kernel stack.
//! Every call of a root is counted, also one within another root's call or its own.
//!
//! Where calls are told apart by a value, the entry finds the value's place ([`by`]) and leaves it
//! with the time.
//!
//! Settings are constants in the programs' text ([`placeholder`]), so what was not asked for costs
//! one instruction. The number of the root, too, where the program serves one function; otherwise
//! it is the probe's cookie (bpf_get_attach_cookie, kernels 5.18+), which the kernel finds by the
//! address.

mod by;
mod open;
mod row;

use core::{arch::asm, ffi::c_void};

use aya_ebpf::{
    EbpfContext as _,
    bindings::pt_regs,
    helpers::{bpf_ktime_get_ns, generated::bpf_get_attach_cookie},
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};

use tracer_common::count::{ASK, Switch, placeholder};

use crate::{
    arch,
    maps::{count_away, cpu_number, meant},
    probe::{
        ProbeSite, Site, TrampolineSite,
        session::{cookie, is_return},
    },
    root::{callers, sample},
};

/// A root was entered, at a trampoline of this end alone.
#[fentry]
pub fn count_entry(ctx: FEntryContext) -> i32 {
    if is_wanted_entry() {
        let root = root(ctx.as_ptr());
        let place = by::place(root, &TrampolineSite::of(&ctx));
        open::begin(frame_of(ctx.as_ptr()), root, place);
    }
    0
}

/// A root returned, at a trampoline of this end alone.
#[fexit]
pub fn count_exit(ctx: FExitContext) -> i32 {
    let now = now();
    let site = TrampolineSite::of(&ctx);
    ends(frame_of(ctx.as_ptr()), root(ctx.as_ptr()), now, &site);
    0
}

/// A root, at its entry and at its exit, at a trampoline.
#[fentry]
pub fn count_session(ctx: FEntryContext) -> i32 {
    let site = TrampolineSite::of(&ctx);
    let context = ctx.as_ptr();
    // SAFETY: the context is the program's own.
    unsafe {
        let kept = cookie(context);
        if !is_return(context) {
            *kept = UNWANTED;
            if is_wanted_entry() {
                let root = root(context);
                row::entered(root);
                let place = by::place(root, &site);
                *kept = by::begun(now(), place);
            }
            return 0;
        }
        let now = now();
        match *kept {
            UNWANTED => {}
            NOT_SEEN => row::missed(root(context)),
            entered => row::add(root(context), entered, now, &site),
        }
    }
    0
}

/// A root, at its entry and at its exit, at an fprobe.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn count_probe(registers: *mut pt_regs) -> i32 {
    let context: *mut c_void = registers.cast();
    // SAFETY: the context is the program's own.
    unsafe {
        let kept = cookie(context);
        if !is_return(context) {
            if !is_wanted_entry() {
                return 1;
            }
            let frame = arch::stack_at_entry(registers);
            let site = ProbeSite::<false> { registers, frame };
            let place = by::place(root(context), &site);
            *kept = by::begun(now(), place);
            return 0;
        }
        let now = now();
        let entered = *kept;
        // Memory of a cookie is used again, and nobody clears it if the next entry is skipped.
        *kept = NOT_SEEN;
        if entered == NOT_SEEN {
            row::missed(root(context));
        } else {
            let frame = arch::stack_at_entry(registers);
            row::add(
                root(context),
                entered,
                now,
                &ProbeSite::<false> { registers, frame },
            );
        }
    }
    0
}

/// A root was entered, at an fprobe of this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn count_kentry(registers: *mut pt_regs) -> i32 {
    if is_wanted_entry() {
        // SAFETY: the registers are the program's context.
        let frame = unsafe { arch::stack_at_entry(registers) };
        let root = root(registers.cast());
        let place = by::place(root, &ProbeSite::<true> { registers, frame });
        open::begin(frame, root, place);
    }
    0
}

/// A root returned, at an fprobe of this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn count_kexit(registers: *mut pt_regs) -> i32 {
    let now = now();
    // SAFETY: the registers are the program's context.
    let frame = unsafe { arch::stack_at_exit(registers) };
    let site = ProbeSite::<true> { registers, frame };
    ends(frame, root(registers.cast()), now, &site);
    0
}

/// In a cookie: the entry turned the call away.
const UNWANTED: u64 = 1;

/// In a cookie: the entry has not run.
const NOT_SEEN: u64 = 0;

/// A call ends whose entry left the time in the table.
#[inline(always)]
fn ends<S: Site>(frame: u64, root: u64, now: u64, site: &S) {
    match open::end(frame, root) {
        Some(entered) => row::add(root, entered, now, site),
        // A call that was not wanted is not there either.
        None if is_wanted() => row::missed(root),
        None => {}
    }
}

/// Whether calls are counted now, and the current task's are. Entries that are turned away are
/// counted by reason, for who asks why there is nothing.
#[inline(always)]
fn is_wanted_entry() -> bool {
    if !is_armed() {
        return false;
    }
    let cpu = cpu_number();
    match callers::turn_away(cpu) {
        None => !sample::is_out(cpu),
        Some(reason) => {
            count_away(cpu, reason);
            false
        }
    }
}

/// Whether calls are counted now, and the current task's are.
#[inline(always)]
fn is_wanted() -> bool {
    is_armed() && callers::turn_away(cpu_number()).is_none()
}

#[inline(always)]
fn is_armed() -> bool {
    let switch = meant::<{ placeholder::ROWS }>() as *const Switch;
    // SAFETY: the memory begins with the switch; volatile because userspace writes.
    let armed = unsafe { core::ptr::read_volatile(&raw const (*switch).armed) };
    armed != 0
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_ns() }
}

/// The number of the root whose call this is.
#[inline(always)]
fn root(context: *mut c_void) -> u64 {
    let root = meant::<{ placeholder::ROOT }>();
    if root != ASK {
        return root;
    }
    // SAFETY: the context is the program's own.
    unsafe { bpf_get_attach_cookie(context) }
}

/// The frame of a trampoline: where its context is, counted from the table of open calls. The
/// difference of two pointers is a number with which the verifier allows arithmetic
/// (adjust_reg_min_max_vals, kernel/bpf/verifier.c).
#[inline(always)]
fn frame_of(context: *mut c_void) -> u64 {
    let mut frame = context as u64;
    let table = meant::<{ placeholder::OPEN }>();
    // SAFETY: subtracts. The compiler must not make something else of it.
    unsafe {
        asm!("{frame} -= {table}", frame = inout(reg) frame, table = in(reg) table,
            options(nomem, nostack));
    }
    frame
}
