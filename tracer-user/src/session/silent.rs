//! Why a trace shows nothing, and what to do about it.
//!
//! A summary of zeros has many causes, and only some of them are "the function was not called".
//! What can be known is known here: what the filter kept back, whom the kernel side turned away,
//! what it skipped, whether the probes are in the kernel's text at all, who else enters a system
//! call. So every trace that shows no root call has at least one sentence.

use tracer_common::{Away, AwayCounts};

use super::tell;
use crate::{
    arch::{OTHER_PROGRAMS, OTHER_SYSCALL_ENTRIES, SYSCALL_ENTRY},
    filter::Filter,
    kernel::Kernel,
    model::many,
    pipeline::{self, Outcome},
    plan::Plan,
};

/// Roots whose text and callers are looked at.
const LOOKED_AT: usize = 16;

/// What is known of a trace that shows nothing.
#[derive(Debug, Default)]
struct Silence<'a> {
    /// The roots' names.
    roots: String,
    /// Whether the trace began with any.
    has_roots: bool,
    /// Root calls that the filter kept back.
    filtered_out: u64,
    filter: Filter,
    /// Entries of roots that opened no root call.
    away: AwayCounts,
    /// Hits of the roots that the kernel skipped in the middle of another probe. What it skipped
    /// below them has kept no root call from being seen.
    skipped: u64,
    /// Roots without a probe in their text.
    unpatched: Vec<&'a str>,
    /// Where 32-bit programs enter the same system calls.
    other_entries: Vec<String>,
}

/// Says why there is no root call, if there is none. The probes must still be in.
pub fn explain(kernel: &Kernel, plan: &Plan, filter: &Filter, outcome: &Outcome) {
    if !outcome.shows_nothing() {
        return;
    }
    let silence = Silence {
        roots: tell::names(plan),
        has_roots: !plan.roots.is_empty(),
        filtered_out: outcome.filtered_out.unwrap_or_default(),
        filter: filter.clone(),
        away: outcome.turned_away,
        skipped: outcome.skipped_roots.all(),
        unpatched: unpatched(kernel, plan),
        other_entries: other_entries(kernel, plan),
    };
    for sentence in silence.sentences() {
        eprintln!("tracer: {sentence}");
    }
}

impl Silence<'_> {
    fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.filtered_out > 0 {
            sentences.push(pipeline::told::kept_back(
                self.filtered_out,
                &self.filter,
                Vec::new(),
            ));
        }
        sentences.extend(self.turned_away());
        if self.skipped > 0 {
            sentences.push(format!(
                "the kernel skipped {} in the middle of another probe: another --attach may \
                see them",
                many(self.skipped, "hit")
            ));
        }
        if sentences.is_empty() {
            sentences.extend(self.not_called());
        }
        if !self.other_entries.is_empty() {
            sentences.push(format!(
                "{OTHER_PROGRAMS} enter elsewhere: trace {}, too",
                self.other_entries.join(" and ")
            ));
        }
        sentences
    }

    fn turned_away(&self) -> Option<String> {
        let parts: Vec<String> = Away::ALL
            .iter()
            .zip(self.away)
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{count} {}", whose(*reason)))
            .collect();
        let all: u64 = self.away.iter().sum();
        (all > 0).then(|| {
            format!(
                "{} was called {}, but by none of those that were asked for: {}",
                self.roots,
                many(all, "time"),
                parts.join(", ")
            )
        })
    }

    fn not_called(&self) -> Vec<String> {
        if !self.has_roots {
            return vec![
                "no root was called: either no module came that has one, or it was not called \
                 after that; what a module does while it is loaded comes before its probes"
                    .to_owned(),
            ];
        }
        if !self.unpatched.is_empty() {
            return vec![format!(
                "the kernel does not run the probes of {}: they are not in its text; \
                 /sys/kernel/tracing/enabled_functions says who else has them",
                self.unpatched.join(", ")
            )];
        }
        vec![format!(
            "{} was not called while it was traced; if it should have been, the compiler has put \
            its code into its callers, where \
             no probe sees it: trace one of them",
            self.roots
        )]
    }
}

/// Whose calls were turned away for a reason, and what asked for that.
const fn whose(reason: Away) -> &'static str {
    match reason {
        Away::Interrupt => "in interrupts (noirqs)",
        Away::Cpu => "on other CPUs (-C)",
        Away::Tracer => "by tracer itself",
        Away::Process => "in other processes (-p, or the command's)",
        Away::Task => "in other tasks (--tid)",
        Away::Name => "in tasks of other names (--comm)",
        Away::Cgroup => "in other cgroups (--cgroup)",
        Away::Condition => "with arguments that do not meet --where or its short forms",
    }
}

/// The roots whose entry the kernel has not patched, where its text can be read.
fn unpatched<'a>(kernel: &Kernel, plan: &'a Plan) -> Vec<&'a str> {
    let roots = plan.roots.iter().take(LOOKED_AT);
    let unpatched = roots.filter(|root| kernel.is_patched(root.address) == Some(false));
    unpatched.map(|root| root.name.as_str()).collect()
}

fn other_entries(kernel: &Kernel, plan: &Plan) -> Vec<String> {
    let calls = plan
        .roots
        .iter()
        .take(LOOKED_AT)
        .filter_map(|root| root.name.strip_prefix(SYSCALL_ENTRY));
    calls
        .flat_map(|call| {
            let entries = OTHER_SYSCALL_ENTRIES.iter();
            entries.map(move |entry| format!("{entry}{call}"))
        })
        .filter(|name| kernel.symbols.address_of(name).is_some())
        .filter(|name| plan.roots.iter().all(|root| root.name != *name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{filter::Failures, model::Nanoseconds};

    fn of_close() -> Silence<'static> {
        Silence {
            roots: "__x64_sys_close".to_owned(),
            has_roots: true,
            ..Silence::default()
        }
    }

    #[test]
    fn there_is_always_a_sentence() {
        let sentences = of_close().sentences();
        assert_eq!(sentences.len(), 1);
        assert!(sentences[0].starts_with("__x64_sys_close was not called while it was traced"));
    }

    #[test]
    fn who_called_instead_is_said() {
        let mut silence = of_close();
        silence.away[Away::Process as usize] = 7;
        silence.away[Away::Tracer as usize] = 2;
        assert_eq!(
            silence.sentences(),
            [
                "__x64_sys_close was called 9 times, but by none of those that were asked for: \
                 2 by tracer itself, 7 in other processes (-p, or the command's)"
            ]
        );
    }

    #[test]
    fn what_was_kept_back_is_said_with_the_options() {
        let silence = Silence {
            filtered_out: 12,
            filter: Filter {
                slower_than: Some(Nanoseconds(1)),
                failed: Some(Failures::default()),
                ..Filter::default()
            },
            ..of_close()
        };
        assert_eq!(
            silence.sentences(),
            ["there were 12 root calls, and all were filtered out by --slower-than and --failed"]
        );
    }

    #[test]
    fn what_the_kernel_does_not_run_is_no_call_that_did_not_come() {
        let silence = Silence {
            unpatched: vec!["__x64_sys_close"],
            ..of_close()
        };
        let sentences = silence.sentences();
        assert!(sentences[0].starts_with("the kernel does not run the probes of __x64_sys_close"));
        let skipped = Silence {
            skipped: 5,
            ..of_close()
        };
        assert!(skipped.sentences()[0].starts_with("the kernel skipped 5 hits"));
    }

    #[test]
    fn where_32_bit_programs_enter_is_said() {
        let silence = Silence {
            other_entries: vec!["__ia32_sys_close".to_owned()],
            ..of_close()
        };
        let sentences = silence.sentences();
        assert_eq!(
            sentences[1],
            "32-bit programs (int 0x80) enter elsewhere: trace __ia32_sys_close, too"
        );
    }
}
