//! Parquet files, read back by the crate's reader and held against the CSV form.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
mod made_up;

use std::io::{self, Write};

use by_hand::{detailed, everything, functions, marked, nested, written};
use made_up::calls;
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use proptest::prelude::*;
use tracer::{
    model::{FunctionTable, RootCall, Sink, SleepTime},
    output::{Format, parquet::ParquetWriter},
    pipeline::{Show, Shown},
    values::Values,
};

fn in_form(format: Format, functions: &FunctionTable, calls: &[RootCall]) -> Vec<u8> {
    let show = Show {
        result: Shown::Each(format),
        ..Show::default()
    };
    written(&show, functions, calls)
}

fn reader(bytes: Vec<u8>) -> SerializedFileReader<bytes::Bytes> {
    SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap()
}

/// The names of the columns, then the rows, all as text.
fn rows(bytes: Vec<u8>) -> Vec<Vec<String>> {
    let reader = reader(bytes);
    let schema = reader.metadata().file_metadata().schema_descr();
    let names = schema
        .columns()
        .iter()
        .map(|column| column.name().to_owned());
    let mut rows = vec![names.collect::<Vec<_>>()];
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let cells = row.get_column_iter().map(|(_, field)| match field {
            Field::Null => String::new(),
            Field::UInt(number) => number.to_string(),
            Field::ULong(number) => number.to_string(),
            Field::Str(text) => text.clone(),
            other => panic!("{other:?} is of no type that was written"),
        });
        rows.push(cells.collect());
    }
    rows
}

fn csv_rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes);
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

#[test]
fn rows_are_those_of_csv() {
    let mut calls = everything();
    calls.extend([detailed(), marked()]);
    let csv = csv_rows(&in_form(Format::Csv, &functions(), &calls));
    assert!(csv.len() > 12);
    assert_eq!(rows(in_form(Format::Parquet, &functions(), &calls)), csv);
}

/// So memory is bounded, however long the trace is.
#[test]
fn groups_are_not_larger_than_said() {
    let calls = vec![nested(); 50_000];
    let reader = reader(in_form(Format::Parquet, &functions(), &calls));
    let groups = reader.metadata().row_groups().iter();
    let sizes: Vec<_> = groups
        .map(parquet::file::metadata::RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(sizes, [131_072, 131_072, 37_856]);
}

#[test]
fn an_output_that_is_full_says_so_itself() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let functions = functions();
    let mut form = ParquetWriter::new(Full, &functions, Values::Typed, SleepTime::Counted);
    let all = form
        .begin()
        .and_then(|()| form.root_call(&nested()))
        .and_then(|()| form.end());
    assert_eq!(all.unwrap_err().kind(), io::ErrorKind::StorageFull);
}

proptest! {
    #[test]
    fn any_rows_are_those_of_csv(calls in calls()) {
        let functions = made_up::functions();
        let csv = csv_rows(&in_form(Format::Csv, &functions, &calls));
        prop_assert_eq!(rows(in_form(Format::Parquet, &functions, &calls)), csv);
    }
}
