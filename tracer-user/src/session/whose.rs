//! Whose root calls are traced, as the kernel has to be told: by its own numbers, and as long as
//! they are meant.

use std::{iter, time::Duration};

use anyhow::{Context as _, Result};
use tracer_common::MAX_NAMES;

use super::{callers::CallerOptions, processes::Processes, tasks::Tasks};
use crate::{
    attach::{Controls, Followed, List},
    kernel::{
        btf::Types,
        cgroup::{self, Cgroup},
        numbers::{self, Numbers},
    },
    stop::Stop,
};

/// How often it is looked whether a cgroup is the one that was named.
const TICK: Duration = Duration::from_millis(100);

/// Those that were named by numbers, and held before anything else was done.
pub struct Named<'a> {
    /// The processes.
    pub processes: &'a Processes,
    /// The tasks.
    pub tasks: &'a Tasks,
    /// The command's process.
    pub command: Option<u32>,
}

/// Where the kernel is told of them.
pub struct Told<'a> {
    /// Cgroups.
    pub cgroups: Option<Controls>,
    /// Processes and tasks; none if nobody was named.
    pub followed: Option<&'a Followed>,
}

/// tracer itself and its sampling process, by the kernel's numbers.
pub fn own(types: &Types, sampler: Option<u32>) -> Result<[u32; 2]> {
    let own = std::process::id();
    let numbers = Numbers::now(types)?;
    if numbers::namespace().is_some() {
        eprintln!(
            "tracer: this is a PID namespace: -p and --tid mean its numbers, and numbers of tasks \
            that are shown are the host's"
        );
    }
    let kernels = |number| {
        let process = numbers.process(number);
        process.with_context(|| format!("the kernel knows no process {number}"))
    };
    let own = kernels(own)?;
    // One that has ended has no calls to be skipped.
    let sampler = sampler.and_then(|sampler| numbers.process(sampler));
    Ok([own, sampler.unwrap_or(own)])
}

/// Tells the kernel who was named. It keeps that up from then on, and it does so already: a process
/// that is made meanwhile is not missed.
pub fn begin(
    types: &Types,
    callers: &CallerOptions,
    named: &Named<'_>,
    told: Told<'_>,
    stop: &Stop,
) -> Result<()> {
    if let Some(mut controls) = told.cgroups {
        controls.set_cgroups(ids(&callers.cgroups))?;
        watch_cgroups(&callers.cgroups, controls, stop);
    }
    if let Some(followed) = told.followed {
        follow(&Numbers::now(types)?, callers, named, followed);
    }
    Ok(())
}

fn follow(numbers: &Numbers, callers: &CallerOptions, named: &Named<'_>, followed: &Followed) {
    let command = named.command.filter(|_| !callers.has_numbers());
    if let Some(process) = command.and_then(|command| numbers.process(command)) {
        followed.add(List::Processes, process);
    }
    // In this order: a process that gets the number of one that has ended from now on is not in the
    // list by the kernel's doing.
    for &pid in &callers.pids {
        if let Some(process) = numbers.process(pid) {
            followed.add(List::Processes, process);
            if named.processes.has_ended(pid) {
                followed.remove(List::Processes, process);
            }
        }
    }
    for &tid in &callers.tids {
        if let Some(task) = numbers.task(tid) {
            followed.add(List::Tasks, task);
            if named.tasks.has_ended(tid) {
                followed.remove(List::Tasks, task);
            }
        }
    }
}

fn ids(cgroups: &[Cgroup]) -> [u64; MAX_NAMES] {
    let ids = cgroups.iter().map(|cgroup| cgroup.id.0);
    let mut ids = ids.chain(iter::repeat(0));
    std::array::from_fn(|_| ids.next().unwrap_or_default())
}

/// Says when a cgroup is gone, and follows one that is made again, which the kernel takes for
/// another, until it is to stop. What runs there before that is seen is not traced.
fn watch_cgroups(cgroups: &[Cgroup], mut controls: Controls, stop: &Stop) {
    if cgroups.is_empty() {
        return;
    }
    let (mut cgroups, stop) = (cgroups.to_vec(), stop.clone());
    tokio::spawn(async move {
        let mut gone = vec![false; cgroups.len()];
        while !stop.is_wanted() {
            tokio::time::sleep(TICK).await;
            let mut is_another = false;
            for (cgroup, gone) in cgroups.iter_mut().zip(&mut gone) {
                is_another |= look(cgroup, gone);
            }
            if is_another && let Err(error) = controls.set_cgroups(ids(&cgroups)) {
                eprintln!("tracer: the kernel cannot be told of the cgroup: {error}");
            }
        }
    });
}

/// Whether a cgroup is another one now.
fn look(cgroup: &mut Cgroup, gone: &mut bool) -> bool {
    let path = cgroup.path.display();
    let Ok(now) = cgroup::at(&cgroup.path) else {
        if !*gone {
            eprintln!("tracer: the cgroup {path} is gone; if it is made again, it is traced again");
        }
        *gone = true;
        return false;
    };
    let is_another = now != cgroup.id;
    if is_another {
        eprintln!("tracer: the cgroup {path} was made again, and is traced from now on");
        cgroup.id = now;
    }
    *gone = false;
    is_another
}
