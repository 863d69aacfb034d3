//! Guests that wait for a CPU of the host.
//!
//! A guest runs on one CPU. More of them at a time than the host can serve take as long in all, and
//! each of them so long that limits meant for one that stands still are reached.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::tally::Tally;

/// What boots a guest and counts what it saw.
pub type Job<'a> = Box<dyn FnOnce() -> Tally + Send + 'a>;

/// Does all jobs, at most `workers` at a time, in their order.
pub fn run(jobs: Vec<Job<'_>>, workers: usize) -> Tally {
    let workers = workers.min(jobs.len());
    let queue = Mutex::new(VecDeque::from(jobs));
    // A worker that panicked must not take the others' jobs with it.
    let next = || {
        queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    let work = || {
        let mut total = Tally::default();
        while let Some(job) = next() {
            total += job();
        }
        total
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut total = Tally::default();
        for worker in workers {
            let panicked = |_| Tally::failed("FAIL a guest's thread panicked");
            total += worker.join().unwrap_or_else(panicked);
        }
        total
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_job_is_done_once_and_a_panic_is_a_failure() {
        let done = AtomicUsize::new(0);
        let passes = || -> Job<'_> {
            Box::new(|| {
                done.fetch_add(1, Ordering::Relaxed);
                Tally::passed("a job")
            })
        };
        let total = run(vec![passes(), passes(), passes()], 2);
        assert_eq!((total.passed, total.failed), (3, 0));
        let total = run(vec![Box::new(|| panic!("a job panics")), passes()], 2);
        assert_eq!(total.failed, 1);
        assert_eq!(done.load(Ordering::Relaxed), 4);
    }
}
