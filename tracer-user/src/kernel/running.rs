//! The running kernel in one value: everything the plan and the eBPF side's settings ask for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use thiserror::Error;
use tracer_common::PreemptLayout;

use super::{
    Address,
    btf::{BtfError, Prototype, Types},
    facts::{self, FactsError, Release},
    gfp,
    halves::{self, Halves},
    haste::Haste,
    kcore::{CodeReader, KernelCode},
    programs::program_function,
    sites::Sites,
    symbols::{Function, Symbols, SymbolsError},
    system_calls::{Entry, SystemCall},
    traceable::{Traceable, TraceableFunctions},
};

use crate::{
    arch::{PREEMPT_COUNT, PreemptCountOf},
    exit_code::{Exit, HasExit},
    model::ValueType,
};

/// Why the kernel is not known well enough to trace.
#[derive(Debug, Error)]
pub enum KernelError {
    /// No symbols.
    #[error(transparent)]
    Symbols(#[from] SymbolsError),
    /// No types.
    #[error(transparent)]
    Types(#[from] BtfError),
    /// No facts.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A symbol or type that every kernel has is not there.
    #[error("this kernel has no `{0}`; please report it with the kernel's version")]
    Missing(&'static str),
    /// Events name functions by half of an address, and here that is not enough.
    #[error(
        "{0} is more than 2 GiB away from the kernel's text, so tracer cannot tell the functions \
        there from others; unload that module, or report it with the kernel's version"
    )]
    TooFar(String),
}

impl HasExit for KernelError {
    /// It stands for what it wraps, which is therefore no cause of its own.
    fn exit(&self) -> Option<Exit> {
        match self {
            Self::Symbols(error) => error.exit(),
            Self::Types(error) => error.exit(),
            Self::Facts(_) | Self::Missing(_) | Self::TooFar(_) => Some(Exit::Kernel),
        }
    }
}

/// Where the kernel keeps what a CPU works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreemptCount {
    /// The type id in the kernel's BTF of the per-CPU variable that has it; none if the task has
    /// it.
    pub variable: Option<u32>,
    /// How many bytes into the one or the other it lies.
    pub offset: u64,
}

/// What is known of the running kernel.
pub struct Kernel {
    /// Its version.
    pub release: Release,
    /// Its symbols.
    pub symbols: Symbols,
    /// Its types.
    pub types: Arc<Types>,
    /// Its text as it runs; none where /proc/kcore cannot be read.
    pub text: Option<KernelCode>,
    /// What the kernel's own tracing reaches; none where the kernel does not say.
    traceable: Option<TraceableFunctions>,
    /// CPUs that may ever be there: the highest number plus one.
    pub possible_cpus: u32,
    /// The offset of `__state` in `struct task_struct`, bytes (5.14+).
    pub task_state_offset: u64,
    /// The offsets of `pid` and `tgid` there, bytes.
    pub task_number_offsets: [u64; 2],
    /// Types of modules, as far as they were asked for; none for one that has none.
    modules: Mutex<HashMap<String, Option<Arc<Types>>>>,
    /// Masks and names of `gfp_t`, once they were asked for.
    gfp: OnceLock<Vec<(i64, String)>>,
    /// Where the kernel's text begins.
    pub(super) text_begins: Address,
    /// Functions that are not near it.
    pub(super) halves: Halves,
    /// Where calls go on in what comes and goes.
    pub(super) sites: Sites,
}

impl Kernel {
    /// Reads everything.
    pub fn read() -> Result<Self, KernelError> {
        let _haste = Haste::begin();
        Self::of_types(Arc::new(Types::load()?))
    }

    /// Reads what may have changed since this was read: all that comes and goes with modules.
    pub fn read_again(&self) -> Result<Self, KernelError> {
        Self::of_types(Arc::clone(&self.types))
    }

    fn of_types(types: Arc<Types>) -> Result<Self, KernelError> {
        let text = KernelCode::open().ok();
        let symbols = Symbols::of_kernel(text.as_ref(), &types)?;
        if let Some(function) = halves::too_far(&symbols) {
            return Err(KernelError::TooFar(function.shown()));
        }
        let text_begins = symbols.address_of("_text");
        let text_begins = text_begins.ok_or(KernelError::Missing("_text"))?;
        let task_state_offset = types
            .member_offset("task_struct", "__state")
            .ok_or(KernelError::Missing("task_struct.__state"))?;
        let number = |member| types.member_offset("task_struct", member);
        let task_number_offsets = number("pid")
            .zip(number("tgid"))
            .map(<[u64; 2]>::from)
            .ok_or(KernelError::Missing("task_struct.pid"))?;
        let possible_cpus = facts::possible_cpus()?.last().map_or(1, |last| last + 1);
        let traceable = {
            let read = text.as_ref().map(KernelCode::reader);
            let read = read.as_ref().map(|read| read as CodeReader<'_>);
            TraceableFunctions::of_kernel(&symbols, &types, read).ok()
        };
        Ok(Self {
            release: facts::release()?,
            text,
            traceable,
            symbols,
            types,
            possible_cpus,
            task_state_offset,
            task_number_offsets,
            modules: Mutex::default(),
            gfp: OnceLock::new(),
            text_begins,
            halves: Halves::default(),
            sites: Sites::default(),
        })
    }

    /// Its symbols as they are now: modules and BPF programs come and go.
    pub fn symbols_now(&self) -> Result<Symbols, SymbolsError> {
        Symbols::of_kernel(self.text.as_ref(), &self.types)
    }

    /// Whether the kernel's own tracing reaches a function of that name. Where the kernel does not
    /// say, it is asked when it comes to attaching.
    pub fn is_traceable(&self, name: &str) -> bool {
        self.symbols
            .functions_named(name)
            .any(|function| self.is_traceable_at(function))
    }

    /// Whether the kernel's own tracing reaches the function that begins at `address`, or is
    /// patched there.
    pub fn is_traceable_at(&self, address: Address) -> bool {
        self.traceable.is_none() || self.traceable_at(address).is_some()
    }

    /// The function that begins at `address`, or is patched there, if the kernel says that its own
    /// tracing reaches it.
    pub fn traceable_at(&self, address: Address) -> Option<Traceable> {
        self.traceable.as_ref()?.at_address(address)
    }

    /// Whether the entry of the function that begins at `address` is patched now, for a probe of
    /// whomever; none where the text cannot be read, or where the function has no place for that.
    pub fn is_patched(&self, address: Address) -> Option<bool> {
        self.text.as_ref()?.is_patched(address).ok()?
    }

    /// The functions that the kernel's own tracing reaches, by address; none where the kernel does
    /// not say.
    pub fn traceable_functions(&self) -> &[Traceable] {
        self.traceable.as_ref().map_or(&[], TraceableFunctions::all)
    }

    /// What a function takes and returns, by the types of what it belongs to.
    pub fn prototype(&self, function: &Function<'_>) -> Option<Prototype> {
        match function.module {
            None => self.types.prototype(function.name),
            Some("bpf") => program_function(function.start).ok()??.prototype,
            Some(module) => self.module_types(module)?.prototype(function.name),
        }
    }

    /// What a function was given and returns, for its readers: of the entry of a system call
    /// that is what the call takes. One that takes nothing (`SYSCALL_DEFINE0`) has the registers as
    /// a parameter that is called `__unused`.
    pub fn given(&self, function: &Function<'_>) -> Option<Prototype> {
        let prototype = self.prototype(function);
        let Some(call) = self.system_call(function) else {
            let mut prototype = prototype?;
            prototype.parameters.pop_if(|last| last.name == "__unused");
            for parameter in &mut prototype.parameters {
                gfp::name_flags(parameter, self.gfp_names());
            }
            return Some(prototype);
        };
        Some(Prototype {
            // `__X64_SYS_STUBx` (arch/x86/include/asm/syscall_wrapper.h).
            returns: prototype.map_or(ValueType::Signed { bytes: 8 }, |known| known.returns),
            parameters: call.parameters,
            variadic: false,
        })
    }

    /// The names of the flags of an allocation; none where the kernel's memory cannot be read.
    fn gfp_names(&self) -> &[(i64, String)] {
        self.gfp.get_or_init(|| {
            let text = self.text.as_ref();
            text.map_or_else(Vec::new, |text| gfp::names(&self.symbols, &text.reader()))
        })
    }

    /// What a system call takes, of its entry; none of other functions, and where nothing describes
    /// it.
    pub fn system_call(&self, function: &Function<'_>) -> Option<SystemCall> {
        let entry = Entry::of(function.name).filter(|_| function.module.is_none())?;
        entry.describe(&self.types)
    }

    /// The types of a loaded module, if it has any.
    pub fn module_types(&self, module: &str) -> Option<Arc<Types>> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        let types = modules
            .entry(module.to_owned())
            .or_insert_with(|| self.types.load_module(module).ok().map(Arc::new));
        types.clone()
    }

    /// Where the preempt count is.
    pub fn preempt_count(&self) -> Option<PreemptCount> {
        match PREEMPT_COUNT {
            PreemptCountOf::Cpu => self.preempt_count_of_cpu(),
            PreemptCountOf::Task => self.preempt_count_of_task(),
        }
    }

    /// It is a member of `thread_info`, which is one of the task.
    fn preempt_count_of_task(&self) -> Option<PreemptCount> {
        let member = |structure, name| self.types.member_offset(structure, name);
        let into = member("task_struct", "thread_info")?;
        Some(PreemptCount {
            variable: None,
            offset: into + member("thread_info", "preempt_count")?,
        })
    }

    /// It is `pcpu_hot.preempt_count` from 6.2 to 6.14, `__preempt_count` before and after.
    fn preempt_count_of_cpu(&self) -> Option<PreemptCount> {
        let hot = self.types.variable_id("pcpu_hot");
        Some(match hot {
            Some(variable) => PreemptCount {
                variable: Some(variable),
                offset: self.types.member_offset("pcpu_hot", "preempt_count")?,
            },
            None => PreemptCount {
                variable: Some(self.types.variable_id("__preempt_count")?),
                offset: 0,
            },
        })
    }

    /// What the bits of the preempt count mean on this kernel.
    pub fn preempt_layout(&self) -> PreemptLayout {
        match self.symbols.address_of("local_interrupt_disable_state") {
            Some(_) => PreemptLayout::WITH_DISABLE_COUNT,
            None => PreemptLayout::CLASSIC,
        }
    }
}
