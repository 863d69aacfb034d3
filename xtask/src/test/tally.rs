//! How many tests passed, failed and were skipped, and which failed.
//!
//! Who reads the end of a long log learns there what failed, and need not look for it further up.

use std::fmt;
use std::ops::AddAssign;

use crate::process::say;

/// A failure's words at the end are cut after so many characters; where it happened it was told
/// whole.
const WORDS: usize = 400;

/// A count of results. Prints as `N passed, N failed, N skipped`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
    pub skipped: u32,
    /// What is known of those that failed.
    failures: Vec<String>,
}

impl Tally {
    /// One that passed. What became of a test is said at once.
    pub fn passed(words: &str) -> Self {
        say(words);
        Self {
            passed: 1,
            ..Self::default()
        }
    }

    /// One that was skipped.
    pub fn skipped(words: &str) -> Self {
        say(words);
        Self {
            skipped: 1,
            ..Self::default()
        }
    }

    /// One that failed.
    pub fn failed(words: &str) -> Self {
        say(words);
        Self {
            failed: 1,
            failures: vec![words.chars().take(WORDS).collect()],
            ..Self::default()
        }
    }

    /// Notes the name of a test of cargo's that failed, from its line: `test graph::a_test ...
    /// FAILED`. The line at the end of its binary counts it.
    pub fn note_libtest(&mut self, line: &str) {
        let name = line
            .trim()
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"));
        self.failures
            .extend(name.map(|name| format!("FAIL cargo test {name}")));
    }

    /// Says again what failed.
    pub fn say_failures(&self) {
        for failure in &self.failures {
            say(failure);
        }
    }

    /// Reads the line that ends a test binary of cargo's: `test result: ok. 5 passed; 0 failed; 1
    /// ignored; 0 measured; 0 filtered out; finished in 0.00s`.
    pub fn of_libtest(line: &str) -> Option<Self> {
        let counts = line.trim().strip_prefix("test result: ")?;
        let count = |name: &str| {
            let before = counts
                .split(';')
                .find_map(|part| part.trim().strip_suffix(name))?;
            before.trim().rsplit(' ').next()?.parse().ok()
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            skipped: count("ignored")?,
            failures: Vec::new(),
        })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn reads_what_libtest_prints() {
        let line = "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.00s";
        let tally = Tally {
            passed: 5,
            failed: 2,
            skipped: 1,
            ..Tally::default()
        };
        assert_eq!(Tally::of_libtest(line), Some(tally));
        assert_eq!(Tally::of_libtest("running 5 tests"), None);
    }

    #[test]
    fn keeps_what_failed() {
        let mut total = Tally::default();
        total.note_libtest("test graph::closes ... ok");
        total.note_libtest("test graph::opens ... FAILED");
        total += Tally::failed("6.1.0: FAIL growth nothing joined");
        let failures = [
            "FAIL cargo test graph::opens",
            "6.1.0: FAIL growth nothing joined",
        ];
        assert_eq!(
            (total.failed, total.failures),
            (1, failures.map(String::from).to_vec())
        );
    }

    #[test]
    fn prints_the_line_that_others_read() {
        let tally = Tally {
            passed: 14,
            failed: 0,
            skipped: 1,
            ..Tally::default()
        };
        assert_eq!(tally.to_string(), "14 passed, 0 failed, 1 skipped");
    }
}
