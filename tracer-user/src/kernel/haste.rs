//! A higher priority for the short while in which somebody waits for tracer.
//!
//! On a machine with more work than CPUs a start that takes a tenth of a second of a CPU takes a
//! second or ten, and what the user wanted to see is over by then. So the thread that reads the
//! kernel goes first: nice -10, as somebody who waits at a terminal would give it, and well short
//! of real-time, which could starve others. While a trace streams there is no such haste: it would
//! change what is traced.
//!
//! Linux keeps the value by thread, and what is forked or spawned meanwhile inherits it: hold it
//! where nothing is. Without CAP_SYS_NICE nothing happens.

use std::marker::PhantomData;

/// As `nice -n -10`.
const IN_HASTE: libc::c_int = -10;

/// This thread goes first as long as this is held.
#[derive(Debug)]
#[must_use = "the haste ends when this is dropped"]
pub struct Haste {
    before: Option<libc::c_int>,
    /// It is this thread's.
    _thread: PhantomData<*const ()>,
}

impl Haste {
    /// Begins, if that is permitted and the thread does not go first already.
    pub fn begin() -> Self {
        let before = niceness();
        let raised = before > IN_HASTE && set_niceness(IN_HASTE);
        Self {
            before: raised.then_some(before),
            _thread: PhantomData,
        }
    }
}

impl Drop for Haste {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // Giving way is always permitted.
            set_niceness(before);
        }
    }
}

/// Of this thread.
fn niceness() -> libc::c_int {
    // SAFETY: reads no memory. A failure is not told from -1, which is as good an answer.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

fn set_niceness(value: libc::c_int) -> bool {
    // SAFETY: reads no memory.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haste_ends_as_it_began() {
        let before = niceness();
        {
            let haste = Haste::begin();
            let expected = haste.before.map_or(before, |_| IN_HASTE);
            assert_eq!(niceness(), expected);
            // One within another changes nothing.
            drop(Haste::begin());
            assert_eq!(niceness(), expected);
        }
        assert_eq!(niceness(), before);
    }
}
