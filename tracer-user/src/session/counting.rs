//! `tracer latency` as far as calls are counted in the kernel: which traces can be, and one from
//! beginning to end.
//!
//! The roots get their probes, the tables are armed, the command begins; nothing is read meanwhile
//! but what is shown. What the kernel side cannot decide is streamed as any other trace and counted
//! here, and the user is told so.

mod conditions;
mod shown;
mod told;
mod values;
mod weighted;

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::process::Child;
use tracer_common::count::Returned;

use super::{
    Options, Outputs, attached,
    budget::{self, Budget},
    command, head,
    prepared::Prepared,
    probes, silent, tell,
    whose::Told,
};
use crate::{
    attach::{
        self, AttachError, Object, Observer, Tracepoints,
        count::{Attacher, Conditions, Counters, Tables},
        loading::Loading,
    },
    export::{Export, Source},
    kernel::haste::Haste,
    pipeline::{self, Outcome},
    plan::Planned,
    stop::Stop,
    summary::LatencyLayout,
};
pub use conditions::{NotCounted, counting, decide};
use shown::Shown;

/// How often it is looked whether as many calls have been counted as were asked for.
const TICK: Duration = Duration::from_millis(20);

/// A trace whose calls the kernel can count.
pub struct Counting {
    conditions: Conditions,
    returned: Vec<Returned>,
    /// Places of each root for values by which its calls are told apart; 0 if they are not.
    places: usize,
    layout: LatencyLayout,
}

/// Counts until the trace ends.
pub async fn run(
    options: &Options,
    counting: Counting,
    mut prepared: Prepared,
    outputs: Outputs,
) -> Result<Outcome> {
    let InKernel {
        tables,
        counters,
        turned_away,
        sampling,
        following: _following,
    } = attach(options, &counting, &prepared)?;
    let shown = Arc::new(Shown {
        names: names(&prepared.plan.roots),
        tables,
        before: counters.skipped(),
        counters,
        kernel: Arc::clone(&turned_away),
        weighted: options.budget.map(|_| Mutex::default()),
        conditions: counting.conditions,
        layout: counting.layout,
        by: prepared.by.take(),
    });
    let mut out = outputs.graph.unwrap_or_else(|| Box::new(io::sink()));
    let head = head::head(&prepared.kernel, &prepared.plan.roots, &options.command);
    let asked = Arc::clone(&shown);
    let source = Source::Counted(Box::new(move || asked.counts()));
    let (export, _feed) = Export::start(outputs.export, &head, options.show.text, source)
        .context("nothing can be served")?;
    let stop = prepared.stop.clone();
    let mut child = None;
    let mut written = Ok(());
    if !stop.is_wanted() {
        shown.tables.arm();
        tell::tracing(&prepared.plan, (0, 0), None);
        if let Some(subject) = prepared.subject.take() {
            child = Some(subject.release().await?);
        }
        let budget = options
            .budget
            .map(|share| Budget::begin(share, sampling, None));
        let mut budget = budget.transpose()?;
        let ends = (&mut child, budget.as_mut(), &stop);
        written = wait(options, ends, &shown, &mut out).await?;
        shown.tables.disarm();
        let counted = shown.counted();
        written = written.and_then(|()| shown.write(&shown.weighted(&counted), &mut out));
        let sums = shown.sums(&counted);
        sums.tell(&counting.conditions);
        values::tell(&shown);
        budget.as_ref().map_or(Ok(()), Budget::tell)?;
        let outcome = sums.outcome(turned_away.turned_away()?);
        silent::explain(
            &prepared.kernel,
            &prepared.plan,
            &options.show.filter,
            &outcome,
        );
    }
    command::end(&mut child).await;
    export.end();
    let functions = shown.counters.functions();
    probes::let_go(shown, functions);
    pipeline::told::written(written)?;
    Ok(Outcome::default())
}

/// What is in the kernel when calls are counted.
struct InKernel {
    tables: Tables,
    counters: Counters,
    /// Counts entries of others than those who were asked for.
    turned_away: Arc<attach::Counters>,
    /// Says how many calls are sampled.
    sampling: attach::Controls,
    /// Held as long as the tables are armed.
    following: Tracepoints,
}

fn attach(options: &Options, counting: &Counting, prepared: &Prepared) -> Result<InKernel> {
    let _haste = Haste::begin();
    let kernel = &prepared.kernel;
    let mut loading = attached::loading(
        options,
        kernel,
        prepared.callers(options)?,
        attached::InKernel::default(),
    );
    // Nothing goes through the rings.
    loading.sizes.ring_bytes = Loading::SMALLEST.sizes.ring_bytes;
    let (object, _rings) = Object::load(&loading)?;
    let following = Tracepoints::attach_following(&object, &kernel.types)?;
    let followed = object.followed()?;
    let told = Told {
        cgroups: Some(object.controls()?),
        followed: followed.as_ref(),
    };
    let sampling = object.controls()?;
    let turned_away = sampling.counters();
    prepared.follow(options, told)?;
    let cpus = kernel.possible_cpus as usize;
    let tables = Tables::new(&counting.returned, cpus, counting.places)?;
    let by = prepared.by.iter().flat_map(|by| &by.roots);
    attached::tables(&object, by.map(|(root, table, _)| (*root, table)))?;
    let mechanism = conditions::mechanism(options, prepared);
    tell::more(
        options.verbose,
        &format!("counting by {}", mechanism.meaning()),
    );
    let attacher = Attacher {
        object: &object,
        kernel,
        mechanisms: prepared.mechanisms,
        mechanism,
        tables: &tables,
        conditions: counting.conditions,
    };
    let roots = &prepared.plan.roots;
    let counters = attacher.attach(roots, &mut Strict(&prepared.stop))?;
    Ok(InKernel {
        tables,
        counters,
        turned_away,
        sampling,
        following,
    })
}

/// A root without a probe would look as if it were never called.
struct Strict<'a>(&'a Stop);

impl Observer for Strict<'_> {
    fn attached(&mut self, _functions: &[&Planned]) {}

    fn refused(&mut self, error: AttachError) -> Result<(), AttachError> {
        Err(error)
    }

    fn is_stopped(&self) -> bool {
        self.0.is_wanted()
    }
}

/// Waits for the end, and writes what there is in each interval. What could not be written ends it,
/// too.
async fn wait(
    options: &Options,
    (child, mut budget, stop): (&mut Option<Child>, Option<&mut Budget>, &Stop),
    shown: &Shown,
    out: &mut impl Write,
) -> Result<io::Result<()>> {
    let begin = Instant::now();
    let forever = Duration::from_secs(u64::from(u32::MAX));
    let deadline = tokio::time::sleep(options.duration.unwrap_or(forever));
    tokio::pin!(deadline);
    let interval = shown.layout.interval.unwrap_or(forever);
    let mut next = tokio::time::interval_at((begin + interval).into(), interval);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let pause = match (options.show.count, &budget) {
        (Some(_), _) => Some(TICK),
        (None, Some(_)) => Some(budget::TICK),
        (None, None) => None,
    };
    loop {
        let command_ended = async {
            match child {
                Some(child) => child.wait().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = stop.wanted() => return Ok(Ok(())),
            () = &mut deadline => return Ok(Ok(())),
            status = command_ended => {
                status.context("the command cannot be waited for")?;
                return Ok(Ok(()));
            }
            _ = next.tick() => {
                let written = shown.write_live(begin.elapsed(), out);
                if written.is_err() {
                    return Ok(written);
                }
            }
            () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
        }
        if let Some(budget) = &mut budget
            && budget.tick()?
        {
            shown.cut(budget.sampled_out()?);
        }
        if options
            .show
            .count
            .is_some_and(|limit| shown.tables.taken() >= limit)
        {
            return Ok(Ok(()));
        }
    }
}

/// Functions of one name are told apart by their addresses.
fn names(roots: &[Planned]) -> Vec<String> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for root in roots {
        *times.entry(&root.name).or_default() += 1;
    }
    let name = |root: &Planned| match times.get(root.name.as_str()) {
        Some(1) | None => root.name.clone(),
        Some(_) => format!("{}@{:x}", root.name, root.address.0),
    };
    roots.iter().map(name).collect()
}
