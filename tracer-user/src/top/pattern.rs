//! What is searched for, and what the tree is narrowed to: a part of a name, or a glob, in small or
//! in capital letters.

use wildmatch::WildMatch;

/// A pattern as it was typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What was typed.
    pub text: String,
    glob: WildMatch,
}

impl Pattern {
    /// None if nothing was typed.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let small = text.to_lowercase();
        let glob = if text.contains(['*', '?']) {
            WildMatch::new(&small)
        } else {
            WildMatch::new(&format!("*{small}*"))
        };
        (!text.is_empty()).then(|| Self {
            text: text.to_owned(),
            glob,
        })
    }

    /// Whether a name, or the line of a listing, has it.
    pub fn matches(&self, text: &str) -> bool {
        self.glob.matches(&text.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_matches_and_a_glob_matches_as_a_whole() {
        let matches = |text, name| Pattern::new(text).is_some_and(|it| it.matches(name));
        assert!(matches("SEND", "tcp_sendmsg"));
        assert!(matches("tcp_*", "tcp_sendmsg"));
        assert!(!matches("send*", "tcp_sendmsg"));
        assert!(!matches("recv", "tcp_sendmsg"));
        assert_eq!(Pattern::new("  "), None);
    }
}
