//! `tracer stuck`: which root calls have not returned, and where they are.

use std::{io::BufWriter, time::Duration};

use anyhow::Result;
use clap::Args as ClapArgs;

use super::{
    capture_args::CaptureArgs,
    exit::Exit,
    output::{self, Medium},
    show_args::nanoseconds,
    values,
};
use crate::{output::stuck::Stuck, pipeline::Show, session::Outputs};

/// How long is traced if nothing is said of it.
const USUAL: Duration = Duration::from_secs(5);

/// Root calls that do not return
#[derive(Debug, ClapArgs)]
pub struct StuckArgs {
    /// Show root calls that have been open for at least this long
    #[arg(long = "for", value_name = "TIME", value_parser = values::duration, default_value = "1s")]
    pub least: Duration,
    #[command(flatten)]
    pub capture: CaptureArgs,
}

/// Traces for a while, and shows what is open then.
pub fn run(mut args: StuckArgs) -> Result<Exit> {
    let capture = &mut args.capture;
    if capture.command.is_empty() {
        capture.duration.get_or_insert(USUAL);
    }
    capture.all_cpus |= capture.names_nothing();
    let options = args.capture.options(Show::default())?;
    let least = nanoseconds(args.least);
    super::running::run_trace(&options, || {
        let out = BufWriter::new(output::open(None, Medium::Text)?);
        let export = args.capture.export.outlets()?;
        Ok(Outputs {
            graph: None,
            recording: None,
            export,
            view: Some(Box::new(move |functions, head| {
                let roots = head.roots.into_iter().map(|root| root.name).collect();
                Box::new(Stuck::new(out, functions, roots, least))
            })),
        })
    })
}
