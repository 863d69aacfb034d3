//! Rows side by side, column by column, as Parquet wants them: values that are there, and for each
//! row whether one is.

use std::io::Write;

use parquet::{
    data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type},
    errors::{ParquetError, Result},
    file::writer::SerializedRowGroupWriter,
};

/// The columns and their types: those of the CSV form.
pub const SCHEMA: &str = "
message calls {
    required int64 root_call (integer(64, false));
    required int32 task (integer(32, false));
    required binary comm (string);
    required int32 depth (integer(32, false));
    optional binary function (string);
    required int32 cpu (integer(32, false));
    optional binary context (string);
    optional int64 entered_ns (integer(64, false));
    optional int64 returned_ns (integer(64, false));
    optional int64 duration_ns (integer(64, false));
    optional int64 off_cpu_ns (integer(64, false));
    optional binary value (string);
    optional binary error (string);
    optional binary end (string);
    optional int64 lost (integer(64, false));
    optional binary caller (string);
    optional binary arguments (string);
    required binary kind (string);
    optional int64 cpu_ns (integer(64, false));
    optional binary process (string);
}";

/// Rows that are not written yet.
#[derive(Default)]
pub struct Columns {
    pub root_call: Column<i64>,
    pub task: Column<i32>,
    pub comm: Column<ByteArray>,
    pub depth: Column<i32>,
    pub function: Column<ByteArray>,
    pub cpu: Column<i32>,
    pub context: Column<ByteArray>,
    pub entered_ns: Column<i64>,
    pub returned_ns: Column<i64>,
    pub duration_ns: Column<i64>,
    pub off_cpu_ns: Column<i64>,
    pub value: Column<ByteArray>,
    pub error: Column<ByteArray>,
    pub end: Column<ByteArray>,
    pub lost: Column<i64>,
    pub caller: Column<ByteArray>,
    pub arguments: Column<ByteArray>,
    pub kind: Column<ByteArray>,
    pub cpu_ns: Column<i64>,
    pub process: Column<ByteArray>,
}

impl Columns {
    /// How many there are.
    pub fn rows(&self) -> usize {
        self.root_call.values.len()
    }

    /// Something that happened within a call, with what was recorded of it.
    pub fn event(&mut self, name: ByteArray, context: ByteArray, at: i64, record: ByteArray) {
        self.function.push(name);
        self.context.push(context);
        self.entered_ns.push(at);
        self.arguments.push(record);
        for column in [
            &mut self.value,
            &mut self.error,
            &mut self.end,
            &mut self.caller,
        ] {
            column.set(None);
        }
        for column in [
            &mut self.returned_ns,
            &mut self.duration_ns,
            &mut self.off_cpu_ns,
            &mut self.cpu_ns,
            &mut self.lost,
        ] {
            column.set(None);
        }
    }

    /// Where there is no call, there is nothing of it; `end` says what became of the events.
    pub fn no_call(&mut self, lost: i64, end: Option<ByteArray>) {
        for column in [
            &mut self.function,
            &mut self.context,
            &mut self.value,
            &mut self.error,
            &mut self.caller,
            &mut self.arguments,
        ] {
            column.set(None);
        }
        for column in [
            &mut self.entered_ns,
            &mut self.returned_ns,
            &mut self.duration_ns,
            &mut self.off_cpu_ns,
            &mut self.cpu_ns,
        ] {
            column.set(None);
        }
        self.end.set(end);
        self.lost.push(lost);
    }

    /// Writes all rows as one group, in the order of [`SCHEMA`], and begins anew.
    pub fn write<W: Write + Send>(
        &mut self,
        out: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        self.root_call.write::<Int64Type, _>(out)?;
        self.task.write::<Int32Type, _>(out)?;
        self.comm.write::<ByteArrayType, _>(out)?;
        self.depth.write::<Int32Type, _>(out)?;
        self.function.write::<ByteArrayType, _>(out)?;
        self.cpu.write::<Int32Type, _>(out)?;
        self.context.write::<ByteArrayType, _>(out)?;
        self.entered_ns.write::<Int64Type, _>(out)?;
        self.returned_ns.write::<Int64Type, _>(out)?;
        self.duration_ns.write::<Int64Type, _>(out)?;
        self.off_cpu_ns.write::<Int64Type, _>(out)?;
        self.value.write::<ByteArrayType, _>(out)?;
        self.error.write::<ByteArrayType, _>(out)?;
        self.end.write::<ByteArrayType, _>(out)?;
        self.lost.write::<Int64Type, _>(out)?;
        self.caller.write::<ByteArrayType, _>(out)?;
        self.arguments.write::<ByteArrayType, _>(out)?;
        self.kind.write::<ByteArrayType, _>(out)?;
        self.cpu_ns.write::<Int64Type, _>(out)?;
        self.process.write::<ByteArrayType, _>(out)
    }
}

/// One column. [`Self::set`] and [`Self::push`] make a row of it.
#[derive(Default)]
pub struct Column<T> {
    values: Vec<T>,
    /// For each row 1 if it has a value, else 0: Parquet's definition levels.
    present: Vec<i16>,
}

impl<T> Column<T> {
    /// A row that has a value.
    pub fn push(&mut self, value: T) {
        self.values.push(value);
        self.present.push(1);
    }

    /// A row that may have one.
    pub fn set(&mut self, value: Option<T>) {
        self.present.push(value.is_some().into());
        self.values.extend(value);
    }

    fn write<D: DataType<T = T>, W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        let too_many = || ParquetError::General("a column too many".to_owned());
        let mut column = group.next_column()?.ok_or_else(too_many)?;
        column
            .typed::<D>()
            .write_batch(&self.values, Some(&self.present), None)?;
        column.close()?;
        self.values.clear();
        self.present.clear();
        Ok(())
    }
}
