//! A text that an argument points to, between quotes as C writes it, with nothing but characters
//! that can be seen ([`super::escape`]).

use std::fmt::Write as _;

use super::escape;
use crate::model::RecordedString;

/// A text with its quotes. One that goes on has `...` after it, as strace prints it.
pub fn quoted(text: &RecordedString) -> String {
    let mut out = String::with_capacity(text.bytes.len() + 2);
    out.push('"');
    for chunk in text.bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => out.extend(['\\', character]),
                _ => escape::push(&mut out, character),
            }
        }
        for byte in chunk.invalid() {
            // A string takes all.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    if !text.is_whole {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &[u8], is_whole: bool) -> RecordedString {
        RecordedString {
            argument: 0,
            bytes: bytes.to_vec(),
            is_whole,
        }
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        for (bytes, is_whole, expected) in [
            (&b"etc/passwd"[..], true, r#""etc/passwd""#),
            (b"", true, r#""""#),
            (b"/a/long/way", false, r#""/a/long/way"..."#),
            (b"it's \"so\"\\", true, r#""it's \"so\"\\""#),
            (b"a\tb\nc\x1b[2J\x7f", true, r#""a\tb\nc\x1b[2J\x7f""#),
            (
                "Gr\u{fc}n\u{202e}".as_bytes(),
                true,
                "\"Gr\u{fc}n\\u{202e}\"",
            ),
            (b"\xff\xe2\x82", true, r#""\xff\xe2\x82""#),
        ] {
            assert_eq!(quoted(&text(bytes, is_whole)), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_out(bytes in prop::collection::vec(1u8.., 0..70)) {
            let quoted = quoted(&text(&bytes, true));
            prop_assert!(!quoted.chars().any(char::is_control));
            let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
            // Each quote within has an odd number of backslashes before it.
            for (place, _) in inner.match_indices('"') {
                let before = inner[..place].bytes().rev().take_while(|&byte| byte == b'\\').count();
                prop_assert!(before % 2 == 1);
            }
        }
    }
}
