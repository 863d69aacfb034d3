//! The end of a stream that has none: finds the token after the last byte of the command's output.
//!
//! The guest's channels stay open for as long as the machine runs, so the guest marks the end with
//! a token that the host chose at random. Bytes are handed on as soon as they cannot be the token's
//! beginning any more.

/// Splits a stream at its token.
pub struct UntilToken {
    token: Vec<u8>,
    /// What may be the beginning of the token.
    held: Vec<u8>,
    ended: bool,
}

impl UntilToken {
    pub fn new(token: &str) -> Self {
        Self {
            token: token.as_bytes().to_vec(),
            held: Vec::new(),
            ended: false,
        }
    }

    /// Whether the token has come.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Takes what was read, and gives what certainly is the command's.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.ended {
            return Vec::new();
        }
        self.held.extend_from_slice(bytes);
        let found = self
            .held
            .windows(self.token.len())
            .position(|window| window == self.token);
        let split = found.unwrap_or_else(|| self.held.len() - self.possible_beginning());
        self.ended = found.is_some();
        let rest = self.held.split_off(split);
        std::mem::replace(&mut self.held, rest)
    }

    /// What is left if the token never comes.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.held);
        if self.ended { Vec::new() } else { rest }
    }

    /// How many of the last bytes are a beginning of the token.
    fn possible_beginning(&self) -> usize {
        let longest = self.held.len().min(self.token.len() - 1);
        (1..=longest)
            .rev()
            .find(|&length| self.held.ends_with(&self.token[..length]))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::UntilToken;

    fn split(chunks: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut stream = UntilToken::new("TOKEN");
        let seen = chunks.iter().flat_map(|chunk| stream.push(chunk)).collect();
        (seen, stream.ended())
    }

    #[test]
    fn the_token_is_found_wherever_reads_cut_it() {
        let whole = b"some TOK outputTOKEN";
        for cut in 0..=whole.len() {
            let (seen, ended) = split(&[&whole[..cut], &whole[cut..]]);
            assert_eq!(seen, b"some TOK output", "cut at {cut}");
            assert!(ended, "cut at {cut}");
        }
    }

    #[test]
    fn nothing_is_held_that_cannot_be_the_token() {
        let mut stream = UntilToken::new("TOKEN");
        assert_eq!(stream.push(b"line\n"), b"line\n");
        assert_eq!(stream.push(b"TO"), b"");
        assert_eq!(stream.push(b"AST"), b"TOAS");
        assert_eq!(stream.take_rest(), b"T");
    }

    #[test]
    fn what_follows_the_token_is_dropped() {
        assert_eq!(split(&[b"aTOKENb", b"c"]), (b"a".to_vec(), true));
    }
}
