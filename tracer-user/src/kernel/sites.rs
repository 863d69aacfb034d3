//! Names of places within functions, such as where a call will go on in its caller.
//!
//! The kernel proper stays where it is. Modules, BPF programs and the code that BPF puts around
//! functions come and go, and tracer's own probes are among what comes. So those symbols are kept
//! apart, and read again when a place is asked for after tracer has attached something.

use std::{
    collections::BTreeSet,
    fs, io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Address, Kernel,
    symbols::{Function, KALLSYMS, Symbols},
};
use crate::arch::FURTHEST_PROBE;

/// The symbols of what comes and goes.
#[derive(Debug, Default)]
pub struct Sites {
    changes: AtomicU64,
    /// As they were after so many changes; none if they cannot be read.
    read: Mutex<Option<(u64, Option<Symbols>)>>,
}

impl Kernel {
    /// Says that probes were attached, for which the kernel has made code.
    pub fn code_has_changed(&self) {
        self.sites.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// The function that a call returns into at `address`, and how far into it, as the kernel
    /// prints it: `sock_sendmsg+0x2f`.
    pub fn site(&self, address: Address) -> Option<String> {
        if self.has_in_text(address) {
            return shown(&self.symbols, address);
        }
        let symbols = self.made_since();
        shown(symbols.as_ref()?.1.as_ref()?, address)
    }

    /// The same of a place in what BPF has made, of whose address no more is known than the lower
    /// half; see `halves`.
    pub fn site_elsewhere(&self, half: u32) -> Option<String> {
        let symbols = self.made_since();
        let symbols = symbols.as_ref()?.1.as_ref()?;
        let made = symbols.functions().filter(|it| it.module == Some("bpf"));
        let upper_halves: BTreeSet<u64> = made.map(|it| it.start.0 >> u32::BITS).collect();
        let addresses = upper_halves.into_iter().map(|upper| upper << u32::BITS);
        addresses
            .map(|upper| Address(upper | u64::from(half)))
            .find_map(|address| shown(symbols, address))
    }

    /// The symbols of what comes and goes, as they are now.
    fn made_since(&self) -> MutexGuard<'_, Option<(u64, Option<Symbols>)>> {
        let changes = self.sites.changes.load(Ordering::Relaxed);
        let read = self.sites.read.lock();
        let mut read = read.unwrap_or_else(PoisonError::into_inner);
        if read.as_ref().is_none_or(|known| known.0 != changes) {
            *read = Some((changes, read_modules().ok()));
        }
        read
    }

    /// Whether an address is worth a name where it is passed or returned: any place in the kernel
    /// proper's text, and where a function of a module begins. Others may be data.
    pub fn is_place(&self, address: Address) -> bool {
        let is_start = |function: Function<'_>| {
            let offset = address.since(function.start);
            function.module != Some("bpf") && offset.is_some_and(|offset| offset <= FURTHEST_PROBE)
        };
        self.has_in_text(address) || self.symbols.function_at(address).is_some_and(is_start)
    }

    /// Whether an address is in the kernel proper.
    fn has_in_text(&self, address: Address) -> bool {
        let begin = self.symbols.address_of("_stext");
        let end = self.symbols.address_of("_etext");
        begin.is_some_and(|begin| begin <= address) && end.is_none_or(|end| address <= end)
    }
}

/// The symbols that belong to modules and to BPF.
fn read_modules() -> io::Result<Symbols> {
    let text = fs::read_to_string(KALLSYMS)?;
    Symbols::parse(&of_modules(&text)).map_err(io::Error::other)
}

fn of_modules(text: &str) -> String {
    text.split_inclusive('\n')
        .filter(|line| line.contains("\t["))
        .collect()
}

/// A call that never returns may be the last instruction of its function, so the function is that
/// of the byte before.
fn shown(symbols: &Symbols, address: Address) -> Option<String> {
    let function = symbols.function_at(address.plus(u64::MAX))?;
    let offset = address.since(function.start)?;
    Some(match function.module {
        Some(module) => format!("{}+{offset:#x} [{module}]", name(&function)),
        None => format!("{}+{offset:#x}", function.name),
    })
}

/// A BPF program's by the name in its source, without the tag:
/// `bpf_prog_6deef7357e7b4530_redirect`.
fn name<'a>(function: &Function<'a>) -> &'a str {
    function
        .name
        .strip_prefix("bpf_prog_")
        .and_then(|rest| rest.split_once('_'))
        .map_or(function.name, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
ffffffff81000000 T _text
ffffffff81000100 T sock_sendmsg
ffffffff81000200 T next
ffffffffc0000000 t tls_push\t[tls]
ffffffffc0001000 t bpf_prog_6deef7357e7b4530_to_peer\t[bpf]
ffffffffc0001100 t bpf_trampoline_6442476112\t[bpf]
";

    fn at(symbols: &Symbols, address: u64) -> Option<String> {
        shown(symbols, Address(address))
    }

    #[test]
    fn a_place_has_the_name_of_the_function_that_called() {
        let all = Symbols::parse(TEXT).unwrap();
        assert_eq!(
            at(&all, 0xffff_ffff_8100_012f).unwrap(),
            "sock_sendmsg+0x2f"
        );
        // After a call at its very end.
        assert_eq!(
            at(&all, 0xffff_ffff_8100_0200).unwrap(),
            "sock_sendmsg+0x100"
        );
        assert_eq!(
            at(&all, 0xffff_ffff_c000_0010).unwrap(),
            "tls_push+0x10 [tls]"
        );
        assert_eq!(
            at(&all, 0xffff_ffff_c000_1020).unwrap(),
            "to_peer+0x20 [bpf]"
        );
        assert_eq!(
            at(&all, 0xffff_ffff_c000_1156).unwrap(),
            "bpf_trampoline_6442476112+0x56 [bpf]"
        );
        assert_eq!(at(&all, 0x1000), None);
        let modules = Symbols::parse(&of_modules(TEXT)).unwrap();
        assert_eq!(at(&modules, 0xffff_ffff_8100_012f), None);
        assert_eq!(
            at(&modules, 0xffff_ffff_c000_0010).unwrap(),
            "tls_push+0x10 [tls]"
        );
    }
}
