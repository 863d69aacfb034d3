//! How many tests passed, failed and were skipped.

use std::fmt;
use std::ops::AddAssign;

/// A count of results. Prints as `N passed, N failed, N skipped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
    pub skipped: u32,
}

impl Tally {
    pub const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    pub const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    pub const SKIPPED: Self = Self {
        passed: 0,
        failed: 0,
        skipped: 1,
    };

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
        })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
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
        };
        assert_eq!(Tally::of_libtest(line), Some(tally));
        assert_eq!(Tally::of_libtest("running 5 tests"), None);
    }

    #[test]
    fn prints_the_line_that_others_read() {
        let tally = Tally {
            passed: 14,
            failed: 0,
            skipped: 1,
        };
        assert_eq!(tally.to_string(), "14 passed, 0 failed, 1 skipped");
    }
}
