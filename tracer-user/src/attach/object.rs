//! The eBPF object in the kernel: settings, maps, rings, and the tracepoint that the gate relies
//! on.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::{ArrayOfMaps, Map, MapData, MapError, RingBuf},
};
use aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF;
use thiserror::Error;
use tracer_common::{
    Callers, Config, CpuMask, MAX_CPUS, MAX_TASK_SLOTS, PARKED_BUCKET, PARKED_BYTES, TASK_BYTES,
    placeholder, profile::By,
};

use super::{
    Controls, FieldTables, Followed, Strings,
    decide::{self, Decide},
    error::is_forbidden,
    followed,
    memory::{self, Users},
    profile::Profile,
};
use crate::{
    bpf::{
        self,
        instructions::{Instructions, InstructionsError},
        variables,
    },
    exit_code::{Exit, HasExit},
    kernel::btf::Types,
};

/// The eBPF object file, as `cargo xtask build` made it.
static OBJECT: &[u8] = include_bytes!(env!("TRACER_EBPF_OBJECT"));

/// Why the object is not in the kernel.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// The kernel answers EPERM though the process has the capabilities.
    #[error(
        "the kernel refuses BPF tracing programs (EPERM) although the capabilities are there: \
        lockdown or a \
         security policy forbids them; boot without lockdown, or trace in a virtual machine"
    )]
    Forbidden,
    /// The process lacks capabilities.
    #[error("BPF tracing programs need CAP_BPF and CAP_PERFMON: run as root")]
    NoPrivilege,
    /// More CPUs than the eBPF side has room for.
    #[error("this machine may have {0} CPUs, and tracer has room for {MAX_CPUS}; please report it")]
    TooManyCpus(u32),
    /// Something is missing in the object.
    #[error("the eBPF object has no {0}: build it with `cargo xtask build`")]
    Missing(&'static str),
    /// The object did not load.
    #[error("the eBPF object does not load")]
    Load(#[from] EbpfError),
    /// A program did not load or attach.
    #[error("the tracepoint {0} cannot be used: {1}")]
    Tracepoint(&'static str, String),
    /// The ring of a CPU could not be made.
    #[error(
        "{cpus} rings of {kib} KiB cannot be made: give a smaller size, such as --buffer-size 4M"
    )]
    Ring {
        /// One for each.
        cpus: u32,
        /// What was asked for.
        kib: u32,
        /// What the kernel said.
        source: MapError,
    },
    /// A map could not be made.
    #[error("a map cannot be made")]
    Map(#[from] MapError),
}

impl HasExit for ObjectError {
    fn exit(&self) -> Option<Exit> {
        Some(match self {
            Self::Forbidden | Self::NoPrivilege => Exit::NotPermitted,
            _ => Exit::Kernel,
        })
    }
}

impl From<InstructionsError> for ObjectError {
    fn from(error: InstructionsError) -> Self {
        match error {
            InstructionsError::Object(error) => Self::Load(error),
            InstructionsError::Missing(program) => Self::Missing(program),
        }
    }
}

/// How much memory the object gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// CPUs that may ever be there.
    pub possible_cpus: u32,
    /// Bytes of each CPU's ring, a power of two of pages.
    pub ring_bytes: u32,
    /// Tasks that may sleep inside a root at once, about: there are places for half as many again,
    /// so that nearly all find one.
    pub sleepers: u32,
    /// Places for tasks inside a root, at least, whether they sleep or not.
    pub slots: u32,
}

impl Sizes {
    /// Places for tasks that run inside a root, a power of two. Each CPU has one task that runs,
    /// one that has just gone, and perhaps one or two that were preempted in the middle of a probe;
    /// tasks that find no place among those that sleep are here, too.
    fn slots(self) -> u32 {
        let wanted = self.possible_cpus.saturating_mul(4).max(self.slots);
        wanted.next_power_of_two().min(MAX_TASK_SLOTS)
    }

    /// Places for tasks that sleep inside a root, in buckets.
    const fn buckets(self) -> u32 {
        (self.sleepers + self.sleepers / 2).div_ceil(PARKED_BUCKET)
    }
}

/// Tasks that may sleep inside a root at once, if nothing else is said.
pub const USUAL_SLEEPERS: u32 = 1 << 16;

/// Places for tasks that run inside a root, at least.
pub const USUAL_SLOTS: u32 = 128;
/// The same where tasks that sleep keep theirs.
const LEAST_SLOTS_OF_SLEEPERS: u32 = 1 << 11;

/// Places where tasks that sleep keep theirs, on a host with so many tasks: one for each, and a
/// quarter more, so that nearly all find one. A place takes no more than what the kernel has of
/// each task by itself.
pub fn slots_of_sleepers(tasks: u32) -> u32 {
    tasks
        .saturating_add(tasks / 4)
        .clamp(LEAST_SLOTS_OF_SLEEPERS, MAX_TASK_SLOTS)
}

/// How the object is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Loading {
    /// The settings of the eBPF side.
    pub config: Config,
    /// The type id of the variable that has the preempt count; if there is none, the settings say
    /// that it is not known.
    pub preempt_count: Option<u32>,
    /// How much memory it gets.
    pub sizes: Sizes,
    /// Whether the eBPF side logs.
    pub diagnostics: bool,
    /// How functions are counted there; none if calls are streamed.
    pub profile: Option<By>,
    /// Which root calls are streamed; none if all are.
    pub decide: Option<Decide>,
}

impl Loading {
    /// To see whether it loads, or for programs that record nothing.
    pub const SMALLEST: Self = Self {
        config: Config::DEFAULT,
        preempt_count: None,
        sizes: Sizes {
            possible_cpus: 1,
            ring_bytes: 4096,
            sleepers: PARKED_BUCKET,
            slots: USUAL_SLOTS,
        },
        diagnostics: false,
        profile: None,
        decide: None,
    };
}

/// The tracepoints' programs. Dropping them takes them away.
#[must_use = "without the tracepoints the gate goes wrong, and whom to trace"]
pub struct Tracepoints {
    _links: Vec<OwnedFd>,
}

/// A tracepoint, and the type by which BPF knows it (include/trace/bpf_probe.h).
type TracepointName = (&'static str, &'static str);

/// Where the CPU goes from one task to another.
const SWITCH: TracepointName = ("sched_switch", "btf_trace_sched_switch");
/// Where a task is made.
const NEW_TASK: TracepointName = ("task_newtask", "btf_trace_task_newtask");

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
        let callers = &loading.config.callers;
        let followed = followed::make(callers)?;
        object.put_memory(placeholder::FOLLOWED, followed.fd().as_fd());
        put_settings(&mut object, &loading.config);
        let level = if loading.diagnostics { u8::MAX } else { 0 };
        let mut ebpf = EbpfLoader::new()
            .override_global("CONFIG", &loading.config, true)
            .override_global(aya_log::LEVEL, &level, false)
            .map_max_entries("RINGS", sizes.possible_cpus)
            .map_max_entries("STACKS", stacks(loading))
            .load(object.bytes())
            .map_err(explain_load)?;
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

    /// Attaches the tracepoints that keep the gate right, and the lists of those who were named.
    /// Before the trace is armed, and held as long as it is.
    ///
    /// aya would do it, too, but wants the kernel's types in a form of its own, which takes longer
    /// to make than all else here.
    pub fn attach_tracepoints(&self, types: &Types) -> Result<Tracepoints, ObjectError> {
        self.attach_named(&[SWITCH, NEW_TASK], types)
    }

    /// Of these, the one that keeps the lists of those who were named.
    pub fn attach_following(&self, types: &Types) -> Result<Tracepoints, ObjectError> {
        self.attach_named(&[NEW_TASK], types)
    }

    fn attach_named(
        &self,
        all: &[TracepointName],
        types: &Types,
    ) -> Result<Tracepoints, ObjectError> {
        let is_used =
            |named: &&TracepointName| **named != NEW_TASK || followed::is_used(&self.callers);
        let links = all.iter().filter(is_used);
        Ok(Tracepoints {
            _links: links
                .map(|&named| self.attach_tracepoint(named, types))
                .collect::<Result<_, _>>()?,
        })
    }

    fn attach_tracepoint(
        &self,
        (name, type_name): TracepointName,
        types: &Types,
    ) -> Result<OwnedFd, ObjectError> {
        let instructions = self.instructions.of(name, &HashMap::new())?;
        let type_id = types.typedef_id(type_name).unwrap_or_default();
        let explain = |error: &io::Error, reason: String| {
            if is_forbidden(error) {
                ObjectError::Forbidden
            } else {
                ObjectError::Tracepoint(name, reason)
            }
        };
        let program = bpf::load_at_tracepoint(name, &instructions, type_id)
            .map_err(|refusal| explain(&refusal.error, refusal.reason()))?;
        bpf::link_target(program.as_fd()).map_err(|error| explain(&error, error.to_string()))
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

/// Places in which a stack is written on its way to a task's events: one for each task that runs
/// inside a root, where stacks are wanted.
fn stacks(loading: &Loading) -> u32 {
    let config = &loading.config;
    match config.stacks | config.user_stacks {
        0 => 1,
        // As the table of tasks has.
        _ => loading.sizes.slots(),
    }
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

fn explain_load(error: EbpfError) -> ObjectError {
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(one) = source {
        if let Some(io) = one.downcast_ref::<io::Error>()
            && is_forbidden(io)
        {
            return ObjectError::NoPrivilege;
        }
        source = one.source();
    }
    ObjectError::Load(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(tasks: u32) -> u32 {
        let sizes = Sizes {
            slots: slots_of_sleepers(tasks),
            ..Loading::SMALLEST.sizes
        };
        sizes.slots()
    }

    #[test]
    fn each_task_has_a_place_where_sleepers_keep_theirs() {
        assert_eq!(places(0), 2048);
        assert_eq!(places(3000), 4096);
        assert_eq!(places(20_000), 32_768);
        assert_eq!(places(u32::MAX), 32_768);
        // The verifier knows no greater offset (BPF_MAX_VAR_OFF), and the size is a number of 32
        // bits that may not be negative.
        let last = u64::from(MAX_TASK_SLOTS - 1) * u64::from(TASK_BYTES);
        assert!(last < 1 << 29);
    }
}
