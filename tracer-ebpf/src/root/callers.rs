//! Whose root calls are traced.
//!
//! Asked when a root is entered outside of a root call, and nowhere else: inside one the answer is
//! known. What is asked for is constant to the verifier, so what was not is not in the program that
//! runs. Cheap questions come first.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, generated::bpf_get_current_ancestor_cgroup_id};
use tracer_common::{Away, Callers, MAX_NAMES, placeholder};

use super::followed::{self, List};
use crate::{
    maps::{cgroup, config, meant},
    task::current::read_name,
};

/// Levels of cgroups that are looked at, the root's the first. The kernel itself knows no limit
/// (`cgroup.max.descendants`), but systemd stays below ten.
const CGROUP_LEVELS: i32 = 32;

/// Why the current task, on this CPU, is none of the callers that were asked for; none if it is one
/// of them.
#[inline(always)]
pub fn turn_away(cpu: u32) -> Option<Away> {
    let pid_tgid = bpf_get_current_pid_tgid();
    let (tid, tgid) = (pid_tgid as u32, (pid_tgid >> 32) as u32);
    if meant::<{ placeholder::CALLERS_ASKED }>() == 0 {
        return is_own_process(tgid).then_some(Away::Tracer);
    }
    let word = config!(cpus.words[(cpu as usize / 64) & 15]);
    if word & (1 << (cpu % 64)) == 0 {
        return Some(Away::Cpu);
    }
    if is_own_process(tgid) {
        return Some(Away::Tracer);
    }
    if !is_wanted_process(tgid) {
        return Some(Away::Process);
    }
    if !is_wanted_task(tid) {
        return Some(Away::Task);
    }
    if !has_wanted_name() {
        return Some(Away::Name);
    }
    (!is_in_wanted_cgroup()).then_some(Away::Cgroup)
}

#[inline(always)]
fn is_own_process(tgid: u32) -> bool {
    const FIRST: u64 = placeholder::OWN_PROCESSES[0];
    const SECOND: u64 = placeholder::OWN_PROCESSES[1];
    let (first, second) = (meant::<FIRST>(), meant::<SECOND>());
    // Idle tasks have number 0.
    first != 0 && (u64::from(tgid) == first || u64::from(tgid) == second)
}

#[inline(always)]
fn is_wanted_process(tgid: u32) -> bool {
    let named = config!(callers.processes_named);
    named == Callers::NOBODY
        || followed::is_followed(List::Processes, tgid) == (named == Callers::THESE)
}

#[inline(always)]
fn is_wanted_task(tid: u32) -> bool {
    let named = config!(callers.tasks_named);
    named == Callers::NOBODY || followed::is_followed(List::Tasks, tid) == (named == Callers::THESE)
}

#[inline(always)]
fn has_wanted_name() -> bool {
    let named = config!(callers.names_named);
    if named == Callers::NOBODY {
        return true;
    }
    let mut words = MaybeUninit::<[u64; 2]>::uninit();
    // SAFETY: all of it is written.
    let words = unsafe {
        read_name(words.as_mut_ptr());
        words.assume_init()
    };
    let count = config!(callers.names) as usize;
    let is_named = (0..MAX_NAMES).any(|index| {
        index < count
            && config!(callers.comms[index][0]) == words[0]
            && config!(callers.comms[index][1]) == words[1]
    });
    is_named == (named == Callers::THESE)
}

/// Goes down from the root of the hierarchy: below the task's own cgroup the kernel answers 0
/// (bpf_get_current_ancestor_cgroup_id, kernel/bpf/helpers.c). The helper needs no map, and no
/// level that userspace would have to know from within a cgroup namespace.
#[inline(always)]
fn is_in_wanted_cgroup() -> bool {
    let named = config!(callers.cgroups_named) as usize;
    if named == 0 {
        return true;
    }
    for level in 0..CGROUP_LEVELS {
        // SAFETY: a helper without pointers.
        let id = unsafe { bpf_get_current_ancestor_cgroup_id(level) };
        if id == 0 {
            return false;
        }
        if (0..MAX_NAMES).any(|index| index < named && cgroup(index) == id) {
            return true;
        }
    }
    false
}
