//! A terminal that nobody looks at: runs a program on it, types keys, reads its screen.
//!
//! A pseudo-terminal stands for the line, and [`vt100`] for the screen: it makes of the bytes what
//! a terminal would. So a test sees what a user would see, and whether the terminal is as it was
//! when the program has ended: its modes, its first screen, its cursor. Nothing here waits for a
//! time that was guessed: every wait is for something to be seen, and its limit is a failure.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    num::NonZero,
    os::fd::{AsFd as _, OwnedFd},
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    pty::{Winsize, openpty},
    sys::{
        signal::{Signal, kill},
        termios::{Termios, tcgetattr},
    },
    unistd::{Pid, setsid},
};

/// A program on a terminal.
pub struct Terminal {
    screen: vt100::Parser,
    /// The user's end.
    line: File,
    /// The program's end, held so that the line does not close.
    program_end: OwnedFd,
    before: Termios,
    child: Child,
    /// All that the program wrote.
    bytes: Vec<u8>,
}

/// How a program ended, and how it left its terminal.
#[derive(Debug)]
pub struct End {
    /// How it ended.
    pub status: ExitStatus,
    /// What of the terminal is not as it was; nothing if it is.
    pub not_restored: Vec<&'static str>,
    /// Whether it ever had another screen.
    pub had_screen: bool,
}

impl Terminal {
    /// Starts a program on a terminal of so many columns and lines.
    pub fn start(mut command: Command, columns: u16, lines: u16) -> Result<Self> {
        let size = Size::of(columns, lines)?;
        let pty = openpty(Some(&size.line()), None).context("there is no pseudo-terminal")?;
        // The program has its own end alone, or the terminal could not hang up.
        fcntl(&pty.master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        let before = tcgetattr(&pty.slave)?;
        command
            .stdin(pty.slave.try_clone()?)
            .stdout(pty.slave.try_clone()?)
            .stderr(pty.slave.try_clone()?)
            .env("TERM", "xterm");
        // SAFETY: makes system calls only, between fork and exec.
        unsafe {
            std::os::unix::process::CommandExt::pre_exec(&mut command, || {
                setsid()?;
                // The terminal is the new session's.
                match nix::libc::ioctl(0, nix::libc::TIOCSCTTY, 0) {
                    -1 => Err(std::io::Error::last_os_error()),
                    _ => Ok(()),
                }
            });
        }
        let child = command.spawn().context("the program does not start")?;
        Ok(Self {
            screen: vt100::Parser::new(size.lines, size.columns, 0),
            line: pty.master.into(),
            program_end: pty.slave,
            before,
            child,
            bytes: Vec::new(),
        })
    }

    /// What is on the screen, a line for each line.
    pub fn screen(&self) -> String {
        self.screen.screen().contents()
    }

    /// The same, when no more has come for a moment: a picture may come in pieces.
    pub fn settled(&mut self) -> Result<String> {
        while self.read(Duration::from_millis(50))? {}
        Ok(self.screen())
    }

    /// Waits until the screen has a text.
    pub fn see(&mut self, text: &str, limit: Duration) -> Result<()> {
        self.until(limit, |terminal| Ok(terminal.screen().contains(text)))
            .with_context(|| format!("`{text}` does not appear"))
    }

    /// Waits until the screen does not have a text any more.
    pub fn miss(&mut self, text: &str, limit: Duration) -> Result<()> {
        self.until(limit, |terminal| Ok(!terminal.screen().contains(text)))
            .with_context(|| format!("`{text}` does not go away"))
    }

    /// Types.
    pub fn keys(&mut self, keys: &[u8]) -> Result<()> {
        self.line.write_all(keys).context("nobody reads the keys")
    }

    /// Makes the terminal larger or smaller.
    pub fn resize(&mut self, columns: u16, lines: u16) -> Result<()> {
        let size = Size::of(columns, lines)?;
        let screen = self.screen.screen_mut();
        screen.set_size(size.lines, size.columns);
        let size = size.line();
        // SAFETY: the structure is what the request reads.
        let set = unsafe {
            nix::libc::ioctl(
                std::os::fd::AsRawFd::as_raw_fd(&self.line),
                nix::libc::TIOCSWINSZ,
                &raw const size,
            )
        };
        nix::errno::Errno::result(set).context("the terminal keeps its size")?;
        Ok(())
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id())?;
        kill(Pid::from_raw(pid), signal).context("the program is gone")
    }

    /// Waits until the program ends.
    pub fn end(mut self, limit: Duration) -> Result<(End, Self)> {
        let mut status = None;
        self.until(limit, |terminal| {
            status = terminal.child.try_wait()?;
            Ok(status.is_some())
        })
        .context("the program does not end")?;
        // What it wrote last.
        while self.read(Duration::ZERO)? {}
        let status = status.context("it has no exit status")?;
        let mut not_restored = Vec::new();
        if tcgetattr(&self.program_end)? != self.before {
            not_restored.push("modes");
        }
        if self.screen.screen().alternate_screen() {
            not_restored.push("screen");
        }
        if self.screen.screen().hide_cursor() {
            not_restored.push("cursor");
        }
        let end = End {
            status,
            not_restored,
            had_screen: contains(&self.bytes, b"\x1b[?1049h"),
        };
        Ok((end, self))
    }

    /// Hangs up, as a terminal does whose window is closed, and waits until the program ends.
    pub fn hang_up(mut self, limit: Duration) -> Result<ExitStatus> {
        // The user's end closes; what is read from now on is nothing.
        self.line = File::open("/dev/null")?;
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < end, "the program does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn until(
        &mut self,
        limit: Duration,
        mut holds: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            self.read(Duration::from_millis(20))?;
            if holds(self)? {
                return Ok(());
            }
            if Instant::now() >= end {
                bail!("not within {limit:?}, but:\n{}", self.screen());
            }
        }
    }

    /// Reads what there is, or what comes within this time. Says whether anything came.
    fn read(&mut self, wait: Duration) -> Result<bool> {
        let wait = PollTimeout::try_from(wait)?;
        let mut line = [PollFd::new(self.line.as_fd(), PollFlags::POLLIN)];
        if poll(&mut line, wait)? == 0 {
            return Ok(false);
        }
        let mut bytes = [0; 1 << 14];
        let length = self.line.read(&mut bytes)?;
        self.screen.process(&bytes[..length]);
        self.bytes.extend_from_slice(&bytes[..length]);
        Ok(length > 0)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A screen without columns or lines is none.
#[derive(Clone, Copy)]
struct Size {
    columns: NonZero<u16>,
    lines: NonZero<u16>,
}

impl Size {
    fn of(columns: u16, lines: u16) -> Result<Self> {
        let part = |number| NonZero::new(number).context("a screen of no size");
        Ok(Self {
            columns: part(columns)?,
            lines: part(lines)?,
        })
    }

    const fn line(self) -> Winsize {
        Winsize {
            ws_row: self.lines.get(),
            ws_col: self.columns.get(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
