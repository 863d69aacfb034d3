//! Why a root that was entered opens no root call.
//!
//! A trace that shows nothing has to say whether its root was not called at all, or by others than
//! those that were asked for. So the eBPF side counts the entries that it turns away, each by the
//! first reason that it finds. Only who is turned away pays for that.

/// What a root's entry was turned away for.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// It was in a hard interrupt, and root calls do not begin there.
    Interrupt,
    /// On a CPU that was not asked for.
    Cpu,
    /// Tracer's own work.
    Tracer,
    /// In a process that was not asked for.
    Process,
    /// In a task that was not asked for.
    Task,
    /// In a task of a name that was not asked for.
    Name,
    /// In a task outside of the cgroups that were asked for.
    Cgroup,
    /// It does not meet the condition on its arguments.
    Condition,
}

/// How many root entries were turned away on one CPU, by [`Away`]. A cache line.
pub type AwayCounts = [u64; 8];

impl Away {
    /// All reasons, in the order of their places in [`AwayCounts`].
    pub const ALL: [Self; 8] = [
        Self::Interrupt,
        Self::Cpu,
        Self::Tracer,
        Self::Process,
        Self::Task,
        Self::Name,
        Self::Cgroup,
        Self::Condition,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_place() {
        for (place, reason) in Away::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
        }
        assert!(Away::ALL.len() <= AwayCounts::default().len());
    }
}
