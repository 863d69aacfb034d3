//! Short names for what is often asked of a structure and lies deep within it.
//!
//! A member of the same name comes first: `dev.name` is one.

use super::raw::Kind;

/// What a short name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accessor {
    /// Members one after the other.
    Members(&'static [&'static str]),
    /// The text that a pointer leads to, after these members.
    Text(&'static [&'static str]),
    /// Addresses and ports of a socket, whose `struct sock_common` these members lead to.
    Tuple(&'static [&'static str]),
}

/// What the kernel's own source calls a member of `struct sock` that is one of the `struct
/// sock_common` within: `sk_state` is `__sk_common.skc_state` (include/net/sock.h).
pub(super) fn of_common(tag: &str, name: &str) -> Option<String> {
    let rest = name.strip_prefix("sk_").filter(|_| tag == "sock")?;
    Some(format!("skc_{rest}"))
}

const NAME: &[&str] = &["d_name", "name"];

/// What `name` stands for in the structure `tag`.
pub(super) fn accessor(tag: &str, kind: Kind, name: &str) -> Option<Accessor> {
    if kind != Kind::Structure {
        return None;
    }
    Some(match (tag, name) {
        ("sock", "tuple") => Accessor::Tuple(&["__sk_common"]),
        ("sock_common", "tuple") => Accessor::Tuple(&[]),
        ("sock", "dport") => Accessor::Members(&["__sk_common", "skc_dport"]),
        ("sock", "sport") => Accessor::Members(&["__sk_common", "skc_num"]),
        ("sock", "family") => Accessor::Members(&["__sk_common", "skc_family"]),
        ("sock", "state") => Accessor::Members(&["__sk_common", "skc_state"]),
        ("sock", "daddr") => Accessor::Members(&["__sk_common", "skc_daddr"]),
        ("sock", "saddr") => Accessor::Members(&["__sk_common", "skc_rcv_saddr"]),
        ("file", "path" | "name") => Accessor::Text(&["f_path", "dentry", "d_name", "name"]),
        ("path", "name") => Accessor::Text(&["dentry", "d_name", "name"]),
        ("dentry", "name" | "path") => Accessor::Text(NAME),
        _ => return None,
    })
}
