//! What the CPU was doing for, from the kernel's preempt count (include/linux/preempt.h).
//!
//! The eBPF side looks it up in a table instead of asking bit by bit: a branch for each of the four
//! contexts makes the verifier go through all that follows four times, and it does so whenever a
//! function gets its probes (the exit of a callee went from 5,999 to 2,068 verified instructions on
//! 7.3, from 8,237 to 2,600 on 6.1). To it the context is a number.

/// What the CPU was doing for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Context {
    /// The task itself.
    Task = 0,
    /// A soft interrupt that runs on the task's behalf or in its time.
    SoftIrq = 1,
    /// A hard interrupt.
    HardIrq = 2,
    /// A non-maskable interrupt.
    Nmi = 3,
}

impl Context {
    /// The context that a byte of the wire stands for.
    pub const fn from_u8(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Task,
            1 => Self::SoftIrq,
            2 => Self::HardIrq,
            3 => Self::Nmi,
            _ => return None,
        })
    }
}

/// Which bits of the preempt count say what: four for hard interrupts, above them up to four for
/// NMIs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreemptLayout {
    /// All these bits.
    pub mask: u32,
    /// The number of the lowest one.
    pub shift: u32,
}

impl PreemptLayout {
    /// The number of the bit of the preempt count that says "serving a soft interrupt"; the higher
    /// soft-interrupt bits only say that they are disabled (SOFTIRQ_OFFSET,
    /// include/linux/preempt.h).
    pub const SERVING_SOFT_INTERRUPT: u32 = 8;
    /// The preempt count is not known.
    pub const UNKNOWN: Self = Self { mask: 0, shift: 0 };
    /// include/linux/preempt.h as it was for a long time.
    pub const CLASSIC: Self = Self {
        mask: 0x00ff_0000,
        shift: 16,
    };
    /// With bits 16..24 counting how often interrupts were disabled (seen on 7.3; such a kernel has
    /// the per-CPU variable `local_interrupt_disable_state`).
    pub const WITH_DISABLE_COUNT: Self = Self {
        mask: 0x1f00_0000,
        shift: 24,
    };

    /// The place in [`CONTEXTS`] for a preempt count.
    #[inline(always)]
    pub const fn place(self, count: u32) -> u64 {
        // In 64 bits: the verifier of 6.1 loses sight of the range in 32.
        let (count, mask) = (count as u64, self.mask as u64);
        let interrupts = ((count & mask) >> self.shift) & 0xff;
        (interrupts << 1) | ((count >> Self::SERVING_SOFT_INTERRUPT) & 1)
    }
}

/// The context, as a number, for each [`PreemptLayout::place`].
pub static CONTEXTS: [u8; 512] = {
    let mut table = [0; 512];
    let mut place = 0;
    while place < table.len() {
        let interrupts = place >> 1;
        let context = if interrupts & 0xf0 != 0 {
            Context::Nmi
        } else if interrupts != 0 {
            Context::HardIrq
        } else if place & 1 != 0 {
            Context::SoftIrq
        } else {
            Context::Task
        };
        table[place] = context as u8;
        place += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn context(count: u32, layout: PreemptLayout) -> Context {
        let place = usize::try_from(layout.place(count)).unwrap();
        Context::from_u8(CONTEXTS[place]).unwrap()
    }

    #[test]
    fn context_follows_the_preempt_count() {
        let classic = |count| context(count, PreemptLayout::CLASSIC);
        assert_eq!(classic(0x0000_0002), Context::Task);
        // Soft interrupts disabled is not serving one.
        assert_eq!(classic(0x0000_0200), Context::Task);
        assert_eq!(classic(0x0000_0300), Context::SoftIrq);
        assert_eq!(classic(0x0001_0100), Context::HardIrq);
        assert_eq!(classic(0x0010_0100), Context::Nmi);
        // The highest bit says only that no reschedule is needed (PREEMPT_NEED_RESCHED, inverted).
        assert_eq!(classic(0x8000_0000), Context::Task);
        let counting = |count| context(count, PreemptLayout::WITH_DISABLE_COUNT);
        assert_eq!(counting(0x8003_0000), Context::Task);
        assert_eq!(counting(0x8101_0000), Context::HardIrq);
        assert_eq!(counting(0x9101_0000), Context::Nmi);
    }
}
