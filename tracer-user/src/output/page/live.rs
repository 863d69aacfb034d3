//! The page of a trace that is in no file: what it shows is collected while the trace goes on, and it is written at the end.

use std::io::{self, Write};

use super::{Page, Recorded};
use crate::{
    graph::RootCall,
    output::{Form, ftrace},
    plan::FunctionTable,
    recording::Head,
    summary::{Collect as _, Overview, SortBy},
};

/// Collects, and writes the page when the trace has ended.
pub struct LivePage<'a, W> {
    out: W,
    overview: Overview<'a>,
    head: Head,
    text: ftrace::Options,
    sort: SortBy,
}

impl<'a, W: Write> LivePage<'a, W> {
    /// Writes to `out`. `head` says where and when the trace began.
    pub fn new(
        out: W,
        functions: &'a FunctionTable,
        head: Head,
        text: ftrace::Options,
        sort: SortBy,
    ) -> Self {
        Self {
            out,
            overview: Overview::new(functions, text.sleep),
            head,
            text,
            sort,
        }
    }
}

impl<W: Write> Form for LivePage<'_, W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, call: &RootCall) -> io::Result<()> {
        self.overview.add(call);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let trace = Recorded {
            file: None,
            head: self.head.clone(),
            // The filter's own, which the summary of the trace says.
            filtered_out: None,
            is_whole: true,
            overview: &self.overview,
        };
        let page = Page {
            recordings: &[trace],
            diff: None,
            sort: self.sort,
            text: self.text,
        };
        page.write(&mut self.out)?;
        self.out.flush()
    }
}
