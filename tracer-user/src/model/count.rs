//! So many of something, in a sentence: `1 call`, `2 calls`.

use std::fmt::Display;

/// So many things, of which one is called `thing`.
pub fn many<N: Copy + Display + PartialEq + From<u8>>(count: N, thing: &str) -> String {
    if count == N::from(1) {
        return format!("1 {thing}");
    }
    match thing.strip_suffix('y') {
        Some(stem) => format!("{count} {stem}ies"),
        None if thing.ends_with("ch") => format!("{count} {thing}es"),
        None => format!("{count} {thing}s"),
    }
}

/// The same with the verb: `1 call was`, `2 calls were`.
pub fn many_were<N: Copy + Display + PartialEq + From<u8>>(count: N, thing: &str) -> String {
    let verb = if count == N::from(1) { "was" } else { "were" };
    format!("{} {verb}", many(count, thing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!(many(1_u64, "root call"), "1 root call");
        assert_eq!(many(0_usize, "root call"), "0 root calls");
        assert_eq!(many(2_u64, "entry"), "2 entries");
        assert_eq!(many(2_u64, "batch"), "2 batches");
        assert_eq!(many_were(1_u64, "call"), "1 call was");
        assert_eq!(many_were(3_u64, "call"), "3 calls were");
    }
}
