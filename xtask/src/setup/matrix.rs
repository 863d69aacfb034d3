//! The matrix of kernels, as `xtask/matrix.toml` has it: kernel, processor and flavour, what each
//! must have, and which tests run there.
//!
//! The file is part of the program, and one that cannot be read is found by the tests. What it
//! means stands at its head.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::arch::Arch;

/// The whole matrix.
static MATRIX: LazyLock<Matrix> = LazyLock::new(|| {
    let text = include_str!("../../matrix.toml");
    toml::from_str(text).unwrap_or_else(|error| panic!("xtask/matrix.toml: {error}"))
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    row: Vec<Row>,
    series: BTreeMap<String, Series>,
}

/// One kernel for one processor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The name for `--kernel`.
    pub kernel: String,
    pub arch: Arch,
    pub flavour: Flavour,
    series: Option<String>,
    /// Of a custom kernel, as `uname -r` prints it.
    release: Option<String>,
    /// What the kernel is booted with, besides what every guest has.
    pub arguments: Option<String>,
    /// What `tracer check` must find besides pairs.
    pub mechanisms: Vec<String>,
    pub runs: Runs,
    /// The live tests that run there, if not all do.
    pub tests: Option<Vec<String>>,
    #[serde(default)]
    pub hardened: bool,
}

/// How Debian builds a kernel.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    Cloud,
    /// `PREEMPT_RT`.
    Rt,
    Generic,
    /// Built by somebody else; its image is given by its path.
    Custom,
}

/// When a row is tested.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum Runs {
    #[serde(rename = "always")]
    Always,
    /// With `--all`.
    #[serde(rename = "whole matrix")]
    WholeMatrix,
}

/// Where Debian keeps the kernels of a series.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Lines of sources.list without their component.
    pub suites: Vec<String>,
    /// What the names of the images' packages begin with.
    image: String,
}

impl Row {
    /// Where its package is, and the regular expression of its name. None if it is custom.
    pub fn package(&self) -> Option<(&'static Series, String)> {
        let series = MATRIX.series.get(self.series.as_ref()?)?;
        let (image, flavour) = (&series.image, self.flavour.of_package());
        Some((series, format!("{image}{flavour}{}$", self.arch.debian())))
    }

    /// Its place among the kernels in the cache, which it shares with rows of the same package.
    pub fn place(&self) -> String {
        let series = self.series.as_ref().unwrap_or(&self.kernel);
        let flavour = match self.flavour {
            Flavour::Cloud => "",
            Flavour::Rt => "-rt",
            Flavour::Generic => "-generic",
            Flavour::Custom => "-custom",
        };
        format!("{series}{flavour}{}", self.arch.suffix())
    }
}

impl Flavour {
    /// How it stands in the name of a package.
    const fn of_package(self) -> &'static str {
        match self {
            Self::Cloud => "cloud-",
            Self::Rt => "rt-",
            Self::Generic | Self::Custom => "",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, arch, .. } = self;
        write!(f, "{kernel} {}", arch.debian())
    }
}

/// All rows, in the order in which they are begun.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    MATRIX.row.iter()
}

/// The row that `--kernel NAME` means on a processor.
pub fn named(name: &str, arch: Arch) -> Option<&'static Row> {
    rows().find(|row| row.kernel == name && row.arch == arch && row.package().is_some())
}

/// The row of an image that is given by its path.
pub fn released(release: &str) -> Option<&'static Row> {
    rows().find(|row| row.release.as_deref() == Some(release))
}

/// The names that `--kernel` knows on any processor, each once.
pub fn names() -> Vec<&'static str> {
    let mut names = Vec::new();
    for row in rows().filter(|row| row.package().is_some()) {
        if !names.contains(&row.kernel.as_str()) {
            names.push(row.kernel.as_str());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_row_is_one_kernel_that_can_be_had_or_given() {
        let mut seen = BTreeSet::new();
        for row in rows() {
            assert!(seen.insert(row.to_string()), "{row} is there twice");
            assert_eq!(
                row.package().is_some(),
                row.flavour != Flavour::Custom,
                "{row}"
            );
            assert_eq!(
                row.release.is_some(),
                row.flavour == Flavour::Custom,
                "{row}"
            );
        }
    }

    #[test]
    fn a_package_is_named_by_flavour_and_processor() {
        let package = |name, arch| named(name, arch).and_then(Row::package).unwrap().1;
        assert_eq!(
            package("6.1", Arch::Amd64),
            r"^linux-image-6\.1\.0-[0-9]+-cloud-amd64$"
        );
        assert_eq!(
            package("6.12-rt", Arch::Amd64),
            r"^linux-image-6\.12\.[0-9]+\+deb[0-9]+-rt-amd64$"
        );
        assert_eq!(
            package("7.3", Arch::Arm64),
            r"^linux-binary-7\.3\.[0-9]+\+deb[0-9]+-cloud-arm64$"
        );
        assert!(named("6.1", Arch::Arm64).is_none());
    }

    #[test]
    fn the_tests_of_a_row_are_scripts() {
        let live = crate::workspace::live_tests();
        for row in rows() {
            for test in row.tests.iter().flatten() {
                assert!(live.join(format!("{test}.sh")).exists(), "{row}: {test}");
            }
        }
    }
}
