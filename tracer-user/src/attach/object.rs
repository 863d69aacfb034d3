//! The eBPF object in the kernel: settings, maps and rings.
//!
//! It is loaded once for a trace. What must be there before its programs are goes into the object's
//! text first: settings of the hot path as numbers in instructions, tables as descriptors. aya does
//! the rest, and is asked for no program: those are loaded when there is something to attach them
//! to, at the functions' [mechanisms](super::Attacher) and at the
//! [tracepoints](super::Tracepoints).

use std::{os::fd::AsFd as _, sync::Arc};

use aya::{
    Ebpf, EbpfLoader,
    maps::{ArrayOfMaps, Map, MapData, MapError, RingBuf},
};
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF;
use tracer_common::{
    Callers, Config, CpuMask, MAX_CPUS, PARKED_BUCKET, PARKED_BYTES, TASK_BYTES, placeholder,
};

use super::{
    Controls, FieldTables, Followed, ObjectError, Strings, decide, followed,
    loading::{Loading, Sizes},
    memory::{self, Users},
    profile::Profile,
};
use crate::bpf::{instructions::Instructions, variables};

/// The eBPF object file, as `cargo xtask build` made it.
static OBJECT: &[u8] = include_bytes!(env!("TRACER_EBPF_OBJECT"));

/// The loaded object. What is attached holds itself, so it is needed for attaching only.
pub struct Object {
    ebpf: Ebpf,
    instructions: Instructions,
    /// Instructions name them by their descriptors.
    _memory: [MapData; 3],
    /// So they do this, which is none if nobody was named.
    followed: MapData,
    /// Who was.
    callers: Callers,
    /// Where functions are counted, if they are.
    profile: Option<Arc<Profile>>,
    /// Open calls above which the fast path is not taken. The root of a root call is one of them,
    /// and never takes it.
    fast_calls: u64,
}

impl Object {
    /// Loads the object and makes one ring per CPU.
    pub fn load(loading: &Loading) -> Result<(Self, Vec<RingBuf<MapData>>), ObjectError> {
        let sizes = loading.sizes;
        if sizes.possible_cpus as usize > MAX_CPUS {
            return Err(ObjectError::TooManyCpus(sizes.possible_cpus));
        }
        if OBJECT.is_empty() {
            return Err(ObjectError::Missing("programs"));
        }
        let mut object = variables::Object::new(OBJECT);
        if let Some(variable) = loading.preempt_count {
            object.put_variable(placeholder::PREEMPT_COUNT, variable);
        }
        let memory = put_tables(&mut object, sizes)?;
        let profile = put_profile(&mut object, loading)?;
        decide::put(&mut object, loading.decide);
        object.put_number(placeholder::SAMPLES, u64::from(loading.samples));
        let callers = &loading.config.callers;
        let followed = followed::make(callers)?;
        object.put_memory(placeholder::FOLLOWED, followed.fd().as_fd());
        put_settings(&mut object, &loading.config);
        let level = if loading.diagnostics { u8::MAX } else { 0 };
        let mut ebpf = EbpfLoader::new()
            .override_global("CONFIG", &loading.config, true)
            .override_global(aya_log::LEVEL, &level, false)
            .map_max_entries("RINGS", sizes.possible_cpus)
            .map_max_entries("STACKS", loading.stacks())
            .load(object.bytes())
            .map_err(ObjectError::of_load)?;
        let rings = make_rings(&mut ebpf, sizes)?;
        // Before anybody takes maps out of what aya holds.
        let instructions = Instructions::new(object.bytes(), &ebpf)?;
        let object = Self {
            ebpf,
            instructions,
            _memory: memory,
            followed,
            callers: *callers,
            profile,
            fast_calls: loading.config.fast_depth.saturating_sub(1),
        };
        Ok((object, rings))
    }

    /// The lists of those whose root calls are traced; none if nobody was named.
    pub fn followed(&self) -> Result<Option<Followed>, ObjectError> {
        let followed =
            followed::is_used(&self.callers).then(|| Followed::of(&self.followed, &self.callers));
        Ok(followed.transpose().map_err(MapError::IoError)?)
    }

    /// Where functions are counted, if they are.
    pub fn profile(&self) -> Option<Arc<Profile>> {
        self.profile.clone()
    }

    /// The programs, for the mechanisms.
    pub fn ebpf(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    /// Whose root calls are traced.
    pub(super) const fn callers(&self) -> &Callers {
        &self.callers
    }

    /// The instructions of the programs that aya does not load itself.
    pub(super) const fn instructions(&self) -> &Instructions {
        &self.instructions
    }

    /// Open calls above which the fast path is not taken.
    pub(super) const fn fast_calls(&self) -> u64 {
        self.fast_calls
    }

    /// The tables of fields, by descriptors of their own.
    pub fn fields(&self) -> Result<FieldTables, ObjectError> {
        FieldTables::of(&self.ebpf)
    }

    /// The table of functions with strings among their arguments, by a descriptor of its own.
    pub fn strings(&self) -> Result<Strings, ObjectError> {
        Strings::of(&self.ebpf)
    }

    /// What is read and set while the trace goes on. It has descriptors of its own, so the object
    /// may be elsewhere.
    pub fn controls(&self) -> Result<Controls, ObjectError> {
        Controls::of(&self.ebpf)
    }
}

/// Bytes of a key in the table of tasks that sleep.
const KEY_BYTES: u32 = 8;

/// Makes the tables of tasks that run and that sleep inside a root, and makes them known to the
/// programs.
fn put_tables(object: &mut variables::Object, sizes: Sizes) -> Result<[MapData; 3], MapError> {
    let (slots, buckets) = (sizes.slots(), sizes.buckets());
    // There is room for one task more: as far as the verifier knows, an event may begin with the
    // last bytes of the last one's.
    let tasks = memory::make("tracer_tasks", (slots + 1) * TASK_BYTES, Users::Programs)?;
    let places = buckets * PARKED_BUCKET;
    let keys = memory::make("tracer_keys", places * KEY_BYTES, Users::Programs)?;
    let sleepers = memory::make("tracer_sleepers", places * PARKED_BYTES, Users::Programs)?;
    object.put_memory(placeholder::TASKS, tasks.fd().as_fd());
    object.put_memory(placeholder::PARKED_KEYS, keys.fd().as_fd());
    object.put_memory(placeholder::PARKED, sleepers.fd().as_fd());
    object.put_mask(placeholder::TASK_MASK, (slots - 1) * TASK_BYTES);
    object.put_number(placeholder::PARKED_BUCKETS, buckets.into());
    Ok([tasks, keys, sleepers])
}

/// Makes the tables in which functions are counted, if they are to be.
fn put_profile(
    object: &mut variables::Object,
    loading: &Loading,
) -> Result<Option<Arc<Profile>>, MapError> {
    let Some(by) = loading.profile else {
        Profile::put_none(object);
        return Ok(None);
    };
    let cpus = loading.sizes.possible_cpus as usize;
    Ok(Some(Arc::new(Profile::put(object, by, cpus)?)))
}

/// Settings of the hot path stand in the programs' text.
fn put_settings(object: &mut variables::Object, config: &Config) {
    object.put_offset(
        placeholder::PREEMPT_COUNT_OFFSET,
        config.preempt_count_offset,
    );
    object.put_compared(placeholder::PREEMPT_MASK, config.preempt_layout.mask);
    let [first, second] = config.callers.not_tgids.map(u64::from);
    object.put_number(placeholder::OWN_PROCESSES[0], first);
    object.put_number(placeholder::OWN_PROCESSES[1], second);
    object.put_number(placeholder::CALLERS_ASKED, u64::from(asks(config)));
}

/// Whether more is asked of callers than that they are not tracer's own processes.
fn asks(config: &Config) -> bool {
    let callers = &config.callers;
    config.cpus != CpuMask::ALL
        || callers.processes_named != Callers::NOBODY
        || callers.tasks_named != Callers::NOBODY
        || callers.names_named != Callers::NOBODY
        || callers.cgroups_named != 0
}

fn make_rings(ebpf: &mut Ebpf, sizes: Sizes) -> Result<Vec<RingBuf<MapData>>, ObjectError> {
    let map = ebpf.map_mut("RINGS").ok_or(ObjectError::Missing("RINGS"))?;
    let mut outer = ArrayOfMaps::<_, MapData>::try_from(map)?;
    (0..sizes.possible_cpus)
        .map(|cpu| {
            let definition = aya_obj::Map::new_from_params(
                BPF_MAP_TYPE_RINGBUF as u32,
                0,
                0,
                sizes.ring_bytes,
                0,
            );
            let ring = MapData::create(definition, "tracer_ring", None);
            let ring = ring.map_err(|source| ObjectError::Ring {
                cpus: sizes.possible_cpus,
                kib: sizes.ring_bytes / 1024,
                source,
            })?;
            outer.set(cpu, &ring, 0)?;
            Ok(RingBuf::try_from(Map::RingBuf(ring))?)
        })
        .collect()
}
