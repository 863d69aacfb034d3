//! A live function-graph tracer for Linux on eBPF.
//!
//! The flow, and the order to read in: [`kernel`] says what the running kernel is, [`plan`] decides
//! which functions to trace, [`attach`] puts the probes in, [`stream`] reads what they send,
//! [`graph`] rebuilds the calls, [`filter`] chooses among them, [`output`] writes them,
//! [`recording`] keeps what they are made of, [`summary`] brings many of them together, [`watch`]
//! hands them to the systems that watch fleets. All of them speak of what [`model`] defines, and
//! [`values`] says how what is passed and returned reads.
//! [`pipeline`] takes what comes, from the rings or from a recording, through all these.
//! [`session`] runs one trace from beginning to end, [`top`] shows one on the screen while it runs,
//! [`stop`] says when it ends, [`cli`] is the command line. [`arch`] has what depends on the
//! processor. [`workload`] drives the kernel for the demonstration and the tests.

pub mod arch;
pub mod attach;
mod bpf;
pub mod cli;
pub mod filter;
pub mod graph;
pub mod kernel;
pub mod learn;
pub mod model;
pub mod output;
pub mod pipeline;
pub mod plan;
pub mod recording;
pub mod session;
pub mod stop;
pub mod stream;
pub mod summary;
pub mod top;
pub mod values;
pub mod watch;
pub mod workload;
