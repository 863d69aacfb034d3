//! The tracepoints that a trace needs beside its probes.
//!
//! Where a CPU goes from one task to another the gate has to know it; where a task is made it may
//! be a child of those who were named. Both are attached before the trace is armed, and held as
//! long as it is.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd as _, OwnedFd},
};

use super::{Object, ObjectError, followed, object_error::is_forbidden};
use crate::{bpf, kernel::btf::Types};

/// The programs at the tracepoints. Dropping them takes them away.
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

impl Tracepoints {
    /// Attaches those that keep the gate right, and the lists of those who were named.
    ///
    /// aya would do it, too, but wants the kernel's types in a form of its own, which takes longer
    /// to make than all else here.
    pub fn attach(object: &Object, types: &Types) -> Result<Self, ObjectError> {
        Self::attach_used(&[SWITCH, NEW_TASK], object, types)
    }

    /// Of these, the one that keeps the lists of those who were named.
    pub fn attach_following(object: &Object, types: &Types) -> Result<Self, ObjectError> {
        Self::attach_used(&[NEW_TASK], object, types)
    }

    fn attach_used(
        all: &[TracepointName],
        object: &Object,
        types: &Types,
    ) -> Result<Self, ObjectError> {
        let follows = followed::is_used(object.callers());
        let used = all.iter().filter(|&&named| named != NEW_TASK || follows);
        let links = used.map(|&named| attach(named, object, types));
        Ok(Self {
            _links: links.collect::<Result<_, _>>()?,
        })
    }
}

fn attach(
    (name, type_name): TracepointName,
    object: &Object,
    types: &Types,
) -> Result<OwnedFd, ObjectError> {
    let instructions = object.instructions().of(name, &HashMap::new())?;
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
