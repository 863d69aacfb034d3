//! Differences of two listings in words.

use super::Difference;

/// Functions that are named of each difference.
pub const NAMED: usize = 8;

/// Functions whose calls one listing has and the other has not, most of them first.
pub fn differences(what: &str, functions: &[Difference]) -> String {
    if functions.is_empty() {
        return String::new();
    }
    let named: Vec<String> = functions
        .iter()
        .take(NAMED)
        .map(|one| format!("{} {:.2}", one.function, one.per_root_call))
        .collect();
    let rest = functions.len().saturating_sub(NAMED);
    let rest = if rest > 0 {
        format!(" and {rest} more")
    } else {
        String::new()
    };
    format!("\n    {what} per root call: {}{rest}", named.join(", "))
}
