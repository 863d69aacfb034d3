//! Times as function_graph writes them, and as a reader likes them in a remark.

/// `trace_find_mark` (kernel/trace/trace_output.c).
pub fn mark(ns: u64) -> char {
    match ns {
        1_000_000_001.. => '$',
        100_000_001.. => '@',
        10_000_001.. => '*',
        1_000_001.. => '#',
        100_001.. => '!',
        10_001.. => '+',
        _ => ' ',
    }
}

/// `trace_print_graph_duration`: seven significant places at most, three of them decimals where there is room.
pub fn microseconds(ns: u64) -> String {
    let whole = (ns / 1000).to_string();
    if whole.len() >= 7 {
        return whole;
    }
    let decimals = format!("{:03}", ns % 1000);
    // `snprintf` into `8 - len` bytes keeps one less.
    let room = (8 - whole.len() - 1).min(3);
    format!("{whole}.{}", &decimals[..room])
}

/// `print_graph_abs_time`: seconds and microseconds, 12 places.
pub fn point(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    format!("{seconds:>5}.{:06}", ns % 1_000_000_000 / 1000)
}

/// A span in the largest unit of which there is at least one, with three decimals.
pub fn span(ns: u64) -> String {
    let (unit, name) = match ns {
        1_000_000_000.. => (1_000_000_000, "s"),
        1_000_000.. => (1_000_000, "ms"),
        1_000.. => (1_000, "us"),
        _ => return format!("{ns} ns"),
    };
    // No rounding: a span is never said to be longer than it was.
    format!("{}.{:03} {name}", ns / unit, ns % unit / (unit / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_look_like_the_kernels() {
        assert_eq!(microseconds(333), "0.333");
        assert_eq!(microseconds(168_534), "168.534");
        assert_eq!(microseconds(12_345_678), "12345.67");
        assert_eq!(microseconds(1_234_567_890), "1234567");
    }

    #[test]
    fn marks_begin_above_their_limits() {
        assert_eq!(mark(10_000), ' ');
        assert_eq!(mark(10_001), '+');
        assert_eq!(mark(172_112), '!');
        assert_eq!(mark(2_000_000_000), '$');
    }

    #[test]
    fn points_in_time_are_in_columns() {
        assert_eq!(point(12_345_678_901), "   12.345678");
        assert_eq!(point(123_456_000_000_999), "123456.000000");
    }

    #[test]
    fn spans_take_the_unit_that_fits() {
        assert_eq!(span(0), "0 ns");
        assert_eq!(span(999), "999 ns");
        assert_eq!(span(1000), "1.000 us");
        assert_eq!(span(1_203_999), "1.203 ms");
        assert_eq!(span(61_000_000_000), "61.000 s");
    }
}
