//! Places in the code of processes: the frames of a process's stack.
//!
//! An address of a process means something only together with the process, and only until that
//! executes another program: then it has other code at the same addresses, and its number stays. So
//! a stack says whose it is, an [`Image`], and a place is known by image and address. What is there
//! is asked while the process lives, and stands in recordings as it was found.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::ProcessId;

/// A program that a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Image {
    /// The process.
    pub process: ProcessId,
    /// How many programs it, and before it was made its parent, had executed when it began this one
    /// (`self_exec_id` of `struct task_struct`; the lower half).
    pub executed: u32,
}

impl Image {
    /// The kernel, whose places stand among those of processes in recordings of kernels that may
    /// lie anywhere. Process 0 is the idle task, which runs no program.
    pub const KERNEL: Self = Self {
        process: ProcessId(0),
        executed: u32::MAX,
    };

    /// The one that an event means, see [`tracer_common::EventKind::UserFrame`].
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "the two halves of a word")]
    pub const fn of_word(word: u64) -> Self {
        Self {
            process: ProcessId(word as u32),
            executed: (word >> 32) as u32,
        }
    }

    /// As an event has it.
    #[must_use]
    pub const fn word(self) -> u64 {
        self.process.0 as u64 | (self.executed as u64) << 32
    }
}

/// The stack of a process at a call, the innermost frame first. It has none if the task is the
/// kernel's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserStack {
    /// Whose it is.
    pub image: Image,
    /// The addresses.
    pub frames: Vec<u64>,
}

/// What is known of a place in a process's code. It stands in recordings as it is: see
/// [`crate::recording::form`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPlace {
    /// The function, if the binary has a symbol for it; demangled.
    pub function: Option<String>,
    /// How far into the function, bytes.
    pub offset: u64,
    /// The path of the binary.
    pub binary: Option<String>,
    /// Where in the file, bytes: with the build id another host can name the place.
    pub file_offset: u64,
    /// The binary's build id in hex, if it has one.
    pub build_id: Option<String>,
}

impl UserPlace {
    /// What it takes in memory, bytes, about.
    #[must_use]
    pub fn memory(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        size_of::<Self>() + text(&self.function) + text(&self.binary) + text(&self.build_id)
    }
}

/// As perf script writes it: `main+0x1a (/usr/bin/program)`; without a symbol
/// `[/usr/bin/program+0x11a0]`, where the number is the place in the file.
impl Display for UserPlace {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match (&self.function, &self.binary) {
            (Some(function), Some(binary)) => {
                write!(out, "{function}+{:#x} ({binary})", self.offset)
            }
            (Some(function), None) => write!(out, "{function}+{:#x}", self.offset),
            (None, Some(binary)) => write!(out, "[{binary}+{:#x}]", self.file_offset),
            (None, None) => write!(out, "[unknown]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_survives_its_event() {
        let image = Image {
            process: ProcessId(4_194_303),
            executed: u32::MAX,
        };
        assert_eq!(Image::of_word(image.word()), image);
    }

    #[test]
    fn a_place_reads_as_far_as_it_is_known() {
        let mut place = UserPlace {
            function: Some("main".to_owned()),
            offset: 0x1a,
            binary: Some("/bin/program".to_owned()),
            file_offset: 0x11a0,
            build_id: None,
        };
        assert_eq!(place.to_string(), "main+0x1a (/bin/program)");
        place.function = None;
        assert_eq!(place.to_string(), "[/bin/program+0x11a0]");
        place.binary = None;
        assert_eq!(place.to_string(), "[unknown]");
    }
}
