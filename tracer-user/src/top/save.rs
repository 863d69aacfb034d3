//! The calls that are on the screen, as a recording that every other command of tracer reads.
//!
//! They are made into the batches that they came from ([`crate::graph::events`]), in the order of
//! time, each in a frame of its own. The file is a new one: nothing is overwritten. It is written
//! by a thread of its own, so a slow disk does not hold up the rings.

use std::{
    io, iter,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
};

use crate::{
    graph::{AttachedLate, events},
    model::{FunctionId, FunctionTable, Node, RootCall, many_were},
    recording::{End, Frame, Head, Writer, columns::Collector, file},
    summary::Exemplar,
};

/// A recording on its way to the disk.
pub struct Saving {
    path: PathBuf,
    calls: usize,
    thread: JoinHandle<io::Result<()>>,
}

impl Saving {
    /// Begins to write.
    pub fn begin(
        path: PathBuf,
        head: &Head,
        calls: &[Arc<Exemplar>],
        functions: &FunctionTable,
    ) -> io::Result<Self> {
        let frames = frames(head, calls, functions);
        let file = path.clone();
        let write = move || write(&file, &frames);
        Ok(Self {
            path,
            calls: calls.len(),
            thread: thread::Builder::new()
                .name("save".to_owned())
                .spawn(write)?,
        })
    }

    /// Whether all is written, or cannot be.
    pub fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until it is; says how it went.
    pub fn end(self) -> String {
        let path = self.path.display();
        let written = self.thread.join();
        let written = written.unwrap_or_else(|_| Err(io::Error::other("the thread is gone")));
        match written {
            Ok(()) => format!("{} written to `{path}`", many_were(self.calls, "call")),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                format!("`{path}` is there already, and was left as it is: give another name")
            }
            Err(error) => format!("`{path}` cannot be written: {error}"),
        }
    }
}

/// The frames of a recording of some calls.
pub fn frames(head: &Head, calls: &[Arc<Exemplar>], functions: &FunctionTable) -> Vec<Frame> {
    let mut calls: Vec<&RootCall> = calls.iter().map(|kept| &kept.call).collect();
    calls.sort_by_key(|call| began(call));
    let mut frames = vec![Frame::Head(head.clone())];
    let attached_late = AttachedLate::default();
    // Any function will do, if no other is before it: what counts is that the recording does not
    // tell where the kernel lies.
    let base = calls.iter().flat_map(|call| functions_of(call)).min();
    let base = base.unwrap_or(FunctionId(0));
    for call in calls {
        let mut collector = Collector::counting_from(base);
        for batch in events::batches(call) {
            collector.batch(&batch);
        }
        // After two passes nothing waits for what is missing.
        collector.pass();
        collector.pass();
        frames.push(Frame::of_data(collector.take(functions, &attached_late)));
    }
    frames.push(Frame::End(End::default()));
    frames
}

/// The functions of a root call, and the places in functions that its details name.
fn functions_of(root: &RootCall) -> impl Iterator<Item = FunctionId> {
    let calls = root.nodes.iter().filter_map(|node| match node {
        Node::Call(call) => Some(call),
        Node::Mark(_) | Node::Gap { .. } => None,
    });
    calls.flat_map(|call| {
        let above = call.details.stack().iter().copied();
        iter::once(call.function)
            .chain(call.details.caller())
            .chain(above)
    })
}

fn began(call: &RootCall) -> u64 {
    let times = call.nodes.iter().filter_map(|node| match node {
        Node::Call(call) => call.entered,
        Node::Mark(_) | Node::Gap { .. } => None,
    });
    times.map(|time| time.0).next().unwrap_or(0)
}

fn write(path: &Path, frames: &[Frame]) -> io::Result<()> {
    let file = file::create_new(path)?;
    let mut writer = Writer::new(file)?;
    let written = frames.iter().try_for_each(|frame| writer.write(frame));
    let file = writer.into_inner();
    let synchronised = written.and_then(|()| file.sync_data());
    if synchronised.is_err() {
        // What is there is no recording of what was on the screen.
        let _ = std::fs::remove_file(path);
    }
    synchronised
}
