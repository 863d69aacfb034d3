//! JSON lines: one object for each root call. Its schema is docs/json.schema.json, described in
//! docs/formats.md.
//!
//! A line is a root call as a whole, so a reader of lines never has half of one. Fields that would
//! say nothing are not there: a call has a `context` if it was made in an interrupt, an
//! `off_cpu_ns` and `cpu_ns` if it slept. Times are whole nanoseconds; what may not fit a double
//! without loss, a register in hex, is a string.
//!
//! Calls are written without a detour, for a replay spends most of its time on them: what stands
//! before a function's numbers is escaped once for each function. Only what comes from elsewhere
//! (names) needs escaping, and that serde does.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use crate::{
    model::{
        Call, Closed, FunctionId, FunctionInfo, FunctionTable, Mark, Missing, Node, RootCall, Sink,
        SleepTime, table,
    },
    values::{MarkView, Typed, Values, View, escape, words},
};

/// Writes root calls as JSON lines.
pub struct JsonWriter<'a, W> {
    out: W,
    functions: &'a FunctionTable,
    values: Values,
    sleep: SleepTime,
    known: FxHashMap<FunctionId, Known<'a>>,
    buffer: Vec<u8>,
}

/// A function that has been written before.
struct Known<'a> {
    info: &'a FunctionInfo,
    /// What a call of it begins with.
    beginning: Vec<u8>,
}

impl<'a, W: Write> JsonWriter<'a, W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W, functions: &'a FunctionTable, values: Values, sleep: SleepTime) -> Self {
        Self {
            out,
            functions,
            values,
            sleep,
            known: FxHashMap::default(),
            buffer: Vec::new(),
        }
    }

    fn nodes(&mut self, line: &mut Vec<u8>, nodes: &[Node]) -> io::Result<()> {
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            match node {
                Node::Call(call) => self.call(line, call)?,
                Node::Mark(mark) => self.mark(line, mark)?,
                Node::Gap {
                    depth,
                    events,
                    missing,
                    cpu,
                } => {
                    number(line, r#"{"gap":"#, *events);
                    if *missing == Missing::NotKept {
                        word(line, r#","why":"#, "not_kept");
                    }
                    number(line, r#","depth":"#, *depth);
                    number(line, r#","cpu":"#, cpu.0);
                    line.push(b'}');
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, line: &mut Vec<u8>, call: &Call) -> io::Result<()> {
        let info = self.begin(line, call.function)?;
        number(line, "", call.depth);
        number(line, r#","cpu":"#, call.cpu.0);
        if let Some(context) = words::context(call.context) {
            word(line, r#","context":"#, context);
        }
        match (call.entered, call.closed.at()) {
            (Some(at), _) => number(line, r#","entered_ns":"#, at.0),
            (None, Some(at)) => number(line, r#","returned_ns":"#, at.0),
            (None, None) => {}
        }
        if let Some(span) = call.duration(self.sleep) {
            number(line, r#","duration_ns":"#, span.0);
        }
        let view = View::known(self.functions, info, call, self.values);
        for (name, time) in view.times() {
            number(line, &format!(r#","{name}":"#), time.0);
        }
        if let Closed::Returned { cpu, .. } = call.closed
            && cpu != call.cpu
        {
            number(line, r#","returned_cpu":"#, cpu.0);
        }
        if let Some(value) = view.value() {
            returned(line, value);
        }
        if let Some(caller) = view.caller() {
            line.extend_from_slice(br#","caller":"#);
            escape::json(&mut *line, &*caller)?;
        }
        let arguments = view.typed_arguments();
        if !arguments.is_empty() {
            line.extend_from_slice(br#","arguments":"#);
            escape::json(&mut *line, &arguments)?;
        }
        let fields = view.typed_fields();
        if !fields.is_empty() {
            line.extend_from_slice(br#","fields":"#);
            escape::json(&mut *line, &fields)?;
        }
        stacks(line, view)?;
        if let Some(folded) = call.folded {
            number(line, r#","folded":"#, folded);
        }
        if !matches!(call.closed, Closed::Returned { .. }) {
            word(line, r#","end":"#, words::closed(call.closed));
        }
        line.push(b'}');
        Ok(())
    }

    fn mark(&self, line: &mut Vec<u8>, mark: &Mark) -> io::Result<()> {
        let view = MarkView::new(self.functions, mark);
        line.extend_from_slice(br#"{"event":"#);
        escape::json(&mut *line, &*view.name())?;
        if let Some(system) = view.system() {
            line.extend_from_slice(br#","system":"#);
            escape::json(&mut *line, system)?;
        }
        number(line, r#","depth":"#, mark.depth);
        number(line, r#","cpu":"#, mark.cpu.0);
        if let Some(context) = words::context(mark.context) {
            word(line, r#","context":"#, context);
        }
        number(line, r#","at_ns":"#, mark.at.0);
        line.extend_from_slice(br#","fields":{"#);
        for (index, (name, value)) in view.fields().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            escape::json(&mut *line, name)?;
            line.push(b':');
            escape::json(&mut *line, &value)?;
        }
        line.extend_from_slice(b"}}");
        Ok(())
    }

    /// Begins a call, up to its depth; says what is known of the function.
    fn begin(
        &mut self,
        line: &mut Vec<u8>,
        id: FunctionId,
    ) -> io::Result<Option<&'a FunctionInfo>> {
        if let Some(known) = self.known.get(&id) {
            line.extend_from_slice(&known.beginning);
            return Ok(Some(known.info));
        }
        let start = line.len();
        let info = self.functions.get(id);
        line.extend_from_slice(br#"{"function":"#);
        escape::json(&mut *line, &*table::name(id, info))?;
        line.extend_from_slice(br#","depth":"#);
        // One that is not known may become so.
        if let Some(info) = info {
            let beginning = line[start..].to_vec();
            self.known.insert(id, Known { info, beginning });
        }
        Ok(info)
    }
}

impl<W: Write> Sink for JsonWriter<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, root: &RootCall) -> io::Result<()> {
        let mut line = std::mem::take(&mut self.buffer);
        line.clear();
        number(&mut line, r#"{"task":"#, root.task.id().0);
        line.extend_from_slice(br#","comm":"#);
        escape::json(&mut line, &*root.comm())?;
        if let Some(process) = root.other_process() {
            line.extend_from_slice(br#","process":"#);
            escape::json(&mut line, &*String::from_utf8_lossy(process.bytes()))?;
        }
        word(&mut line, r#","end":"#, words::end(root.end));
        number(&mut line, r#","events":"#, root.events);
        number(&mut line, r#","lost":"#, root.lost);
        if root.not_kept > 0 {
            number(&mut line, r#","not_kept":"#, root.not_kept);
        }
        number(&mut line, r#","gaps":"#, root.gaps);
        line.extend_from_slice(br#","calls":["#);
        self.nodes(&mut line, &root.nodes)?;
        line.extend_from_slice(b"]}\n");
        let written = self.out.write_all(&line);
        self.buffer = line;
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Appends a number. `key` is all that stands before it.
#[inline]
fn number(line: &mut Vec<u8>, key: &str, number: impl Into<u64>) {
    line.extend_from_slice(key.as_bytes());
    match number.into() {
        // Most depths, CPUs and return values.
        #[allow(clippy::cast_possible_truncation, reason = "a digit")]
        digit @ 0..=9 => line.push(b'0' + digit as u8),
        number => line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
}

/// Appends a number that may be below 0.
fn signed(line: &mut Vec<u8>, key: &str, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        return number(line, key, value);
    }
    line.extend_from_slice(key.as_bytes());
    line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a word of this form, in which there is nothing to escape.
fn word(line: &mut Vec<u8>, key: &str, word: &'static str) {
    line.extend_from_slice(key.as_bytes());
    line.push(b'"');
    line.extend_from_slice(word.as_bytes());
    line.push(b'"');
}

/// Appends a return value, with its name if it is an error.
fn returned(line: &mut Vec<u8>, value: Typed) {
    const KEY: &str = r#","value":"#;
    match value {
        Typed::Bool(true) => line.extend_from_slice(br#","value":true"#),
        Typed::Bool(false) => line.extend_from_slice(br#","value":false"#),
        Typed::Signed(value) | Typed::Listed(value) => signed(line, KEY, value),
        Typed::Unsigned(value) => number(line, KEY, value),
        Typed::Bits(bits) => {
            line.extend_from_slice(br#","value":"0x"#);
            hex(line, bits);
            line.push(b'"');
        }
    }
    if let Some(name) = value.error_name() {
        word(line, r#","error":"#, name);
    }
}

/// Appends the digits of a number, most significant first, without zeros in front.
fn hex(line: &mut Vec<u8>, number: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 16];
    for (two, byte) in digits
        .as_chunks_mut()
        .0
        .iter_mut()
        .zip(number.to_be_bytes())
    {
        *two = [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ];
    }
    let zeros = (number | 1).leading_zeros() as usize / 4;
    line.extend_from_slice(&digits[zeros..]);
}

/// Appends the stacks at a call that were recorded.
fn stacks(line: &mut Vec<u8>, view: View<'_, '_>) -> io::Result<()> {
    let stack: Vec<_> = view.stack().collect();
    if !stack.is_empty() {
        line.extend_from_slice(br#","stack":"#);
        escape::json(&mut *line, &stack)?;
    }
    if let Some(frames) = view.user_stack() {
        let frames: Vec<String> = frames.iter().map(ToString::to_string).collect();
        line.extend_from_slice(br#","user_stack":"#);
        escape::json(&mut *line, &frames)?;
    }
    Ok(())
}
