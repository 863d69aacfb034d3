//! The screen and the keys, on a thread of their own.
//!
//! A picture is handed over and drawn when the thread has time; one that comes while another is
//! being drawn is dropped, so the drawing thread never waits for a slow terminal. Keys and
//! sizes come back.

use std::{
    io::{self, BufWriter, Stdout},
    sync::mpsc::{
        Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    buffer::Buffer,
    crossterm::{
        event::{self, Event, KeyEvent},
        terminal,
    },
    layout::Rect,
};

use super::{stderr, terminal as lease};

/// How long keys are waited for at a time.
const KEYS: Duration = Duration::from_millis(20);
/// How long the thread is waited for in the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// What comes from the terminal.
#[derive(Debug)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// It has another size now.
    Size(Rect),
    /// It is gone.
    Gone(io::Error),
}

/// The terminal, taken. Dropping it gives the terminal back.
pub struct Screen {
    inputs: Receiver<Input>,
    pictures: Option<SyncSender<Buffer>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    lease: Option<lease::Lease>,
    /// Its size.
    pub area: Rect,
}

impl Screen {
    /// Takes the terminal.
    pub fn take() -> io::Result<Self> {
        let lease = lease::Lease::take()?;
        let size = terminal::size()?;
        stderr::keep()?;
        let (input, inputs) = channel();
        let (pictures, to_draw) = sync_channel(1);
        let (finished, done) = channel();
        let run = move || {
            // Dropped when the thread ends, however it does.
            let _finished: Sender<()> = finished;
            if let Err(error) = run(&to_draw, &input) {
                let _ = input.send(Input::Gone(error));
            }
        };
        let thread = thread::Builder::new()
            .name("screen".to_owned())
            .spawn(run)?;
        Ok(Self {
            inputs,
            pictures: Some(pictures),
            done,
            thread: Some(thread),
            lease: Some(lease),
            area: Rect::new(0, 0, size.0, size.1),
        })
    }

    /// Has a picture drawn, if there is time.
    pub fn show(&self, picture: Buffer) {
        if let Some(pictures) = &self.pictures {
            let _ = pictures.try_send(picture);
        }
    }

    /// What came from the terminal, if anything did.
    pub fn input(&mut self) -> Option<Input> {
        let input = match self.inputs.try_recv() {
            Ok(input) => input,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => {
                Input::Gone(io::Error::other("the thread of the screen is gone"))
            }
        };
        if let Input::Size(area) = input {
            self.area = area;
        }
        Some(input)
    }

    /// Waits until something may have come, at most so long.
    pub fn wait(&self, time: Duration) {
        // The thread has nothing to say here but that it is gone, so this is a sleep that its end
        // cuts short.
        let _ = self.done.recv_timeout(time);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.pictures = None;
        let ended = self.done.recv_timeout(PATIENCE);
        self.lease = None;
        if ended != Err(RecvTimeoutError::Timeout)
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn run(pictures: &Receiver<Buffer>, input: &Sender<Input>) -> io::Result<()> {
    let out: BufWriter<Stdout> = BufWriter::with_capacity(1 << 16, io::stdout());
    let mut terminal = Terminal::new(CrosstermBackend::new(out))?;
    loop {
        match pictures.try_recv() {
            Ok(picture) => {
                let draw = || {
                    terminal
                        .draw(|frame| put(&picture, frame.buffer_mut()))
                        .map(|_| ())
                };
                if !lease::draw(draw)? {
                    return Ok(());
                }
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
        while event::poll(KEYS)? {
            let sent = match event::read()? {
                Event::Key(key) => input.send(Input::Key(key)),
                Event::Resize(width, height) => {
                    input.send(Input::Size(Rect::new(0, 0, width, height)))
                }
                _ => Ok(()),
            };
            if sent.is_err() {
                return Ok(());
            }
            // Who leans on a key is to see what it does.
            if !event::poll(Duration::ZERO)? {
                break;
            }
        }
    }
}

/// Copies a picture into a frame, which may have another size by now.
fn put(picture: &Buffer, frame: &mut Buffer) {
    let both = picture.area.intersection(frame.area);
    for position in both.positions() {
        frame[position] = picture[position].clone();
    }
}
