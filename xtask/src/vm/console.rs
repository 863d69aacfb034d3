//! The guest's console: tells ordinary messages from a kernel in trouble.
//!
//! Only the beginning of a message counts, so that a line which merely quotes such words (`Spectre
//! V2 : WARNING: ...`) is none.

use std::collections::VecDeque;

/// How many lines of a complaint are shown.
const EXCERPT: usize = 40;

/// How many lines are kept in case the machine dies without a complaint.
const TAIL: usize = 30;

/// What a complaint begins with.
const BEGINNINGS: [&str; 14] = [
    // What a warning has to say comes before the line that calls it one.
    "------------[ cut here ]",
    "BUG: ",
    "WARNING: ",
    "INFO: rcu",
    "INFO: task ",
    "INFO: possible ",
    "INFO: trying to register non-static key",
    "Kernel panic - not syncing",
    "Oops: ",
    "general protection fault",
    "kernel BUG at ",
    "rcu: INFO: rcu",
    "watchdog: BUG: soft lockup",
    "watchdog: CPU",
];

/// Sees a console go by.
pub struct Console {
    /// The line that has not ended yet.
    line: Vec<u8>,
    tail: VecDeque<String>,
    /// The complaint and what followed.
    trouble: Vec<String>,
    token: String,
    ended: bool,
}

impl Console {
    /// The token is what the guest writes into the kernel log after the command's end.
    pub fn new(token: &str) -> Self {
        Self {
            line: Vec::new(),
            tail: VecDeque::new(),
            trouble: Vec::new(),
            token: token.to_owned(),
            ended: false,
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
                self.line.clear();
                self.take(line);
            } else {
                self.line.push(byte);
            }
        }
    }

    fn take(&mut self, line: String) {
        let is_token = line.contains(&self.token);
        self.ended |= is_token;
        if (!self.trouble.is_empty() || is_complaint(&line))
            && self.trouble.len() < EXCERPT
            && !is_token
        {
            self.trouble.push(line.clone());
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    /// Whether the kernel log up to the command's end has been seen.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The kernel's complaint, if there is one.
    pub fn trouble(&self) -> Option<String> {
        (!self.trouble.is_empty()).then(|| self.trouble.join("\n"))
    }

    /// The last lines.
    pub fn tail(&self) -> String {
        let unfinished = String::from_utf8_lossy(&self.line);
        let lines = self
            .tail
            .iter()
            .map(String::as_str)
            .chain([unfinished.trim_end()]);
        lines
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn is_complaint(line: &str) -> bool {
    let message = message(line);
    // Every kind of Oops is numbered: `int3: 0000 [#1] PREEMPT SMP`.
    message.contains(" [#1]")
        || BEGINNINGS
            .iter()
            .any(|beginning| message.starts_with(beginning))
}

/// A line without the kernel's time stamp, `[    1.234567] ` or `[    1.234567][   T12] `.
fn message(line: &str) -> &str {
    let mut rest = line.trim_start_matches('\r');
    while let Some(inside) = rest.strip_prefix('[') {
        let Some((stamp, after)) = inside.split_once(']') else {
            break;
        };
        let is_stamp = stamp
            .trim()
            .chars()
            .all(|c| c.is_ascii_digit() || c == '.' || c == 'T' || c == 'C');
        if !is_stamp {
            break;
        }
        rest = after;
    }
    rest.trim_start()
}

#[cfg(test)]
mod tests {
    use super::Console;

    fn trouble(lines: &str) -> Option<String> {
        let mut console = Console::new("TOKEN");
        console.push(lines.as_bytes());
        console.trouble()
    }

    #[test]
    fn a_complaint_comes_with_what_follows() {
        let log = "[    1.0] fine\r\n[    1.1] WARNING: CPU: 1 PID: 2 at x.c:3 f+0x1/0x2\r\n[    1.2] RIP\r\n";
        let words = trouble(log).expect("a warning is trouble");
        assert_eq!(words.lines().count(), 2);
        assert!(
            trouble("[    9.9][   T12] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n")
                .is_some()
        );
        assert!(trouble("[    2.5] int3: 0000 [#1] PREEMPT SMP NOPTI\n").is_some());
        assert!(trouble("[    2.5] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\n").is_some());
    }

    #[test]
    fn words_inside_a_message_are_no_complaint() {
        assert_eq!(
            trouble("[    0.1] Spectre V2 : WARNING: Unprivileged eBPF is enabled\n"),
            None
        );
        assert_eq!(trouble("[    0.1] Command line: oops=panic BUG: \n"), None);
    }

    #[test]
    fn the_token_ends_the_log() {
        let mut console = Console::new("TOKEN");
        console.push(b"[    3.0] TOK");
        assert!(!console.ended());
        console.push(b"EN\r\n");
        assert!(console.ended());
        assert_eq!(console.trouble(), None);
    }
}
