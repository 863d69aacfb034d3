//! A recording is the source instead of the rings.
//!
//! It goes through the same pipeline, with what the kernel had to say at the time: the functions,
//! and since when their entries were seen. What is damaged or missing is said on stderr and left
//! out, and the rest is shown.

use std::io::{self, Read, Write};

use anyhow::{Context as _, Result};

use super::{
    Outcome, Show,
    pipeline::{Finished, Pipeline},
    printer::Printer,
    silent, tell,
};
use crate::{
    graph::{FunctionId, Joined, Nanoseconds, Rebuilder},
    output::{Form, escape::visible},
    plan::FunctionTable,
    recording::{Damage, Data, End, Ending, Frame, Head, Piece, Reader, columns::Step},
    watch::{Delivered, Feed, Outlets, Source, Watch},
};

/// Bytes that are learned of functions: of a kernel with modules it is a hundredth.
const MOST_LEARNED: usize = 256 << 20;

/// Damaged places that are named one by one.
const PLACES_NAMED: u64 = 10;

/// How much of a recording could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// Places that are damaged.
    pub damaged_places: u64,
    /// Bytes in them.
    pub damaged_bytes: u64,
    /// How it ended; none if its end is missing.
    pub end: Option<End>,
}

impl Readable {
    /// Whether nothing is damaged or missing.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.damaged_places == 0 && self.end.is_some()
    }
}

/// A recording, read frame by frame.
pub struct Recording<R> {
    reader: Reader<R>,
    /// A frame that stands where the head should be.
    first: Option<Frame>,
    /// Where it was made.
    pub head: Head,
    /// How much could be read until now.
    pub readable: Readable,
}

impl<R: Read> Recording<R> {
    /// Reads the head. Without one, nothing is known but the functions that occur.
    pub fn open(source: R) -> Result<Self, crate::recording::RecordingError> {
        let mut recording = Self {
            reader: Reader::new(source)?,
            first: None,
            head: Head::default(),
            readable: Readable::default(),
        };
        match recording.next()? {
            Some(Frame::Head(head)) => recording.head = head,
            other => recording.first = other,
        }
        Ok(recording)
    }

    /// The next stretch of the stream; none at the end.
    pub fn next_data(&mut self) -> io::Result<Option<Data>> {
        while let Some(frame) = self.next()? {
            match frame {
                Frame::Data(data) => return Ok(Some(data)),
                Frame::End(end) => self.readable.end = Some(end),
                Frame::Head(_) => {}
            }
        }
        Ok(None)
    }

    fn next(&mut self) -> io::Result<Option<Frame>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            match self.reader.next_piece()? {
                Some(Piece::Damage(damage)) => self.damaged(damage),
                Some(Piece::Frame(frame)) => return Ok(Some(frame)),
                None => return Ok(None),
            }
        }
    }

    fn damaged(&mut self, damage: Damage) {
        self.readable.damaged_places += 1;
        self.readable.damaged_bytes += damage.bytes;
        if self.readable.damaged_places <= PLACES_NAMED {
            eprintln!(
                "tracer: the recording is damaged or cut at byte {}: {} bytes are left out",
                damage.from, damage.bytes
            );
        }
    }
}

/// What a recording knows of its functions. It goes with the kernel that was traced and not with
/// the length of the recording, so there is an end to it: what is told beyond is not learned, and
/// those functions have no names.
pub struct Learning<'a> {
    table: &'a FunctionTable,
    joined: &'a Joined,
    /// Bytes that may still be learned.
    room: usize,
    is_full: bool,
}

impl<'a> Learning<'a> {
    /// Nothing is learned yet.
    pub const fn new(table: &'a FunctionTable, joined: &'a Joined) -> Self {
        Self {
            table,
            joined,
            room: MOST_LEARNED,
            is_full: false,
        }
    }

    /// Makes known what a stretch of the stream knows of its functions.
    pub fn learn(&mut self, data: &Data) {
        for known in &data.functions {
            let id = FunctionId(known.id);
            let info = known.info.as_ref();
            let info = info.filter(|_| self.table.get(id).is_none());
            let joins = known.joined_ns.is_some() && self.joined.since(id).is_none();
            if info.is_some() || joins {
                let Some(room) = self.room.checked_sub(known.memory()) else {
                    self.tell_full();
                    continue;
                };
                self.room = room;
            }
            if let Some(info) = info {
                self.table.insert(id, info.clone());
            }
            if let Some(since) = known.joined_ns {
                self.joined.restore(id, Nanoseconds(since));
            }
        }
    }

    fn tell_full(&mut self) {
        if !std::mem::replace(&mut self.is_full, true) {
            eprintln!(
                "tracer: the recording has more functions than a kernel: not all have names here"
            );
        }
    }
}

/// Prints a recording to `out` as it would have been printed when it was made.
pub fn replay(
    show: &Show,
    recording: Recording<impl Read>,
    out: impl Write + Send,
) -> Result<(Outcome, Readable)> {
    let replayed = replay_to(show, recording, out, Outlets::default())?;
    Ok((replayed.0, replayed.1))
}

/// Prints a recording, and gives it to who else wants it. Says what became of that, if somebody
/// does.
pub fn replay_to(
    show: &Show,
    recording: Recording<impl Read>,
    out: impl Write + Send,
    outlets: Outlets,
) -> Result<(Outcome, Readable, Option<Delivered>)> {
    let table = FunctionTable::default();
    let form = show.form(Some(out), &table, recording.head.possible_cpus);
    let (watch, feed) = Watch::start(outlets, &recording.head, show.text, Source::Recording)
        .context("nothing can be sent")?;
    let replayed = go_through(show, recording, &table, form, feed);
    let delivered = watch.end();
    tell::delivered(delivered.as_ref());
    let (outcome, readable) = replayed?;
    Ok((outcome, readable, delivered))
}

/// Gives the root calls of a recording to `form`, and makes their functions known to `table`.
pub fn replay_into<'a>(
    show: &'a Show,
    recording: Recording<impl Read>,
    table: &'a FunctionTable,
    form: Box<dyn Form + 'a>,
) -> Result<(Outcome, Readable)> {
    go_through(show, recording, table, form, Feed::default())
}

fn go_through<'a>(
    show: &'a Show,
    mut recording: Recording<impl Read>,
    table: &'a FunctionTable,
    form: Box<dyn Form + 'a>,
    feed: Feed,
) -> Result<(Outcome, Readable)> {
    let roots = &recording.head.roots;
    // Where the head is lost, nothing says what the roots return.
    if !roots.is_empty() {
        let names: Vec<_> = roots.iter().map(|it| visible(&it.name)).collect();
        let types = names
            .iter()
            .zip(roots)
            .map(|(name, it)| (&**name, it.returns.clone()));
        show.filter.check(types)?;
    }
    let joined = Joined::default();
    let printer = Printer::new(form, table, &show.filter, show.count).with_feed(feed);
    let rebuilder = Rebuilder::new(show.interrupts).with_joined(joined.clone());
    let mut pipeline = Pipeline::new(rebuilder, printer, None);
    let mut learning = Learning::new(table, &joined);
    let mut read = Ok(());
    while !pipeline.is_done() {
        let data = match recording.next_data() {
            Ok(Some(data)) => data,
            Ok(None) => break,
            Err(error) => {
                read = Err(error);
                break;
            }
        };
        learning.learn(&data);
        for step in data.steps() {
            match step {
                Step::Batch(batch) => pipeline.batch(batch),
                Step::Pass => pipeline.pass(),
            }
        }
    }
    let has_enough = pipeline.is_done();
    let end = recording.readable.end.unwrap_or_default();
    if end.ending == Ending::Enough {
        pipeline.forget_open();
    }
    let Finished {
        totals,
        filtered_out,
        unseen,
        printed,
        ..
    } = pipeline.finish(end.counters.into());
    let outcome = Outcome {
        untraced: None,
        wide: None,
        totals,
        filtered_out: show.filter.is_active().then_some(filtered_out),
        counters: end.counters.into(),
        unseen,
        ..Outcome::default()
    };
    read.context("the recording cannot be read on")?;
    let mut readable = recording.readable;
    if has_enough {
        // What comes after was not wanted, so it is not missed.
        readable.end = Some(end);
    }
    tell::totals(&outcome, None, false);
    // What could not be written says so itself.
    if printed.is_ok() {
        silent::explain_recording(&show.filter, &outcome);
    }
    tell::readable(&readable);
    tell::written(printed)?;
    Ok((outcome, readable))
}
