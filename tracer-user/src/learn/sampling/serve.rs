//! The sampling process: does with the function tracer what it is asked for, until nobody is left
//! to ask.
//!
//! When the other end goes, by whatever way, what is being recorded ends, and the instance is
//! removed. Signals change nothing: the process ends by itself, and must not before the function
//! tracer is off. The OOM killer is asked to take others, tracer itself first.

use std::{
    fs,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use nix::sys::{
    prctl,
    signal::{SigHandler, Signal, signal},
};

use super::{
    FunctionTracer, SamplingError,
    message::{Hit, Reply, Request, receive, send},
};

/// What the process is called, as `ps` shows it.
const NAME: &std::ffi::CStr = c"tracer-sample";

/// Serves the process at the other end.
pub fn serve(mut stream: UnixStream) -> std::io::Result<()> {
    let _ = prctl::set_name(NAME);
    for ending in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: no handler is set, the signals are ignored.
        unsafe { signal(ending, SigHandler::SigIgn) }?;
    }
    // OOM_SCORE_ADJ_MIN (include/uapi/linux/oom.h). Without the capability it is one process among
    // others.
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    let stop = Arc::new(AtomicBool::new(false));
    let requests = requests(stream.try_clone()?, Arc::clone(&stop));
    let mut sampling = Sampling::default();
    for request in requests {
        let reply = sampling
            .answer(request, &stop)
            .unwrap_or_else(|error| Reply::Failed(error.to_string()));
        send(&mut stream, &reply)?;
    }
    Ok(())
}

/// Requests are awaited in a thread, so that it is seen at once when no more can come.
fn requests(mut stream: UnixStream, stop: Arc<AtomicBool>) -> mpsc::Receiver<Request> {
    let (sender, requests) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(request) = receive(&mut stream) {
            if sender.send(request).is_err() {
                break;
            }
        }
        stop.store(true, Ordering::Release);
    });
    requests
}

/// The function tracer, from the first request on.
#[derive(Default)]
struct Sampling {
    tracer: Option<FunctionTracer>,
}

impl Sampling {
    fn answer(&mut self, request: Request, stop: &AtomicBool) -> Result<Reply, SamplingError> {
        let tracer = match &mut self.tracer {
            Some(tracer) => tracer,
            none => none.insert(FunctionTracer::new()?),
        };
        Ok(match request {
            Request::CallersOf { names, time } => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                Reply::Callers(tracer.callers_of(&names, time, stop)?)
            }
            Request::Begin { tids } => {
                tracer.begin(&tids)?;
                Reply::Begun
            }
            Request::Collect => {
                let hits = tracer.collect()?;
                Reply::Hits(hits.into_iter().map(Hit::from).collect())
            }
            Request::Rest => {
                tracer.rest()?;
                Reply::Resting
            }
        })
    }
}
