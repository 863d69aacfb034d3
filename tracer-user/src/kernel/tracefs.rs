//! tracefs: where it is, and which functions the kernel can trace.
//!
//! tracer does not trace through it; it asks it what ftrace knows (every function with a patchable
//! entry that is not `notrace`), and learns from it where BPF has no faster way (see `learning`).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nix::mount::{MsFlags, mount};

/// Where tracefs is mounted: the place of its own, and the older one below debugfs.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Why tracefs is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TracefsError {
    /// It is not mounted and cannot be.
    #[error(
        "tracefs is not mounted and cannot be mounted: {0}; as root, run `mount -t tracefs nodev \
        /sys/kernel/tracing`"
    )]
    NotMounted(nix::Error),
    /// The kernel has no function tracer.
    #[error(
        "this kernel has no function tracer ({0} is absent); use one built with \
        CONFIG_FUNCTION_TRACER=y"
    )]
    NoFunctionTracer(PathBuf),
    /// One of its files cannot be read or written.
    #[error("cannot {action} {path}: {error}; run as root, and without lockdown=confidentiality")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// One of its files says something that is not understood.
    #[error("{path} holds something unexpected: {content:?}; please report it")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What it says, shortened.
        content: String,
    },
}

/// A mounted tracefs, or an instance within it: a directory of files that are switches.
#[derive(Clone, Debug)]
pub struct Tracefs {
    root: PathBuf,
}

impl Tracefs {
    /// Finds tracefs, and mounts it at its usual place where it is not mounted yet, as every tool
    /// that traces does.
    pub fn open() -> Result<Self, TracefsError> {
        if let Some(root) = Self::mounted() {
            return Ok(Self { root });
        }
        mount(
            Some("nodev"),
            PLACES[0],
            Some("tracefs"),
            MsFlags::empty(),
            None::<&Path>,
        )
        .map_err(TracefsError::NotMounted)?;
        let root = PathBuf::from(PLACES[0]);
        Ok(Self { root })
    }

    fn mounted() -> Option<PathBuf> {
        PLACES
            .iter()
            .map(PathBuf::from)
            .find(|place| place.join("trace").exists())
    }

    /// The same switches in a directory below.
    pub(crate) fn below(&self, directory: &str) -> Self {
        Self {
            root: self.root.join(directory),
        }
    }

    /// The path of a file, or of the directory itself for an empty name.
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// Reads a whole file.
    pub(crate) fn read(&self, file: &str) -> Result<Vec<u8>, TracefsError> {
        let path = self.path(file);
        fs::read(&path).map_err(|error| TracefsError::File {
            action: "read",
            path,
            error,
        })
    }

    /// Sets a switch, replacing what it held.
    pub(crate) fn write(&self, file: &str, value: &str) -> Result<(), TracefsError> {
        let path = self.path(file);
        fs::write(&path, value).map_err(|error| TracefsError::File {
            action: "write to",
            path,
            error,
        })
    }

    /// The names of the functions that ftrace can trace. Takes some tens of milliseconds: the
    /// kernel looks up the name of each, and for each page that is read it goes through all before
    /// (t_start, kernel/trace/ftrace.c).
    pub fn traceable_names(&self) -> Result<TraceableNames, TracefsError> {
        let file = "available_filter_functions";
        if !self.path(file).exists() {
            return Err(TracefsError::NoFunctionTracer(self.path(file)));
        }
        let text = self.read(file)?;
        TraceableNames::from_bytes(text).map_err(|line| self.malformed(file, &line))
    }

    pub(super) fn malformed(&self, file: &str, content: &str) -> TracefsError {
        TracefsError::Malformed {
            path: self.path(file),
            content: content.to_owned(),
        }
    }
}

/// The names of the functions that ftrace can trace.
#[derive(Debug)]
pub struct TraceableNames {
    text: String,
}

impl TraceableNames {
    /// Reads the text of `available_filter_functions`: a name a line, with the module in brackets.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes().to_vec()).ok()
    }

    /// The error is the line that is not understood.
    fn from_bytes(text: Vec<u8>) -> Result<Self, String> {
        let text = String::from_utf8(text).map_err(|error| {
            String::from_utf8_lossy(&error.as_bytes()[..80.min(error.as_bytes().len())])
                .into_owned()
        })?;
        match text.lines().find(|line| line.starts_with(' ')) {
            Some(line) => Err(line.chars().take(80).collect()),
            None => Ok(Self { text }),
        }
    }

    /// All names in the order of the file, with the module's brackets skipped; a name may come
    /// twice.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.text.lines().filter_map(|line| line.split(' ').next());
        names.filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_come_without_their_modules() {
        let list = "__sys_sendto\nnf_hook [nf_tables]\n__sys_sendto\n";
        let traceable = TraceableNames::parse(list).unwrap();
        let names: Vec<&str> = traceable.names().collect();
        assert_eq!(names, ["__sys_sendto", "nf_hook", "__sys_sendto"]);
    }

    #[test]
    fn a_line_without_a_name_is_refused() {
        assert!(TraceableNames::parse("name\n [module]\n").is_none());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = TraceableNames::parse(&text).map(|names| names.names().count());
        }
    }
}
