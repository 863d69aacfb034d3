//! tracer as the first process of a PID namespace, as a container that runs nothing else has it.
//!
//! The first process has duties: it is the parent of all that have lost theirs, and tracer knows
//! nothing of strangers' children. So the first process only stands in: tracer is a child of it,
//! signals are passed on to that, every process that ends is reaped, and it ends with tracer, the
//! way tracer has ended.
//!
//! Up to 6.8 it must not: a child with probes that is killed with the first process never dies, see
//! [`crate::session`]'s `probes::detach`. The first process itself lets its probes go before it
//! waits for anybody (do_exit, kernel/exit.c), so there tracer is the first process.

use std::process::ExitCode;

use nix::{
    errno::Errno,
    sys::{
        signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, fork, getpid},
};

use crate::kernel::{btf::Types, numbers};

/// What is passed on.
const PASSED_ON: [Signal; 5] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
];

/// Makes a child that goes on as tracer, if this is the first process of a PID namespace, and
/// stands in until it has ended; none in the child, and in any other process. To be called before
/// there are threads.
pub fn stand_in() -> Option<ExitCode> {
    if getpid().as_raw() != 1 || numbers::namespace().is_none() {
        return None;
    }
    // What came instead of `tasks_rcu_exit_srcu` (6.9).
    let types = Types::load().ok()?;
    types.member_offset("task_struct", "rcu_tasks_exit_list")?;
    let mut awaited = SigSet::from_iter(PASSED_ON);
    awaited.add(Signal::SIGCHLD);
    // A signal that is blocked waits, and one that comes to the first process would be lost
    // otherwise (sig_ignored, kernel/signal.c).
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&awaited), Some(&mut before)).ok()?;
    // SAFETY: there is one thread, so the child can do whatever this process can.
    let forked = unsafe { fork() };
    if let Ok(ForkResult::Parent { child }) = forked {
        return Some(wait_for(child, &awaited));
    }
    // In the child; or it must go without one.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
    None
}

fn wait_for(tracer: Pid, awaited: &SigSet) -> ExitCode {
    loop {
        match awaited.wait() {
            Ok(Signal::SIGCHLD) => {
                if let Some(code) = reap(tracer) {
                    return code;
                }
            }
            Ok(signal) => {
                let _ = kill(tracer, signal);
            }
            Err(_) => {}
        }
    }
}

/// Reaps all that have ended; if tracer is one of them, how this process is to end.
fn reap(tracer: Pid) -> Option<ExitCode> {
    let mut code = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(process, status)) if process == tracer => {
                code = Some(status);
            }
            Ok(WaitStatus::Signaled(process, signal, _)) if process == tracer => {
                // As a shell says it.
                code = Some(128 + signal as i32);
            }
            Err(Errno::EINTR) => {}
            Ok(WaitStatus::StillAlive) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let code = code.map(|code| u8::try_from(code).unwrap_or(u8::MAX));
    code.map(ExitCode::from)
}
