//! What userspace sets and reads while the probes are in: whether root calls begin, how many are
//! open, the counters.
//!
//! Until the trace is armed every probe answers "outside", so roots and callees may be attached in
//! any order and all roots begin together. It is disarmed before the first probe goes, so no call
//! is torn by detaching: those that are open go on to their end, and no other begins.

use std::{os::fd::AsFd as _, sync::Arc};

use aya::{
    Ebpf,
    maps::{Array, Map, MapData, MapError},
};
use tracer_common::{
    AwayCounts, CpuCounters, MAX_CPUS, MAX_NAMES, generation::SIDES, sample::Sampling,
};

use super::{ObjectError, Side};

/// The switch and the counters, by descriptors of their own.
pub struct Controls {
    armed: Array<MapData, u64>,
    inside: Array<MapData, u64>,
    keep_exits: Array<MapData, u64>,
    deciding: Array<MapData, u64>,
    one_in: Array<MapData, u64>,
    cgroups: Array<MapData, [u64; MAX_NAMES]>,
    counters: Arc<Counters>,
}

/// What the eBPF side counts.
pub struct Counters {
    cpus: Array<MapData, [Cpu; MAX_CPUS]>,
    away: Array<MapData, [AwayCounts; MAX_CPUS]>,
    dropped: Array<MapData, [[u64; 8]; MAX_CPUS]>,
    sampling: Array<MapData, [Sampling; MAX_CPUS]>,
    marks: Array<MapData, [[u64; 8]; MAX_CPUS]>,
}

/// What the eBPF side keeps per CPU; only the counters are read. The layout is `Cpu` in
/// tracer-ebpf/src/maps.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Cpu {
    next_task: u64,
    words: [u32; SIDES],
    slots: [u32; 2],
    counters: CpuCounters,
}

/// The offset of the gate's words in [`Cpu`].
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "less than 64"
)]
pub(super) const GATE_WORDS: i16 = std::mem::offset_of!(Cpu, words) as i16;

// SAFETY: `repr(C)`, Copy, no padding, every bit pattern is a value.
unsafe impl aya::Pod for Cpu {}

impl Controls {
    /// Those of a loaded object.
    pub(super) fn of(ebpf: &Ebpf) -> Result<Self, ObjectError> {
        Ok(Self {
            armed: Array::try_from(again(ebpf, "ARMED")?)?,
            inside: Array::try_from(again(ebpf, "INSIDE")?)?,
            keep_exits: Array::try_from(again(ebpf, ".bss.exits")?)?,
            deciding: Array::try_from(again(ebpf, ".bss.deciding")?)?,
            one_in: Array::try_from(again(ebpf, ".bss.one_in")?)?,
            cgroups: Array::try_from(again(ebpf, ".bss.cgroups")?)?,
            counters: Arc::new(Counters {
                cpus: Array::try_from(again(ebpf, ".bss.cpus")?)?,
                away: Array::try_from(again(ebpf, ".bss.away")?)?,
                dropped: Array::try_from(again(ebpf, ".bss.dropped")?)?,
                sampling: Array::try_from(again(ebpf, ".bss.sampling")?)?,
                marks: Array::try_from(again(ebpf, ".bss.marks")?)?,
            }),
        })
    }

    /// From now on root calls begin, and belong to this generation.
    pub fn arm(&mut self, generation: u64) -> Result<(), ObjectError> {
        Ok(self.armed.set(0, generation, 0)?)
    }

    /// From now on none begins; those that are open go on.
    pub fn disarm(&mut self) -> Result<(), ObjectError> {
        Ok(self.armed.set(0, 0, 0)?)
    }

    /// From now on root calls are traced of tasks in these cgroups and below; 0 is none.
    pub fn set_cgroups(&mut self, ids: [u64; MAX_NAMES]) -> Result<(), ObjectError> {
        Ok(self.cgroups.set(0, ids, 0)?)
    }

    /// Whether entries decline their exits outside of root calls: not while two sets of probes may
    /// be on the same functions.
    pub fn keep_exits(&mut self, keep: bool) -> Result<(), ObjectError> {
        Ok(self.keep_exits.set(0, u64::from(keep), 0)?)
    }

    /// Whether root calls that do not meet the conditions are dropped from now on, if there are
    /// any.
    pub fn decide(&mut self, decide: bool) -> Result<(), ObjectError> {
        Ok(self.deciding.set(0, u64::from(decide), 0)?)
    }

    /// From now on one of so many root calls is traced, if they may be sampled.
    pub fn sample(&mut self, one_in: u64) -> Result<(), ObjectError> {
        Ok(self.one_in.set(0, one_in, 0)?)
    }

    /// Tasks that are inside a root. What a task that has left recorded is in the rings by then.
    pub fn open_calls(&self) -> Result<u64, ObjectError> {
        Side::ALL
            .map(|side| self.open_calls_of(side))
            .into_iter()
            .sum()
    }

    /// As [`Self::open_calls`], of the root calls of one side.
    pub fn open_calls_of(&self, side: Side) -> Result<u64, ObjectError> {
        let counts = self.inside.get(&0, 0)?;
        Ok(match side {
            Side::Even => counts & u64::from(u32::MAX),
            Side::Odd => counts >> 32,
        })
    }

    /// The counters, which others may read, too.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

impl Counters {
    /// The sum over all CPUs.
    pub fn sum(&self) -> Result<CpuCounters, ObjectError> {
        let mut sum = CpuCounters::default();
        for cpu in self.cpus.get(&0, 0)? {
            let one = cpu.counters;
            sum.lost_events += one.lost_events;
            sum.lost_roots += one.lost_roots;
            sum.self_recursions += one.self_recursions;
            sum.batches += one.batches;
            sum.lost_beginnings += one.lost_beginnings;
        }
        Ok(sum)
    }

    /// How many root calls were dropped because they did not meet the conditions.
    pub fn dropped(&self) -> Result<u64, ObjectError> {
        let all = self.dropped.get(&0, 0)?;
        Ok(all.iter().map(|[calls, ..]| calls).sum())
    }

    /// How many root calls were sampled out.
    pub fn sampled_out(&self) -> Result<u64, ObjectError> {
        let all = self.sampling.get(&0, 0)?;
        Ok(all.iter().map(|cpu| cpu.out).sum())
    }

    /// How many events that were to be marked happened outside of root calls, and inside.
    pub fn marks(&self) -> Result<[u64; 2], ObjectError> {
        let all = self.marks.get(&0, 0)?;
        let sum = |at: usize| all.iter().map(|counts| counts[at]).sum();
        Ok([sum(0), sum(1)])
    }

    /// How many entries of roots opened no root call, by [`tracer_common::Away`], over all CPUs.
    pub fn turned_away(&self) -> Result<AwayCounts, ObjectError> {
        let mut sum = AwayCounts::default();
        for cpu in self.away.get(&0, 0)? {
            for (all, one) in sum.iter_mut().zip(cpu) {
                *all += one;
            }
        }
        Ok(sum)
    }
}

/// The same map by another descriptor.
pub(super) fn again(ebpf: &Ebpf, name: &'static str) -> Result<Map, ObjectError> {
    let Some(Map::Array(map)) = ebpf.map(name) else {
        return Err(ObjectError::Missing(name));
    };
    let descriptor = map.fd().as_fd().try_clone_to_owned();
    let descriptor = descriptor.map_err(|error| {
        MapError::IoError(std::io::Error::new(
            error.kind(),
            format!("{name}: {error}"),
        ))
    })?;
    Ok(Map::Array(MapData::from_fd(descriptor)?))
}
