//! What a format is made of: words, numbers, strings, and signs between them.

/// What is left to read.
pub struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    /// Of a format.
    pub fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// What comes next, without taking it.
    pub fn ahead(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        self.rest
    }

    /// Goes back to what was ahead.
    pub fn return_to(&mut self, ahead: &'a str) {
        self.rest = ahead;
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.rest.trim_start().is_empty()
    }

    /// Takes this, which must come next.
    pub fn expect(&mut self, token: &str) -> Option<()> {
        self.take(token).then_some(())
    }

    /// Takes this, if it comes next.
    pub fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(token);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }

    /// A string, or several side by side, which are one.
    pub fn literal(&mut self) -> Option<String> {
        self.expect("\"")?;
        let mut text = String::new();
        loop {
            let letter = self.letter()?;
            match letter {
                '"' if self.take("\"") => {}
                '"' => return Some(text),
                '\\' => text.push(match self.letter()? {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                }),
                _ => text.push(letter),
            }
        }
    }

    fn letter(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    /// A number, decimal, hexadecimal or octal.
    pub fn number(&mut self) -> Option<i128> {
        let rest = self.rest;
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric());
        let (number, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = rest;
        let number = number.trim_end_matches(['u', 'U', 'l', 'L']);
        let hex = number.strip_prefix("0x").or(number.strip_prefix("0X"));
        let number = match hex {
            Some(hex) => u64::from_str_radix(hex, 16),
            None if number.len() > 1 && number.starts_with('0') => u64::from_str_radix(number, 8),
            None => number.parse(),
        };
        number.ok().map(i128::from)
    }

    /// A word of C, if one comes next.
    pub fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = rest
            .find(|letter: char| !is_part(letter))
            .unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        let begins = word.starts_with(|letter: char| !letter.is_ascii_digit());
        if word.is_empty() || !begins {
            return None;
        }
        self.rest = rest;
        Some(word)
    }
}
