//! Puts both ends of a connection into a SOCKHASH whose sk_msg program redirects what is sent on
//! one to the receive queue of the other.

use std::{net::TcpStream, os::fd::AsRawFd as _};

use anyhow::{Context as _, Result, ensure};
use aya::{Ebpf, maps::SockHash, programs::SkMsg};

/// The object file, as `cargo xtask build` made it from tracer-ebpf/src/bin/sockmap.rs.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("SOCKMAP_EBPF_OBJECT"));

const PROGRAM: &str = "redirect_to_peer";
const MAP: &str = "PEERS";

/// Redirects between two sockets until it is dropped.
pub(super) struct Redirection {
    _ebpf: Ebpf,
}

/// Makes what is sent on any of the sockets go to its peer directly.
pub(super) fn redirect<'s>(
    sockets: impl IntoIterator<Item = &'s TcpStream>,
) -> Result<Redirection> {
    let missing =
        |what| format!("the sockmap object has no {what}: build it with `cargo xtask build`");
    ensure!(!OBJECT.is_empty(), missing("programs"));
    let mut ebpf = Ebpf::load(OBJECT).context(
        "the sockmap program cannot be loaded; run as root on a kernel with CONFIG_BPF_SYSCALL=y",
    )?;
    // The program has to be there before the sockets: those that are in the map already do not get
    // it (sock_map_link, net/core/sock_map.c).
    let map: SockHash<_, u32> = ebpf.map(MAP).with_context(|| missing(MAP))?.try_into()?;
    let map_fd = map.fd().try_clone()?;
    let program: &mut SkMsg = ebpf
        .program_mut(PROGRAM)
        .with_context(|| missing(PROGRAM))?
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
    Ok(Redirection { _ebpf: ebpf })
}
