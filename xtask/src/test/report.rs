//! Reads what the runner in a guest says of its tests.
//!
//! One line a test and event: `run NAME`, then `ok NAME SECONDS`, `skip NAME REASON` or `FAIL NAME
//! REASON`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::tally::Tally;

/// The results of one kernel, as they come.
pub struct Report {
    kernel: String,
    line: Vec<u8>,
    running: Option<String>,
    done: BTreeSet<String>,
    tally: Tally,
}

impl Report {
    pub fn new(kernel: &str) -> Self {
        let (line, running, done, tally) = (Vec::new(), None, BTreeSet::new(), Tally::default());
        Self {
            kernel: kernel.to_owned(),
            line,
            running,
            done,
            tally,
        }
    }

    /// Counts each test without a result as failed: the one that was running because of `why`, the
    /// others because of it.
    pub fn finish(mut self, all: &[&str], why: &str) -> Tally {
        let running = self.running.take();
        for name in all.iter().filter(|name| !self.done.contains(**name)) {
            let when = if running.as_deref() == Some(name) {
                "while it ran"
            } else {
                "before it ran"
            };
            self.tally += Tally::failed(&format!("{}: FAIL {name} {why} {when}", self.kernel));
        }
        self.tally
    }

    fn take(&mut self, line: &str) {
        let mut words = line.splitn(3, ' ');
        let (Some(verb), Some(name)) = (words.next(), words.next()) else {
            return;
        };
        if verb == "run" {
            self.running = Some(name.to_owned());
            return;
        }
        // A test counts once, whatever it prints.
        if !["ok", "skip", "FAIL"].contains(&verb) || !self.done.insert(name.to_owned()) {
            return;
        }
        self.running = None;
        let line = format!("{}: {line}", self.kernel);
        self.tally += match verb {
            "FAIL" => Tally::failed(&line),
            "ok" => Tally::passed(&line),
            _ => Tally::skipped(&line),
        };
    }
}

impl Write for Report {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            if byte == b'\n' {
                let line = String::from_utf8_lossy(&self.line).into_owned();
                self.line.clear();
                self.take(&line);
            } else {
                self.line.push(byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_results_and_what_never_came() {
        let mut report = Report::new("test");
        let said = b"run a\nok a 1.2 s\nrun b\nskip b needs BTF\nrun c\nFAIL c no graph\nrun d\n";
        report.write_all(said).expect("it never fails");
        let tally = report.finish(&["a", "b", "c", "d", "e"], "the machine ended");
        assert_eq!(tally.to_string(), "1 passed, 3 failed, 1 skipped");
    }
}
