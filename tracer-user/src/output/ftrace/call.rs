//! The lines of a call: one for a call that called nothing, else one where it begins and one where
//! it ends.
//!
//! What is known of a call stands where ftrace has it: arguments in the parentheses, stacks before
//! the line, the caller and the return value in a comment after it. Each is a method of
//! [`View`]; here is only where it stands.

use std::io::{self, Write};

use super::{FtraceWriter, colour::painted, line::Place, time, without_time};
use crate::{
    model::{Call, Closed, FunctionInfo, ReturnAddresses, table},
    values::{self, Style, Values, View, escape},
};

impl<'a, W: Write> FtraceWriter<'a, W> {
    pub(super) fn opening(&mut self, call: &Call) -> io::Result<()> {
        self.stacks(call)?;
        self.start(&Place {
            at: call.entered,
            ..without_time(call.cpu, call.context, call.depth)
        })?;
        let info = self.functions.get(call.function);
        self.name_and_arguments(call, info);
        self.buffer.extend_from_slice(b" {");
        self.words.clear();
        self.caller(call);
        if !self.words.is_empty() {
            self.buffer.extend_from_slice(b" /*");
            self.buffer.extend_from_slice(&self.words);
            self.buffer.extend_from_slice(b" */");
        }
        self.buffer.push(b'\n');
        Ok(())
    }

    /// The stacks at a call, before its line, as ftrace's `stacktrace` and `userstacktrace` show
    /// them.
    fn stacks(&mut self, call: &Call) -> io::Result<()> {
        let view = self.view(call, None);
        let mut frames = view.stack().peekable();
        if frames.peek().is_some() {
            self.buffer.extend_from_slice(b" <stack trace>\n");
        }
        for frame in frames {
            writeln!(self.buffer, " => {}", escape::visible(&frame))?;
        }
        let Some(frames) = view.user_stack() else {
            return Ok(());
        };
        self.buffer.extend_from_slice(b" <user stack trace>\n");
        for frame in &frames {
            let frame = frame.to_string();
            writeln!(self.buffer, " => {}", escape::visible(&frame))?;
        }
        match values::why_short(&frames) {
            Some(why) => writeln!(self.buffer, " => /* {why} */"),
            None => Ok(()),
        }
    }

    pub(super) fn leaf(&mut self, call: &Call) -> io::Result<()> {
        self.stacks(call)?;
        self.start(&Place {
            at: call.entered.or(call.closed.at()),
            duration: call.duration(self.options.sleep),
            ..without_time(call.cpu, call.context, call.depth)
        })?;
        let info = self.functions.get(call.function);
        self.name_and_arguments(call, info);
        self.buffer.push(b';');
        self.words.clear();
        self.caller(call);
        self.remark(call, info);
        if !self.words.is_empty() {
            // The colon stands after a name, and here is none.
            let remark = self.words.strip_prefix(b":").unwrap_or(&self.words);
            self.buffer.extend_from_slice(b" /*");
            self.buffer.extend_from_slice(remark);
            self.buffer.extend_from_slice(b" */");
        }
        self.end_of_call(call)
    }

    fn view<'c>(&self, call: &'c Call, info: Option<&'a FunctionInfo>) -> View<'a, 'c> {
        View::known(self.functions, info, call, self.options.values)
    }

    /// The name with what stands between the parentheses.
    fn name_and_arguments(&mut self, call: &Call, info: Option<&'a FunctionInfo>) {
        let name = table::name(call.function, info);
        self.buffer
            .extend_from_slice(escape::visible(&name).as_bytes());
        self.buffer.push(b'(');
        let given = self.view(call, info).given(self.capture.arguments);
        if let Some(arguments) = given {
            self.buffer.extend_from_slice(arguments.as_bytes());
        }
        self.buffer.push(b')');
    }

    pub(super) fn closing(&mut self, call: &Call) -> io::Result<()> {
        if call.closed == Closed::Open {
            return Ok(());
        }
        let cpu = match call.closed {
            Closed::Returned { cpu, .. } => cpu,
            _ => call.cpu,
        };
        self.start(&Place {
            at: call.closed.at(),
            duration: call.duration(self.options.sleep),
            ..without_time(cpu, call.context, call.depth)
        })?;
        let info = self.functions.get(call.function);
        self.words.clear();
        self.remark(call, info);
        self.buffer.push(b'}');
        if !self.words.is_empty() || self.options.tail {
            self.buffer.extend_from_slice(b" /* ");
            let name = table::name(call.function, info);
            self.buffer
                .extend_from_slice(escape::visible(&name).as_bytes());
            self.buffer.extend_from_slice(&self.words);
            self.buffer.extend_from_slice(b" */");
        }
        self.end_of_call(call)
    }

    /// Ends the line in which a call ends.
    fn end_of_call(&mut self, call: &Call) -> io::Result<()> {
        if call.off_cpu.0 > 0 && call.closed != Closed::Open {
            write!(self.buffer, " /* off-cpu {}", time::span(call.off_cpu.0))?;
            if let Some(time) = call.cpu_time().filter(|_| self.options.cpu_time) {
                write!(self.buffer, ", on-cpu {}", time::span(time.0))?;
            }
            self.buffer.extend_from_slice(b" */");
        }
        match call.folded {
            None | Some(0) => {}
            Some(1) => self.buffer.extend_from_slice(b" /* 1 call folded */"),
            Some(calls) => write!(self.buffer, " /* {calls} calls folded */")?,
        }
        self.buffer.push(b'\n');
        Ok(())
    }

    /// Appends to `words` who made a call, if that is known and wanted.
    fn caller(&mut self, call: &Call) {
        if self.capture.callers == ReturnAddresses::Recorded
            && let Some(caller) = self.view(call, None).caller()
        {
            self.words.extend_from_slice(b" <-");
            self.words
                .extend_from_slice(escape::visible(&caller).as_bytes());
        }
    }

    /// Appends to `words` what stands in the comment after a call: its return value, or what is
    /// missing.
    fn remark(&mut self, call: &Call, info: Option<&FunctionInfo>) {
        let Closed::Returned { value, .. } = call.closed else {
            let words = match call.closed {
                Closed::Unseen => ": return not seen",
                _ => ": did not return",
            };
            return self.words.extend_from_slice(words.as_bytes());
        };
        let before = self.words.len();
        self.words.extend_from_slice(b" = ");
        let is_shown = self.value(info, value);
        if !is_shown {
            self.words.truncate(before);
        }
        if call.entered.is_none() {
            let before = if is_shown { b',' } else { b':' };
            self.words.push(before);
            self.words.extend_from_slice(b" entry not seen");
        }
    }

    /// Appends the return value to `words`, if it is shown.
    fn value(&mut self, info: Option<&FunctionInfo>, value: u64) -> bool {
        let returns = info.and_then(|info| info.returns.as_ref());
        let style = match self.options.values {
            Values::Hidden => return false,
            Values::Hex => Style::Hex,
            Values::Typed => Style::Typed,
        };
        let colour = self.options.colour.of_return(returns, value);
        let functions = Some(self.functions);
        painted(&mut self.words, colour, |words| {
            values::append_return(words, functions, returns, value, style)
        })
    }
}
