//! Finding out what runs under the roots.
//!
//! There are two ways, and a room for each. Where the kernel attaches many functions at once, a
//! trace begins with probes on all of them ([`wide`]) and what root calls bring says what to narrow
//! it to. Where it does not, or nobody may be slowed down for that, the kernel's own function
//! tracer watches the callers for moments ([`sampling`]): [`before`] the trace, and while it goes
//! on, so that its set of probes grows ([`growth`]). What either way has found is [`kept`] for the
//! next trace. [`modules`] may come meanwhile.
//!
//! It uses `attach`, `stream` and `plan`, and is used by `session`; none of the three knows of it.

pub mod before;
pub mod growth;
pub mod kept;
pub mod modules;
pub mod sampling;
pub mod wide;
