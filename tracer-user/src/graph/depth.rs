//! How many calls are open by the kernel's count, and by ours.
//!
//! The kernel counts calls that we do not know: their entries were lost, or had no room. So the two
//! may differ, and as long as nothing is missing they differ by the same. After a gap the kernel's
//! depth says which of the calls that were open have returned meanwhile.

/// What is known of the difference.
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelDepth {
    /// How far the kernel's depth is from ours.
    drift: i64,
    after_gap: bool,
}

impl KernelDepth {
    /// Events are missing here.
    pub const fn gap(&mut self) {
        self.after_gap = true;
    }

    /// An entry came, with the kernel's depth and ours: after a gap, from which depth on calls have
    /// ended unseen. One call stays open at least, the root.
    pub fn after_gap(&mut self, kernel: u8, ours: u32) -> Option<usize> {
        // The largest stands for more.
        if !self.after_gap || kernel == u8::MAX {
            self.drift = i64::from(kernel) - i64::from(ours);
            return None;
        }
        let depth = (i64::from(kernel) - self.drift).max(1);
        Some(usize::try_from(depth).unwrap_or(usize::MAX))
    }

    /// What is open is known again.
    pub fn settle(&mut self, kernel: u8, ours: u32) {
        self.after_gap = false;
        self.drift = i64::from(kernel) - i64::from(ours);
    }
}
