//! Whole addresses from their lower halves, by which events name functions.
//!
//! Kernel and modules lie close together on every processor: x86-64 keeps them in the last 2 GiB
//! (Documentation/arch/x86/x86_64/mm.rst), arm64 has the modules within 2 GiB of the kernel's text
//! (`module_init_limits`, arch/arm64/kernel/module.c, from 6.5 on). So of all addresses with the
//! same lower half theirs is the nearest to where the text begins; a kernel of which that is not
//! true is refused. BPF programs lie there, too, on x86-64. On arm64 they are wherever `vmalloc`
//! has put them (`bpf_jit_alloc_exec`, arch/arm64/net/bpf_jit_comp.c), which is far away where the
//! kernel's own place is random. So those that get probes are remembered, and one whose lower half
//! is that of another function gets none.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{
    Address, Kernel,
    programs::program_function,
    symbols::{Function, Symbols},
};
use crate::arch::FURTHEST_PROBE;

/// What is not told by being near the text.
#[derive(Debug, Default)]
pub struct Halves {
    far: Mutex<HashMap<u32, Address>>,
}

/// Half of the distance between two addresses of one lower half.
const REACH: u64 = 1 << 31;

/// The lower half of an address.
#[allow(clippy::cast_possible_truncation, reason = "that is what is wanted")]
const fn half(address: Address) -> u32 {
    address.0 as u32
}

/// Of the addresses with a lower half, the one nearest to `text`.
fn nearest(text: Address, half: u32) -> Address {
    let above = u64::from(half.wrapping_sub(self::half(text)));
    let distance = if above < REACH { 0 } else { 2 * REACH };
    text.plus(above.wrapping_sub(distance))
}

/// A function of the kernel or of a module that is not told by its lower half, if there is one.
pub(super) fn too_far(symbols: &Symbols) -> Option<Function<'_>> {
    let text = symbols.address_of("_text")?;
    let is_far = |function: &Function<'_>| nearest(text, half(function.start)) != function.start;
    // BPF programs, and what ftrace and kprobes make for themselves, are no functions of these.
    let is_own = |module: &str| module != "bpf" && !module.starts_with("__builtin__");
    symbols
        .functions()
        .find(|function| is_far(function) && function.module.is_none_or(is_own))
}

impl Kernel {
    /// Where the function is that an event names by `half` of its address.
    pub fn whole(&self, half: u32) -> Address {
        let far = self.halves.far.lock();
        let far = far.unwrap_or_else(PoisonError::into_inner);
        let near = || nearest(self.text_begins, half);
        far.get(&half).copied().unwrap_or_else(near)
    }

    /// Remembers where a BPF program's function is, so that [`Self::whole`] knows it. False if
    /// another function has its lower half: events could not tell the two apart.
    pub fn remember(&self, start: Address) -> bool {
        let near = nearest(self.text_begins, half(start));
        if near == start {
            return true;
        }
        let here = self.symbols.function_at(near);
        let is_named_so = |function: Function<'_>| {
            function.module != Some("bpf") && near.since(function.start) <= Some(FURTHEST_PROBE)
        };
        if here.is_some_and(is_named_so) {
            return false;
        }
        let far = self.halves.far.lock();
        let mut far = far.unwrap_or_else(PoisonError::into_inner);
        let known = *far.entry(half(start)).or_insert(start);
        // One that has gone may come again elsewhere.
        let is_free = known == start || !matches!(program_function(known), Ok(Some(_)));
        if is_free {
            far.insert(half(start), start);
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_address_is_meant() {
        let text = Address(0xffff_918c_fc60_0000);
        let at = |half| nearest(text, half).0;
        assert_eq!(at(0xfc60_1234), 0xffff_918c_fc60_1234);
        // Modules below the text, and what lies above it in the next 4 GiB.
        assert_eq!(at(0x9000_0000), 0xffff_918c_9000_0000);
        assert_eq!(at(0x1000_0000), 0xffff_918d_1000_0000);
        let last = Address(0xffff_ffff_8100_0000);
        assert_eq!(nearest(last, 0xc000_0000).0, 0xffff_ffff_c000_0000);
        assert_eq!(nearest(last, 0x8000_0000).0, 0xffff_ffff_8000_0000);
    }

    #[test]
    fn a_module_far_away_is_found_and_a_program_is_none() {
        let symbols = |second: &str| {
            let text = format!("ffff800080000000 T _text\nffff800080010000 T one\n{second}\n");
            Symbols::parse(&text).unwrap()
        };
        assert_eq!(too_far(&symbols("ffff800002000000 t two\t[tls]")), None);
        assert_eq!(too_far(&symbols("ffffa00002000000 t two\t[bpf]")), None);
        let far = symbols("ffffa00002000000 t two\t[tls]");
        assert_eq!(too_far(&far).map(|function| function.name), Some("two"));
    }
}
