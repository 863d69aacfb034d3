//! Places in the code of processes, by name.
//!
//! /proc/PID/maps says which file an address lies in, and the file's symbols say which function
//! that is: both while the process lives, so a stack is resolved as soon as it comes. Files are
//! read through /proc/PID/map_files, which is right also in another mount namespace and for a file
//! that was deleted. Symbols are those of the file itself (.symtab, .dynsym); what is stripped has
//! none, and is known by its file, the place in it, and its build id.

use std::{fmt::Write as _, num::NonZeroU32};

use blazesym::{
    Pid,
    normalize::{Normalizer, UserMeta},
    symbolize::{
        Input, Symbolized, Symbolizer,
        source::{Process, Source},
    },
};

use crate::model::{ProcessId, UserPlace};

/// Names places. Files stay open for the next process that has them.
pub struct UserSymbols {
    symbolizer: Symbolizer,
    files: Normalizer,
}

impl Default for UserSymbols {
    fn default() -> Self {
        Self {
            symbolizer: Symbolizer::builder().enable_code_info(false).build(),
            files: Normalizer::builder().enable_build_ids(true).build(),
        }
    }
}

impl UserSymbols {
    /// What is known of the frames of a stack, the innermost first; nothing if the process is gone.
    ///
    /// A frame above the innermost is where a call goes on, and that may be past the end of the
    /// function that made it, if the function that it calls does not return. So it is asked for
    /// the byte before.
    #[must_use]
    pub fn places(&self, process: ProcessId, frames: &[u64]) -> Vec<Option<UserPlace>> {
        let nothing = || vec![None; frames.len()];
        let Some(number) = NonZeroU32::new(process.0) else {
            return nothing();
        };
        let before = |(number, &address): (usize, &u64)| address - u64::from(number > 0);
        let asked: Vec<u64> = frames.iter().enumerate().map(before).collect();
        let Ok(files) = self.files.normalize_user_addrs(Pid::Pid(number), &asked) else {
            return nothing();
        };
        let source = Source::Process(Process::new(Pid::Pid(number)));
        let symbols = self.symbolizer.symbolize(&source, Input::AbsAddr(&asked));
        let mut symbols = symbols.unwrap_or_default().into_iter();
        let places = frames.iter().zip(&asked).zip(&files.outputs);
        let place = |((frame, asked), (in_file, meta)): ((&u64, &u64), &(u64, usize))| {
            let skipped = frame - asked;
            let mut place = UserPlace::default();
            if let Some(Symbolized::Sym(symbol)) = symbols.next() {
                place.offset = symbol.offset as u64 + skipped;
                place.binary = symbol.module.map(|it| it.to_string_lossy().into_owned());
                place.function = Some(symbol.name.into_owned());
            }
            if let Some(UserMeta::Elf(file)) = files.meta.get(*meta) {
                place.binary = Some(file.path.to_string_lossy().into_owned());
                place.file_offset = in_file + skipped;
                place.build_id = file.build_id.as_deref().map(hex);
            }
            (place.function.is_some() || place.binary.is_some()).then_some(place)
        };
        places.map(place).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // A string takes all that is written to it.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn a_function_of_this_test() {}

    #[test]
    fn a_function_of_this_process_has_its_name() {
        let address = a_function_of_this_test as fn() as usize as u64;
        let symbols = UserSymbols::default();
        let process = ProcessId(std::process::id());
        let [innermost, outer, nowhere] = symbols
            .places(process, &[address, address + 1, 8])
            .try_into()
            .unwrap();
        for (place, offset) in [(innermost, 0), (outer, 1)] {
            let place: UserPlace = place.unwrap();
            let function = place.function.unwrap();
            assert!(function.ends_with("a_function_of_this_test"), "{function}");
            assert_eq!(place.offset, offset);
            assert!(place.binary.unwrap().contains("tracer"));
        }
        assert_eq!(nowhere, None);
    }

    #[test]
    fn a_process_that_is_gone_has_no_places() {
        let symbols = UserSymbols::default();
        assert_eq!(symbols.places(ProcessId(u32::MAX >> 1), &[4096]), [None]);
        assert_eq!(symbols.places(ProcessId(0), &[4096]), [None]);
    }
}
