//! What a trace has in the kernel when it begins: the object with its settings and rings,
//! tracepoint, probes.

use std::sync::Arc;

use anyhow::Result;
use aya::maps::{MapData, RingBuf};
use tracer_common::{
    Callers, CodeRange, Config, FieldTable, MAX_ARGUMENTS, MAX_FAST_DEPTH, NO_DEPTH_LIMIT,
    PreemptLayout, profile::By,
};

use super::{
    Options,
    probes::{self, Probes, Ready},
};
use crate::{
    attach::{
        Attacher, Controls, FieldTables, Followed, Marks, Object, Tracepoints,
        decide::Decide,
        loading::{Loading, Sizes, USUAL_SLEEPERS, USUAL_SLOTS, slots_of_sleepers},
        profile::Profile,
    },
    kernel::{
        Address, Kernel, Mechanism, Mechanisms, PreemptCount, facts, trace_events::TraceEvent,
    },
    model::{Arguments, Interrupts, ReturnAddresses, Stack},
    plan::{FieldError, FieldPlan, Plan},
    stop::Stop,
};

/// What the kernel side does with root calls, beside streaming them.
#[derive(Clone, Copy, Debug, Default)]
pub struct InKernel {
    /// It counts functions in this manner instead.
    pub profile: Option<By>,
    /// It drops those that do not meet this.
    pub decide: Option<Decide>,
}

/// What is in the kernel when the trace begins.
pub struct Attached {
    /// Attaches what joins later.
    pub attacher: Attacher,
    /// Says when root calls begin, for the sets of probes.
    pub arming: Controls,
    /// Says how many are open, and has the counters.
    pub controls: Controls,
    /// One for each CPU.
    pub rings: Vec<RingBuf<MapData>>,
    /// Says how many root calls are sampled, until somebody does so.
    pub sampling: Option<Controls>,
    /// Says which cgroups are traced, until somebody does so.
    pub cgroups: Option<Controls>,
    /// Says which processes and tasks are traced; none if nobody was named.
    pub followed: Option<Arc<Followed>>,
    /// Events that are marked.
    pub marks: Marks,
    /// To be held as long as the trace is armed.
    pub tracepoints: Tracepoints,
    /// Those that the trace begins with.
    pub probes: Probes,
    /// Where functions are counted, if they are.
    pub profile: Option<Arc<Profile>>,
    /// Shows what the eBPF side logs.
    pub logger: Option<tokio::task::JoinHandle<()>>,
}

/// Loads the object and attaches the plan. `callers` are those whose root calls are traced.
pub fn attach(
    options: &Options,
    kernel: &Arc<Kernel>,
    (plan, fields, ready): (&Plan, &FieldPlan, Ready),
    mechanisms: Mechanisms,
    mechanism: Mechanism,
    (callers, in_kernel, events): (Callers, InKernel, &[TraceEvent]),
    stop: &Stop,
) -> Result<Attached> {
    let (mut object, rings) = Object::load(&loading(options, kernel, callers, in_kernel))?;
    let profile = object.profile();
    let logger = diagnostics(&mut object, options.verbose);
    let marks = Marks::attach(&object, events)?;
    let tracepoints = Tracepoints::attach(&object, &kernel.types)?;
    let followed = object.followed()?.map(Arc::new);
    let (arming, controls, cgroups) = (object.controls()?, object.controls()?, object.controls()?);
    let sampling = options.budget.map(|_| object.controls()).transpose()?;
    let strings = match options.show.capture.arguments {
        Arguments::Absent => None,
        Arguments::Recorded => Some(object.strings()?),
    };
    let all = fields.functions();
    let fields = tables(&object, all.map(|(address, own)| (address, &own.table)))?;
    let details = (strings, fields);
    let mut attacher = Attacher::new(object, Arc::clone(kernel), mechanisms, mechanism, details);
    let probes = probes::attach_all(&mut attacher, plan, ready, stop)?;
    Ok(Attached {
        attacher,
        arming,
        controls,
        rings,
        sampling,
        cgroups: Some(cgroups),
        followed,
        marks,
        tracepoints,
        probes,
        profile,
        logger,
    })
}

/// Tells the eBPF side what is read of calls; none if that is nothing.
pub fn tables<'a>(
    object: &Object,
    fields: impl Iterator<Item = (Address, &'a FieldTable)>,
) -> Result<Option<FieldTables>> {
    let mut tables = None;
    for (address, table) in fields {
        let tables = match &mut tables {
            Some(tables) => tables,
            none => none.insert(object.fields()?),
        };
        if !tables.put(address, table)? {
            return Err(FieldError::NoRoom.into());
        }
    }
    Ok(tables)
}

/// How the object is loaded for a trace.
pub fn loading(
    options: &Options,
    kernel: &Kernel,
    callers: Callers,
    InKernel { profile, decide }: InKernel,
) -> Loading {
    let preempt_count = kernel.preempt_count();
    let streams = Sizes {
        possible_cpus: kernel.possible_cpus,
        ring_bytes: options.ring_bytes,
        sleepers: USUAL_SLEEPERS,
        slots: USUAL_SLOTS,
    };
    Loading {
        config: config(options, kernel, preempt_count, callers),
        preempt_count: preempt_count.and_then(|count| count.variable),
        sizes: match profile {
            None => streams,
            // Nothing goes through the rings, and tasks that sleep keep their slots. If it is not
            // known how many there are, it is few.
            Some(_) => Sizes {
                slots: slots_of_sleepers(facts::tasks().unwrap_or_default()),
                possible_cpus: kernel.possible_cpus,
                ..Loading::SMALLEST.sizes
            },
        },
        diagnostics: options.verbose,
        profile,
        decide,
        samples: options.budget.is_some(),
    }
}

fn config(
    options: &Options,
    kernel: &Kernel,
    preempt_count: Option<PreemptCount>,
    callers: Callers,
) -> Config {
    let capture = options.show.capture;
    let max_depth = capture.depth.unwrap_or(NO_DEPTH_LIMIT);
    let arguments = match capture.arguments {
        Arguments::Absent => 0,
        Arguments::Recorded => MAX_ARGUMENTS,
    };
    let return_addresses = u32::from(capture.callers == ReturnAddresses::Recorded);
    let takes_fast_path = preempt_count.is_some() && arguments == 0 && return_addresses == 0;
    let hides_interrupts = capture.interrupts == Interrupts::Excluded;
    let offset = |member| {
        let offset = kernel.types.member_offset("task_struct", member);
        offset.unwrap_or_default()
    };
    Config {
        fast_depth: if takes_fast_path {
            u64::from(max_depth).min(MAX_FAST_DEPTH)
        } else {
            0
        },
        preempt_count_offset: preempt_count.map_or(0, |count| count.offset),
        preempt_layout: preempt_count.map_or(PreemptLayout::UNKNOWN, |_| kernel.preempt_layout()),
        task_state_offset: kernel.task_state_offset,
        task_number_offset: kernel.task_number_offsets[0],
        process_number_offset: kernel.task_number_offsets[1],
        executed_offset: offset("self_exec_id"),
        leader_offset: offset("group_leader"),
        name_offset: offset("comm"),
        migration_disabled_offset: offset("migration_disabled"),
        trampoline_code: TRAMPOLINE_CODE.map(|name| text_of(kernel, name)),
        callers,
        max_depth,
        arguments,
        return_addresses,
        stacks: match capture.stack {
            Stack::Absent => 0,
            Stack::Recorded => Config::STACKS_OF_ROOT_CALLS,
            Stack::OfEachRoot => Config::STACKS_OF_ROOTS,
        },
        user_stacks: u32::from(capture.user_stack == Stack::Recorded),
        not_in_interrupts: u32::from(options.is_everything() && hides_interrupts),
        wake_bytes: u64::from(options.ring_bytes / 4),
        cpus: options.cpus,
    }
}

/// What trampolines call around a program and around a function (kernel/bpf/trampoline.c).
const TRAMPOLINE_CODE: [&str; 4] = [
    "__bpf_prog_enter_recur",
    "__bpf_prog_exit_recur",
    "__bpf_tramp_enter",
    "__bpf_tramp_exit",
];

fn text_of(kernel: &Kernel, name: &str) -> CodeRange {
    let function = kernel.symbols.function_named(name);
    function.map_or_else(CodeRange::default, |function| CodeRange {
        start: function.start.0,
        bytes: function.end.0.saturating_sub(function.start.0),
    })
}

/// The eBPF side's own messages go to the log, which `-v` shows.
fn diagnostics(object: &mut Object, verbose: bool) -> Option<tokio::task::JoinHandle<()>> {
    if !verbose {
        return None;
    }
    let logger = aya_log::EbpfLogger::init(object.ebpf()).ok()?;
    // SAFETY: the descriptor belongs to the log's ring, stays the same and stays open as long as
    // the logger.
    let mut logger = unsafe {
        tokio::io::unix::AsyncFd::register_with_interest(logger, tokio::io::Interest::READABLE)
    }
    .ok()?;
    Some(tokio::spawn(async move {
        while let Ok(mut guard) = logger.readable_mut().await {
            guard.get_inner_mut().flush();
            guard.clear_ready();
        }
    }))
}
