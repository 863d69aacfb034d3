//! `tracer check`: what this host offers, one line each.

use std::io::{self, Write};

use anyhow::{Context as _, Result};

use super::{
    exit::{self, Exit},
    live_args::CheckArgs,
};
use crate::{
    attach::{Object, Tracepoints, loading::Loading, pair},
    exit_code::HasExit,
    kernel::{
        Mechanism, Mechanisms,
        btf::Types,
        facts::{self, Capability},
        kcore::KernelCode,
        switch,
        symbols::Symbols,
        tested::Like,
        tracefs::Tracefs,
    },
    learn::sampling,
};

/// Says what the host offers; the exit status says whether tracing works.
pub fn run(args: &CheckArgs) -> Result<Exit> {
    let findings = findings();
    if !args.quiet {
        let mut out = io::stdout().lock();
        match findings.iter().try_for_each(|one| one.write(&mut out)) {
            // A reader that has gone, as `grep -q` does, has seen what it wanted.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
            _ => {}
        }
    }
    let missing = findings
        .iter()
        .find(|finding| finding.state == State::Lacking);
    Ok(missing.map_or(Exit::Success, |finding| finding.exit))
}

/// One line.
struct Finding {
    what: &'static str,
    state: State,
    exit: Exit,
    words: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Found,
    /// It is not there, and tracing is impossible without.
    Lacking,
    /// It is not there, and tracing does without.
    Missing,
    /// It is there and should not be.
    Left,
}

impl Finding {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mark = match self.state {
            State::Found => "ok",
            State::Lacking => "MISSING",
            State::Missing => "missing",
            State::Left => "left",
        };
        writeln!(out, "{:<8} {:<16} {}", mark, self.what, self.words)
    }

    fn needed<T>(
        what: &'static str,
        exit: Exit,
        fact: &Result<T, impl ToString>,
        words: impl FnOnce(&T) -> String,
    ) -> Self {
        Self::new(what, State::Lacking, exit, fact, words)
    }

    fn useful<T>(
        what: &'static str,
        fact: &Result<T, impl ToString>,
        words: impl FnOnce(&T) -> String,
    ) -> Self {
        Self::new(what, State::Missing, Exit::Success, fact, words)
    }

    fn new<T>(
        what: &'static str,
        otherwise: State,
        exit: Exit,
        fact: &Result<T, impl ToString>,
        words: impl FnOnce(&T) -> String,
    ) -> Self {
        Self {
            what,
            exit,
            state: if fact.is_ok() {
                State::Found
            } else {
                otherwise
            },
            words: match fact {
                Ok(fact) => words(fact),
                Err(error) => error.to_string(),
            },
        }
    }
}

fn findings() -> Vec<Finding> {
    let (types, symbols) = (Types::load(), Symbols::read());
    let exit = symbols.as_ref().err().and_then(HasExit::exit);
    let exit = exit.unwrap_or(Exit::Success);
    let switch = switch::check();
    let mut findings = vec![
        Finding::useful("kernel", &facts::release_name(), |name| {
            let series = facts::release().ok();
            match series.and_then(|series| Like::of(name, series)) {
                Some(like) => format!("{name}: {like}"),
                None => name.clone(),
            }
        }),
        Finding::needed("privileges", Exit::NotPermitted, &privileges(), |words| {
            (*words).to_owned()
        }),
        lockdown(),
        Finding::needed("types", Exit::Kernel, &types, |_| {
            "BTF in /sys/kernel/btf/vmlinux".to_owned()
        }),
        Finding::needed("symbols", exit, &symbols, |symbols| {
            format!("{} functions in /proc/kallsyms", symbols.functions().len())
        }),
        Finding::needed(
            "values",
            Exit::Kernel,
            &values(symbols.as_ref().ok()),
            |()| "BPF programs see what functions return".to_owned(),
        ),
        Finding::useful("text", &KernelCode::open(), |_| {
            "live kernel text in /proc/kcore".to_owned()
        }),
        Finding::useful(
            "learning",
            &Tracefs::open().and_then(|tracefs| tracefs.traceable_names()),
            |names| {
                format!(
                    "the function tracer reaches {} functions",
                    names.names().count()
                )
            },
        ),
        Finding::needed("switch", Exit::Kernel, &switch, |()| {
            "kernel.ftrace_enabled leaves probes on".to_owned()
        }),
    ];
    findings.extend(sampling::left().iter().map(|instance| Finding {
        what: "function tracer",
        state: State::Left,
        exit: Exit::Success,
        words: format!(
            "{} was left by a tracer that was killed: functions stay patched until the next trace \
             removes it",
            instance.display()
        ),
    }));
    if switch.is_err() {
        // What follows attaches, which would harm the kernel.
        return findings;
    }
    let probe = probe(types.as_ref().ok());
    let probe_exit = probe.as_ref().err().map_or(Exit::Success, exit::code);
    findings.push(Finding::needed("fentry/fexit", probe_exit, &probe, |()| {
        "BPF tracing programs load and attach".to_owned()
    }));
    let mechanisms = types.as_ref().map(Mechanisms::of).unwrap_or_default();
    findings.extend(
        [Mechanism::Multi, Mechanism::Kprobe, Mechanism::KprobeMulti]
            .map(|one| mechanism(one, mechanisms)),
    );
    findings
}

fn privileges() -> Result<&'static str, String> {
    let capabilities = facts::capabilities().map_err(|error| error.to_string())?;
    if capabilities.has(Capability::SysAdmin) {
        return Ok("CAP_SYS_ADMIN");
    }
    if capabilities.has(Capability::Bpf) && capabilities.has(Capability::Perfmon) {
        return Ok("CAP_BPF and CAP_PERFMON");
    }
    Err(super::exit::NotRoot.to_string())
}

fn lockdown() -> Finding {
    use facts::Lockdown;
    let fact = match facts::lockdown() {
        Ok(Lockdown::Confidentiality) => Err(
            "confidentiality: BPF must not read kernel memory; boot without lockdown".to_owned(),
        ),
        Ok(state @ Lockdown::Integrity) => {
            Ok(format!("{state}: tracing and reading are permitted"))
        }
        Ok(state) => Ok(format!("{state}: nothing is forbidden")),
        // Then the attempt below decides.
        Err(error) => return Finding::useful("lockdown", &Err::<String, _>(error), Clone::clone),
    };
    Finding::needed("lockdown", Exit::NotPermitted, &fact, Clone::clone)
}

/// Whether the kernel has the helper for return values, which is of 5.17. It is asked for it, since
/// distributions backport.
fn values(symbols: Option<&Symbols>) -> Result<(), &'static str> {
    // `bpf_get_func_ret` by the name of its function (kernel/trace/bpf_trace.c).
    match symbols {
        Some(symbols) if symbols.address_of("get_func_ret").is_none() => {
            Err("the kernel has no bpf_get_func_ret; tracer needs Linux 5.17 or later")
        }
        // Without symbols the attempt below decides.
        _ => Ok(()),
    }
}

/// A mechanism to many functions at once.
fn mechanism(mechanism: Mechanism, mechanisms: Mechanisms) -> Finding {
    let meaning = || mechanism.meaning().to_owned();
    let fact = if mechanisms.has(mechanism) {
        Ok(())
    } else {
        Err(meaning())
    };
    Finding::useful(mechanism.name(), &fact, |()| {
        let reservation = mechanisms.reservation(mechanism);
        reservation.map_or_else(meaning, |words| format!("{}: {words}", mechanism.meaning()))
    })
}

/// Does what a trace does, with a function that nobody calls.
fn probe(types: Option<&Types>) -> anyhow::Result<()> {
    let types = types.context("without types there is nothing to attach by")?;
    let (object, _rings) = Object::load(&Loading::SMALLEST)?;
    let _tracepoints = Tracepoints::attach(&object, types)?;
    pair::try_out(&object, types)?;
    Ok(())
}
