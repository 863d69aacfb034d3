//! `tracer workload`: real sockets that drive the kernel.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::{
    exit::Exit,
    live_args::{WorkloadArgs, WorkloadKind},
};
use crate::workload::{self, Kind, Scheduling};

static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_signal: libc::c_int) {
    STOP.store(true, Ordering::Release);
}

/// Runs the workload until its count is reached or a signal comes.
pub fn run(args: &WorkloadArgs) -> Result<Exit> {
    let action = SigAction::new(SigHandler::Handler(stop), SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler only stores to an atomic.
        unsafe { sigaction(signal, &action) }.context("signals cannot be handled")?;
    }
    let kind = match args.kind {
        WorkloadKind::Sockmap => Kind::Sockmap,
        WorkloadKind::TailCalls => Kind::TailCalls,
        WorkloadKind::Tcp => Kind::Tcp,
        WorkloadKind::Tls => Kind::Tls,
        WorkloadKind::Udp => Kind::Udp,
        WorkloadKind::Unix => Kind::Unix,
        WorkloadKind::Sleep => Kind::Sleep,
        WorkloadKind::Tasks => Kind::Tasks,
        WorkloadKind::Epoll => Kind::Epoll,
        WorkloadKind::Files => Kind::Files,
        WorkloadKind::Memory => Kind::Memory,
        WorkloadKind::Threads => Kind::Threads,
        WorkloadKind::Frames => Kind::Frames,
    };
    let options = workload::WorkloadOptions {
        count: args.count,
        size: args.size,
        interval: Duration::from_micros(args.interval_us),
        reader_delay: Duration::from_micros(args.reader_delay_us),
        scheduling: if args.real_time {
            Scheduling::RealTime
        } else {
            Scheduling::Usual
        },
    };
    let summary = workload::run(kind, &options, &STOP)?;
    eprintln!("workload: {summary}");
    Ok(Exit::Success)
}
