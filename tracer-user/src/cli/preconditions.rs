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

/// Privileges, no lockdown that takes reading away from BPF, and the process that was asked for.
pub fn check(pid: Option<u32>) -> Result<()> {
    privileges()?;
    // BPF programs that read kernel memory are not refused with EPERM then: the helpers are gone
    // (bpf_tracing_func_proto, kernel/trace/bpf_trace.c).
    if matches!(facts::lockdown(), Ok(Lockdown::Confidentiality)) {
        bail!(ObjectError::Forbidden);
    }
    match pid {
        Some(pid) if !Path::new(&format!("/proc/{pid}")).exists() => {
            bail!(Usage(format!("there is no process {pid}; see `ps`")))
        }
        _ => {
            if let Err(error) = KernelText::open() {
                eprintln!("tracer: {error}; what is not seen while learning is not in the graph");
            }
            Ok(())
        }
    }
}

/// Whether this process may trace, as far as its capabilities go.
pub fn privileges() -> Result<()> {
    // Where /proc does not say, the kernel will.
    match facts::capabilities() {
        Ok(capabilities) if !capabilities.allow_tracing() => bail!(NotRoot),
        _ => Ok(()),
    }
}
