//! What was learned of a root, kept for the next trace.
//!
//! [`Cache`] has the files, by the names of functions; here names become the functions of the
//! running kernel, and the other way round. A plan says what to begin with where a trace begins
//! with what is known, and what to narrow down to where it begins wide.

mod cache;

use std::collections::BTreeMap;

pub use cache::{Cache, CacheError, Hits, Unfit};

use crate::{
    kernel::{Address, Kernel, facts},
    plan::{FoundBy, Planned},
};

/// Roots of a trace of which it is kept what runs below them.
const MOST_EXEMPLARS: usize = 64;

/// Functions that were seen to run under a root, with their hits: not those that are only expected
/// to.
pub fn hits<'a>(
    known: impl Iterator<Item = (&'a Address, &'a FoundBy)>,
) -> impl Iterator<Item = (Address, u64)> {
    known.filter_map(|(&address, source)| match *source {
        FoundBy::Learned { hits } | FoundBy::Before { hits } => Some((address, hits)),
        _ => None,
    })
}

/// Where it is kept what was learned; none if the kernel cannot be told from others.
pub fn cache(tell: impl Fn(&str)) -> Option<Cache> {
    let build_id = facts::build_id();
    if build_id.is_none() {
        tell("this kernel has no build id, so what is learned is not kept");
    }
    build_id.map(Cache::of)
}

/// What earlier traces learned of any of the roots.
pub fn read(
    kernel: &Kernel,
    roots: &[Planned],
    cache: &Cache,
    tell: impl Fn(&str),
) -> BTreeMap<Address, FoundBy> {
    let mut all = BTreeMap::new();
    if roots.len() > MOST_EXEMPLARS {
        return all;
    }
    for root in roots {
        match cache.read(&root.name) {
            Ok(kept) => {
                for (name, hits) in kept.unwrap_or_default() {
                    // Several may have the name: too many probes are better than too few.
                    for address in kernel.symbols.functions_named(&name) {
                        all.insert(address, FoundBy::Before { hits });
                    }
                }
            }
            Err(error) => tell(&error.to_string()),
        }
    }
    all
}

/// Keeps what was seen to run under the roots, for the next trace.
pub fn write(
    kernel: &Kernel,
    roots: &[Planned],
    cache: &Cache,
    seen: &BTreeMap<Address, u64>,
    tell: impl Fn(&str),
) {
    let named = seen.iter().filter_map(|(&address, &hits)| {
        let function = kernel.symbols.function_at(address)?;
        // A BPF program is another the next time.
        (function.start == address && function.module != Some("bpf"))
            .then(|| (function.name.to_owned(), hits))
    });
    let hits: Hits = named.collect();
    // What a glob stands for is not what somebody looks into again and again, one by one.
    if hits.is_empty() || roots.len() > MOST_EXEMPLARS {
        return;
    }
    for root in roots {
        if let Err(error) = cache.write(&root.name, &hits) {
            tell(&error.to_string());
        }
    }
}
