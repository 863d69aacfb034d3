//! The state, the screen and the trace brought together.
//!
//! The trace gives its root calls to a [`Sink`], as to everything that prints, and that is where
//! keys are answered and pictures made, so nothing is shared between threads. Who quits is a reader
//! that has gone: the trace ends as it does when a pipe closes. Where a trace ends by itself, what
//! it has brought can be looked at until the user quits.

use std::{
    cell::RefCell,
    io,
    rc::Rc,
    time::{Duration, Instant},
};

use ratatui::buffer::Buffer;

use super::{
    draw::draw,
    save::Saving,
    screen::{Input, Screen},
    state::{Origin, State, Wish},
    stderr,
};
use crate::{
    model::{Capture, FunctionTable, Nanoseconds, OpenRootCall, RootCall, Sink},
    output::ftrace,
    recording::Head,
    stop::Stop,
};

/// The least time between two pictures.
const EVERY: Duration = Duration::from_millis(100);

/// `tracer top`. Clones are the same.
#[derive(Clone)]
pub struct Top(Rc<RefCell<Inner>>);

struct Inner {
    state: State,
    stop: Stop,
    screen: Option<Screen>,
    colour: ftrace::Colour,
    drawn: Instant,
    /// Lines of stderr that were shown.
    said: usize,
    saving: Vec<Saving>,
    /// Why the terminal cannot be used any more.
    gone: Option<io::Error>,
    has_quit: bool,
}

impl Top {
    /// Nothing has come, and the terminal is not taken yet.
    pub fn new(
        source: Origin,
        (text, capture): (ftrace::TextOptions, Capture),
        stop: Stop,
    ) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            state: State::new(source, Head::default(), (text, capture)),
            stop,
            screen: None,
            colour: text.colour,
            drawn: Instant::now(),
            said: 0,
            saving: Vec::new(),
            gone: None,
            has_quit: false,
        })))
    }

    /// What takes the calls of a trace.
    pub fn form<'a>(&self, functions: &'a FunctionTable, head: Head) -> Box<dyn Sink + 'a> {
        self.0.borrow_mut().state.head = head;
        Box::new(Watching {
            top: self.clone(),
            functions,
        })
    }

    /// Shows what has come until the user quits; `why` says why there is no more.
    pub fn browse(&self, why: &'static str) -> io::Result<()> {
        let mut inner = self.0.borrow_mut();
        inner.state.end(why);
        while inner.is_wanted() {
            inner.picture();
            let Some(screen) = &inner.screen else { break };
            screen.wait(EVERY);
        }
        inner.leave()
    }

    /// Gives the terminal back. Says so if it was the terminal that failed.
    pub fn leave(&self) -> io::Result<()> {
        self.0.borrow_mut().leave()
    }
}

impl Inner {
    fn is_wanted(&self) -> bool {
        !self.has_quit && !self.stop.is_asked()
    }

    /// Answers keys and makes a picture, if it is time.
    fn go_on(&mut self) -> io::Result<()> {
        if self.drawn.elapsed() >= EVERY {
            self.picture();
        }
        if self.is_wanted() {
            return Ok(());
        }
        self.screen = None;
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn picture(&mut self) {
        self.drawn = Instant::now();
        while let Some(input) = self.screen.as_mut().and_then(Screen::input) {
            match input {
                Input::Key(key) => {
                    let wish = self.state.key(key);
                    self.wish(wish);
                }
                Input::Size(_) => {}
                Input::Gone(error) => {
                    self.gone = Some(error);
                    self.has_quit = true;
                    return;
                }
            }
        }
        self.listen();
        self.state.tick(Nanoseconds::now());
        if let Some(screen) = &self.screen {
            let mut picture = Buffer::empty(screen.area);
            draw(&mut self.state, self.colour, &mut picture);
            screen.show(picture);
        }
    }

    fn wish(&mut self, wish: Option<Wish>) {
        match wish {
            None => {}
            Some(Wish::Quit) => self.has_quit = true,
            Some(Wish::Save { path, calls }) => {
                let shown = path.display().to_string();
                let saving = Saving::begin(path, &self.state.head, &calls, &self.state.functions);
                match saving {
                    Ok(saving) => self.saving.push(saving),
                    Err(error) => self.state.message = format!("`{shown}` is not written: {error}"),
                }
            }
        }
    }

    /// What others have to say.
    fn listen(&mut self) {
        if let Some((lines, last)) = stderr::last()
            && lines != self.said
        {
            self.said = lines;
            self.state.message = last;
        }
        for saving in self.saving.extract_if(.., |saving| saving.is_done()) {
            self.state.message = saving.end();
        }
    }

    fn leave(&mut self) -> io::Result<()> {
        self.screen = None;
        // What is being written is not left half done, and nobody sees the screen any more.
        for saving in self.saving.drain(..) {
            eprintln!("tracer: {}", saving.end());
        }
        self.gone.take().map_or(Ok(()), Err)
    }
}

/// Stands where other commands print.
struct Watching<'a> {
    top: Top,
    functions: &'a FunctionTable,
}

impl Sink for Watching<'_> {
    fn begin(&mut self) -> io::Result<()> {
        let mut inner = self.top.0.borrow_mut();
        // One that is to stop before it has begun leaves the terminal alone.
        if inner.is_wanted() {
            inner.screen = Some(Screen::take()?);
            inner.picture();
        }
        Ok(())
    }

    fn root_call(&mut self, call: &RootCall) -> io::Result<()> {
        let mut inner = self.top.0.borrow_mut();
        inner.state.add(call, self.functions);
        inner.go_on()
    }

    fn wants_open(&self) -> bool {
        let inner = self.top.0.borrow();
        inner.state.shows_open() && inner.drawn.elapsed() >= EVERY
    }

    fn open_calls(&mut self, calls: Vec<OpenRootCall>) {
        let mut inner = self.top.0.borrow_mut();
        inner.state.set_open(calls, self.functions);
    }

    fn flush(&mut self) -> io::Result<()> {
        self.top.0.borrow_mut().go_on()
    }

    fn end(&mut self) -> io::Result<()> {
        let mut inner = self.top.0.borrow_mut();
        if inner.stop.is_wanted() {
            inner.screen = None;
        }
        Ok(())
    }
}
