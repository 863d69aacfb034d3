//! The name of a task.

use std::str::FromStr;

use thiserror::Error;

/// A command name as in /proc/PID/comm: 1 to 15 bytes (`TASK_COMM_LEN`, include/linux/sched.h),
/// filled up with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandName([u8; 16]);

/// The text is no command name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` cannot be a command name: the kernel keeps 15 bytes at most; write it as /proc/PID/comm \
    has it"
)]
pub struct NoCommandName(String);

impl FromStr for CommandName {
    type Err = NoCommandName;

    fn from_str(text: &str) -> Result<Self, NoCommandName> {
        let bytes = text.as_bytes();
        if !(1..16).contains(&bytes.len()) || bytes.contains(&0) {
            return Err(NoCommandName(text.to_owned()));
        }
        let mut name = [0; 16];
        name[..bytes.len()].copy_from_slice(bytes);
        Ok(Self(name))
    }
}

impl CommandName {
    /// One that the kernel has.
    #[must_use]
    pub const fn of(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Takes eight bytes of it as they lie in memory, the first or the second ones. There are no
    /// others, and none after a zero.
    pub(crate) fn set_part(&mut self, part: u32, value: u64) {
        let place = part as usize * size_of::<u64>();
        if let Some(bytes) = self.0.get_mut(place..place + size_of::<u64>()) {
            bytes.copy_from_slice(&value.to_ne_bytes());
        }
    }

    /// The parts that say it, in order, the zero at its end among them.
    pub(crate) fn parts(self) -> impl Iterator<Item = u64> {
        let parts = (self.bytes().len() + 1).div_ceil(size_of::<u64>());
        self.words().into_iter().take(parts)
    }

    /// Its bytes, without the zeros.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|&byte| byte == 0);
        &self.0[..end.unwrap_or(self.0.len())]
    }

    /// The same as two native words, as the eBPF side compares it.
    #[must_use]
    pub fn words(self) -> [u64; 2] {
        let (words, _) = self.0.as_chunks();
        [words[0], words[1]].map(u64::from_ne_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_names_are_what_the_kernel_keeps() {
        assert!("".parse::<CommandName>().is_err());
        assert!("sixteen-bytes-xx".parse::<CommandName>().is_err());
        assert!("a\0b".parse::<CommandName>().is_err());
        let name: CommandName = "fifteen-bytes-x".parse().unwrap();
        assert_eq!(name.words()[0].to_ne_bytes(), *b"fifteen-");
        assert_eq!(name.words()[1].to_ne_bytes(), *b"bytes-x\0");
    }
}
