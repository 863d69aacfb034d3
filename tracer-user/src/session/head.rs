//! What stands at the head of a recording, and goes with what is sent: where and when a trace was
//! made, and of what.

use nix::{time::ClockId, unistd::gethostname};

use crate::{
    kernel::{Kernel, facts},
    model::{FunctionInfo, Nanoseconds},
    plan::{self, Planned},
    recording::Head,
};

/// What is known of a trace when it begins.
pub fn head(kernel: &Kernel, roots: &[Planned], command: &[String]) -> Head {
    let root = |root: &Planned| {
        let function = kernel.symbols.function_at(root.address);
        function.map_or_else(
            || FunctionInfo::new(root.name.clone(), None),
            |function| plan::function_info(kernel, &function),
        )
    };
    let host = gethostname().map(|name| name.to_string_lossy().into_owned());
    Head {
        tracer: env!("CARGO_PKG_VERSION").to_owned(),
        kernel: facts::release_name().unwrap_or_default(),
        build_id: facts::build_id(),
        host: host.unwrap_or_default(),
        possible_cpus: kernel.possible_cpus,
        roots: if roots.len() > plan::MOST_NAMED {
            vec![FunctionInfo::new(plan::EVERYTHING.to_owned(), None)]
        } else {
            roots.iter().map(root).collect()
        },
        command: command.to_vec(),
        began_realtime_ns: Nanoseconds::of(ClockId::CLOCK_REALTIME).0,
        began_monotonic_ns: Nanoseconds::now().0,
    }
}
