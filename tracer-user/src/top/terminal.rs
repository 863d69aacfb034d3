//! The terminal while it is taken: its modes, and that it gets them back on every way out.
//!
//! Ways out are the end of the program, its errors, and a panic of any thread, for which there is a
//! hook. The end of the program is also what SIGINT and SIGTERM lead to, and Ctrl-C, which is a key
//! like others meanwhile. The first of them gives the terminal back; for the others there is
//! nothing left to do. A thread that draws is waited for, so that nothing is drawn on the screen
//! that was before; but not for long, because a terminal that nobody reads takes nothing.

use std::{
    io::{self, Write as _},
    sync::{Condvar, Mutex, MutexGuard, Once, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

use ratatui::crossterm::{
    cursor::{Hide, Show},
    execute,
    terminal::{
        Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode,
    },
};

use super::stderr;

/// How long a thread that draws is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The state of the terminal. There is one terminal, and a hook of panics is told nothing.
struct Taken {
    taken: bool,
    draws: Option<ThreadId>,
}

static TERMINAL: Mutex<Taken> = Mutex::new(Taken {
    taken: false,
    draws: None,
});
static DRAWN: Condvar = Condvar::new();
static HOOK: Once = Once::new();

fn terminal() -> MutexGuard<'static, Taken> {
    TERMINAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The terminal is taken as long as this is there.
pub struct Lease(());

impl Lease {
    /// Takes the terminal: another screen, every key at once, no cursor.
    pub fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        let mut terminal = terminal();
        enable_raw_mode()?;
        terminal.taken = true;
        let lease = Self(());
        drop(terminal);
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            Clear(ClearType::All),
            Hide
        )?;
        Ok(lease)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        give_back();
    }
}

/// Draws, if the terminal is still taken. Says whether it is.
pub fn draw(draw: impl FnOnce() -> io::Result<()>) -> io::Result<bool> {
    {
        let mut terminal = terminal();
        if !terminal.taken {
            return Ok(false);
        }
        terminal.draws = Some(thread::current().id());
    }
    let drawn = draw();
    terminal().draws = None;
    DRAWN.notify_all();
    drawn.map(|()| true)
}

/// Gives the terminal back, if that has not been done.
pub fn give_back() {
    let mut terminal = terminal();
    if !std::mem::take(&mut terminal.taken) {
        return;
    }
    let this = thread::current().id();
    let another_draws = |terminal: &mut Taken| terminal.draws.is_some_and(|it| it != this);
    let waited = DRAWN.wait_timeout_while(terminal, PATIENCE, another_draws);
    let (mut terminal, _) = waited.unwrap_or_else(PoisonError::into_inner);
    // One that still draws is stuck, and so would be the next to write.
    if !another_draws(&mut terminal) {
        let mut out = io::stdout();
        let _ = execute!(out, LeaveAlternateScreen, Show);
        let _ = out.flush();
    }
    let _ = disable_raw_mode();
    stderr::give_back();
}
