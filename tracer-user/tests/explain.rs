//! `tracer explain` on root calls with one seeded cause each: the cause is in the first three
//! lines.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;

use by_hand::Task;
use tracer::{
    filter::Failures,
    model::ValueType,
    model::{End, FunctionId, RootCall},
    model::{FunctionInfo, FunctionTable, ParameterInfo},
    summary::{Collect as _, Condition, Durations, Explain},
};

/// All functions that are called, by number.
const NAMES: [&str; 24] = [
    "vfs_write",
    "ext4_file_write_iter",
    "generic_perform_write",
    "mutex_lock",
    "__mutex_lock.constprop.0",
    "schedule",
    "mutex_unlock",
    "sock_alloc_send_pskb",
    "schedule_timeout",
    "filemap_get_pages",
    "page_cache_ra_unbounded",
    "folio_wait_bit_common",
    "io_schedule",
    "handle_edge_irq",
    "balance_dirty_pages",
    "__cond_resched",
    "_raw_spin_lock",
    "native_queued_spin_lock_slowpath",
    "copy_page_from_iter_atomic",
    "security_file_permission",
    "do_open",
    "may_open",
    "kmem_cache_alloc",
    "fault_in_readable",
];

fn id(name: &str) -> u32 {
    let place = NAMES.iter().position(|it| *it == name).unwrap();
    u32::try_from(place).unwrap() + 1
}

fn functions() -> FunctionTable {
    FunctionTable::new(NAMES.iter().map(|name| {
        let returns = Some(ValueType::Signed { bytes: 8 });
        let mut info = FunctionInfo::new((*name).to_owned(), returns);
        let parameter = |name: &str, value| ParameterInfo {
            name: name.to_owned(),
            value,
            registers: 1,
        };
        match *name {
            "vfs_write" => {
                info.parameters = vec![
                    parameter("file", ValueType::Pointer),
                    parameter("count", ValueType::Unsigned { bytes: 8 }),
                ];
            }
            "mutex_lock" => info.parameters = vec![parameter("lock", ValueType::Pointer)],
            _ => {}
        }
        (FunctionId(id(name)), info)
    }))
}

/// What a root call does.
#[derive(Clone)]
enum Step {
    Call(&'static str, Vec<Step>),
    Given(&'static str, u64, Vec<Step>),
    Returns(&'static str, i64, Vec<Step>),
    Run(u64),
    Sleep(u64),
    Interrupts(u64),
}
use Step::{Call, Given, Interrupts, Returns, Run, Sleep};

/// Somebody's clock is never quite the same.
struct Maker {
    random: u64,
}

impl Maker {
    fn jitter(&mut self, ns: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ns + ns * (self.random >> 60) / 40
    }

    fn play(&mut self, task: &mut Task, steps: &[Step], depth: u8) {
        for step in steps {
            match step {
                Call(name, below) => self.call(task, name, None, 0, below, depth),
                Given(name, lock, below) => self.call(task, name, Some(*lock), 0, below, depth),
                Returns(name, value, below) => self.call(task, name, None, *value, below, depth),
                Run(ns) => {
                    task.after(self.jitter(*ns));
                }
                Sleep(ns) => {
                    task.sleep(self.jitter(*ns));
                }
                Interrupts(number) => {
                    for _ in 0..*number {
                        let ns = self.jitter(20_000);
                        task.interrupt(id("handle_edge_irq"), depth, ns);
                    }
                }
            }
        }
    }

    fn call(
        &mut self,
        task: &mut Task,
        name: &str,
        given: Option<u64>,
        value: i64,
        below: &[Step],
        depth: u8,
    ) {
        task.enter(id(name), depth);
        if let Some(register) = given {
            task.given(id(name), depth, &[register]);
        }
        let own = self.jitter(500);
        task.after(own);
        self.play(task, below, depth + 1);
        task.leave(id(name), depth, value.cast_unsigned());
    }

    fn root(&mut self, who: &Who, steps: &[Step]) -> RootCall {
        let mut task = Task::new(who.tid, who.name, who.cpu);
        task.enter(id("vfs_write"), 0);
        task.given(
            id("vfs_write"),
            0,
            &[0xffff_8880_0000_0000 + u64::from(who.tid), who.count],
        );
        let own = self.jitter(3_000);
        task.after(own);
        self.play(&mut task, steps, 1);
        task.leave(id("vfs_write"), 0, who.value.cast_unsigned());
        task.end(End::Returned)
    }
}

/// Who makes a root call, and of what.
#[derive(Clone)]
struct Who {
    tid: u32,
    name: &'static str,
    cpu: u32,
    count: u64,
    value: i64,
}

impl Who {
    fn number(call: u32) -> Self {
        Self {
            tid: 100 + call / 2 % 5,
            name: ["writer", "logger"][call as usize / 3 % 2],
            cpu: call / 3 % 4,
            count: u64::from(call % 7) * 100,
            value: 7,
        }
    }
}

/// What every root call does, with something in the middle.
fn usual(middle: Vec<Step>) -> Vec<Step> {
    let mut inside = vec![
        Call("mutex_lock", vec![]),
        Call("kmem_cache_alloc", vec![Run(2_000)]),
    ];
    inside.extend(middle);
    inside.push(Call("mutex_unlock", vec![]));
    vec![
        Call("security_file_permission", vec![]),
        Call("ext4_file_write_iter", inside),
    ]
}

/// The lines of an explanation.
fn explained(calls: &[RootCall], mut condition: Condition) -> Vec<String> {
    let functions = functions();
    if condition.is_empty() {
        let mut durations = Durations::default();
        for call in calls {
            durations.add(call);
        }
        condition.slower_than = durations.threshold();
    }
    let mut explain = Explain::new(&functions, condition);
    for call in calls {
        explain.add(call);
    }
    let mut text = Vec::new();
    explain.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    println!("{text}");
    text.lines().map(str::to_owned).collect()
}

/// Of 80 root calls one in eight is slow for a reason, and `cause` is in the first three lines.
fn cause_is_found(slow: &[Step], whose: impl Fn(Who, bool) -> Who, cause: &[&str]) {
    let mut maker = Maker { random: 7 };
    let calls: Vec<RootCall> = (0..80)
        .map(|number| {
            let is_slow = number % 8 == 3;
            let who = whose(Who::number(number), is_slow);
            maker.root(&who, &usual(if is_slow { slow.to_vec() } else { vec![] }))
        })
        .collect();
    let lines = explained(&calls, Condition::default());
    assert!(
        lines[0].starts_with("# 10 of 80 root calls took longer than"),
        "{}",
        lines[0]
    );
    assert!(lines.len() <= 11);
    for words in cause {
        let first = &lines[1..lines.len().min(4)];
        assert!(
            first.iter().any(|line| line.contains(words)),
            "no `{words}`"
        );
    }
}

const fn as_it_is(who: Who, _: bool) -> Who {
    who
}

#[test]
fn a_lock_that_is_held_elsewhere() {
    let wait = Call(
        "__mutex_lock.constprop.0",
        vec![Call("schedule", vec![Sleep(5_000_000)])],
    );
    cause_is_found(
        &[Given("mutex_lock", 0xffff_8880_1234_5678, vec![wait])],
        as_it_is,
        &[
            "wait for a lock in",
            "the lock at 0xffff888012345678 in 100 %",
            "mutex_lock",
        ],
    );
}

#[test]
fn a_buffer_that_is_full() {
    let wait = Call(
        "schedule_timeout",
        vec![Call("schedule", vec![Sleep(3_000_000)])],
    );
    cause_is_found(
        &[Call("sock_alloc_send_pskb", vec![wait])],
        as_it_is,
        &[
            "take a path that the others do not",
            "sock_alloc_send_pskb",
            "wait off the CPU in",
        ],
    );
}

#[test]
fn a_page_that_must_be_read() {
    let wait = Call(
        "io_schedule",
        vec![Call("schedule", vec![Sleep(8_000_000)])],
    );
    cause_is_found(
        &[Call(
            "filemap_get_pages",
            vec![
                Call("page_cache_ra_unbounded", vec![Run(30_000)]),
                Call("folio_wait_bit_common", vec![wait]),
            ],
        )],
        as_it_is,
        &["filemap_get_pages > folio_wait_bit_common"],
    );
}

#[test]
fn an_interrupt_storm() {
    cause_is_found(
        &[Interrupts(60)],
        as_it_is,
        &["are interrupted, most in handle_edge_irq"],
    );
}

#[test]
fn another_path() {
    cause_is_found(
        &[Call("balance_dirty_pages", vec![Run(2_000_000)])],
        as_it_is,
        &[
            "take a path that the others do not: vfs_write > ext4_file_write_iter > balance_dirty_pages",
        ],
    );
}

#[test]
fn a_function_that_takes_longer_itself() {
    cause_is_found(
        &[Call("kmem_cache_alloc", vec![Run(900_000)])],
        as_it_is,
        &["take longer in vfs_write > ext4_file_write_iter > kmem_cache_alloc"],
    );
}

#[test]
fn a_spinning_lock() {
    let spin = Call("native_queued_spin_lock_slowpath", vec![Run(700_000)]);
    cause_is_found(
        &[Call("_raw_spin_lock", vec![spin])],
        as_it_is,
        &["spin for a lock"],
    );
}

#[test]
fn another_task_that_takes_the_cpu() {
    cause_is_found(
        &[Call(
            "__cond_resched",
            vec![Call("schedule", vec![Sleep(4_000_000)])],
        )],
        as_it_is,
        &["lose the CPU to another task in vfs_write > ext4_file_write_iter"],
    );
}

#[test]
fn one_cpu() {
    cause_is_found(
        &[Run(400_000)],
        |who, is_slow| Who {
            cpu: if is_slow { 7 } else { who.cpu },
            ..who
        },
        &["begin on CPU 7: 10 of 10, of the others 0 of 70"],
    );
}

#[test]
fn one_task() {
    cause_is_found(
        &[Run(400_000)],
        |who, is_slow| Who {
            tid: if is_slow { 4711 } else { who.tid },
            name: if is_slow { "backup" } else { who.name },
            ..who
        },
        &["are of task backup-4711"],
    );
}

#[test]
fn an_argument() {
    cause_is_found(
        &[Run(400_000)],
        |who, is_slow| Who {
            count: if is_slow {
                65_436 + u64::from(who.tid)
            } else {
                who.count
            },
            ..who
        },
        &["are given count from 65536 to 65540, the others from 0 to 600"],
    );
}

#[test]
fn an_error_and_who_returned_it_first() {
    let mut maker = Maker { random: 9 };
    let calls: Vec<RootCall> = (0..40)
        .map(|number| {
            let (value, steps) = if number % 5 == 0 {
                let open = Returns("do_open", -21, vec![Returns("may_open", -21, vec![])]);
                (-21, vec![open])
            } else {
                (
                    7,
                    vec![Returns("do_open", 0, vec![Returns("may_open", 0, vec![])])],
                )
            };
            let who = Who {
                value,
                ..Who::number(number)
            };
            maker.root(&who, &steps)
        })
        .collect();
    let failed = Condition {
        failed: Some(Failures::default()),
        ..Condition::default()
    };
    let lines = explained(&calls, failed);
    assert!(
        lines[0].starts_with("# 8 of 40 root calls failed: "),
        "{}",
        lines[0]
    );
    assert_eq!(lines[1], " 100 %  have -EISDIR from may_open: 8 of 8");
}

#[test]
fn calls_that_are_alike_and_none_at_all() {
    let mut maker = Maker { random: 1 };
    let calls: Vec<_> = (0..2)
        .map(|_| {
            maker.random = 1;
            maker.root(&Who::number(0), &usual(vec![]))
        })
        .collect();
    let lines = explained(&calls, Condition::default());
    assert_eq!(
        lines[0],
        "# 2 root calls, none of which is much slower than another"
    );
    assert!(lines[1].starts_with("# there is nothing to compare with"));
    assert_eq!(explained(&[], Condition::default()).len(), 2);
}
