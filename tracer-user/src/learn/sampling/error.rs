//! Why nothing can be sampled.

use std::io;

use crate::kernel::{facts::FactsError, symbols::SymbolsError, tracefs::TracefsError};

/// Why nothing can be sampled.
#[derive(Debug, thiserror::Error)]
pub enum SamplingError {
    /// tracefs does not do what it should.
    #[error(transparent)]
    Tracefs(#[from] TracefsError),
    /// The kernel does not trace one of the functions.
    #[error("the function tracer reaches none of {0}; see available_filter_functions in tracefs")]
    NotTraceable(String),
    /// The symbols cannot be read.
    #[error(transparent)]
    Symbols(#[from] SymbolsError),
    /// The CPUs are not known.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The form of the function tracer's records is not understood.
    #[error("the function tracer's records have an unknown form: {0:?}; please report it")]
    Format(String),
    /// The process for it cannot be started or asked.
    #[error("the process that sets the function tracer cannot be had: {0}")]
    Process(io::Error),
    /// The process for it is gone, by somebody else's doing.
    #[error(
        "the process that sets the function tracer was killed; start the trace anew to go on \
        sampling"
    )]
    Killed,
    /// The process for it could not do it.
    #[error("{0}")]
    Failed(String),
}
