//! Which kernel of those that the tests run on a host's is like.
//!
//! What tracer does was seen on some kernels (`xtask/matrix.toml`, docs/kernels.md), and kernels
//! differ by their series, their processor and how a distribution builds them. So a user who asks
//! what to expect is told the one that comes nearest, and whether that is the same.

use std::fmt;

use super::facts::Release;

/// How Debian builds a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// For virtual machines.
    Cloud,
    /// With `PREEMPT_RT`.
    Rt,
    /// With everything, most of it as modules.
    Generic,
}

/// A kernel that the tests run on.
#[derive(Debug, PartialEq, Eq)]
pub struct Tested {
    /// What the tests call it.
    pub name: &'static str,
    /// Debian's name of the processor.
    pub arch: &'static str,
    /// How it is built.
    pub flavour: Flavour,
    /// Its series.
    pub series: Release,
}

/// All of them: the rows of the matrix whose kernels Debian has, in their order there.
pub const TESTED: &[Tested] = &[
    Tested::new("6.12", "amd64", Flavour::Cloud, 6, 12),
    Tested::new("7.3", "amd64", Flavour::Cloud, 7, 3),
    Tested::new("6.1", "amd64", Flavour::Cloud, 6, 1),
    Tested::new("6.18", "amd64", Flavour::Cloud, 6, 18),
    Tested::new("6.12-rt", "amd64", Flavour::Rt, 6, 12),
    Tested::new("7.3-rt", "amd64", Flavour::Rt, 7, 3),
    Tested::new("6.12-generic", "amd64", Flavour::Generic, 6, 12),
    Tested::new("6.12", "arm64", Flavour::Cloud, 6, 12),
    Tested::new("6.18", "arm64", Flavour::Cloud, 6, 18),
    Tested::new("7.3", "arm64", Flavour::Cloud, 7, 3),
];

/// What tracer was built for.
const ARCH: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "amd64"
};

impl Tested {
    const fn new(
        name: &'static str,
        arch: &'static str,
        flavour: Flavour,
        major: u32,
        minor: u32,
    ) -> Self {
        let series = Release { major, minor };
        Self {
            name,
            arch,
            flavour,
            series,
        }
    }
}

impl Flavour {
    /// That of a kernel with this release, such as `6.12.118+deb13-rt-amd64`.
    fn of(release: &str) -> Self {
        if release.contains("-cloud-") {
            Self::Cloud
        } else if release.split(['-', '+']).any(|part| part.starts_with("rt")) {
            Self::Rt
        } else {
            Self::Generic
        }
    }
}

/// How a kernel stands to those of the tests.
#[derive(Debug, PartialEq, Eq)]
pub enum Like {
    /// It is of the same series, processor and flavour.
    Same(&'static Tested),
    /// None is the same, and this one is the nearest on the processor.
    Nearest(&'static Tested),
}

impl Like {
    /// That of the running kernel.
    pub fn of(name: &str, series: Release) -> Option<Self> {
        on(ARCH, name, series)
    }
}

fn on(arch: &str, name: &str, series: Release) -> Option<Like> {
    let flavour = Flavour::of(name);
    let distance = |tested: &&Tested| {
        let majors = tested.series.major.abs_diff(series.major);
        let minors = tested.series.minor.abs_diff(series.minor);
        (majors, minors, tested.flavour != flavour)
    };
    let here = TESTED.iter().filter(|tested| tested.arch == arch);
    let nearest = here.min_by_key(distance)?;
    Some(match distance(&nearest) {
        (0, 0, false) => Like::Same(nearest),
        _ => Like::Nearest(nearest),
    })
}

impl fmt::Display for Like {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(tested) => write!(f, "like {} of the tests", tested.name),
            Self::Nearest(tested) => {
                write!(f, "not of the tests; the nearest is {}", tested.name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn like(arch: &str, name: &str, major: u32, minor: u32) -> String {
        on(arch, name, Release { major, minor })
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_kernel_is_like_one_of_its_series_and_flavour() {
        let of = |name| like("amd64", name, 6, 12);
        assert_eq!(of("6.12.118+deb13-cloud-amd64"), "like 6.12 of the tests");
        assert_eq!(of("6.12.118+deb13-rt-amd64"), "like 6.12-rt of the tests");
        assert_eq!(of("6.12.118+deb13-amd64"), "like 6.12-generic of the tests");
        let arm64 = like("arm64", "6.18.15+deb13-cloud-arm64", 6, 18);
        assert_eq!(arm64, "like 6.18 of the tests");
    }

    #[test]
    fn another_kernel_has_a_nearest_one() {
        let ubuntu = like("amd64", "6.8.0-45-generic", 6, 8);
        assert_eq!(ubuntu, "not of the tests; the nearest is 6.12-generic");
        let debian = like("amd64", "6.1.0-57-amd64", 6, 1);
        assert_eq!(debian, "not of the tests; the nearest is 6.1");
    }

    /// As `xtask/matrix.toml` has it; what else is there is xtask's.
    #[derive(Deserialize)]
    struct Matrix {
        row: Vec<Row>,
    }

    #[derive(Deserialize)]
    struct Row {
        kernel: String,
        arch: String,
        flavour: String,
        series: Option<String>,
        arguments: Option<String>,
    }

    #[test]
    fn these_are_the_rows_of_the_matrix() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../xtask/matrix.toml");
        let matrix: Matrix = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        // How a kernel was booted its release does not tell.
        let rows = matrix.row.into_iter().filter(|row| row.arguments.is_none());
        let rows = rows.filter_map(|row| Some((row.kernel, row.arch, row.flavour, row.series?)));
        let tested = TESTED.iter().map(|tested| {
            let Release { major, minor } = tested.series;
            let flavour = format!("{:?}", tested.flavour).to_lowercase();
            let series = format!("{major}.{minor}");
            (
                tested.name.to_owned(),
                tested.arch.to_owned(),
                flavour,
                series,
            )
        });
        assert!(rows.eq(tested));
    }
}
