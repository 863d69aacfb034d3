//! Parquet: the rows of the CSV form, by column, compressed and with types, for DuckDB, pandas,
//! Spark and their like.
//!
//! Rows are collected and written as a row group when there are [`ROWS`] of them, so memory holds
//! one group, and for each group that was written what the file's end says of it. A file without
//! its end cannot be read: it is written when the trace ends, also by Ctrl-C, but not after
//! SIGKILL. For that there are recordings.

mod columns;

use std::{
    io::{self, Write},
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    basic::Compression,
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::parser::parse_message_type,
};
use rustc_hash::FxHashMap;

use self::columns::{Columns, SCHEMA};
use super::csv;
use crate::{
    model::{Call, FunctionId, FunctionTable, Mark, Nanoseconds, Node, RootCall, Sink, SleepTime},
    values::{MarkView, Typed, Values, View, words},
};

/// Rows of a group: what DuckDB takes at once (122,880) and some more.
const ROWS: usize = 1 << 17;

/// Writes calls as rows of a Parquet file.
pub struct ParquetWriter<'a, W: Write + Send> {
    /// Until it is begun.
    out: Option<W>,
    file: Option<SerializedFileWriter<W>>,
    functions: &'a FunctionTable,
    values: Values,
    sleep: SleepTime,
    root_calls: i64,
    names: FxHashMap<FunctionId, ByteArray>,
    columns: Columns,
}

impl<'a, W: Write + Send> ParquetWriter<'a, W> {
    /// Writes to `out`.
    pub fn new(out: W, functions: &'a FunctionTable, values: Values, sleep: SleepTime) -> Self {
        Self {
            out: Some(out),
            file: None,
            functions,
            values,
            sleep,
            root_calls: 0,
            names: FxHashMap::default(),
            columns: Columns::default(),
        }
    }

    fn row(&mut self, root: &RootCall, names: &Names, node: &Node) {
        let columns = &mut self.columns;
        columns.root_call.push(self.root_calls);
        columns.task.push(root.task.id().0.cast_signed());
        columns.comm.push(names.comm.clone());
        columns.depth.push(node.depth().cast_signed());
        columns.cpu.push(node.cpu().0.cast_signed());
        columns.kind.push(word(csv::kind(node)));
        columns.process.set(names.process.clone());
        match node {
            Node::Call(call) => self.call(call),
            Node::Mark(mark) => self.mark(mark),
            Node::Gap {
                events, missing, ..
            } => columns.no_call(events.cast_signed(), csv::end_of_gap(*missing).map(word)),
        }
    }

    fn call(&mut self, call: &Call) {
        let name = self.name(call.function);
        let caller = call.details.caller().map(|caller| self.name(caller));
        let view = View::new(self.functions, call, self.values);
        let value = view.value();
        let columns = &mut self.columns;
        columns.function.push(name);
        let context = words::context(call.context).unwrap_or("task");
        columns.context.push(word(context));
        columns.entered_ns.set(call.entered.map(signed));
        columns.returned_ns.set(call.closed.at().map(signed));
        columns
            .duration_ns
            .set(call.duration(self.sleep).map(signed));
        columns.off_cpu_ns.push(signed(call.off_cpu));
        columns.cpu_ns.set(call.cpu_time().map(signed));
        let text = value.map(|value| ByteArray::from(value.to_string().into_bytes()));
        columns.value.set(text);
        columns
            .error
            .set(value.and_then(Typed::error_name).map(word));
        columns.end.push(word(words::closed(call.closed)));
        columns.lost.set(None);
        columns.caller.set(caller);
        let arguments = view.arguments();
        columns
            .arguments
            .set(arguments.map(|text| ByteArray::from(text.into_bytes())));
    }

    fn mark(&mut self, mark: &Mark) {
        let name = self.name(mark.event);
        let context = word(words::context(mark.context).unwrap_or("task"));
        let text = MarkView::new(self.functions, mark).text();
        let record = ByteArray::from(text.into_bytes());
        self.columns.event(name, context, signed(mark.at), record);
    }

    /// A function's name, shared by all rows that have it.
    fn name(&mut self, id: FunctionId) -> ByteArray {
        if let Some(name) = self.names.get(&id) {
            return name.clone();
        }
        let name = ByteArray::from(&*self.functions.name(id));
        // One that is not known may become so.
        if self.functions.get(id).is_some() {
            self.names.insert(id, name.clone());
        }
        name
    }

    fn write_group(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut group = file.next_row_group().map_err(failed)?;
        self.columns.write(&mut group).map_err(failed)?;
        group.close().map_err(failed)?;
        Ok(())
    }
}

impl<W: Write + Send> Sink for ParquetWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        let Some(out) = self.out.take() else {
            return Ok(());
        };
        let schema = parse_message_type(SCHEMA).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
            // What is said of every page would stay in memory to the end.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties));
        self.file = Some(file.map_err(failed)?);
        Ok(())
    }

    fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
        self.root_calls += 1;
        let process = root.other_process();
        let names = Names {
            comm: ByteArray::from(&*root.comm()),
            process: process.map(|name| ByteArray::from(&*String::from_utf8_lossy(name.bytes()))),
        };
        for node in &root.nodes {
            self.row(root, &names, node);
            if self.columns.rows() == ROWS {
                self.write_group()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if self.columns.rows() > 0 {
            self.write_group()?;
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.finish().map_err(failed)?;
        file.inner_mut().flush()
    }
}

/// What the task and its process are called.
struct Names {
    comm: ByteArray,
    process: Option<ByteArray>,
}

/// A time as the column holds it: the schema says that there is no sign.
const fn signed(time: Nanoseconds) -> i64 {
    time.0.cast_signed()
}

/// A word of this form.
fn word(word: &'static str) -> ByteArray {
    Bytes::from_static(word.as_bytes()).into()
}

/// What the output said, if it was the output.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        other => io::Error::other(other),
    }
}
