//! What aya lacks: uses of bpf(2) that it has no word for, and changes to what it loads.
//!
//! [`load`] and [`link`] take programs whose attach type it does not know and links to many
//! functions at once, [`program_info`] and [`missed_of_link`] say what the kernel has counted of
//! either. [`link_event`] takes what perf makes of a tracepoint. [`objects`] finds what others have
//! loaded, [`run_time`] says how long programs run, [`iterator`] reads what an iterator of the
//! kernel's writes. [`variables`] puts into the object file what is known only here,
//! [`instructions`] takes programs out of it. Nothing here knows what is traced, or why.

mod function_types;
mod info;
pub mod instructions;
pub mod iterator;
mod kinds;
mod link;
mod load;
pub mod objects;
mod perf;
pub mod run_time;
mod syscall;
pub mod variables;

pub use function_types::FunctionTypes;
pub use info::{missed_of_link, program_info};
pub use kinds::{End, Ends, ITERATOR, Many, ProgramKind};
pub use link::{Functions, Named, has_links, link, link_target, link_with_cookies};
pub use load::{Code, Target, load, load_at_tracepoint, load_for, load_for_perf, load_iterator};
pub use perf::{link_event, open_tracepoint};
