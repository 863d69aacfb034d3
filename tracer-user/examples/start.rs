//! How long each part of tracer's start takes, and whether the kernel's memory says what its files
//! say.
//!
//!     start
//!
//! prints a line `PART MICROSECONDS` for each part. In a guest whose clock counts instructions
//! (`cargo xtask vm --icount --file .../examples/start:/start -- /start`) a microsecond is a
//! thousand of them. What differs between memory and file is an error, so this is the test of
//! `kernel/symbols/table.rs`, `kernel/symbols/loaded.rs` and `kernel/traceable.rs` on a kernel.

use std::{fs, hint::black_box, time::Instant};

use anyhow::{Context as _, Result, ensure};
use tracer::{
    attach::{Object, loading::Loading},
    kernel::{
        Kernel, Mechanisms, btf::Types, kcore::KernelCode, symbols::Symbols,
        traceable::TraceableFunctions, tracefs::Tracefs,
    },
    plan::{Rules, Scope},
};

const ADDRESSES: &str = "available_filter_functions_addrs";

fn main() -> Result<()> {
    let types = part("types", Types::load)?;
    part("a first structure", || {
        types.member_offset("task_struct", "__state")
    });
    let text = part("text", KernelCode::open)?;
    let symbols = symbols(&text, &types)?;
    traceable(&text, &types, &symbols)?;
    let kernel = part("all of the kernel", Kernel::read)?;
    let mechanisms = part("mechanisms", || Mechanisms::of(&types));
    let rules = part("rules", || {
        Rules::new(&kernel, mechanisms, Scope::default())
    });
    planning(&kernel, &rules, mechanisms);
    black_box(part("aya's BTF", aya::Btf::from_sys_fs).is_ok());
    drop(part("object", || Object::load(&Loading::SMALLEST))?);
    Ok(())
}

fn symbols(text: &KernelCode, types: &Types) -> Result<Symbols> {
    let memory = part("symbols from memory", || Symbols::from_memory(text, types));
    let memory = memory.context("memory has no symbols")?;
    let file = part("symbols from the file", Symbols::read)?;
    println!("{} functions", memory.functions().len());
    ensure!(
        memory.functions().eq(file.functions()),
        "memory has other functions than the file"
    );
    Ok(memory)
}

fn traceable(text: &KernelCode, types: &Types, symbols: &Symbols) -> Result<()> {
    let read = text.reader();
    let records = part("traceable from records", || {
        TraceableFunctions::from_records(symbols, types, &read)
    });
    let records = records.context("memory has no records")?;
    println!("{} can be traced", records.all().len());
    let tracefs = Tracefs::open()?;
    if let Ok(file) = part(ADDRESSES, || fs::read(tracefs.path(ADDRESSES))) {
        let file =
            TraceableFunctions::from_addresses(symbols, &file).map_err(anyhow::Error::msg)?;
        ensure!(file.all() == records.all(), "{ADDRESSES} has others");
    }
    let names = part("available_filter_functions", || tracefs.traceable_names())?;
    let names = part("traceable by names", || {
        TraceableFunctions::from_names(symbols, names.names(), Some(&read))
    });
    let functions = |all: &TraceableFunctions| -> Vec<_> {
        all.all().iter().map(|known| known.function).collect()
    };
    ensure!(
        functions(&names) == functions(&records),
        "names give others"
    );
    let counts = part("call counts", || text.call_counts(symbols, records.all()));
    println!("{} direct calls", counts.iter().sum::<u32>());
    Ok(())
}

fn planning(kernel: &Kernel, rules: &Rules, mechanisms: Mechanisms) {
    let checked = part("check of all", || {
        let functions = kernel.symbols.functions();
        functions
            .filter(|function| rules.check(kernel, function).is_ok())
            .count()
    });
    let all = kernel.traceable_functions();
    let reachable = part("all by address", || {
        all.iter()
            .filter(|known| rules.reachable_by_address(kernel, known.address).is_ok())
            .count()
    });
    println!("{checked} can be attached, {reachable} of them by address");
    if !mechanisms.kprobe {
        return;
    }
    for function in kernel.symbols.functions() {
        let by_address = rules.reachable_by_address(kernel, function.start);
        if let (Err(reason), Ok(())) = (rules.check(kernel, &function), by_address) {
            println!("WRONG: {} by address, though {reason}", function.name);
        }
    }
}

fn part<T>(name: &str, run: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = run();
    println!("{name} {}", begin.elapsed().as_micros());
    result
}
