//! A time for the reader, in a remark or a line of words.

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
    fn spans_take_the_unit_that_fits() {
        assert_eq!(span(0), "0 ns");
        assert_eq!(span(999), "999 ns");
        assert_eq!(span(1000), "1.000 us");
        assert_eq!(span(1_203_999), "1.203 ms");
        assert_eq!(span(61_000_000_000), "61.000 s");
    }
}
