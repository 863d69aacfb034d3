//! One program for both ends of many functions: fsession.multi and kprobe.session.
//!
//! A trace is attached and gone in a moment, however many functions it has. By trampolines (7.2+) a call costs what it costs with a
//! pair. By an fprobe (6.10+, CONFIG_FPROBE) a call in a root costs half as much again, but a function is found by its address,
//! so it needs no type and no name of its own.
//!
//! The kernel skips a program that is hit again on the same CPU while it runs, and with it both ends of what an interrupt in the
//! middle of it calls. Trampolines are guarded program by program, so their functions are dealt out to several ([`COPIES`]), and most of what such an
//! interrupt calls is seen. All fprobes of a CPU have one guard (`bpf_prog_active`, kernel/trace/bpf_trace.c).

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::Arc,
};

use super::{
    AttachError, Observer, Role, Side,
    bpf::{self, Functions, Many},
    many,
    programs::{Copy, Programs},
};
use crate::{kernel::Kernel, plan::Planned};

/// Calls that may be open at once in the functions of an fprobe's link, at least: a thousand tasks inside a root, each with some calls below it.
const OPEN_CALLS: usize = 1 << 14;

/// How many programs the trampolines of a role share. Each costs 0.2 s under emulation, its link included.
const COPIES: usize = 4;

/// The probes of many functions. Dropping it takes them away.
#[derive(Debug)]
pub struct Session {
    _link: OwnedFd,
    program: Arc<OwnedFd>,
    functions: usize,
}

impl Session {
    /// How many functions have these probes.
    pub const fn functions(&self) -> usize {
        self.functions
    }

    /// The program that serves them.
    pub(super) fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }
}

/// Attaches probes to each of `functions` that the kernel accepts.
pub fn attach(
    programs: &mut Programs,
    kernel: &Kernel,
    kind: Many,
    functions: &[&Planned],
    (role, side): (Role, Side),
    observer: &mut dyn Observer,
) -> Result<Vec<Session>, AttachError> {
    let copies = match kind {
        Many::Trampolines => COPIES,
        Many::Fprobe => 1,
    };
    let mut sessions = Vec::new();
    for copy in 0..copies {
        let own: Vec<&Planned> = functions
            .iter()
            .skip(copy)
            .step_by(copies)
            .copied()
            .collect();
        if own.is_empty() || observer.is_stopped() {
            break;
        }
        let program = programs.get(kind, role, Copy(copy), side)?;
        let links = many::link(
            &own,
            &mut |some| bpf::link(program.as_fd(), &named(kind, kernel, some)),
            &mut |function, error: io::Error| {
                observer.refused(AttachError::link(&function.name, &error))
            },
        )?;
        for (link, functions) in links {
            observer.attached(functions);
            sessions.push(Session {
                _link: link,
                program: Arc::clone(&program),
                functions: functions.len(),
            });
        }
    }
    Ok(sessions)
}

fn named(kind: Many, kernel: &Kernel, functions: &[&Planned]) -> Functions {
    match kind {
        Many::Trampolines => {
            // One without a type has id 0, which the kernel refuses.
            let id =
                |function: &&Planned| kernel.types.function_id(&function.name).unwrap_or_default();
            let mut ids: Vec<u32> = functions.iter().map(id).collect();
            ids.sort_unstable();
            Functions::Types(ids)
        }
        Many::Fprobe => {
            let addresses: Vec<u64> = functions
                .iter()
                .map(|function| function.address.0)
                .collect();
            Functions::Addresses(addresses.repeat(repetitions(kernel, functions.len())))
        }
    }
}

/// How often each address is named. Up to 6.13 an fprobe has room for two open calls for each CPU and address that it is given, whichever
/// functions they are in, and skips what finds none (fprobe_init_rethook, kernel/trace/fprobe.c): four sleeping tasks would be all that
/// a root on two CPUs has room for. Naming an address again attaches nothing more (seen on 6.12). Later every task has room of its own.
fn repetitions(kernel: &Kernel, functions: usize) -> usize {
    let has_shared_room = kernel.symbols.address_of("fprobe_exit_handler").is_some();
    let room = 2 * functions * kernel.possible_cpus as usize;
    if has_shared_room && room > 0 {
        OPEN_CALLS.div_ceil(room)
    } else {
        1
    }
}
