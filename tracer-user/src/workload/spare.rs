//! A message that is always under way, on a connection of its own in the same sockmap.
//!
//! A kernel with `CONFIG_SLUB_TINY` keeps no free memory in its slabs: the page of the last message
//! goes back when that is received, and the next send gets a new one, with some 30 calls more below
//! `tcp_bpf_sendmsg_redir` (`get_partial_node` and `free_slab`, mm/slub.c; seen on the 6.12 debug
//! kernel). Whether that happens depends on what else has an object of that size, a tracer's
//! programs for one, so that two recordings of one workload differed. With a message under way
//! there is a slab with room. It is renewed with each message, because others fill up slabs. It is
//! sent by write(2): the calls of sendto(2) stay those of the workload.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use anyhow::{Context as _, Result};

use super::{NO_SOCKETS, pair};

/// Such a connection.
pub(super) struct Spare {
    sender: TcpStream,
    reader: TcpStream,
}

impl Spare {
    /// A connection, with nothing under way yet.
    pub(super) fn new() -> Result<Self> {
        let (sender, reader) = pair::tcp().context(NO_SOCKETS)?;
        Ok(Self { sender, reader })
    }

    /// What has to be in the sockmap.
    pub(super) fn sockets(&self) -> [&TcpStream; 2] {
        [&self.sender, &self.reader]
    }

    /// Sends the first message, once the sockets are in the sockmap.
    pub(super) fn begin(&self) -> Result<()> {
        (&self.sender).write_all(&[0]).context(FAILED)
    }

    /// Sends the next message and takes the one before.
    pub(super) fn renew(&self) -> Result<()> {
        self.begin()?;
        (&self.reader).read_exact(&mut [0]).context(FAILED)
    }
}

const FAILED: &str = "the spare message cannot be renewed";
