//! Root calls of a few tasks over a few rings, as the kernel side sends them, with loss: an account
//! of them, and of what is made of what came.
//!
//! Each byte is a step of a task: what it does, and what becomes of its batches. The rings keep the
//! promise that they keep in a trace: a task hands over what it has before it leaves a CPU, and a
//! pass reads all that was in every ring.

use std::collections::{BTreeSet, VecDeque};

use tracer::{
    graph::{Batch, Rebuilder},
    model::{CpuId, End, Interrupts, RootCall, TaskId, TaskKey, Trees},
};
use tracer_common::{Arrival, BatchHeader, Context, Event, EventKind};

const CPUS: usize = 2;
/// The last two are the idle tasks of the CPUs.
const TASKS: usize = 4;
/// Calls within each other: more than that is no matter of rings.
const DEPTH: usize = 20;

/// What is known of a root call.
#[derive(Clone, Debug, Default)]
struct Account {
    /// Events that were made.
    made: u64,
    /// Events that came out of a ring.
    came: u64,
    /// The end of the last of them.
    reached: u64,
    /// Whether its exit came.
    has_end: bool,
}

/// A task.
#[derive(Default)]
struct Task {
    tid: u32,
    cpu: usize,
    /// Its root call, if it is in one: its number in the account.
    call: Option<usize>,
    began: u64,
    depth: usize,
    sequence: u64,
    /// The number of the first event that is not handed over.
    first: u64,
    events: Vec<Event>,
}

/// All of it.
struct Trace {
    tasks: Vec<Task>,
    rings: [VecDeque<Batch>; CPUS],
    calls: Vec<Account>,
    whose: Vec<TaskKey>,
    now: u64,
    rebuilders: [Rebuilder; 2],
    made: [Vec<RootCall>; 2],
}

/// Root calls over rings: each that brought anything is told once, and its events are those that
/// came and those that are lost.
pub fn rings(bytes: &[u8]) {
    let mut trace = Trace::new();
    for &byte in bytes {
        trace.step(byte);
    }
    trace.pass();
    let [whole, roots] = trace.finish();
    assert_eq!(whole.len(), roots.len());
    for (with_tree, without) in whole.iter().zip(&roots) {
        let numbers = |call: &RootCall| (call.task, call.end, call.events, call.lost, call.gaps);
        assert_eq!(numbers(with_tree), numbers(without));
        assert!(without.nodes.iter().all(|node| node.depth() == 0));
    }
}

impl Trace {
    fn new() -> Self {
        let task = |number: usize| Task {
            tid: [11, 12, 0, 0][number],
            cpu: number % CPUS,
            ..Task::default()
        };
        let rebuilder = |trees| Rebuilder::new(Interrupts::Shown).with_trees(trees);
        Self {
            tasks: (0..TASKS).map(task).collect(),
            rings: Default::default(),
            calls: Vec::new(),
            whose: Vec::new(),
            now: 1,
            rebuilders: [Trees::Whole, Trees::Roots].map(rebuilder),
            made: Default::default(),
        }
    }

    /// The low two bits are the task, the next three what it does, the rest is how often.
    fn step(&mut self, byte: u8) {
        let task = usize::from(byte & 3);
        let often = 1 + usize::from(byte >> 5);
        // Idle tasks of two CPUs may begin root calls at the same time.
        self.now += u64::from(byte & 1);
        match (byte >> 2) & 7 {
            0 => (0..often).for_each(|_| self.enter(task)),
            1 => (0..often).for_each(|_| self.leave(task, often < 7)),
            2 => (0..often).for_each(|_| {
                self.enter(task);
                self.leave(task, true);
            }),
            3 => self.hand_over(task, true),
            4 => self.hand_over(task, false),
            5 => self.early(task),
            6 => {
                // It leaves the CPU. Idle tasks stay, and go on.
                self.hand_over(task, often < 7);
                if self.tasks[task].tid != 0 {
                    self.tasks[task].cpu = often % CPUS;
                }
            }
            _ if often < 5 => self.read(task % CPUS, often),
            _ => self.pass(),
        }
    }

    fn event(&mut self, task: usize, kind: EventKind, depth: usize) -> Event {
        self.now += 1;
        let task = &mut self.tasks[task];
        task.sequence += 1;
        if let Some(call) = task.call {
            self.calls[call].made += 1;
        }
        Event {
            time_ns: self.now,
            function: 1 + u32::try_from(depth).expect("it is small"),
            frame: 0x8000 - u16::try_from(depth * 8).expect("it is small"),
            depth: u8::try_from(depth).expect("it is small"),
            kind_and_context: Event::pack(kind, Context::Task as u8),
            ..Event::default()
        }
    }

    fn enter(&mut self, number: usize) {
        let task = &mut self.tasks[number];
        if task.depth == DEPTH {
            return;
        }
        if task.call.is_none() {
            task.call = Some(self.calls.len());
            // The next one of the same task begins later.
            task.began = self.now.max(task.began + 1);
            (task.sequence, task.first) = (0, 0);
            self.calls.push(Account::default());
            let cpu = u32::try_from(task.cpu).expect("it is small");
            self.whose.push(TaskKey::new(TaskId(task.tid), CpuId(cpu)));
        }
        let depth = task.depth;
        task.depth += 1;
        let entry = self.event(number, EventKind::Entry, depth);
        self.tasks[number].events.push(entry);
    }

    /// The root hands over what is left when it returns.
    fn leave(&mut self, number: usize, has_room: bool) {
        let Some(depth) = self.tasks[number].depth.checked_sub(1) else {
            return;
        };
        self.tasks[number].depth = depth;
        let exit = self.event(number, EventKind::Exit, depth);
        let task = &mut self.tasks[number];
        match task.events.last_mut() {
            // It called nothing: of one task both ends are one event.
            Some(entry) if task.tid == 11 && is_of(entry, &exit) => {
                entry.frame = u16::try_from(exit.time_ns - entry.time_ns).unwrap_or(u16::MAX);
                entry.kind_and_context = Event::pack(EventKind::Leaf, Context::Task as u8);
            }
            _ => task.events.push(exit),
        }
        if depth == 0 {
            self.hand_over(number, has_room);
            self.tasks[number].call = None;
        }
    }

    /// An interrupt's event on top of one that is half written goes ahead: a call of its own, whose
    /// exit is in order again.
    fn early(&mut self, number: usize) {
        let task = &self.tasks[number];
        if task.call.is_none() || task.depth == DEPTH {
            return;
        }
        let (sequence, depth) = (task.sequence, task.depth);
        let entry = self.event(number, EventKind::Entry, depth);
        let exit = self.event(number, EventKind::Exit, depth);
        // What is before it stays where it is; what comes after is another batch.
        let before = std::mem::take(&mut self.tasks[number].events);
        self.send(number, Arrival::Early, sequence, &[entry]);
        let first = self.tasks[number].first;
        self.send(number, Arrival::InOrder, first, &before);
        self.tasks[number].first = sequence + 1;
        self.tasks[number].events.push(exit);
    }

    fn hand_over(&mut self, number: usize, has_room: bool) {
        let task = &mut self.tasks[number];
        let events = std::mem::take(&mut task.events);
        let first = std::mem::replace(&mut task.first, task.sequence);
        if has_room {
            self.send(number, Arrival::InOrder, first, &events);
        }
    }

    fn send(&mut self, number: usize, arrival: Arrival, sequence: u64, events: &[Event]) {
        let task = &self.tasks[number];
        let Some(call) = task.call.filter(|_| !events.is_empty()) else {
            return;
        };
        let mut next = sequence;
        for part in events.chunks(100) {
            let sequence = next;
            next += part.iter().map(Event::hits).sum::<u64>();
            let mut comm = [0; 16];
            comm[..8].copy_from_slice(&(call as u64).to_le_bytes());
            let header = BatchHeader {
                sequence,
                root_time_ns: task.began,
                tid: task.tid,
                tgid: task.tid,
                cpu: u32::try_from(task.cpu).expect("it is small"),
                count: u16::try_from(part.len()).expect("it is small"),
                early: arrival as u16,
                comm,
            };
            let batch = Batch::of(&header, part).expect("it is a batch");
            self.rings[task.cpu].push_back(batch);
        }
    }

    /// Reads some batches of a ring.
    fn read(&mut self, ring: usize, batches: usize) {
        for _ in 0..batches {
            let Some(batch) = self.rings[ring].pop_front() else {
                return;
            };
            let account = &mut self.calls[number_of(&batch.header().comm)];
            account.came += batch.hits();
            let end = batch.header().sequence + batch.hits();
            account.reached = account.reached.max(end);
            account.has_end |= batch
                .numbered()
                .last()
                .is_some_and(|last| (last.kind(), last.depth) == (Some(EventKind::Exit), 0));
            for (rebuilder, made) in self.rebuilders.iter_mut().zip(&mut self.made) {
                rebuilder.push(batch.clone(), &mut |call| made.push(call));
            }
        }
    }

    fn pass(&mut self) {
        for ring in 0..CPUS {
            self.read(ring, usize::MAX);
        }
        for (rebuilder, made) in self.rebuilders.iter_mut().zip(&mut self.made) {
            rebuilder.pass(&mut |call| made.push(call));
        }
    }

    fn finish(mut self) -> [Vec<RootCall>; 2] {
        for (rebuilder, made) in self.rebuilders.iter_mut().zip(&mut self.made) {
            rebuilder.finish(&mut |call| made.push(call));
        }
        let mut told = BTreeSet::new();
        for call in &self.made[0] {
            let number = number_of(&call.comm);
            assert!(told.insert(number), "it is told twice");
            let account = &self.calls[number];
            assert_eq!(call.task, self.whose[number]);
            assert_eq!(call.events, account.came);
            assert_eq!(call.events + call.lost, account.reached);
            assert_eq!(call.not_kept, 0);
            assert_eq!(call.end == End::Returned, account.has_end);
            let is_whole = account.has_end && account.came == account.made;
            assert_eq!(call.is_whole(), is_whole);
        }
        for (number, account) in self.calls.iter().enumerate() {
            assert_eq!(told.contains(&number), account.came > 0);
        }
        self.made
    }
}

/// Whether they are the ends of one call.
fn is_of(entry: &Event, exit: &Event) -> bool {
    let identity = |event: &Event| (event.function, event.frame, event.depth);
    entry.kind() == Some(EventKind::Entry) && identity(entry) == identity(exit)
}

/// Which call of the account it is: the name of the task says so.
pub fn number_of(comm: &[u8; 16]) -> usize {
    let (number, _) = comm.split_first_chunk().expect("it is long enough");
    usize::try_from(u64::from_le_bytes(*number)).expect("it was one")
}
