//! Events that the kernel has tracepoints for: by name, and what each records.
//!
//! tracefs has a directory for each, `events/SYSTEM/NAME`, with its number for perf (`id`) and with
//! what it records (`format`: the fields as they lie in memory, and how the kernel prints them).
//! Events of modules are there as long as the module is loaded.

use std::collections::BTreeSet;

use thiserror::Error;
use tracer_common::MARK_RECORD;
use wildmatch::WildMatch;

use super::tracefs::{Tracefs, TracefsError};
use crate::{
    exit_code::{Exit, HasExit},
    model::{RecordField, RecordFieldKind, RecordType, did_you_mean, near},
};

/// Where the kernel lists them, `SYSTEM:NAME` a line.
const LIST: &str = "available_events";

/// What to do where no name is near.
const LISTED: &str = "/sys/kernel/tracing/available_events lists them";

/// Why there is no event.
#[derive(Debug, Error)]
pub enum EventError {
    /// tracefs does not say which there are.
    #[error(transparent)]
    Tracefs(#[from] TracefsError),
    /// Nothing is called so.
    #[error("no event of the kernel is called `{name}`{}", did_you_mean(.near, LISTED))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names that look like it.
        near: Vec<String>,
    },
    /// Nothing matches.
    #[error(
        "no event of the kernel matches `{0}`; /sys/kernel/tracing/available_events lists them"
    )]
    NoMatch(String),
}

impl HasExit for EventError {
    fn exit(&self) -> Option<Exit> {
        Some(match self {
            Self::Tracefs(_) => Exit::Kernel,
            Self::Unknown { .. } | Self::NoMatch(_) => Exit::Function,
        })
    }
}

/// An event that has a tracepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// Its name, such as `sched_waking`.
    pub name: String,
    /// By what perf knows it.
    pub id: u64,
    /// What it records.
    pub record: RecordType,
}

/// The events that these mean, each `SYSTEM:NAME`, or a system or a name alone; all may be globs.
/// In the order of the kernel's list, each once.
pub fn find(patterns: &[String]) -> Result<Vec<TraceEvent>, EventError> {
    if patterns.is_empty() {
        return Ok(Vec::new());
    }
    let tracefs = Tracefs::open()?;
    let list = String::from_utf8_lossy(&tracefs.read(LIST)?).into_owned();
    let events = names(&list, patterns)?;
    let events = events.into_iter().map(|name| read(&tracefs, name));
    Ok(events.collect::<Result<_, _>>()?)
}

/// The names in a list of all that these mean.
fn names<'a>(list: &'a str, patterns: &[String]) -> Result<Vec<&'a str>, EventError> {
    let mut found = BTreeSet::new();
    for pattern in patterns {
        let before = found.len();
        let is_meant = matcher(pattern);
        let meant = list.lines().enumerate().filter(|(_, name)| is_meant(name));
        let mut is_any = false;
        found.extend(meant.inspect(|_| is_any = true));
        if before == found.len() && !is_any {
            return Err(none(list, pattern));
        }
    }
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

/// Says of a name whether a pattern means it.
fn matcher(pattern: &str) -> impl Fn(&str) -> bool {
    let pattern = pattern.trim();
    let (system, event) = match pattern.split_once(':') {
        Some((system, "")) => (Some(system), "*"),
        Some((system, event)) => (Some(system), event),
        None => (None, pattern),
    };
    let (system, event) = (system.map(WildMatch::new), WildMatch::new(event));
    move |name: &str| {
        let Some((its_system, its_event)) = name.split_once(':') else {
            return false;
        };
        match &system {
            Some(system) => system.matches(its_system) && event.matches(its_event),
            None => event.matches(its_event) || event.matches(its_system),
        }
    }
}

fn none(list: &str, pattern: &str) -> EventError {
    if pattern.contains(['*', '?']) {
        return EventError::NoMatch(pattern.to_owned());
    }
    let near = if pattern.contains(':') {
        near(pattern, list.lines(), |_| true)
    } else {
        let events = list.lines().filter_map(|name| name.split_once(':'));
        near(pattern, events.map(|(_, event)| event), |_| true)
    };
    EventError::Unknown {
        name: pattern.to_owned(),
        near,
    }
}

fn read(tracefs: &Tracefs, full_name: &str) -> Result<TraceEvent, TracefsError> {
    let (system, name) = full_name.split_once(':').unwrap_or(("", full_name));
    let file = |file: &str| format!("events/{system}/{name}/{file}");
    let text = |file: &str| {
        Ok::<_, TracefsError>(String::from_utf8_lossy(&tracefs.read(file)?).into_owned())
    };
    let id = text(&file("id"))?;
    let id = id.trim().parse();
    let id = id.map_err(|_| tracefs.malformed(&file("id"), ""))?;
    let record = parse(system, &text(&file("format"))?);
    Ok(TraceEvent {
        name: name.to_owned(),
        id,
        record,
    })
}

/// What `format` says. Lines that are not understood are skipped.
pub fn parse(system: &str, format: &str) -> RecordType {
    let print = format
        .split_once("print fmt: ")
        .map_or("", |(_, print)| print);
    RecordType {
        system: system.to_owned(),
        fields: format.lines().filter_map(field).collect(),
        print: print.trim_end().to_owned(),
    }
}

/// A field of a line such as `field:char comm[16]; offset:8; size:16; signed:0;`. None of what all
/// events have in common.
fn field(line: &str) -> Option<RecordField> {
    let line = line.trim().strip_prefix("field:")?;
    let mut parts = line.split(';').map(str::trim);
    let declaration = parts.next()?;
    let mut number = |key: &str| {
        let part = parts.next()?.strip_prefix(key)?;
        part.parse::<u32>().ok()
    };
    let offset = number("offset:")?.checked_sub(MARK_RECORD.into())?;
    let bytes = number("size:")?;
    let signed = number("signed:")? != 0;
    let (name, kind) = kind(declaration, bytes, signed)?;
    Some(RecordField {
        name,
        offset,
        bytes,
        kind,
    })
}

/// The name and the kind of what a declaration declares.
fn kind(declaration: &str, bytes: u32, signed: bool) -> Option<(String, RecordFieldKind)> {
    if let Some(variable) = declaration.strip_prefix("__data_loc ") {
        let (element, name) = variable.rsplit_once(' ')?;
        let element = element.trim_end_matches("[]");
        let kind = if is_char(element) {
            RecordFieldKind::VariableText
        } else {
            let (each, signed) = size_of(element);
            RecordFieldKind::VariableNumbers { each, signed }
        };
        return Some((name.to_owned(), kind));
    }
    if let Some((declared, length)) = declaration.split_once('[') {
        let (element, name) = declared.rsplit_once(' ')?;
        let kind = if is_char(element) {
            RecordFieldKind::Text
        } else {
            let length = length.trim_end_matches(']').parse::<u32>().ok();
            let each = length.and_then(|length| bytes.checked_div(length));
            let each = each.unwrap_or_else(|| size_of(element).0);
            RecordFieldKind::Numbers { each, signed }
        };
        return Some((name.to_owned(), kind));
    }
    let (element, name) = declaration.rsplit_once([' ', '*'])?;
    let is_pointer = declaration.contains('*') && bytes == 8;
    let kind = match bytes {
        _ if is_pointer => RecordFieldKind::Pointer,
        1 | 2 | 4 | 8 => RecordFieldKind::Number { signed },
        _ => {
            let (each, signed) = size_of(element);
            RecordFieldKind::Numbers { each, signed }
        }
    };
    Some((name.to_owned(), kind))
}

fn is_char(element: &str) -> bool {
    element.trim_start_matches("const ").trim() == "char"
}

/// Bytes of a number of that type, and whether it may be below 0; 0 if the type is no number's that
/// is known.
fn size_of(element: &str) -> (u32, bool) {
    match element.trim_start_matches("const ").trim() {
        "u8" | "__u8" | "unsigned char" | "uint8_t" | "bool" => (1, false),
        "s8" | "__s8" | "signed char" => (1, true),
        "u16" | "__u16" | "unsigned short" | "__be16" | "__le16" => (2, false),
        "s16" | "__s16" | "short" => (2, true),
        "u32" | "__u32" | "unsigned int" | "unsigned" | "__be32" | "__le32" => (4, false),
        "s32" | "__s32" | "int" => (4, true),
        "u64" | "__u64" | "unsigned long" | "unsigned long long" | "__be64" | "__le64" => {
            (8, false)
        }
        "s64" | "__s64" | "long" | "long long" => (8, true),
        _ => (0, false),
    }
}

#[cfg(test)]
mod tests;
