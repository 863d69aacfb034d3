//! Which track a root call is on: its task's. Idle tasks share a number and are told apart by CPU.
//!
//! A track is described once, before its first event, and a process once its name is known. Memory
//! goes with the number of tasks.

use std::collections::HashSet;

use super::messages::{ProcessDescriptor, ThreadDescriptor, TrackDescriptor};
use crate::model::{CommandName, RootCall, TaskKey};

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
        let mut new = Vec::new();
        if let TaskKey::Thread(_) = root.task
            && let Some(name) = root.process_name()
            && self.described.insert(PROCESSES + u64::from(root.process.0))
        {
            new.push(process(root, name));
        }
        if self.described.insert(uuid) {
            new.push(match root.task {
                TaskKey::Idle(_) => idle(uuid, root),
                TaskKey::Thread(_) => thread(uuid, root),
            });
        }
        (uuid, new)
    }
}

fn idle(uuid: u64, root: &RootCall) -> TrackDescriptor {
    TrackDescriptor {
        uuid,
        name: Some(root.comm().into_owned()),
        ..TrackDescriptor::default()
    }
}

/// A process has the name of its first thread.
fn process(root: &RootCall, name: CommandName) -> TrackDescriptor {
    TrackDescriptor {
        uuid: PROCESSES + u64::from(root.process.0),
        process: Some(ProcessDescriptor {
            pid: root.process.0.cast_signed(),
            process_name: String::from_utf8_lossy(name.bytes()).into_owned(),
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
