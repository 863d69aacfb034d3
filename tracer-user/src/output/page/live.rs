//! The page of a trace that is in no file: what it shows is collected while the trace goes on, and
//! it is written at the end.

use std::io::Write;

use super::{Page, Recorded};
use crate::{
    model::{Capture, FunctionTable, Sink},
    output::ftrace,
    recording::Head,
    summary::{AtTheEnd, Overview, SortBy},
};

/// Collects, and writes the page to `out` when the trace has ended. `head` says where and when it
/// began.
pub fn live<'a, W: Write + 'a>(
    out: W,
    functions: &'a FunctionTable,
    head: Head,
    (text, capture): (ftrace::TextOptions, Capture),
    sort: SortBy,
) -> impl Sink + 'a {
    let overview = Overview::new(functions, text.sleep);
    AtTheEnd::new(
        overview,
        out,
        move |overview: &Overview<'a>, out: &mut W| {
            let trace = Recorded {
                file: None,
                head: head.clone(),
                // The filter's own, which the summary of the trace says.
                filtered_out: None,
                is_whole: true,
                overview,
            };
            let page = Page {
                recordings: &[trace],
                diff: None,
                sort,
                text,
                capture,
            };
            page.write(out)
        },
    )
}
