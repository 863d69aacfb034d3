//! What `tracer check` says of a kernel, for those who choose by it.

/// Whether the kernel has this mechanism: its line begins with `ok` and the name.
pub fn has(check: &str, mechanism: &str) -> bool {
    check
        .lines()
        .any(|line| line.split_whitespace().take(2).eq(["ok", mechanism]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_part_of_another() {
        let check = "ok       kprobe-multi     kprobe.multi and kretprobe.multi\n\
                     missing  kprobe           kprobe.session\n";
        assert!(has(check, "kprobe-multi"));
        assert!(!has(check, "kprobe"));
    }
}
