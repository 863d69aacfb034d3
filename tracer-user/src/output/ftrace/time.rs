//! Times as function_graph writes them, and as a reader likes them in a remark.

/// `trace_find_mark` (kernel/trace/trace_output.c).
pub const fn mark(ns: u64) -> u8 {
    match ns {
        1_000_000_001.. => b'$',
        100_000_001.. => b'@',
        10_000_001.. => b'*',
        1_000_001.. => b'#',
        100_001.. => b'!',
        10_001.. => b'+',
        _ => b' ',
    }
}

/// `trace_print_graph_duration`: seven significant places at most, three of them decimals where
/// there is room.
pub fn microseconds(out: &mut Vec<u8>, ns: u64) {
    let mut digits = itoa::Buffer::new();
    let whole = digits.format(ns / 1000);
    out.extend_from_slice(whole.as_bytes());
    if whole.len() >= 7 {
        return;
    }
    // A leading one keeps the zeros.
    let mut digits = itoa::Buffer::new();
    let decimals = digits.format(1000 + ns % 1000);
    // `snprintf` into `8 - len` bytes keeps one less.
    let room = (8 - whole.len() - 1).min(3);
    out.push(b'.');
    out.extend_from_slice(&decimals.as_bytes()[1..=room]);
}

/// `print_graph_abs_time`: seconds and microseconds, 12 places.
pub fn point(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    format!("{seconds:>5}.{:06}", ns % 1_000_000_000 / 1000)
}

pub use crate::values::span;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_look_like_the_kernels() {
        let text = |ns| {
            let mut out = Vec::new();
            microseconds(&mut out, ns);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(0), "0.000");
        assert_eq!(text(333), "0.333");
        assert_eq!(text(168_034), "168.034");
        assert_eq!(text(12_345_678), "12345.67");
        assert_eq!(text(999_999_999), "999999.9");
        assert_eq!(text(1_234_567_890), "1234567");
    }

    #[test]
    fn marks_begin_above_their_limits() {
        assert_eq!(mark(10_000), b' ');
        assert_eq!(mark(10_001), b'+');
        assert_eq!(mark(172_112), b'!');
        assert_eq!(mark(2_000_000_000), b'$');
    }

    #[test]
    fn points_in_time_are_in_columns() {
        assert_eq!(point(12_345_678_901), "   12.345678");
        assert_eq!(point(123_456_000_000_999), "123456.000000");
    }
}
