//! Short forms of conditions: `--port 443` instead of `sk.dport == 443 || sk.sport == 443`.
//!
//! What a short form means depends on what the root takes: the port is that of a `struct sock *`
//! or of the socket of a `struct socket *`, whatever the argument is called. So each root has a
//! condition of its own, which is written here as if it had been typed. A short form names one
//! thing, such as a connection; of a root that takes several of its kind each may be it.

use std::net::IpAddr;

/// What root calls are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A socket with this port at either end.
    Port(u16),
    /// A socket whose other end has this address.
    Peer(IpAddr),
    /// A network device of this name.
    Interface(String),
    /// The file that is there.
    File {
        /// The number of its inode.
        inode: u64,
        /// The number of its filesystem's device, as the kernel has it.
        device: u64,
    },
}

impl About {
    /// The option that says it.
    #[must_use]
    pub const fn option(&self) -> &'static str {
        match self {
            Self::Port(_) => "--port",
            Self::Peer(_) => "--peer",
            Self::Interface(_) => "--ifname",
            Self::File { .. } => "--path",
        }
    }

    /// What a root must take for it, and one that does.
    #[must_use]
    pub const fn needs(&self) -> (&'static str, &'static str) {
        match self {
            Self::Port(_) | Self::Peer(_) => {
                ("a socket (struct sock * or socket *)", "tcp_sendmsg")
            }
            Self::Interface(_) => (
                "a network device (struct net_device * or sk_buff *)",
                "dev_hard_start_xmit",
            ),
            Self::File { .. } => (
                "a file (struct file *, path *, dentry * or inode *)",
                "vfs_write",
            ),
        }
    }

    /// The condition for a function with these arguments, each a name and a type as C writes it;
    /// none if it takes nothing of the kind.
    #[must_use]
    pub fn condition(&self, arguments: &[(String, String)]) -> Option<String> {
        let each = arguments.iter().filter_map(|(name, type_name)| {
            let pointee = type_name.trim_start_matches("const ").strip_suffix('*')?;
            let led_to = self.path(pointee.trim_end())?;
            (!name.is_empty()).then(|| self.of(&format!("{name}{led_to}")))
        });
        let each: Vec<String> = each.collect();
        (!each.is_empty()).then(|| each.join(" || "))
    }

    /// What leads from a pointer to such a structure to what this is about.
    fn path(&self, pointee: &str) -> Option<&'static str> {
        Some(match (self, pointee) {
            (Self::Port(_) | Self::Peer(_), "struct sock")
            | (Self::Interface(_), "struct net_device")
            | (Self::File { .. }, "struct inode") => "",
            (Self::Port(_) | Self::Peer(_), "struct socket") => "->sk",
            (Self::Interface(_), "struct sk_buff") => "->dev",
            (Self::File { .. }, "struct file") => "->f_inode",
            (Self::File { .. }, "struct path") => "->dentry->d_inode",
            (Self::File { .. }, "struct dentry") => "->d_inode",
            _ => return None,
        })
    }

    /// What is asked of what a path leads to.
    fn of(&self, path: &str) -> String {
        match self {
            Self::Port(port) => format!("({path}.dport == {port} || {path}.sport == {port})"),
            // A socket of IPv6 that talks to a host of IPv4 has that here, too
            // (tcp_v6_connect, net/ipv6/tcp_ipv6.c).
            Self::Peer(IpAddr::V4(address)) => format!("{path}.daddr == {}", address.to_bits()),
            Self::Peer(IpAddr::V6(address)) => {
                let octets = address.octets();
                let words = octets.chunks_exact(4).enumerate().map(|(index, word)| {
                    let word = word.try_into().map_or(0, u32::from_be_bytes);
                    format!("{path}->sk_v6_daddr.in6_u.u6_addr32[{index}] == {word}")
                });
                let words: Vec<String> = words.collect();
                format!("({})", words.join(" && "))
            }
            Self::Interface(name) => format!("{path}->name == \"{name}\""),
            Self::File { inode, device } => {
                format!("({path}->i_ino == {inode} && {path}->i_sb->s_dev == {device})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(typed: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = typed.iter();
        owned
            .map(|(name, type_name)| ((*name).to_owned(), (*type_name).to_owned()))
            .collect()
    }

    #[test]
    fn a_short_form_is_a_condition_on_the_arguments_of_its_kind() {
        let peer = |address: &str| About::Peer(address.parse().unwrap());
        let file = About::File {
            inode: 7,
            device: 9,
        };
        let interface = About::Interface("lo".to_owned());
        for (about, takes, wanted) in [
            (
                About::Port(443),
                vec![("sk", "struct sock *"), ("size", "size_t")],
                Some("(sk.dport == 443 || sk.sport == 443)"),
            ),
            (
                About::Port(1),
                vec![("sock", "const struct socket *")],
                Some("(sock->sk.dport == 1 || sock->sk.sport == 1)"),
            ),
            (About::Port(1), vec![("skb", "struct sk_buff *")], None),
            (About::Port(1), vec![("", "struct sock *")], None),
            (
                peer("10.0.0.2"),
                vec![("sk", "struct sock *"), ("other", "struct sock *")],
                Some("sk.daddr == 167772162 || other.daddr == 167772162"),
            ),
            (
                interface,
                vec![("skb", "struct sk_buff *"), ("dev", "struct net_device *")],
                Some("skb->dev->name == \"lo\" || dev->name == \"lo\""),
            ),
            (
                file.clone(),
                vec![("file", "struct file *")],
                Some("(file->f_inode->i_ino == 7 && file->f_inode->i_sb->s_dev == 9)"),
            ),
            (
                file,
                vec![("fd", "unsigned int"), ("p", "struct file **")],
                None,
            ),
        ] {
            let condition = about.condition(&arguments(&takes));
            assert_eq!(condition.as_deref(), wanted, "{about:?} of {takes:?}");
            if let Some(condition) = condition {
                assert!(
                    super::super::Where::parse(&condition).is_ok(),
                    "{condition}"
                );
            }
        }
        let sock = arguments(&[("sk", "struct sock *")]);
        let six = peer("fe80::1").condition(&sock).unwrap();
        assert!(six.contains("u6_addr32[0] == 4269801472 &&"), "{six}");
        assert!(six.ends_with("u6_addr32[3] == 1)"), "{six}");
        assert!(super::super::Where::parse(&six).is_ok());
    }
}
