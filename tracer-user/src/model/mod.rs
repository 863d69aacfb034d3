//! What a trace is made of.
//!
//! Every room speaks of functions, tasks, times and calls; here they are defined, and nothing else
//! is: who makes them ([`crate::graph`]) and who writes them ([`crate::output`]) stand above, and
//! nothing here knows them. [`identity`] tells functions, tasks and root calls apart, [`time`] is
//! the clock of events, [`tree`] is a root call with all below it, [`function`], [`value_type`] and
//! [`table`] are what is known of functions, [`sink`] is where finished root calls go,
//! [`skipped`] what never came, [`many`] how a number of something reads, [`near()`] what a
//! mistyped name may have meant.

mod capture;
mod command_name;
mod count;
mod detail;
mod field;
mod function;
mod identity;
mod near;
mod open_call;
mod record_type;
mod sink;
mod skipped;
mod string;
pub mod table;
mod time;
mod totals;
mod tree;
mod untraced;
mod user_place;
mod value_type;
mod wide_calls;

pub use capture::{Arguments, Capture, Interrupts, ReturnAddresses, Stack};
pub use command_name::{CommandName, NoCommandName};
pub use count::{many, many_were};
pub use detail::{Detail, Details};
pub use field::{Field, FieldInfo, FieldMember, FieldShape};
pub use function::{FunctionInfo, ParameterInfo, first_argument_register};
pub use identity::{CpuId, FunctionId, ProcessId, RootCallId, TaskId, TaskKey};
pub use near::{did_you_mean, near};
pub use open_call::{MOST_OPEN_SHOWN, OpenRootCall};
pub use record_type::{RecordField, RecordFieldKind, RecordType};
pub use sink::Sink;
pub use skipped::Skipped;
pub use string::RecordedString;
pub use table::{Describe, FunctionTable};
pub use time::Nanoseconds;
pub use totals::Totals;
pub use tree::{Call, Closed, End, Mark, Missing, Node, OffCpu, RootCall, SleepTime, Trees};
pub use untraced::Untraced;
pub use user_place::{Image, UserPlace, UserStack};
pub use value_type::{GFP, ValueType};
pub use wide_calls::WideCalls;
