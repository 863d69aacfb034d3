//! A recording is the source instead of the rings.
//!
//! It goes through the same pipeline, with what the kernel had to say at the time: the functions,
//! and since when their entries were seen. What is damaged or missing is said on stderr and left
//! out, and the rest is shown.

use std::io::{self, Read, Write};

use anyhow::{Context as _, Result};

use super::{Asked, Finished, Outcome, Pipeline, Printer, Show, told};
use crate::{
    export::{Delivered, Export, Feed, Outlets, Source},
    graph::{AttachedLate, Rebuilder},
    model::{FunctionTable, Nanoseconds, RootCall, Sink, Trees},
    output::ftrace::WallClock,
    recording::{Ending, Learning, Readable, Recording, steps::Step},
    summary::Collect,
    values::escape::visible,
};

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
    let mut show = show.clone();
    // The clocks are those of when it was made.
    let head = &recording.head;
    let began = Nanoseconds(head.began_monotonic_ns);
    let clock = WallClock::of(head.began_realtime_ns, began);
    show.text.wall = show.text.wall.and(clock);
    let show = &show;
    let form = show.form(Some(out), &table, recording.head.possible_cpus);
    let (export, feed) = Export::start(outlets, &recording.head, show.text, Source::Recording)
        .context("nothing can be sent")?;
    let replayed = go_through(show, recording, &table, form, feed);
    let delivered = export.end();
    told::delivered(delivered.as_ref());
    let (outcome, readable) = replayed?;
    Ok((outcome, readable, delivered))
}

/// Gives the root calls of a recording to `collector`, and says nothing: it is read again.
pub fn glance(
    show: &Show,
    mut recording: Recording<impl Read>,
    collector: &mut impl Collect,
) -> io::Result<()> {
    recording.is_quiet = true;
    let (table, attached_late) = (FunctionTable::default(), AttachedLate::default());
    let mut learning = Learning::new(&table, &attached_late);
    let began = Nanoseconds(recording.head.began_monotonic_ns);
    let selection = show.selection.of_recording(began);
    let wants_tree = selection.needs_tree() || show.filter.needs_tree();
    let wants = if wants_tree {
        Trees::Whole
    } else {
        collector.wants()
    };
    let mut rebuilder = Rebuilder::new(show.capture.interrupts).with_trees(wants);
    let mut add = |call: RootCall| {
        let taken = selection.take(call, &table).into_iter();
        let shown = taken.filter_map(|call| show.filter.apply(call, &table));
        shown.for_each(|call| collector.add(&call));
    };
    while let Some(data) = recording.next_data()? {
        learning.learn(&data);
        for step in data.steps() {
            match step {
                Step::Batch(batch) => rebuilder.push(batch, &mut add),
                Step::Pass => rebuilder.pass(&mut add),
            }
        }
    }
    rebuilder.finish(&mut add);
    Ok(())
}

/// Gives the root calls of a recording to `form`, and makes their functions known to `table`.
pub fn replay_into<'a>(
    show: &'a Show,
    recording: Recording<impl Read>,
    table: &'a FunctionTable,
    form: Box<dyn Sink + 'a>,
) -> Result<(Outcome, Readable)> {
    go_through(show, recording, table, form, Feed::default())
}

fn go_through<'a>(
    show: &'a Show,
    mut recording: Recording<impl Read>,
    table: &'a FunctionTable,
    form: Box<dyn Sink + 'a>,
    feed: Feed,
) -> Result<(Outcome, Readable)> {
    let roots = &recording.head.roots;
    // Where the head is lost, nothing says what the roots return.
    if !roots.is_empty() && !show.selection.needs_tree() {
        let names: Vec<_> = roots.iter().map(|it| visible(&it.name)).collect();
        let types = names
            .iter()
            .zip(roots)
            .map(|(name, it)| (&**name, it.returns.clone()));
        show.filter.check(types)?;
    }
    let attached_late = AttachedLate::default();
    let began = Nanoseconds(recording.head.began_monotonic_ns);
    let printer = Printer::new(form, table, &show.filter, show.count)
        .with_selection(show.selection.of_recording(began))
        .with_feed(feed);
    let rebuilder =
        Rebuilder::new(show.capture.interrupts).with_attached_late(attached_late.clone());
    let mut pipeline = Pipeline::new(rebuilder, printer, None);
    let mut learning = Learning::new(table, &attached_late);
    let mut asked = Asked::of(show);
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
        asked.see(&data);
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
        printed,
        ..
    } = pipeline.finish(end.counters.into(), Default::default());
    let missed = recording.readable.missed;
    let outcome = Outcome {
        untraced: None,
        wide: None,
        totals,
        filtered_out: (show.filter.is_active() || show.selection.is_active())
            .then_some(filtered_out),
        counters: end.counters.into(),
        unseen: missed.lost_whole,
        skipped_roots: missed.roots.into(),
        skipped_below: missed.below.into(),
        not_recorded: if has_enough {
            Vec::new()
        } else {
            asked.missing()
        },
        ..Outcome::default()
    };
    read.context("the recording cannot be read on")?;
    let mut readable = recording.readable;
    if has_enough {
        // What comes after was not wanted, so it is not missed.
        readable.end = Some(end);
    }
    if !recording.is_quiet {
        told::totals(&outcome, false);
        // What could not be written says so itself.
        if printed.is_ok() {
            told::nothing_shown(show, &outcome);
        }
        told::readable(&readable);
    }
    told::written(printed)?;
    Ok((outcome, readable))
}
