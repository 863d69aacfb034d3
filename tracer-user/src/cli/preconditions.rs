//! What must be so before anything is read or attached, so that what is not so is said in its own words rather
//! than in those of whatever fails first.

use std::path::Path;

use anyhow::{Result, bail};

use super::exit::{NotRoot, Usage};
use crate::{
    attach::ObjectError,
    kernel::{
        facts::{self, Lockdown},
        text::KernelText,
    },
};

/// Privileges, no lockdown that takes reading away from BPF, and the processes and tasks that were asked for.
pub fn check(pids: &[u32], tids: &[u32]) -> Result<()> {
    privileges()?;
    // BPF programs that read kernel memory are not refused with EPERM then: the helpers are gone
    // (bpf_tracing_func_proto, kernel/trace/bpf_trace.c).
    if matches!(facts::lockdown(), Ok(Lockdown::Confidentiality)) {
        bail!(ObjectError::Forbidden);
    }
    // A task is not listed in /proc, but can be looked up there.
    let exists = |id: &u32| Path::new(&format!("/proc/{id}")).exists();
    if let Some(pid) = pids.iter().find(|pid| !exists(pid)) {
        bail!(Usage(format!("there is no process {pid}; see `ps`")));
    }
    if let Some(tid) = tids.iter().find(|tid| !exists(tid)) {
        bail!(Usage(format!("there is no task {tid}; see `ps -eL`")));
    }
    if let Err(error) = KernelText::open() {
        eprintln!("tracer: {error}; what is not seen while learning is not in the graph");
    }
    Ok(())
}

/// Whether this process may trace, as far as its capabilities go.
pub fn privileges() -> Result<()> {
    // Where /proc does not say, the kernel will.
    match facts::capabilities() {
        Ok(capabilities) if !capabilities.allow_tracing() => bail!(NotRoot),
        _ => Ok(()),
    }
}
