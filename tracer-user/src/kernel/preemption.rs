//! Whether a task can be preempted while it is in the kernel.

use std::fs;

use super::Kernel;

/// Where the version string is, which says what a kernel without a choice does (UTS_VERSION,
/// init/Makefile).
const VERSION: &str = "/proc/version";

impl Kernel {
    /// Whether a tick or a wake-up may take the CPU from a task in the middle of the kernel: under
    /// the models full and lazy, by `preempt_dynamic_mode` where that is chosen at boot
    /// (PREEMPT_DYNAMIC, kernel/sched/core.c).
    pub fn can_be_preempted(&self) -> bool {
        /// `preempt_dynamic_none` and `preempt_dynamic_voluntary`.
        const NOT: [i32; 2] = [0, 1];
        let chosen = self
            .symbols
            .address_of("preempt_dynamic_mode")
            .zip(self.text.as_ref())
            .and_then(|(address, text)| text.read(address, 4).ok())
            .and_then(|bytes| Some(i32::from_ne_bytes(*bytes.first_chunk()?)));
        match chosen {
            Some(mode) => !NOT.contains(&mode),
            None => fs::read_to_string(VERSION).is_ok_and(|version| version.contains("PREEMPT")),
        }
    }
}
