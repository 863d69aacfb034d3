//! Short forms of conditions on root calls: this connection, this interface, this file.

use std::{net::IpAddr, path::PathBuf};

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use super::exit::Usage;
use crate::{expr::About, kernel::file_identity::FileIdentity};

/// What root calls are about
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct AboutArgs {
    /// Trace root calls on a socket with this port at either end: the root takes a struct sock * or
    /// socket *, as tcp_sendmsg does
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Trace root calls on a socket whose other end has this IP address
    #[arg(long, value_name = "ADDRESS")]
    pub peer: Option<IpAddr>,
    /// Trace root calls on this network interface: the root takes a struct net_device * or
    /// sk_buff *, as dev_hard_start_xmit does
    #[arg(long, value_name = "NAME")]
    pub ifname: Option<String>,
    /// Trace root calls on this file, by whatever name it was opened: the root takes a struct
    /// file *, path *, dentry * or inode *, as vfs_write does
    #[arg(long, value_name = "FILE")]
    pub path: Option<PathBuf>,
}

/// The longest name of an interface: IFNAMSIZ less the byte that ends it, include/uapi/linux/if.h.
const LONGEST_INTERFACE: usize = 15;

impl AboutArgs {
    /// What was typed, ready to use.
    pub fn about(&self) -> Result<Vec<About>> {
        let mut about = Vec::new();
        about.extend(self.port.map(About::Port));
        about.extend(self.peer.map(About::Peer));
        if let Some(name) = &self.ifname {
            if name.is_empty() || name.len() > LONGEST_INTERFACE || name.contains('"') {
                bail!(Usage(format!(
                    "`{name}` is no name of a network interface: `ip link` lists them"
                )));
            }
            about.push(About::Interface(name.clone()));
        }
        if let Some(path) = &self.path {
            let file = FileIdentity::at(path).map_err(|error| {
                Usage(format!(
                    "--path {} cannot be found: {error}; name a file that is there",
                    path.display()
                ))
            })?;
            about.push(About::File {
                inode: file.inode,
                device: file.device,
            });
        }
        Ok(about)
    }
}
