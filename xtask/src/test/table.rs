//! The result of the whole matrix as a table for docs/kernels.md: one line a row, those that were
//! not run with their reason.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::tally::Tally;
use crate::process::say;
use crate::setup::Kernel;
use crate::setup::matrix::Row;

/// What became of each kernel, in the order in which they ended.
#[derive(Default)]
pub struct Table {
    lines: Mutex<Vec<Line>>,
}

struct Line {
    row: Option<&'static Row>,
    release: String,
    tally: Tally,
    took: Duration,
}

impl Table {
    /// Notes what became of a kernel.
    pub fn note(&self, kernel: &Kernel, tally: &Tally, took: Duration) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(Line {
            row: kernel.row,
            release: kernel.release.clone(),
            tally: tally.clone(),
            took,
        });
    }

    /// Prints the table to stderr: stdout ends with the line that others read.
    pub fn print<'a>(&self, rows: impl Iterator<Item = &'a Row>) {
        for line in self.lines(rows) {
            say(line);
        }
    }

    fn lines<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = vec![
            "| kernel | release | passed | failed | skipped | seconds |".to_owned(),
            "| --- | --- | --- | --- | --- | --- |".to_owned(),
        ];
        for row in rows {
            let name = row.to_string();
            let is_of = |line: &&Line| line.row.is_some_and(|it| it.to_string() == name);
            table.push(match lines.iter().find(is_of) {
                Some(line) => line.text(&name),
                None => format!("| {name} | not run: its image was not given | | | | |"),
            });
        }
        let others = lines.iter().filter(|line| line.row.is_none());
        table.extend(others.map(|line| line.text("not of the matrix")));
        table
    }
}

impl Line {
    fn text(&self, name: &str) -> String {
        let Tally {
            passed,
            failed,
            skipped,
            ..
        } = self.tally;
        let seconds = self.took.as_secs();
        let release = &self.release;
        format!("| {name} | {release} | {passed} | {failed} | {skipped} | {seconds} |")
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::arch::Arch;
    use crate::setup::matrix;

    #[test]
    fn a_row_that_was_not_run_is_said() {
        let row = matrix::named("6.12", Arch::Amd64);
        let kernel = Kernel {
            name: "6.12".to_owned(),
            release: "6.12.118".to_owned(),
            image: PathBuf::new(),
            modules: Vec::new(),
            loadable: Vec::new(),
            row,
        };
        let table = Table::default();
        table.note(&kernel, &Tally::passed("a test"), Duration::from_secs(7));
        let lines = table.lines(matrix::rows());
        assert!(lines.contains(&"| 6.12 amd64 | 6.12.118 | 1 | 0 | 0 | 7 |".to_owned()));
        let missing = "| 6.1-fprobe amd64 | not run: its image was not given | | | | |";
        assert!(lines.contains(&missing.to_owned()));
        assert_eq!(lines.len(), 2 + matrix::rows().count());
    }
}
