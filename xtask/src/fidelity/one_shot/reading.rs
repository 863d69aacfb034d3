//! What the guest printed becomes a report.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};

use super::parts::Parts;
use super::{Recall, Report, Subject, score};
use crate::fidelity::compare::Without;
use crate::fidelity::parse::{self, Listing};

/// Lines of a listing, and of what tracer said, that are shown where nothing in it is whole.
const SHOWN: usize = 20;

/// Reads what the script printed of one of them.
pub fn report(subject: &Subject, output: &str) -> Result<Report> {
    let name = subject.name();
    let parts = Parts::of(&name, output);
    let part = |part| {
        let missing = || format!("{name}: the guest printed no part `{part}`");
        parts.get(part).with_context(missing)
    };
    let root = part("root")?.trim();
    if root.is_empty() {
        bail!("{name}: this kernel can trace none of the roots");
    }
    let (listed, said) = (
        [part("kernel1")?, part("kernel2")?, part("ours")?],
        part("said")?,
    );
    let listings = listed.map(|text| parse::listing_of(subject.form(), text, root));
    if let Some(empty) = listings.iter().position(|one| one.calls.is_empty()) {
        let head: Vec<&str> = listed[empty].lines().take(SHOWN).collect();
        let said: Vec<&str> = said.lines().collect();
        let last = &said[said.len().saturating_sub(SHOWN)..];
        bail!(
            "{name}: no whole root call of {root} in {}, {} torn; it begins\n{}\n\
             tracer said at its end:\n{}",
            ["the kernel's first listing", "its second one", "ours"][empty],
            listings[empty].torn,
            head.join("\n"),
            last.join("\n"),
        );
    }
    Ok(scored(subject, root, &listings, excluded(output, said)))
}

/// How tracer begins to say of a function that it does not attach it; a colon ends the name.
const EXCLUDED: [&str; 3] = [
    "tracer: skipped ",
    "tracer: excluded ",
    "tracer: the kernel does not accept a probe on ",
];

/// The functions that tracer does not attach: those of `tracer list`, and what it said itself.
fn excluded(output: &str, said: &str) -> BTreeSet<String> {
    let listed = Parts::of("guest", output).get("excluded").unwrap_or("");
    let listed = listed.lines().filter(|line| !line.is_empty());
    let rest = |line| {
        EXCLUDED
            .iter()
            .find_map(|words| str::strip_prefix(line, words))
    };
    let told = said.lines().filter_map(rest);
    let told = told.filter_map(|rest| rest.split_once(": "));
    let all = listed.chain(told.map(|(name, _)| name));
    all.map(str::to_owned).collect()
}

fn scored(
    subject: &Subject,
    root: &str,
    listings: &[Listing; 3],
    functions: BTreeSet<String>,
) -> Report {
    let without = Without {
        functions,
        interrupts: true,
    };
    let score = match subject {
        Subject::Command(_) => score::whole,
        Subject::Bursts(_) => score::each,
    };
    let attachable = score(listings, &without);
    let raw = score(listings, &Without::default());
    let each = |number: fn(&Listing) -> usize| [0, 1, 2].map(|at| number(&listings[at]));
    let calls = each(|listing| listing.calls.len());
    Report {
        name: subject.name(),
        kind: subject.kind(),
        root: root.to_owned(),
        command: subject.command(),
        calls,
        lines: each(|listing| listing.calls.iter().map(Vec::len).sum()),
        torn: each(|listing| listing.torn),
        raw: raw.recall,
        precision: attachable.precision,
        missing: attachable.missing,
        excluded: called(&listings[0], &without.functions),
        promise: subject.promise(),
        broken: broken(subject, calls, attachable.recall),
        attachable: attachable.recall,
    }
}

/// How often these functions are called, those first that are called most.
fn called(listing: &Listing, functions: &BTreeSet<String>) -> Vec<(String, usize)> {
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for node in listing.calls.iter().flatten() {
        if functions.contains(&node.name) {
            *calls.entry(&node.name).or_default() += 1;
        }
    }
    let mut calls: Vec<_> = calls
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    calls.sort_by_key(|(_, count)| Reverse(*count));
    calls
}

/// What is broken, if something is.
fn broken(subject: &Subject, calls: [usize; 3], recall: Recall) -> Option<String> {
    let [first, second, ours] = calls;
    // The best match of a root call that we have not is another one.
    if matches!(subject, Subject::Command(_)) && ours < first.min(second) {
        return Some(format!(
            "{ours} root calls instead of {}",
            first.min(second)
        ));
    }
    let promise = subject.promise();
    (recall.relative < promise).then(|| format!("relative recall is below {promise}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fidelity::one_shot::table::CASES;

    const MKDIR: Subject = Subject::Command(CASES[0]);

    /// What a guest prints, with these calls below the root.
    fn printed(kernel: &str, ours: &str) -> String {
        let call = |calls: &str| {
            let mut lines = String::new();
            for name in calls.split_whitespace() {
                lines = format!("{lines} 0)  mkdir-7  | 1.0 us |    {name}();\n");
            }
            format!(" 0)  mkdir-7  |        |  f() {{\n{lines} 0)  mkdir-7  | 9 us |  }} /* f */\n")
        };
        let kernel = call(kernel);
        let ours = if ours.is_empty() {
            String::new()
        } else {
            call(ours)
        };
        format!(
            "===== mkdir root\nf\n===== mkdir kernel1\n{kernel}===== mkdir kernel2\n{kernel}\
             ===== mkdir status 0\n===== mkdir ours\n{ours}===== mkdir said\n\
             tracer: skipped held: the kernel's own deny list\n===== mkdir end\n"
        )
    }

    #[test]
    fn a_promise_is_kept_or_broken() {
        let kept = report(&MKDIR, &printed("held a b", "a b")).unwrap();
        assert_eq!((kept.calls, kept.lines), ([1; 3], [4, 4, 3]));
        assert!((kept.attachable.relative - 1.0).abs() < 1e-9);
        assert!((kept.raw.relative - 0.75).abs() < 1e-9);
        assert_eq!(kept.excluded, [("held".to_owned(), 1)]);
        assert_eq!(kept.broken, None);
        let broken = report(&MKDIR, &printed("a b", "a")).unwrap();
        assert!(broken.broken.is_some());
        assert_eq!(broken.missing[0].function, "b");
    }

    #[test]
    fn an_empty_listing_is_an_error_with_what_tracer_said() {
        let error = report(&MKDIR, &printed("a", "")).unwrap_err().to_string();
        assert!(
            error.contains("in ours") && error.contains("skipped held"),
            "{error}"
        );
        assert!(report(&MKDIR, "").is_err());
        assert!(report(&MKDIR, "===== mkdir root\n\n").is_err());
    }

    #[test]
    fn a_root_call_that_is_missing_breaks_the_promise() {
        let recall = Recall {
            own: 1.0,
            ours: 1.0,
            relative: 1.0,
        };
        assert!(broken(&MKDIR, [2, 2, 1], recall).is_some());
        assert!(broken(&MKDIR, [2, 1, 1], recall).is_none());
    }
}
