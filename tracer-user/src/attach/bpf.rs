//! The few uses of bpf(2) that aya has no word for: programs whose attach type it does not know,
//! links to many functions at once, and what the kernel has counted of either.

mod info;
mod kinds;
mod link;
mod load;

pub use info::{missed_of_link, program_info};
pub use kinds::{End, Ends, ITERATOR, Many, ProgramKind};
pub use link::{Functions, Named, has_links, link, link_target, link_with_cookies};
pub use load::{Target, load, load_at_tracepoint, load_for, load_iterator};
