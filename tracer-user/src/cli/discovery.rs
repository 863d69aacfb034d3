//! What can be typed of how it is found out what runs under the roots.

use std::time::Duration;

use clap::Args as ClapArgs;

use super::values;
use crate::{
    learn::wide::Again,
    session::{Discovery, Stays, USUAL_LEARN},
};

/// How it is found out what runs under the roots
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct DiscoveryArgs {
    /// Keep probes on all functions to the end of the trace, instead of on those that run under the
    /// roots once root calls bring nothing new
    #[arg(long)]
    pub complete: bool,
    /// Once they are on those alone, have them on all functions again for up to two seconds this
    /// often, instead of after 30 s and then less and less often
    #[arg(long, value_name = "TIME", conflicts_with = "complete", value_parser = values::duration)]
    pub wide_every: Option<Duration>,
    /// Never attach all functions: learn what runs under the roots, then add what else is found
    #[arg(long, conflicts_with_all = ["complete", "wide_every"])]
    pub gentle: bool,
    /// As --gentle, and learn at most this long before tracing, if what runs under the roots is not
    /// known from before. 0 learns nothing at all
    #[arg(long, value_name = "TIME", conflicts_with_all = ["complete", "wide_every"],
        value_parser = values::duration)]
    pub learn: Option<Duration>,
}

impl DiscoveryArgs {
    /// What was typed. A trace that goes on for weeks, or has a budget, is gentle unless it is
    /// asked to be wide.
    pub(super) fn discovery(self, is_gentle: bool) -> Discovery {
        let learn = self.learn.unwrap_or(USUAL_LEARN);
        let wide = |stays| Discovery::Wide {
            stays,
            otherwise: learn,
        };
        if self.complete {
            return wide(Stays::ToTheEnd);
        }
        if let Some(pause) = self.wide_every {
            return wide(Stays::UntilQuiet(Again::Every(pause)));
        }
        if self.gentle || self.learn.is_some() || is_gentle {
            return Discovery::Gentle { learn };
        }
        wide(Stays::UntilQuiet(Again::default()))
    }
}
