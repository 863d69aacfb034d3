//! Names that look like one that nothing has, to be offered instead.

/// How much a name must be like the one that was typed.
const ALIKE: f64 = 0.88;
/// By how much their lengths may differ.
const LONGER: usize = 4;
/// How many are offered.
const MOST: usize = 3;

/// Up to three names that are nearly the one asked for, the nearest first. Only those that
/// `is_good` are offered.
pub fn near<'a>(
    name: &str,
    names: impl Iterator<Item = &'a str>,
    is_good: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> = names
        .filter(|other| other.len().abs_diff(name.len()) <= LONGER)
        .map(|other| (strsim::jaro_winkler(name, other), other))
        .filter(|(score, _)| *score > ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    let names = scored.into_iter().map(|(_, name)| name);
    names
        .filter(|name| is_good(name))
        .map(str::to_owned)
        .take(MOST)
        .collect()
}

/// How they are offered, after what is wrong; `otherwise` where nothing is near.
pub fn did_you_mean(names: &[String], otherwise: &str) -> String {
    match names {
        [] => format!("; {otherwise}"),
        names => format!("; did you mean {}?", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_comes_first_and_what_is_not_near_does_not_come() {
        let names = [
            "tcp_sendmsg_locked",
            "tcp_sendmsgs",
            "udp_recvmsg",
            "tcp_sendmsg",
        ];
        let near = near("tcp_sendmg", names.into_iter(), |name| {
            name != "tcp_sendmsgs"
        });
        assert_eq!(near, ["tcp_sendmsg"]);
        assert_eq!(did_you_mean(&near, "ask"), "; did you mean tcp_sendmsg?");
        assert_eq!(did_you_mean(&[], "ask"), "; ask");
    }
}
