//! Whose thread a root call's task is: the name of its process.
//!
//! A process is called what its first thread is called, and a thread may call itself anything
//! (`tokio-runtime-w`). The header of a batch has the thread's name. The process's goes as a string
//! of the root call's entry, and only where the thread is not the first one: who leads its process
//! pays a comparison. It is read at each root call, because a task that lives for a millisecond
//! cannot be asked later, and a recording may have lost the call in which it was read before.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_probe_read_kernel};
use tracer_common::StringPlace;

use super::details;
use crate::{
    batch::Hit,
    maps::{Task, config},
    probe::Site,
    task::current::current,
};

/// Stores the name of the process with the entry of a root call.
#[inline(always)]
pub fn store<S: Site>(ctx: &S, task: *mut Task, writer: u32, entry: &Hit) {
    let numbers = bpf_get_current_pid_tgid();
    if config!(leader_offset) == 0 || numbers as u32 == (numbers >> 32) as u32 {
        return;
    }
    let place = current() + config!(leader_offset);
    // SAFETY: the helper checks the address.
    let Ok(leader) = (unsafe { bpf_probe_read_kernel(place as *const u64) }) else {
        return;
    };
    let name = leader + config!(name_offset);
    let place = StringPlace::PROCESS | (writer << 8);
    details::string(task, ctx.frame(), place, name, entry);
}
