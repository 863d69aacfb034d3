//! Attaches probes that do nothing, or next to nothing, runs a command, and lets them go: what the
//! kernel's own part of tracing costs.
//!
//!     probes ROLE WAY COUNT FILE COMMAND...
//!
//! attaches the first COUNT functions named in FILE by `multi`, `kprobe` or `pair`. In the role
//! `nothing` they do nothing, in the role `reserving` each hit is an event of its own in the ring.
//! Prints how many functions have probes and how long attaching and letting go took. `cargo xtask
//! bench` runs it in a guest.

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tracer::{
    attach::{AttachError, Attacher, Object, Observer, Probe, Role, Side, loading::Loading},
    kernel::{Kernel, Mechanism, Mechanisms},
    plan::{self, Planned, Rules, Scope},
};

/// More than the events of a measurement take.
const RING_BYTES: u32 = 16 << 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [role, mechanism, count, file, command @ ..] = arguments.as_slice() else {
        bail!("usage: probes ROLE WAY COUNT FILE COMMAND...");
    };
    let role = match role.as_str() {
        "nothing" => Role::Nothing,
        "reserving" => Role::Reserving,
        _ => bail!("no such role: nothing or reserving"),
    };
    let mechanism = Mechanism::ALL
        .into_iter()
        .find(|known| known.name() == mechanism)
        .context("no such way")?;
    let _ = tracer::session::FileLimit::raise();
    let kernel = Arc::new(Kernel::read()?);
    let mechanisms = Mechanisms::of(&kernel.types);
    let functions = planned(&kernel, mechanisms, file, count.parse()?)?;
    let mut loading = Loading::SMALLEST;
    // Nobody reads it.
    loading.sizes.ring_bytes = RING_BYTES;
    let (object, _rings) = Object::load(&loading)?;
    let mut attacher = Attacher::new(object, kernel, mechanisms, mechanism, (None, None));
    let begin = Instant::now();
    let probes = attacher.attach(&functions, role, Side::of(1), &mut Silent)?;
    let attach_time = begin.elapsed();
    let count: usize = probes.iter().map(Probe::functions).sum();
    run(command)?;
    let begin = Instant::now();
    drop(probes);
    println!(
        "{} {count} functions attached in {} ms, let go in {} ms",
        mechanism.name(),
        milliseconds(attach_time),
        milliseconds(begin.elapsed())
    );
    Ok(())
}

fn planned(
    kernel: &Kernel,
    mechanisms: Mechanisms,
    file: &str,
    count: usize,
) -> Result<Vec<Planned>> {
    let rules = Rules::new(kernel, mechanisms, Scope::default());
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    let names: Vec<String> = text.lines().take(count).map(str::to_owned).collect();
    Ok(plan::resolve_roots(kernel, &rules, &names)?)
}

fn run(command: &[String]) -> Result<()> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(());
    };
    let status = Command::new(program).args(arguments).status()?;
    if !status.success() {
        bail!("{program}: {status}");
    }
    Ok(())
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

/// Takes what the kernel accepts.
struct Silent;

impl Observer for Silent {
    fn attached(&mut self, _functions: &[&Planned]) {}

    fn refused(&mut self, _error: AttachError) -> Result<(), AttachError> {
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        false
    }
}
