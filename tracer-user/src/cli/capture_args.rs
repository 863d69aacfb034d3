//! What is traced: which functions, whose calls, how.
//!
//! The commands that trace ([`super::trace_args`]) have this in common.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;

use super::{
    about_args::AboutArgs,
    budget_args::BudgetArgs,
    discovery::DiscoveryArgs,
    exit::Usage,
    live_values,
    ring_args::RingArgs,
    select_args::{self, Number},
    trace_args::ExportArgs,
    values,
};
use crate::{
    expr::Fields,
    filter::select::Choice,
    kernel::{Mechanism, cgroup::Cgroup},
    pipeline::Show,
    plan::{self, Asked, OthersPrograms, Scope, Worth},
    session::{
        Begin, CallerOptions, Options, Streams,
        callers::{Children, Meaning},
    },
};

/// What is traced
#[derive(Debug, ClapArgs)]
pub struct CaptureArgs {
    /// Trace what runs under this function: a name, a glob, or a syscall's name; may be repeated
    #[arg(short = 'G', long = "graph-funcs", value_name = "ROOT")]
    pub roots: Vec<String>,
    /// Trace the whole host: every outermost function, unless roots are named
    #[arg(short = 'a', long = "all-cpus")]
    pub all_cpus: bool,
    /// Skip this function and all that runs under it: a name, a glob, or a syscall's name; may
    /// be repeated
    #[arg(short = 'g', long = "nograph-funcs", value_name = "FUNCTION")]
    pub excluded: Vec<String>,
    /// Show fields of a function's arguments, at its entry and where they have changed at its exit:
    /// 'tcp_sendmsg: sk->sk_wmem_queued, msg->msg_iter.count'; FUNCTION may be a glob; may be
    /// repeated
    #[arg(long = "arg", value_name = "FUNCTION: FIELDS")]
    pub fields: Vec<String>,
    #[command(flatten)]
    pub about: AboutArgs,
    /// Trace root calls that begin on these CPUs, such as 0,2-3
    #[arg(short = 'C', long = "cpu", value_name = "CPUS")]
    pub cpus: Option<String>,
    /// Trace only these processes, such as 1,2, and end with the last of them, or all but some:
    /// '!3'; may be repeated
    #[arg(short, long = "pid", value_name = "PIDS", value_delimiter = ',')]
    pub pids: Vec<Number>,
    /// Trace only these tasks (threads), such as 1,2, and end with the last of them, or all but
    /// some: '!3'; may be repeated
    #[arg(long = "tid", value_name = "TIDS", value_delimiter = ',')]
    pub tids: Vec<Number>,
    #[command(flatten)]
    pub children: ChildrenArgs,
    /// Trace only tasks of this name, as in /proc/PID/comm, or all but those: '!NAME'; may be
    /// repeated
    #[arg(long = "comm", value_name = "NAME")]
    pub names: Vec<String>,
    /// Trace only tasks in this cgroup (v2) directory or below; may be repeated
    #[arg(long = "cgroup", value_name = "PATH")]
    pub cgroups: Vec<PathBuf>,
    /// End after this time, such as 10s or 500ms
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub duration: Option<Duration>,
    #[command(flatten)]
    pub discovery: DiscoveryArgs,
    /// Neither go by what was learned before nor keep what is learned
    #[arg(long)]
    pub no_cache: bool,
    /// Trace the functions in this file below the roots, one name a line, and learn nothing: for
    /// `cargo xtask torture`
    #[arg(long, hide = true, value_name = "FILE")]
    pub functions: Option<PathBuf>,
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Attach by multi (fsession.multi, Linux 7.2+), kprobe (kprobe.session, 6.10+), kprobe-multi
    /// (kprobe.multi and kretprobe.multi, 5.18+) or pair (fentry and fexit, 5.17+) instead of the
    /// first of them that the kernel has
    #[arg(long, value_name = "MECHANISM", value_parser = live_values::mechanism)]
    pub attach: Option<Mechanism>,
    #[command(flatten)]
    pub ring: RingArgs,
    #[command(flatten)]
    pub budget: BudgetArgs,
    #[command(flatten)]
    pub export: ExportArgs,
    /// Tell more on stderr
    #[arg(short, long)]
    pub verbose: bool,
    /// Run this command and trace it and all that it starts, and nothing else, from its first
    /// instruction on; the trace ends with it
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// When the command begins; the demonstration alone has it otherwise
    #[arg(skip)]
    pub begin: Begin,
    /// What the command reads and writes; what takes the terminal has it otherwise
    #[arg(skip)]
    pub streams: Streams,
}

/// Whether what is started by those who are traced is traced, too
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct ChildrenArgs {
    /// Trace what -p and --tid name and all that it starts from now on, as is done with a command
    #[arg(long)]
    pub inherit: bool,
    /// Trace the command alone, and none of the processes that it starts
    #[arg(long, conflicts_with = "inherit")]
    pub no_inherit: bool,
}

/// Which functions are worth their cost
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct ScopeArgs {
    /// Trace what costs much and says little, too, where kprobe.session can: __rcu_read_lock and
    /// the like
    #[arg(long)]
    pub all_calls: bool,
    /// Put no probe on BPF programs of others
    #[arg(long)]
    pub no_bpf: bool,
}

impl From<ScopeArgs> for Scope {
    fn from(args: ScopeArgs) -> Self {
        Self {
            worth: if args.all_calls {
                Worth::AllCalls
            } else {
                Worth::Usual
            },
            programs: if args.no_bpf {
                OthersPrograms::LeftAlone
            } else {
                OthersPrograms::Traced
            },
        }
    }
}

impl CaptureArgs {
    /// What was typed, ready to use.
    pub fn options(&self, mut show: Show) -> Result<Options> {
        let is_somebodys = self.names_somebody() || !self.command.is_empty();
        if self.roots.is_empty() && !is_somebodys && !self.all_cpus {
            bail!(Usage(
                "nothing to trace was given: name the function to look into, as in `tracer -G __sys_sendto`, \
                 a command, as in `tracer ls`, a process, `tracer -p PID`, or the whole host, `tracer -a`"
                    .to_owned()
            ));
        }
        let ring_bytes = self.ring.bytes()?;
        let goes_on = self.export.goes_on();
        let budget = self.budget.share(goes_on);
        Ok(Options {
            roots: self.roots(),
            cpus: live_values::cpus(self.cpus.as_deref())?,
            callers: self.callers()?,
            events: Vec::new(),
            excluded: self.excluded.clone(),
            not_roots: Vec::new(),
            fields: self
                .fields
                .iter()
                .map(|typed| Fields::parse(typed))
                .collect::<Result<_, _>>()?,
            asked: Asked {
                condition: show.filter.entered.take(),
                about: self.about.about()?,
            },
            by: None,
            show,
            delay: None,
            duration: self.duration,
            discovery: self.discovery.discovery(goes_on || budget.is_some()),
            use_cache: !self.no_cache,
            functions: self.functions()?,
            ring_bytes,
            budget,
            scope: self.scope.into(),
            mechanism: self.attach,
            verbose: self.verbose,
            command: self.command.clone(),
            begin: self.begin,
            streams: self.streams,
        })
    }

    /// Has these functions as roots, or all if there are none: their entries are listed.
    pub fn list(&mut self, functions: Vec<String>) -> Result<()> {
        if !self.roots.is_empty() {
            bail!(Usage(
                "-t function lists entries and -G draws a graph: name the functions with -T, or \
                 leave -t out"
                    .to_owned()
            ));
        }
        self.roots = functions;
        if self.roots.is_empty() {
            self.roots.push(plan::EVERYTHING.to_owned());
        }
        Ok(())
    }

    /// The roots; without any every outermost function is one.
    fn roots(&self) -> Vec<String> {
        if self.roots.is_empty() {
            vec![plan::EVERYTHING.to_owned()]
        } else {
            self.roots.clone()
        }
    }

    fn functions(&self) -> Result<Option<BTreeSet<String>>> {
        let Some(file) = &self.functions else {
            return Ok(None);
        };
        let text = fs::read_to_string(file)
            .with_context(|| format!("cannot read the functions in {}", file.display()))?;
        Ok(Some(text.lines().map(str::to_owned).collect()))
    }

    /// Whether there is somebody whose calls alone are traced.
    fn names_somebody(&self) -> bool {
        let names = |numbers: &[Number]| numbers.iter().any(|it| matches!(it, Number::Is(_)));
        names(&self.pids) || names(&self.tids)
    }

    /// Whether neither a root nor anybody is named.
    pub const fn names_nothing(&self) -> bool {
        self.roots.is_empty()
            && self.pids.is_empty()
            && self.tids.is_empty()
            && self.cpus.is_none()
            && self.command.is_empty()
    }

    fn children(&self) -> Result<Children> {
        let names_somebody = self.names_somebody();
        let ChildrenArgs {
            inherit,
            no_inherit,
        } = self.children;
        if inherit && !names_somebody && self.command.is_empty() {
            bail!(Usage(
                "--inherit follows what somebody starts: say who, with -p PID, --tid TID or a command".to_owned()
            ));
        }
        if no_inherit && (names_somebody || self.command.is_empty()) {
            bail!(Usage(
                "--no-inherit is for a command; what -p and --tid name is traced alone anyway"
                    .to_owned()
            ));
        }
        Ok(match (inherit, no_inherit) {
            (true, _) => Children::Followed,
            (_, true) => Children::Excluded,
            _ => Children::Usual,
        })
    }

    fn callers(&self) -> Result<CallerOptions> {
        let cgroups: Result<Vec<_>, _> = self
            .cgroups
            .iter()
            .map(|path| Cgroup::named(path))
            .collect();
        let (pids, pids_mean) = one_meaning("-p", select_args::numbers(&self.pids))?;
        let (tids, tids_mean) = one_meaning("--tid", select_args::numbers(&self.tids))?;
        let (names, names_mean) = one_meaning("--comm", select_args::names(&self.names)?)?;
        if pids_mean == Meaning::AllButThese && !self.command.is_empty() {
            bail!(Usage(
                "a command is traced alone, so -p skips nobody: trace -a, or name a root"
                    .to_owned()
            ));
        }
        let callers = CallerOptions {
            pids,
            pids_mean,
            tids,
            tids_mean,
            children: self.children()?,
            names,
            names_mean,
            cgroups: cgroups.map_err(|error| Usage(error.to_string()))?,
        };
        callers.check().map_err(|error| Usage(error.to_string()))?;
        Ok(callers)
    }
}

/// What a list of a live trace means: the kernel side tells those that are traced from those that
/// are not, and has no list for both.
fn one_meaning<T>(option: &str, choice: Choice<T>) -> Result<(Vec<T>, Meaning)> {
    match (choice.these, choice.not) {
        (these, not) if not.is_empty() => Ok((these, Meaning::These)),
        (these, not) if these.is_empty() => Ok((not, Meaning::AllButThese)),
        _ => bail!(Usage(format!(
            "{option} names some that are traced and some that are not; the first alone say it"
        ))),
    }
}
