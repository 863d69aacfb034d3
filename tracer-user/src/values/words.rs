//! The words in which forms for programs say what is no number: where a call was made, how it
//! ended, why something is missing. They are part of the forms (docs/formats.md), the same in each.

use tracer_common::Context;

use crate::model::{Call, Closed, End, Missing};

/// How a root call's record ended.
#[must_use]
pub const fn end(end: End) -> &'static str {
    match end {
        End::Returned => "returned",
        End::Died => "died",
        End::Lost => "lost",
        End::Cut => "cut",
        End::NoRoom => "no_room",
    }
}

/// How a call ended.
#[must_use]
pub const fn closed(closed: Closed) -> &'static str {
    match closed {
        Closed::Returned { .. } => "returned",
        Closed::Unseen => "not_seen",
        Closed::Open => "did_not_return",
    }
}

/// The end of a call that was not seen, if one was not.
#[must_use]
pub const fn unseen_end(call: &Call) -> Option<&'static str> {
    match (call.entered, call.closed) {
        (Some(_), Closed::Returned { .. }) => None,
        (None, _) => Some("entry"),
        (Some(_), _) => Some("return"),
    }
}

/// What became of events that are not in the tree.
#[must_use]
pub const fn missing(missing: Missing) -> &'static str {
    match missing {
        Missing::Lost => "events lost",
        Missing::NotKept => "events not kept",
    }
}

/// What the CPU ran for; none for the task itself.
#[must_use]
pub const fn context(context: Context) -> Option<&'static str> {
    match context {
        Context::Task => None,
        Context::SoftIrq => Some("softirq"),
        Context::HardIrq => Some("hardirq"),
        Context::Nmi => Some("nmi"),
    }
}
