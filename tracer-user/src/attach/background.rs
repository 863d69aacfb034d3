//! Letting probes go in the background.
//!
//! Up to kernel 7.0 each link of a pair waits for a grace period when it goes (bpf_tramp_image_put
//! and unregister_fentry, kernel/bpf/trampoline.c), so a plan of a hundred functions takes ten
//! seconds and more; while the function tracer is switched on or off, every probe waits for that.
//! Nothing is gained by waiting with them: the trace is disarmed, the probes do nothing. So a child
//! of the process keeps the descriptors, the process ends, and the child with it: the kernel closes
//! what an ending process holds, one by one, and whatever signal comes then changes nothing. A
//! process is seen to have ended when all that it held is gone (do_exit, kernel/exit.c: exit_notify
//! comes after exit_task_work).
//!
//! While probes are switched off the child waits: what is let go then makes the kernel find fault
//! with its own accounts the next time, and give up ftrace until it is booted again
//! ([`crate::kernel::switch`]).
//!
//! The child runs no code of ours but a few system calls: other threads may have held any lock when
//! it was made.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd as _,
    thread,
    time::{Duration, Instant},
};

use nix::{
    fcntl::{OFlag, open},
    sys::{
        prctl,
        stat::Mode,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, pipe, read, setsid},
};

use crate::kernel::switch;

/// What the process that lets go is called, as `ps` shows it.
pub const NAME: &std::ffi::CStr = c"tracer-detach";

/// How often it is looked whether all is gone.
const TICK: Duration = Duration::from_millis(5);
/// How often it is looked whether probes are switched on again.
const SWITCH_TICK: Duration = Duration::from_millis(200);

/// A process that lets go what it holds, and ends with that.
#[derive(Debug)]
pub struct Leaving {
    /// Its number.
    pub process: Pid,
}

impl Leaving {
    /// Whether all is gone, or is before so much time has passed.
    #[must_use]
    pub fn is_over_within(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        while let Ok(WaitStatus::StillAlive) = waitpid(self.process, Some(WaitPidFlag::WNOHANG)) {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(TICK);
        }
        true
    }
}

/// Drops `held` here at once, while a child process lets go what it stands for in the kernel. If
/// there can be no child, it is dropped all the same, and takes its time.
pub fn let_go<T>(held: T) -> io::Result<Leaving> {
    let (wait, ready) = pipe()?;
    // Before there is a child, which must not open anything that could fail.
    let null = open("/dev/null", OFlag::O_RDWR, Mode::empty())?;
    let switch = switch::open();
    // SAFETY: the child makes system calls only, see `hold`; it allocates nothing and returns to
    // nobody.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // SAFETY: closes this process's own copy, and nobody uses it any more; otherwise its
            // end would never be seen.
            unsafe { libc::close(ready.as_raw_fd()) };
            hold(&wait, &null, switch.as_ref())
        }
        ForkResult::Parent { child } => {
            // Not the last to hold them, so this takes no time. Then the child may go.
            drop(held);
            drop(ready);
            Ok(Leaving { process: child })
        }
    }
}

/// Holds all descriptors until the parent has let them go and probes are switched on, then ends.
/// The terminal is given back at once: a reader of tracer's output sees its end, and a Ctrl-C
/// goes elsewhere.
fn hold(wait: &impl std::os::fd::AsFd, null: &impl std::os::fd::AsFd, switch: Option<&File>) -> ! {
    let _ = setsid();
    let _ = prctl::set_name(NAME);
    let _ = dup2_stdin(null);
    let _ = dup2_stdout(null);
    let _ = dup2_stderr(null);
    let _ = read(wait, &mut [0]);
    while switch.is_some_and(switch::is_open_off) {
        thread::sleep(SWITCH_TICK);
    }
    // SAFETY: ends the process without running anything of it.
    unsafe { libc::_exit(0) }
}
