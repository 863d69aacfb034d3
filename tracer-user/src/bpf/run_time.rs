//! How long the programs run that this process has loaded, by the kernel's own clock.
//!
//! The kernel measures that while somebody wants it (`BPF_ENABLE_STATS`, 5.8+, or the sysctl
//! kernel.bpf_stats_enabled): bpf_prog_start_time and update_prog_stats, kernel/bpf/trampoline.c,
//! __bpf_prog_run, include/linux/filter.h. It takes two readings of a clock for each run of each
//! program of the host, so it is wanted for short. What brings the CPU to a program and back is not
//! in it.
//!
//! Every program comes from [`super::load`], which notes its id here. Probes come and go by the
//! thousand and on several threads; an id whose program has gone is forgotten when it is met.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::{Mutex, PoisonError},
};

use super::{info::program_info, objects, syscall::open};

/// `BPF_ENABLE_STATS`.
const ENABLE_STATS: libc::c_long = 32;
/// `BPF_STATS_RUN_TIME`.
const RUN_TIME: u32 = 0;

/// Ids of programs that were loaded.
static LOADED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A program was loaded.
pub(super) fn note(program: &OwnedFd) {
    if let Ok(info) = program_info(program.as_fd()) {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.insert(info.id);
    }
}

/// As long as it is held, the kernel measures how long programs run.
#[must_use = "the kernel measures as long as this is held"]
pub struct Measured {
    _descriptor: OwnedFd,
}

/// Has the kernel measure. It takes CAP_SYS_ADMIN (bpf_enable_stats, kernel/bpf/syscall.c).
pub fn measure() -> io::Result<Measured> {
    // SAFETY: the attributes are a number, and the kernel writes nothing there.
    let descriptor = unsafe { open(ENABLE_STATS, &RUN_TIME) }?;
    Ok(Measured {
        _descriptor: descriptor,
    })
}

/// How long each program has run while that was measured, ns, by its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunTimes(BTreeMap<u32, u64>);

impl RunTimes {
    /// Up to now, of the programs that are there.
    pub fn now() -> Self {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let mut times = BTreeMap::new();
        loaded.retain(|&id| {
            let info = objects::program(id).and_then(|it| program_info(it.as_fd()));
            if let Ok(info) = &info {
                times.insert(id, info.run_time_ns);
            }
            info.is_ok()
        });
        Self(times)
    }

    /// How long they ran since `before`, ns. What has gone meanwhile is not in it.
    pub fn since(&self, before: &Self) -> u64 {
        let since = self.0.iter().map(|(id, time)| {
            let before = before.0.get(id).copied().unwrap_or_default();
            time.saturating_sub(before)
        });
        since.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_counts_and_what_goes_does_not() {
        let before = RunTimes(BTreeMap::from([(1, 100), (2, 50)]));
        let after = RunTimes(BTreeMap::from([(2, 70), (3, 5)]));
        assert_eq!(after.since(&before), 25);
        assert_eq!(after.since(&after), 0);
    }
}
