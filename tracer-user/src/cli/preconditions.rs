//! What must be so before anything is read or attached, so that what is not so is said in its own
//! words rather than in those of whatever fails first.

use std::fs;

use anyhow::{Result, bail};
use nix::{errno::Errno, sys::signal::kill, unistd::Pid};

use super::exit::{NotRoot, Usage};
use crate::{
    attach::ObjectError,
    kernel::{
        facts::{self, Lockdown},
        kcore::KernelCode,
        numbers, switch,
    },
};

/// Privileges, no lockdown that takes reading away from BPF, probes that are not switched off, and
/// the processes and tasks that were asked for.
pub fn check(pids: &[u32], tids: &[u32]) -> Result<()> {
    privileges()?;
    // BPF programs that read kernel memory are not refused with EPERM then: the helpers are gone
    // (bpf_tracing_func_proto, kernel/trace/bpf_trace.c).
    if matches!(facts::lockdown(), Ok(Lockdown::Confidentiality)) {
        bail!(ObjectError::Forbidden);
    }
    switch::check()?;
    if let Some(pid) = pids.iter().find(|pid| !exists(**pid)) {
        bail!(Usage(format!("there is no process {pid}; see `ps`")));
    }
    for &pid in pids {
        leads(pid)?;
    }
    if let Some(tid) = tids.iter().find(|tid| !exists(**tid)) {
        bail!(Usage(format!("there is no task {tid}; see `ps -eL`")));
    }
    if let Err(error) = KernelCode::open() {
        eprintln!("tracer: {error}; what is not seen while learning is not in the graph");
    }
    Ok(())
}

/// Whether a number is that of a process or of another task. /proc may be that of another PID
/// namespace, so the kernel is asked, which finds threads, too (kill_proc_info, kernel/signal.c).
fn exists(id: u32) -> bool {
    let task = i32::try_from(id).map(Pid::from_raw);
    task.is_ok_and(|task| kill(task, None) != Err(Errno::ESRCH))
}

/// Whether a number is that of a process, and not of another of its threads: the kernel side would
/// find no process of that number.
fn leads(task: u32) -> Result<()> {
    // One that has ended since is no thread of a process.
    let status = fs::read_to_string(format!("/proc/{task}/status")).unwrap_or_default();
    match numbers::process_in(&status) {
        Some(process) if process != task => bail!(Usage(format!(
            "{task} is a thread of process {process}: write `--tid {task}` for the thread alone, or `-p {process}` for the process"
        ))),
        _ => Ok(()),
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use nix::unistd::gettid;

    use super::*;

    #[test]
    fn a_thread_is_no_process() {
        let process = std::process::id();
        leads(process).unwrap();
        let (tell, thread) = channel();
        let (end, wait) = channel::<()>();
        let other = std::thread::spawn(move || {
            tell.send(gettid().as_raw().cast_unsigned()).unwrap();
            let _ = wait.recv();
        });
        let thread = thread.recv().unwrap();
        let error = leads(thread).unwrap_err();
        assert!(error.is::<Usage>());
        let expected = format!("{thread} is a thread of process {process}: write `--tid {thread}`");
        assert!(error.to_string().starts_with(&expected), "{error}");
        drop(end);
        other.join().unwrap();
    }
}
