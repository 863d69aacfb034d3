//! A root call with its tree.

use serde::Serialize;
use tracer_common::Context;

use super::names::{NameId, Names};
use crate::{
    model::{self, Capture, Closed, End, Node, ReturnAddresses},
    output::ftrace::TextOptions,
    summary::Exemplar,
    values::{self, MarkView, Style, Values, View, escape, words},
};

/// How a call reads, and what was recorded of it.
type How = (TextOptions, Capture);

/// A root call.
#[derive(Serialize)]
pub struct Call {
    number: u64,
    /// Since the recording began, ns; none where the beginning was not seen.
    at: Option<u64>,
    task: String,
    cpu: u32,
    duration: Option<u64>,
    /// What its end was, where it did not return.
    end: Option<&'static str>,
    /// Calls that are not in the tree.
    skipped: usize,
    lost: u64,
    nodes: Vec<Line>,
}

/// Function (none of a mark, and where events were lost), depth, duration, what is said of its end,
/// whether that is an error or a loss, time off the CPU, the flag of the context, arguments, who
/// made the call.
#[derive(Serialize)]
struct Line(
    Option<NameId>,
    u32,
    Option<u64>,
    String,
    bool,
    u64,
    &'static str,
    String,
    Option<String>,
);

impl Call {
    /// `began` is the recording's beginning, ns of CLOCK_MONOTONIC.
    pub fn of(exemplar: &Exemplar, began: u64, how: How, names: &mut Names<'_>) -> Self {
        let root = &exemplar.call;
        let entered = root.nodes.iter().find_map(|node| match node {
            Node::Call(call) => call.entered,
            Node::Mark(_) | Node::Gap { .. } => None,
        });
        let nodes = root.nodes.iter();
        Self {
            number: exemplar.number,
            at: entered.map(|at| at.0.saturating_sub(began)),
            task: escape::task(root),
            cpu: root.nodes.first().map_or(0, |node| node.cpu().0),
            duration: exemplar.duration.map(|duration| duration.0),
            end: end(root.end),
            skipped: exemplar.skipped,
            lost: root.lost,
            nodes: nodes.map(|node| line(node, how, names)).collect(),
        }
    }
}

fn end(end: End) -> Option<&'static str> {
    match end {
        End::Returned => None,
        End::Died => Some("the task died here"),
        End::Lost => Some("the end of this call was lost"),
        End::Cut => Some("tracing ended here"),
        End::NoRoom => Some("there was no room for more of this call"),
    }
}

fn line(node: &Node, how: How, names: &mut Names<'_>) -> Line {
    match node {
        Node::Call(call) => line_of(call, how, names),
        Node::Mark(mark) => {
            let view = MarkView::new(names.functions, mark);
            let words = format!("{}: {}", escape::visible(&view.name()), view.text());
            let flag = flag(mark.context);
            Line(
                None,
                mark.depth,
                None,
                words,
                false,
                0,
                flag,
                String::new(),
                None,
            )
        }
        Node::Gap {
            depth,
            events,
            missing,
            ..
        } => {
            let words = format!("{events} {}", words::missing(*missing));
            Line(None, *depth, None, words, true, 0, "", String::new(), None)
        }
    }
}

fn line_of(call: &model::Call, how: How, names: &mut Names<'_>) -> Line {
    let (text, capture) = how;
    let info = names.functions.get(call.function);
    let view = View::known(names.functions, info, call, text.values);
    let returns = info.and_then(|info| info.returns.as_ref());
    let register = call.closed.value();
    let is_error =
        register.is_some_and(|register| values::returned_error(returns, register).is_some());
    let value = register.and_then(|register| match text.values {
        Values::Typed => {
            values::format_return(Some(names.functions), returns, register, Style::Typed)
        }
        Values::Hex => values::format_return(Some(names.functions), returns, register, Style::Hex),
        Values::Hidden => None,
    });
    let missing = match (call.closed, call.entered) {
        (Closed::Unseen, _) => Some("return not seen"),
        (Closed::Open, _) => Some("did not return"),
        (_, None) => Some("entry not seen"),
        _ => None,
    };
    let value = value.map(|value| format!("= {value}"));
    let remarks: Vec<&str> = value.as_deref().into_iter().chain(missing).collect();
    let arguments = view.given(capture.arguments).unwrap_or_default();
    let caller = match capture.callers {
        ReturnAddresses::Recorded => view
            .caller()
            .map(|caller| escape::visible(&caller).into_owned()),
        ReturnAddresses::Absent => None,
    };
    Line(
        Some(names.number(call.function)),
        call.depth,
        call.duration(text.sleep).map(|duration| duration.0),
        remarks.join(", "),
        is_error,
        call.off_cpu.0,
        flag(call.context),
        arguments,
        caller,
    )
}

/// As in the listing with `verbose`.
const fn flag(context: Context) -> &'static str {
    match context {
        Context::Task => "",
        Context::SoftIrq => "s",
        Context::HardIrq => "h",
        Context::Nmi => "z",
    }
}
