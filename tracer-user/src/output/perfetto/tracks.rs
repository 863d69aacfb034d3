//! Which track a root call is on: its task's. Idle tasks share a number and are told apart by CPU.
//!
//! A track is described once, before its first event. Memory goes with the number of tasks.

use std::collections::HashSet;

use super::messages::{ProcessDescriptor, ThreadDescriptor, TrackDescriptor};
use crate::model::{RootCall, TaskKey};

/// Tracks have numbers of 64 bits: that of a thread above this one, that of a process and of an
/// idle task above others.
const THREADS: u64 = 1 << 32;
const PROCESSES: u64 = 2 << 32;
const IDLE: u64 = 3 << 32;

/// The tracks that have been described.
#[derive(Default)]
pub struct Tracks {
    described: HashSet<u64>,
}

impl Tracks {
    /// The number of a root call's track, and what has to be described before.
    pub fn of(&mut self, root: &RootCall) -> (u64, Vec<TrackDescriptor>) {
        let uuid = match root.task {
            TaskKey::Idle(cpu) => IDLE + u64::from(cpu.0),
            TaskKey::Thread(task) => THREADS + u64::from(task.0),
        };
        let new = match root.task {
            _ if !self.described.insert(uuid) => Vec::new(),
            TaskKey::Idle(_) => vec![TrackDescriptor {
                uuid,
                name: Some(root.comm().into_owned()),
                ..TrackDescriptor::default()
            }],
            _ if root.process.0 == root.task.id().0 => vec![process(root), thread(uuid, root)],
            TaskKey::Thread(_) => vec![thread(uuid, root)],
        };
        (uuid, new)
    }
}

/// A process has the name of its first thread.
fn process(root: &RootCall) -> TrackDescriptor {
    TrackDescriptor {
        uuid: PROCESSES + u64::from(root.process.0),
        process: Some(ProcessDescriptor {
            pid: root.process.0.cast_signed(),
            process_name: root.comm().into_owned(),
        }),
        ..TrackDescriptor::default()
    }
}

fn thread(uuid: u64, root: &RootCall) -> TrackDescriptor {
    TrackDescriptor {
        uuid,
        thread: Some(ThreadDescriptor {
            pid: root.process.0.cast_signed(),
            tid: i64::from(root.task.id().0),
            thread_name: root.comm().into_owned(),
        }),
        ..TrackDescriptor::default()
    }
}
