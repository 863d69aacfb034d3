//! A live function-graph tracer for Linux on eBPF.
//!
//! The flow, and the order to read in: [`kernel`] says what the running kernel is, [`plan`] decides
//! which functions to trace, [`attach`] puts the probes in, [`stream`] reads what they send,
//! [`graph`] rebuilds the calls, [`filter`] chooses among them, [`output`] writes them,
//! [`recording`] keeps what they are made of, [`summary`] brings many of them together, [`export`]
//! hands them to the systems that watch fleets. All of them speak of what [`model`] defines, and
//! [`values`] says how what is passed and returned reads.
//! [`pipeline`] takes what comes, from the rings or from a recording, through all these.
//! [`session`] runs one trace from beginning to end, [`top`] shows one on the screen while it runs,
//! [`stop`] says when it ends, [`cli`] is the command line. [`arch`] has what depends on the
//! processor. [`workload`] drives the kernel for the demonstration and the tests.
//!
//! # For other programs
//!
//! Recordings can be read and printed without a kernel, without privileges, and without aya: take
//! the crate with `default-features = false`. [`recording::RootCalls`] goes through the root calls
//! of a recording; a [`model::RootCall`] is a list of [`model::Node`]s, in the order in which they
//! were entered, each with its depth:
//!
//! ```
//! use tracer::{
//!     model::{FunctionTable, Node, SleepTime},
//!     recording::RootCalls,
//! };
//!
//! let functions = FunctionTable::default();
//! let mut lines = Vec::new();
//! for call in RootCalls::open("../samples/sockmap.rec", &functions)?.take(1) {
//!     for node in &call?.nodes {
//!         if let Node::Call(call) = node {
//!             let name = functions.name(call.function);
//!             let ns = call.duration(SleepTime::Counted).map_or(0, |took| took.0);
//!             lines.push(format!("{:indent$}{name} {ns} ns", "", indent = call.depth as usize));
//!         }
//!     }
//! }
//! assert!(lines[0].starts_with("__sys_sendto "));
//! assert!(lines[1].starts_with(" "), "its callees are below it: {}", lines[1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`pipeline::replay()`] writes a recording in any form that `tracer replay` has:
//!
//! ```
//! use std::fs::File;
//!
//! use tracer::{
//!     output::Format,
//!     pipeline::{Show, Shown, replay},
//!     recording::Recording,
//! };
//!
//! let show = Show {
//!     result: Shown::Each(Format::Json),
//!     ..Show::default()
//! };
//! let recording = Recording::open(File::open("../samples/sockmap.rec")?)?;
//! let mut json = Vec::new();
//! let (outcome, readable) = replay(&show, recording, &mut json)?;
//! assert_eq!(outcome.totals.whole_calls, 20);
//! assert!(readable.is_whole() && json.starts_with(b"{"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What asks the kernel is there with the feature `live`, which is a default: [`arch`]'s decoder,
//! `bpf`, `kernel`, `plan`, `attach`, `learn`, `stream`, `session`, `workload`, and the commands of
//! [`cli`] that trace. Nothing of the library is stable yet: a minor version may change it.

pub mod arch;
#[cfg(feature = "live")]
pub mod attach;
#[cfg(feature = "live")]
mod bpf;
pub mod cli;
pub mod exit_code;
pub mod export;
pub mod filter;
pub mod graph;
#[cfg(feature = "live")]
pub mod kernel;
#[cfg(feature = "live")]
pub mod learn;
pub mod model;
pub mod output;
pub mod pipeline;
#[cfg(feature = "live")]
pub mod plan;
pub mod recording;
#[cfg(feature = "live")]
pub mod session;
pub mod stop;
#[cfg(feature = "live")]
pub mod stream;
pub mod summary;
pub mod top;
pub mod values;
#[cfg(feature = "live")]
pub mod workload;
