//! What the tables hold, for those who read it: the terminal, a file, scrapers.
//!
//! Nothing is kept here but where things are: each reader sees what has been counted up to now, and
//! where calls are sampled each one stands for those that were sampled out ([`Weighted`]).

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{told::Sums, values, weighted::Weighted};
use crate::{
    attach::{
        self,
        count::{Conditions, Counted, Counters, Skipped, Tables},
    },
    export::Counts,
    plan::ByPlan,
    summary::{
        LatencyLayout,
        histogram::Histogram,
        latency::{self, Parts, Root},
    },
};

/// What the tables hold, for those who read it.
pub(super) struct Shown {
    pub(super) names: Vec<String>,
    pub(super) tables: Tables,
    pub(super) counters: Counters,
    pub(super) before: Skipped,
    pub(super) kernel: Arc<attach::Counters>,
    /// If calls may be sampled.
    pub(super) weighted: Option<Mutex<Weighted>>,
    pub(super) conditions: Conditions,
    pub(super) layout: LatencyLayout,
    pub(super) by: Option<ByPlan>,
}

impl Shown {
    pub(super) fn counted(&self) -> Vec<Counted> {
        (0..self.names.len())
            .map(|root| self.tables.counted(root))
            .collect()
    }

    /// What was counted, with what was sampled out.
    pub(super) fn weighted(&self, counted: &[Counted]) -> Vec<Counted> {
        let (Some(weighted), Ok(out)) = (&self.weighted, self.kernel.sampled_out()) else {
            return counted.to_vec();
        };
        let weighted = weighted.lock().unwrap_or_else(PoisonError::into_inner);
        weighted.now(counted, out)
    }

    /// One of another number of calls is counted from now on.
    pub(super) fn cut(&self, sampled_out: u64) {
        if let Some(weighted) = &self.weighted {
            let mut weighted = weighted.lock().unwrap_or_else(PoisonError::into_inner);
            weighted.cut(self.counted(), sampled_out);
        }
    }

    pub(super) fn sums(&self, counted: &[Counted]) -> Sums {
        let skipped = self.counters.skipped().since(self.before);
        Sums::of(counted, skipped, &self.conditions, self.weighted.is_some())
    }

    /// For scrapers.
    pub(super) fn counts(&self) -> Counts {
        let counted = self.counted();
        let sums = self.sums(&counted);
        let counted = self.weighted(&counted);
        let roots = self.names.iter().zip(&counted);
        Counts {
            roots: roots
                .map(|(name, counted)| (name.clone(), self.root(counted)))
                .collect(),
            filtered_out: counted.iter().map(|root| root.filtered_out).sum(),
            sampled_out: self.kernel.sampled_out().unwrap_or_default(),
            missing: sums.missing(),
        }
    }

    /// Roots that were called.
    pub(super) fn write(&self, counted: &[Counted], out: &mut impl Write) -> io::Result<()> {
        if self.by.is_some() {
            values::write(self, counted, out)?;
            return out.flush();
        }
        let roots = self.names.iter().zip(counted);
        let roots: Vec<(&String, Root)> = roots
            .map(|(name, counted)| (name, self.root(counted)))
            .filter(|(_, root)| root.calls > 0)
            .collect();
        let roots: Vec<(String, &Root)> = roots
            .iter()
            .map(|(name, root)| ((*name).clone(), root))
            .collect();
        latency::write(&roots, self.layout, out)?;
        out.flush()
    }

    pub(super) fn write_live(&self, after: Duration, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "# after {:.1} s", after.as_secs_f64())?;
        self.write(&self.weighted(&self.counted()), out)?;
        writeln!(out)?;
        out.flush()
    }

    pub(super) fn root(&self, counted: &Counted) -> Root {
        Root::of(Parts {
            total: counted.total,
            shortest: counted.shortest,
            longest: counted.longest,
            times: Histogram::of(self.layout.unit, counted.buckets.clone()),
            errors: counted.errors.clone(),
            other_errors: counted.other_errors,
            linear: counted.linear,
        })
    }
}
