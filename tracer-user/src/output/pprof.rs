//! pprof's form: the time and the calls of each path, as `go tool pprof` and others read it.
//!
//! One protobuf message, compressed by gzip (proto/profile.proto of github.com/google/pprof). A
//! sample is a path with the calls that end there and the time that they took themselves; so the
//! time above it is the sum, as pprof makes it. Written when the trace ends.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use flate2::{Compression, write::GzEncoder};
use prost::Message;

use crate::{
    model::{FunctionId, FunctionTable},
    summary::Merged,
};

#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
    #[prost(message, optional, tag = "11")]
    period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    period: i64,
    #[prost(int64, tag = "14")]
    default_sample_type: i64,
}

/// Both are places in the table of strings.
#[derive(Clone, Copy, PartialEq, Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    /// The innermost first.
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(message, repeated, tag = "4")]
    line: Vec<Line>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function_id: u64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    name: i64,
    #[prost(int64, tag = "3")]
    system_name: i64,
}

/// The strings that are always there, in their places; the first one must be empty.
const WORDS: [&str; 5] = ["", "calls", "count", "time", "nanoseconds"];
const CALLS: ValueType = ValueType { kind: 1, unit: 2 };
const TIME: ValueType = ValueType { kind: 3, unit: 4 };

/// Writes what was merged.
pub fn write(merged: &Merged, functions: &FunctionTable, out: &mut impl Write) -> io::Result<()> {
    let mut profile = Profile {
        sample_type: vec![CALLS, TIME],
        string_table: WORDS.map(str::to_owned).to_vec(),
        period_type: Some(TIME),
        period: 1,
        default_sample_type: TIME.kind,
        ..Profile::default()
    };
    let mut ids = HashMap::new();
    merged.walk(&mut |path| {
        let locations = path.functions.iter().rev();
        let location_id = locations
            .map(|&function| id(&mut profile, &mut ids, function, functions))
            .collect();
        let numbers = [path.sums.calls, path.sums.self_time.0];
        profile.sample.push(Sample {
            location_id,
            value: numbers.map(signed).to_vec(),
        });
    });
    let mut compressed = GzEncoder::new(out, Compression::default());
    compressed.write_all(&profile.encode_to_vec())?;
    compressed.finish()?;
    Ok(())
}

/// A function's number, which is that of its one location, too.
fn id(
    profile: &mut Profile,
    ids: &mut HashMap<FunctionId, u64>,
    function: FunctionId,
    functions: &FunctionTable,
) -> u64 {
    let new = ids.len() as u64 + 1;
    let id = *ids.entry(function).or_insert(new);
    if id == new {
        let name = signed(profile.string_table.len() as u64);
        profile
            .string_table
            .push(functions.name(function).into_owned());
        profile.function.push(Function {
            id,
            name,
            system_name: name,
        });
        profile.location.push(Location {
            id,
            line: vec![Line { function_id: id }],
        });
    }
    id
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
