//! What is said on stderr while the terminal is taken: kept, and said when the terminal is given
//! back.
//!
//! Growth, lost batches and the sums are said by many parts, to a stderr that is the same terminal
//! most of the time. So its descriptor is a pipe meanwhile. The last lines are kept, and the very
//! last one can be shown on the screen. A stderr that goes elsewhere is left alone.

use std::{
    collections::VecDeque,
    io::{self, BufRead as _, BufReader, IsTerminal as _, PipeReader, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use nix::unistd::dup2_stderr;

/// Lines that are kept.
const MOST_LINES: usize = 1000;
/// What ends the pipe: others may hold its other end, such as a process that detaches.
const END: u8 = 0;

struct Kept {
    /// Where stderr went before.
    before: OwnedFd,
    reader: JoinHandle<()>,
}

static KEPT: Mutex<Option<Kept>> = Mutex::new(None);
/// What was said.
struct Said {
    lines: VecDeque<String>,
    /// How many there were ever.
    all: usize,
}

static SAID: Mutex<Said> = Mutex::new(Said {
    lines: VecDeque::new(),
    all: 0,
});

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins to keep what is said, if stderr is a terminal.
pub fn keep() -> io::Result<()> {
    if !io::stderr().is_terminal() {
        return Ok(());
    }
    let mut kept = lock(&KEPT);
    if kept.is_some() {
        return Ok(());
    }
    let before = io::stderr().as_fd().try_clone_to_owned()?;
    let (reader, writer) = io::pipe()?;
    let reader = thread::Builder::new()
        .name("stderr".to_owned())
        .spawn(move || read(reader))?;
    dup2_stderr(&writer)?;
    *kept = Some(Kept { before, reader });
    Ok(())
}

fn read(pipe: PipeReader) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(length) = pipe.read_until(b'\n', &mut line) {
        let is_end = length == 0 || line.contains(&END);
        line.retain(|&byte| byte != END);
        let text = String::from_utf8_lossy(&line);
        if !text.trim_end().is_empty() {
            let mut said = lock(&SAID);
            if said.lines.len() == MOST_LINES {
                said.lines.pop_front();
            }
            said.lines.push_back(text.trim_end().to_owned());
            said.all += 1;
        }
        line.clear();
        if is_end {
            return;
        }
    }
}

/// How many lines were said, and the last of them.
pub fn last() -> Option<(usize, String)> {
    let said = lock(&SAID);
    Some((said.all, said.lines.back()?.clone()))
}

/// stderr is again what it was, and what was kept is said.
pub fn give_back() {
    let Some(Kept { before, reader }) = lock(&KEPT).take() else {
        return;
    };
    // The end goes after what is in the pipe.
    let ended = io::stderr().write_all(&[END, b'\n']);
    let _ = dup2_stderr(&before);
    if ended.is_ok() && !is_this(&reader) {
        let _ = reader.join();
    }
    let lines = std::mem::take(&mut lock(&SAID).lines);
    let mut stderr = io::stderr().lock();
    for line in lines {
        let _ = writeln!(stderr, "{line}");
    }
}

fn is_this(thread: &JoinHandle<()>) -> bool {
    thread.thread().id() == thread::current().id()
}
