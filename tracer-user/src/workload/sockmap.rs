//! Puts both ends of a connection into a SOCKHASH whose sk_msg program redirects what is sent on
//! one to the receive queue of the other, or whose program calls itself.

use std::{net::TcpStream, os::fd::AsRawFd as _};

use anyhow::{Context as _, Result, ensure};
use aya::{
    Ebpf,
    maps::{Array, MapData, ProgramArray, SockHash},
    programs::SkMsg,
};

/// The object file, as `cargo xtask build` made it from tracer-ebpf/src/bin/sockmap.rs.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("SOCKMAP_EBPF_OBJECT"));

const REDIRECTS: &str = "redirect_to_peer";
const CALLS_ITSELF: &str = "runs_again";
const MAP: &str = "PEERS";
const NEXT: &str = "NEXT";
const RUNS: &str = "RUNS";

fn missing(what: &str) -> String {
    format!("the sockmap object has no {what}: build it with `cargo xtask build`")
}

/// A program on what sockets send, until it is dropped.
pub(super) struct OnSends {
    ebpf: Ebpf,
}

/// Makes what is sent on any of the sockets go to its peer directly.
pub(super) fn redirect<'s>(sockets: impl IntoIterator<Item = &'s TcpStream>) -> Result<OnSends> {
    attach(REDIRECTS, sockets)
}

/// Has what is sent on any of the sockets go through a program that calls itself by tail calls.
pub(super) fn tail_calls<'s>(
    sockets: impl IntoIterator<Item = &'s TcpStream>,
) -> Result<TailCalls> {
    let mut sends = attach(CALLS_ITSELF, sockets)?;
    let program: &SkMsg = sends
        .ebpf
        .program(CALLS_ITSELF)
        .with_context(|| missing(CALLS_ITSELF))?
        .try_into()?;
    let program = program.fd()?.try_clone()?;
    // The kernel empties the map when nobody has it open any more.
    let next = sends.ebpf.take_map(NEXT).with_context(|| missing(NEXT))?;
    let mut next = ProgramArray::try_from(next)?;
    next.set(0, &program, 0)
        .context("the program cannot be put into its own map")?;
    Ok(TailCalls { sends, _next: next })
}

/// A program that calls itself, until it is dropped.
pub(super) struct TailCalls {
    sends: OnSends,
    _next: ProgramArray<MapData>,
}

impl TailCalls {
    /// How often it has run.
    pub(super) fn runs(&self) -> Result<u64> {
        let runs = self.sends.ebpf.map(RUNS).with_context(|| missing(RUNS))?;
        Ok(Array::<_, u64>::try_from(runs)?.get(&0, 0)?)
    }
}

/// Puts sockets into the map, with a program on what they send.
fn attach<'s>(
    program: &'static str,
    sockets: impl IntoIterator<Item = &'s TcpStream>,
) -> Result<OnSends> {
    ensure!(!OBJECT.is_empty(), missing("programs"));
    let mut ebpf = Ebpf::load(OBJECT).context(
        "the sockmap program cannot be loaded; run as root on a kernel with CONFIG_BPF_SYSCALL=y",
    )?;
    // The program has to be there before the sockets: those that are in the map already do not get
    // it (sock_map_link, net/core/sock_map.c).
    let map: SockHash<_, u32> = ebpf.map(MAP).with_context(|| missing(MAP))?.try_into()?;
    let map_fd = map.fd().try_clone()?;
    let program: &mut SkMsg = ebpf
        .program_mut(program)
        .with_context(|| missing(program))?
        .try_into()?;
    program
        .load()
        .context("the kernel does not accept the sockmap program")?;
    program
        .attach(&map_fd)
        .context("the sockmap program cannot be attached to its map")?;
    let mut map: SockHash<_, u32> = ebpf
        .map_mut(MAP)
        .with_context(|| missing(MAP))?
        .try_into()?;
    for socket in sockets {
        let port = u32::from(socket.local_addr()?.port());
        map.insert(port, socket.as_raw_fd(), 0).context(
            "a socket cannot be put into the sockmap; the kernel needs CONFIG_BPF_STREAM_PARSER=y",
        )?;
    }
    Ok(OnSends { ebpf })
}
