//! What can be typed of what is shown, of a trace as of a recording.

use std::{path::Path, time::Duration};

use anyhow::Result;
use clap::{Args as ClapArgs, ColorChoice};

use super::{colour, graph_options::GraphOptions, values};
use crate::{
    export::Endpoint,
    expr::Where,
    filter::{Contains, Extent, Failures, Filter, Names, Returns, select::Selection},
    model::Nanoseconds,
    output::Format,
    pipeline::{Show, Shown},
    summary::{GroupBy, SortBy},
};

/// The rows of a table of functions
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct OrderArgs {
    /// Sort by this
    #[arg(short, long, value_enum, value_name = "KEY", default_value_t)]
    pub sort: SortBy,
    /// A row for each function and each of these
    #[arg(long, value_enum, value_name = "GROUP")]
    pub group_by: Option<GroupBy>,
}

/// What is shown, and how
#[derive(Debug, ClapArgs)]
pub struct ShowArgs {
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Of root calls that returned an error, show the path to the function that returned it first,
    /// and nothing else. With --failed=ERRORS: of those
    #[arg(long)]
    pub why_failed: bool,
    /// The form of what is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
    /// Colour long durations and returned errors: on a terminal, always or never. NO_COLOR in the
    /// environment keeps them off where it is auto
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorChoice,
}

/// What is shown
#[derive(Debug, Default, ClapArgs)]
pub struct FilterArgs {
    /// Show only root calls that took longer than this, such as 10ms
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub slower_than: Option<Duration>,
    /// Show only root calls that returned an error: a negative error number or an error pointer;
    /// with a list one of these, as in --failed=EINVAL,ENOMEM, none of those, as in
    /// --failed='!EAGAIN', or NULL or false where that is returned, as in --failed=null,error
    #[arg(long, value_name = "ERRORS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub failed: Option<Failures>,
    /// Show only root calls that returned such a value: =7, !=0, <0, >=0x100, =-EAGAIN
    #[arg(long, value_name = "CONDITION", allow_hyphen_values = true)]
    pub returns: Option<Returns>,
    /// Show only root calls whose arguments meet this when they are entered, such as
    /// 'sk.dport == 443 && size > 1000'; of a recording what it has of them
    #[arg(long = "where", value_name = "CONDITION")]
    pub entered: Option<String>,
    /// Show only root calls that meet this when they return: `retval`, `duration` and fields of
    /// their arguments, such as 'retval < 0 && duration > 1ms'
    #[arg(
        long = "where-exit",
        value_name = "CONDITION",
        allow_hyphen_values = true
    )]
    pub returned: Option<String>,
    /// Show only root calls that call this function, themselves or further down: a name or a glob;
    /// may be repeated
    #[arg(long, value_name = "FUNCTION")]
    pub through: Vec<String>,
    /// Show only root calls in which one call, the root's own or one below it, meets this: a
    /// function's name, `retval`, `duration`, such as 'kfree_skb && duration > 1ms'
    #[arg(long, value_name = "CONDITION", allow_hyphen_values = true)]
    pub contains: Option<String>,
    /// Skip the line of this function, and show what it calls one level up: a name or a glob;
    /// may be repeated
    #[arg(long, value_name = "FUNCTION")]
    pub hide: Vec<String>,
    /// Comma-separated: noirqs, nosleep-time, cputime, depth=N, thresh=N (in µs), tail, verbose,
    /// walltime, args, retaddr, retval, retval-hex
    #[arg(long, value_name = "OPTIONS", default_value = "")]
    pub graph_opts: String,
    /// Show so many levels, as --graph-opts depth=N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub graph_depth: Option<u32>,
    /// End after so many whole root calls
    #[arg(short = 'n', long, value_name = "N")]
    pub count: Option<u64>,
}

/// Who gets root calls as spans
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct CollectorArgs {
    /// Send root calls that are shown, with all below them, as spans to this OpenTelemetry
    /// collector, such as http://127.0.0.1:4318
    #[arg(long, value_name = "URL")]
    pub otlp: Option<Endpoint>,
}

impl ShowArgs {
    /// What was typed, ready to use. It goes to `output`, or to stdout.
    pub fn show(&self, output: Option<&Path>) -> Result<Show> {
        let mut show = self.filter.show()?;
        if self.why_failed {
            show.filter.failed.get_or_insert_default();
            show.filter.extent = Extent::FailingPath;
        }
        show.result = Shown::Each(self.format);
        show.text.colour = colour::wanted(self.color, output);
        Ok(show)
    }
}

impl FilterArgs {
    /// What was typed, ready to use.
    pub fn show(&self) -> Result<Show> {
        let graph = GraphOptions::parse(&self.graph_opts)?;
        let mut show = Show {
            capture: graph.capture,
            filter: Filter {
                slower_than: self.slower_than.map(nanoseconds),
                failed: self.failed.clone(),
                returns: self.returns,
                entered: self.entered.as_deref().map(Where::parse).transpose()?,
                returned: self.returned.as_deref().map(Where::parse).transpose()?,
                through: Names::new(&self.through),
                contains: self.contains.as_deref().map(Contains::parse).transpose()?,
                extent: Extent::Whole,
                excluded: Names::new(&self.hide),
                threshold: graph.threshold,
                depth: None,
                sleep: graph.text.sleep,
            },
            result: Shown::default(),
            text: graph.text,
            count: self.count,
            selection: Selection::default(),
        };
        show.limit_depth(self.graph_depth.or(graph.capture.depth));
        Ok(show)
    }
}

pub(super) fn nanoseconds(time: Duration) -> Nanoseconds {
    Nanoseconds(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
