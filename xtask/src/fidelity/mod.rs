//! `cargo xtask fidelity`: is tracer's graph the kernel's own?
//!
//! In one boot the same workload is recorded first with the kernel's function_graph, then with
//! tracer, and the two listings are compared path by path. The numbers are printed as they are.

pub mod command;
mod compare;
mod differences;
mod lines;
mod one_shot;
mod order;
mod parse;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use compare::Without;
pub use compare::{Comparison, Difference};
pub use lines::Identical;
pub use order::InOrder;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Spec {
    /// A root function.
    pub root: String,
    /// A workload of `tracer workload`.
    pub workload: String,
    /// Further options of tracer.
    pub options: String,
    /// A listing of the same root, from another kernel.
    pub like: Option<String>,
}

/// What came out.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The root function.
    pub root: String,
    /// The workload.
    pub workload: String,
    /// Root calls in the kernel's listing and in ours.
    pub calls: (usize, usize),
    /// Root calls that were torn in either listing, and so not compared.
    pub torn: (usize, usize),
    /// With everything that the kernel lists.
    pub raw: Comparison,
    /// Without the functions that BPF cannot attach to on this kernel, and without what interrupts
    /// brought in.
    pub attachable: Comparison,
    /// Without them, line by line.
    pub identical: Identical,
    /// The calls of the other kernel's listing.
    pub in_order: Option<InOrder>,
    /// Those functions, as far as the kernel lists them, with the reason.
    pub skipped: Vec<(String, String)>,
}

/// The marks between the parts of what the script prints.
const MARK: &str = "=====";

/// The script that a guest runs for one workload: prints the kernel's listing, tracer's, and
/// tracer's messages.
pub fn script(spec: &Spec) -> String {
    let Spec {
        root,
        workload,
        options,
        ..
    } = spec;
    format!(
        r#"
T=/sys/kernel/tracing
# No multiple of the kernel's tick, or every other call would meet one, in one recording and not in the other.
tracer workload {workload} --interval-us 30100 --reader-delay-us 12000 --real-time 2>/dev/null & W=$!
# The probes of the comparison before may still be on their mechanism out.
while [ -n "$(head -n 1 $T/enabled_functions)" ]; do sleep 0.2; done
sleep 0.5
echo 0 > $T/tracing_on
echo 16384 > $T/buffer_size_kb
# And the tasks that it has yet to start.
echo function-fork > $T/trace_options
echo /proc/$W/task/* | sed 's|/proc/[0-9]*/task/||g' > $T/set_ftrace_pid
echo {root} > $T/set_graph_function
echo function_graph > $T/current_tracer
echo nofuncgraph-irqs > $T/trace_options
echo funcgraph-tail > $T/trace_options
# From 6.5 on.
for option in funcgraph-retval funcgraph-retval-hex; do [ -e $T/options/$option ] && echo $option > $T/trace_options; done
# The kernel patched all its functions meanwhile, and TCP may have seen a pause: it acknowledges at once again.
sleep 1
echo 1 > $T/tracing_on
# It may still be at its preparations: a program for a sockmap takes a second of a slow machine.
for tenth in $(seq 100); do [ -z "$(sed -n '5p;5q' $T/trace)" ] || break; sleep 0.1; done
# From here on without the kernel's hook on forks, which takes locks in kernel_clone.
echo /proc/$W/task/* | sed 's|/proc/[0-9]*/task/||g' > $T/set_ftrace_pid
echo nofunction-fork > $T/trace_options
echo > $T/trace
# Some three hundred calls each: the more there are, the surer one that an interrupt came into has its like on the other side.
sleep 8
echo 0 > $T/tracing_on
echo {MARK} kernel {root} {workload}
cat $T/trace
echo nop > $T/current_tracer
echo > $T/set_graph_function
echo > $T/set_ftrace_pid
echo 4 > $T/buffer_size_kb
echo 1 > $T/tracing_on
tracer {options} -G {root} --no-cache -p $W --graph-opts noirqs,tail,retval-hex -n 300 --duration 20s -v -o /tmp/ours 2>/tmp/said
echo {MARK} status $?
kill $W; wait $W
echo {MARK} ours {root} {workload}
cat /tmp/ours
echo {MARK} said {root} {workload}
cat /tmp/said
echo {MARK} end
"#
    )
}

/// Lines of the kernel's listing that are shown where nothing in it is whole.
const HEAD: usize = 60;

/// Reads what the script printed.
pub fn report(spec: &Spec, output: &str) -> Result<Report> {
    let part = |name: &str| {
        let begin = format!("{MARK} {name} {} {}\n", spec.root, spec.workload);
        let rest = output.split_once(&begin)?.1;
        Some(rest.split(MARK).next().unwrap_or(rest))
    };
    let missing = || {
        format!(
            "the guest printed no whole comparison for {} with {}",
            spec.root, spec.workload
        )
    };
    let listing = part("kernel").with_context(missing)?;
    let kernel = parse::listing(listing, &spec.root);
    let ours = parse::listing(part("ours").with_context(missing)?, &spec.root);
    let said = part("said").with_context(missing)?;
    if kernel.calls.is_empty() || ours.calls.is_empty() {
        let head: Vec<&str> = listing.lines().take(HEAD).collect();
        bail!(
            "{} {}: {} whole and {} torn root calls from the kernel's tracer and {} whole ones \
            from ours; the kernel's listing begins\n{}\ntracer said:\n{said}",
            spec.root,
            spec.workload,
            kernel.calls.len(),
            kernel.torn,
            ours.calls.len(),
            head.join("\n")
        );
    }
    let skipped: Vec<(String, String)> = said
        .lines()
        .filter_map(|line| line.strip_prefix("tracer: skipped "))
        .filter_map(|line| line.split_once(": "))
        .map(|(name, reason)| (name.to_owned(), reason.to_owned()))
        .collect();
    let nothing = Without::default();
    let without = Without {
        functions: skipped.iter().map(|(name, _)| name.clone()).collect(),
        interrupts: true,
    };
    let both = |without: &Without| {
        compare::compare(
            &compare::paths(&kernel.calls, without),
            &compare::paths(&ours.calls, without),
        )
    };
    Ok(Report {
        root: spec.root.clone(),
        workload: spec.workload.clone(),
        calls: (kernel.calls.len(), ours.calls.len()),
        torn: (kernel.torn, ours.torn),
        raw: both(&nothing),
        attachable: both(&without),
        identical: lines::identical(&kernel.calls, &ours.calls, &without),
        in_order: spec.like.as_ref().and_then(|text| {
            let other = parse::listing(text, &spec.root);
            order::in_order(&other.calls, &kernel.calls, &ours.calls)
        }),
        skipped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_workload_may_serve_several_roots() {
        let spec = |root: &str| Spec {
            root: root.to_owned(),
            workload: "files".to_owned(),
            options: String::new(),
            like: None,
        };
        let part = |root: &str| {
            let call = format!(" 0)   1.0 us    |  {root}();\n");
            format!(
                "{MARK} kernel {root} files\n{call}{MARK} ours {root} files\n{call}{MARK} said \
                {root} files\n{MARK} end\n"
            )
        };
        let output = part("vfs_read") + &part("vfs_write");
        for root in ["vfs_read", "vfs_write"] {
            let report = report(&spec(root), &output).unwrap();
            assert_eq!((report.root.as_str(), report.calls), (root, (1, 1)));
        }
        assert!(report(&spec("vfs_open"), &output).is_err());
    }
}
